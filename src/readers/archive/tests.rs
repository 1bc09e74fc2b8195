//! Exports from an untrusted source: files outside of them are not read, and every broken file is reported.

use futures::TryStreamExt;

use super::*;

const RUN: &str = r#"{"system":{},"mlflow":{"info":{"run_id":"r1","experiment_id":"1"},"metrics":{}}}"#;
const EXPERIMENT: &str = r#"{"mlflow":{"experiment":{"experiment_id":"1","name":"one"},"runs":["r1"]}}"#;

struct Export(tempfile::TempDir);

impl Export {
    fn new() -> Self {
        let export = Self(tempfile::tempdir().unwrap());
        export.write("experiments/1/experiment.json", EXPERIMENT);
        export.write("experiments/1/runs/r1/run.json", RUN);
        export
    }

    fn path(&self, path: &str) -> std::path::PathBuf {
        self.0.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn open(&self) -> ArchiveReader {
        ArchiveReader::open(self.0.path()).unwrap()
    }
}

async fn the_run(reader: &ArchiveReader) -> Readable<Run> {
    let experiment = Experiment { id: "1".into(), ..Experiment::default() };
    let pages: Vec<_> = reader.runs(&experiment).try_collect().await.unwrap();
    pages.into_iter().flatten().next().unwrap()
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_outside_is_not_read_through_a_link() {
    use std::os::unix::fs::symlink;
    let (export, outside) = (Export::new(), tempfile::tempdir().unwrap());
    let secret = outside.path().join("secret");
    fs::write(&secret, "hush").unwrap();
    export.write("experiments/1/runs/r1/artifacts/own.txt", "mine");
    symlink(&secret, export.path("experiments/1/runs/r1/artifacts/link.txt")).unwrap();
    symlink("own.txt", export.path("experiments/1/runs/r1/artifacts/within.txt")).unwrap();
    symlink(outside.path(), export.path("experiments/1/runs/r1/artifacts/folder")).unwrap();
    let reader = export.open();
    let run = the_run(&reader).await.unwrap();
    for (path, is_readable) in
        [("own.txt", true), ("within.txt", true), ("link.txt", false), ("folder/secret", false)]
    {
        let file = FileEntry::new(path, None);
        let opened = reader.open(run.owner(), &file).await;
        assert_eq!(opened.is_ok(), is_readable, "{path}");
    }
    // The documents themselves.
    for path in ["experiments/1/runs/r1/run.json", "experiments/1/experiment.json"] {
        let export = Export::new();
        let elsewhere = outside.path().join("document.json");
        fs::copy(export.path(path), &elsewhere).unwrap();
        fs::remove_file(export.path(path)).unwrap();
        symlink(&elsewhere, export.path(path)).unwrap();
        let reader = export.open();
        let experiment = Experiment { id: "1".into(), ..Experiment::default() };
        let runs: Result<Vec<_>> = reader.runs(&experiment).try_collect().await;
        assert!(!runs.is_ok_and(|pages: Vec<Vec<_>>| pages.iter().flatten().any(Result::is_ok)), "{path}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn models_in_a_circle_of_links_are_found_once() {
    use std::os::unix::fs::symlink;
    let export = Export::new();
    export.write("models/a/b/model.json", r#"{"mlflow":{"registered_model":{"name":"a/b","versions":[]}}}"#);
    symlink(export.path("models"), export.path("models/one")).unwrap();
    symlink(export.path("models"), export.path("models/two")).unwrap();
    let models: Vec<_> = export.open().registered_models().try_concat().await.unwrap();
    assert_eq!(models.len(), 1);
}

#[tokio::test]
async fn a_broken_file_is_named_and_affects_only_its_run() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_tags = format!(r#"{{"mlflow":{{"info":{{"run_id":"r1","experiment_id":"1"}},"tags":{deep}}}}}"#);
    let deep_metrics = format!(
        r#"{{"mlflow":{{"info":{{"run_id":"r1","experiment_id":"1"}},"metrics":{{"m":[{{"x":{deep}}}]}}}}}}"#
    );
    let huge = r#"{"mlflow":{"info":{"run_id":"r1","experiment_id":"1","start_time":1e999}}}"#;
    let long = format!(
        r#"{{"mlflow":{{"info":{{"run_id":"r1","experiment_id":"1","start_time":{}}}}}}}"#,
        "9".repeat(100_000)
    );
    for text in [deep_tags.as_str(), &deep_metrics, huge, &long, "", "{", "[]", "\u{0}", "{\"mlflow\":null}"]
    {
        let export = Export::new();
        export.write("experiments/1/runs/r1/run.json", text);
        let shown = &text[..text.len().min(90)];
        let unreadable = the_run(&export.open()).await.expect_err(shown);
        assert_eq!((unreadable.kind, unreadable.id.as_str()), (Kind::Run, "r1"));
        assert!(
            unreadable.reason.contains("run.json") && unreadable.reason.len() < 400,
            "{}",
            unreadable.reason
        );
    }
}

#[tokio::test]
async fn ids_that_lead_elsewhere_are_refused() {
    let export = Export::new();
    let runs = r#"["../../../../etc", "/etc", "r1/../r1", ".", ""]"#;
    export.write("experiments/1/experiment.json", &EXPERIMENT.replace(r#"["r1"]"#, runs));
    let reader = export.open();
    let experiment = Experiment { id: "1".into(), ..Experiment::default() };
    let pages: Vec<_> = reader.runs(&experiment).try_collect().await.unwrap();
    let runs: Vec<_> = pages.into_iter().flatten().collect();
    assert_eq!(runs.len(), 5);
    assert!(runs.iter().all(Result::is_err));
}

/// Every object that cannot be read, from all lists of the directory.
async fn unreadable(reader: &ArchiveReader) -> Vec<Unreadable> {
    let experiment = Experiment { id: "1".into(), ..Experiment::default() };
    let mut all = Vec::new();
    all.extend(crate::readers::read_all(reader.experiments()).await.unwrap().1);
    all.extend(crate::readers::read_all(reader.runs(&experiment)).await.unwrap().1);
    all.extend(crate::readers::read_all(reader.logged_models(&experiment)).await.unwrap().1);
    all.extend(crate::readers::read_all(reader.traces(&experiment)).await.unwrap().1);
    all.extend(crate::readers::read_all(reader.registered_models()).await.unwrap().1);
    all.extend(crate::readers::read_all(reader.evaluation_datasets()).await.unwrap().1);
    if let Err(error) = reader.scorers(&experiment).await {
        all.push(Unreadable { kind: Kind::Scorer, id: "s".to_owned(), reason: error.to_string() });
    }
    all
}

#[tokio::test]
async fn every_item_that_was_not_exported_is_reported_once() {
    let of_experiment = [Kind::Run, Kind::LoggedModel, Kind::Trace, Kind::Scorer];
    let kinds = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Artifact);
    let items = kinds.flat_map(|kind| [(kind, None), (kind, Some("1"))]);
    for (kind, experiment) in items.filter(|(kind, of)| of.is_none() || of_experiment.contains(kind)) {
        // The run of the export is listed as one that is incomplete, its experiment too.
        for id in ["s", "r1", "1"] {
            let export = Export::new();
            let item =
                serde_json::json!({"kind": kind, "id": id, "experiment": experiment, "reason": "broken"});
            export.write("not_exported.json", &serde_json::json!({ "not_exported": [item] }).to_string());
            let found = unreadable(&export.open()).await;
            let reasons: Vec<_> = found.iter().filter(|item| item.reason.contains("broken")).collect();
            assert_eq!(reasons.len(), 1, "{kind} {id} of {experiment:?}: {found:?}");
        }
    }
}
