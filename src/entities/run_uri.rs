/// A place below the artifact root of a run: `runs:/<run>/model`, or `<any root>/<run>/artifacts/model`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunUri<'a> {
    pub run: &'a str,
    /// What follows the root, with its slash; empty for the root itself.
    pub below: &'a str,
    pub is_runs_scheme: bool,
}

impl<'a> RunUri<'a> {
    pub fn parse(uri: &'a str) -> Option<Self> {
        if let Some(rest) = uri.strip_prefix("runs:/") {
            let rest = rest.trim_start_matches('/');
            let (run, below) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            return is_run_id(run).then_some(Self { run, below, is_runs_scheme: true });
        }
        // The last one: a bucket or folder in front may be called artifacts too.
        let (at, mark) = uri.rmatch_indices("/artifacts").find(|(at, mark)| {
            let (root, below) = (&uri[..*at], &uri[at + mark.len()..]);
            (below.is_empty() || below.starts_with('/')) && root.rsplit('/').next().is_some_and(is_run_id)
        })?;
        let run = uri[..at].rsplit('/').next()?;
        Some(Self { run, below: &uri[at + mark.len()..], is_runs_scheme: false })
    }
}

fn is_run_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn a_place_below_a_run_is_recognised_in_every_spelling() {
        let table = [
            (format!("runs:/{ID}/model"), Some(("/model", true))),
            (format!("runs:/{ID}"), Some(("", true))),
            (format!("mlflow-artifacts:/10/{ID}/artifacts/a/b"), Some(("/a/b", false))),
            (format!("s3://artifacts/artifacts/1/{ID}/artifacts"), Some(("", false))),
            (format!("file:///x/{ID}/artifacts/model/artifacts/y"), Some(("/model/artifacts/y", false))),
            ("s3://bucket/model".into(), None),
            (format!("s3://bucket/{ID}/artifactsx"), None),
            ("models:/name/3".into(), None),
            ("runs:/short/model".into(), None),
        ];
        for (uri, expected) in table {
            let found = RunUri::parse(&uri);
            assert_eq!(found.map(|found| (found.below, found.is_runs_scheme)), expected, "{uri}");
            assert!(found.is_none_or(|found| found.run == ID));
        }
    }
}
