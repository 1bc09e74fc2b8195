//! Sources of model versions that a target refuses.

use crate::entities::{ModelVersion, OwnedUri, RegisteredModel};

/// Schemes that name a host for the server to connect to (MLflow 3.17, `store/artifact/host_policy.py`).
const OF_A_HOST: [&str; 9] = ["ftp", "sftp", "hdfs", "viewfs", "http", "https", "r2", "b2", "abfss"];
/// The only values that a prompt's source may have (MLflow 3.17, `prompt/constants.py`).
const OF_A_PROMPT: [&str; 2] = ["dummy-source", "prompt-template"];

/// The labels of versions whose source a target refuses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RefusedSources {
    /// The source is a path on the server's own disk, outside of any run's folder. Every release refuses such a source
    /// (`server/handlers.py`, `_validate_source_run`).
    pub local: Vec<String>,
    /// The source is on another host, in the files of a run that is not the version's run, or an unusual source of a
    /// prompt. MLflow 3.17 and newer refuse such a source.
    pub checked: Vec<String>,
}

impl RefusedSources {
    pub fn of(model: &RegisteredModel, versions: &[ModelVersion]) -> Self {
        let mut refused = Self::default();
        for version in versions {
            let owned = OwnedUri::parse(&version.source);
            let scheme = version.source.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
            match (owned, scheme.as_deref()) {
                _ if model.is_prompt() => {
                    if !OF_A_PROMPT.contains(&version.source.as_str()) {
                        refused.checked.push(version.label());
                    }
                }
                // The source is in the files of a run. This is fine if the version names the same run, or if it names
                // no run: the server then assigns this one.
                (Some(uri), _) => {
                    let is_of_another = version.run_id.as_ref().is_some_and(|run| run.as_str() != uri.owner);
                    if is_of_another && !uri.is_of_model() {
                        refused.checked.push(version.label());
                    }
                }
                (None, None | Some("file")) => refused.local.push(version.label()),
                (None, Some(scheme)) if OF_A_HOST.contains(&scheme) => refused.checked.push(version.label()),
                (None, Some(_)) => {}
            }
        }
        refused
    }

    pub fn add(&mut self, more: Self) {
        self.local.extend(more.local);
        self.checked.extend(more.checked);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entities::tag;

    const A: &str = "0123456789abcdef0123456789abcdef";
    const B: &str = "ffffffffffffffffffffffffffffffff";

    fn refused(tags: &[(&str, &str)], sources: &[(String, Option<&str>)]) -> RefusedSources {
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let model = RegisteredModel { name: "m".into(), tags, ..RegisteredModel::default() };
        let version = |(at, (source, run)): (usize, &(String, Option<&str>))| ModelVersion {
            name: "m".into(),
            version: at as u64 + 1,
            source: source.clone(),
            run_id: run.map(Into::into),
            ..ModelVersion::default()
        };
        let versions: Vec<ModelVersion> = sources.iter().enumerate().map(version).collect();
        RefusedSources::of(&model, &versions)
    }

    #[test]
    fn each_form_of_a_source_is_classified() {
        let sources = [
            (format!("runs:/{A}/model"), Some(A)),
            (format!("runs:/{A}/model"), None),
            (format!("runs:/{A}/model"), Some(B)),
            (format!("mlflow-artifacts:/1/{A}/artifacts/model"), Some(B)),
            (format!("models:/m-{A}"), Some(B)),
            (format!("file:///srv/mlruns/1/{A}/artifacts/model"), Some(A)),
            ("file:///srv/models/clf".into(), None),
            ("/srv/models/clf".into(), Some(A)),
            ("s3://bucket/clf".into(), Some(B)),
            ("models:/other/1".into(), None),
            ("HTTPS://models.example.com/clf".into(), None),
        ];
        let found = refused(&[], &sources);
        assert_eq!(found.local, ["m/7", "m/8"]);
        assert_eq!(found.checked, ["m/3", "m/4", "m/11"]);
        let prompts = [("prompt-template".into(), None), ("s3://bucket/p".into(), None)];
        let found = refused(&[(tag::IS_PROMPT, "true")], &prompts);
        assert_eq!((found.local, found.checked), (vec![], vec!["m/2".to_owned()]));
    }
}
