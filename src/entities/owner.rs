use super::{ExperimentId, Kind};

/// Whose files: runs, logged models and traces have an artifact root each.
#[derive(Clone, Copy, Debug)]
pub struct Owner<'a> {
    pub kind: Kind,
    pub experiment_id: &'a ExperimentId,
    pub id: &'a str,
    pub artifact_uri: &'a str,
    /// What a reader recognises.
    pub label: &'a str,
}

impl Owner<'_> {
    /// What a file is called in journals and reports; ids of different kinds never look alike.
    pub fn id_of(&self, path: &str) -> String {
        format!("{}/{path}", self.id)
    }

    /// The same for a person.
    pub fn name_of(&self, path: &str) -> String {
        format!("{}/{path}", self.label)
    }
}
