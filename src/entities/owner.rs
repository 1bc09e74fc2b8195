use super::{ExperimentId, Kind};

/// The owner of files. Each run, logged model and trace has its own artifact root.
#[derive(Clone, Copy, Debug)]
pub struct Owner<'a> {
    pub kind: Kind,
    pub experiment_id: &'a ExperimentId,
    pub id: &'a str,
    pub artifact_uri: &'a str,
    /// The name that a user recognises.
    pub label: &'a str,
}

impl Owner<'_> {
    /// The id of a file in journals and reports. Ids of different kinds never look alike.
    pub fn id_of(&self, path: &str) -> String {
        format!("{}/{path}", self.id)
    }

    /// The same with the name that a user recognises.
    pub fn name_of(&self, path: &str) -> String {
        format!("{}/{path}", self.label)
    }
}
