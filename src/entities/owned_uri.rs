/// A URI below the artifact root of a run or a logged model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnedUri<'a> {
    /// A run's id, or a logged model's with its `m-`.
    pub owner: &'a str,
    /// The path after the root, with its slash. Empty for the root itself.
    pub below: &'a str,
    pub form: UriForm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UriForm {
    /// `runs:/<run>/model`
    Runs,
    /// `models:/m-<model>`
    Models,
    /// `<any root>/<owner>/artifacts/model`
    Root,
}

impl<'a> OwnedUri<'a> {
    pub fn parse(uri: &'a str) -> Option<Self> {
        for (scheme, form, is_id) in [
            ("runs:/", UriForm::Runs, is_run_id as fn(&str) -> bool),
            ("models:/", UriForm::Models, is_model_id),
        ] {
            if let Some(rest) = uri.strip_prefix(scheme) {
                let rest = rest.trim_start_matches('/');
                let (owner, below) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                return is_id(owner).then_some(Self { owner, below, form });
            }
        }
        // Search for the last match: a bucket or folder before it may also be called `artifacts`.
        let (at, mark) = uri.rmatch_indices("/artifacts").find(|(at, mark)| {
            let (root, below) = (&uri[..*at], &uri[at + mark.len()..]);
            (below.is_empty() || below.starts_with('/'))
                && root.rsplit('/').next().is_some_and(|id| is_run_id(id) || is_model_id(id))
        })?;
        let owner = uri[..at].rsplit('/').next()?;
        Some(Self { owner, below: &uri[at + mark.len()..], form: UriForm::Root })
    }

    pub fn is_of_model(&self) -> bool {
        is_model_id(self.owner)
    }
}

fn is_run_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_model_id(text: &str) -> bool {
    text.strip_prefix("m-").is_some_and(is_run_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn a_place_below_a_run_or_model_is_recognised_in_every_spelling() {
        use UriForm::{Models, Root, Runs};
        let m = format!("m-{ID}");
        let table = [
            (format!("runs:/{ID}/model"), Some((ID, "/model", Runs))),
            (format!("runs:/{ID}"), Some((ID, "", Runs))),
            (format!("models:/{m}"), Some((m.as_str(), "", Models))),
            (format!("mlflow-artifacts:/10/{ID}/artifacts/a/b"), Some((ID, "/a/b", Root))),
            (format!("s3://artifacts/artifacts/1/{ID}/artifacts"), Some((ID, "", Root))),
            (format!("s3://b/1/models/{m}/artifacts/data"), Some((m.as_str(), "/data", Root))),
            (format!("file:///x/{ID}/artifacts/model/artifacts/y"), Some((ID, "/model/artifacts/y", Root))),
            ("s3://bucket/model".into(), None),
            (format!("s3://bucket/{ID}/artifactsx"), None),
            ("models:/name/3".into(), None),
            ("runs:/short/model".into(), None),
        ];
        for (uri, expected) in table {
            let found = OwnedUri::parse(&uri).map(|found| (found.owner, found.below, found.form));
            assert_eq!(found, expected, "{uri}");
        }
    }
}
