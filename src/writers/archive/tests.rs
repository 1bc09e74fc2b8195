use super::*;
use crate::entities::{ModelStatus, Point};
use crate::writers::{OpenRun, Placement};

async fn opened(target: &ArchiveWriter, place: &TargetExperiment, run: &Run) -> OpenRun {
    target.open_run(place, run, false).await.unwrap()
}

async fn at(folder: &Path) -> (ArchiveWriter, TargetExperiment) {
    let target = ArchiveWriter::create(folder, "http://source").unwrap();
    let experiment = Experiment { id: "1".into(), ..Experiment::default() };
    let place = target.open_experiment(&experiment, Placement::default()).await.unwrap();
    (target, place)
}

fn run() -> Run {
    Run { id: "0123abc".into(), name: "a".into(), status: RunStatus::Finished, ..Run::default() }
}

#[tokio::test]
async fn a_run_that_has_changed_since_is_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let (target, place) = at(folder.path()).await;
    let running = Run { status: RunStatus::Running, ..run() };
    let first = opened(&target, &place, &running).await;
    assert_eq!(first.found, Existing::Nothing);
    first.writer.close(Vec::new(), Vec::new(), false).await.unwrap();
    // With another plan, time and journal, only the directory shows that the run was exported before.
    let (target, place) = at(folder.path()).await;
    assert_eq!(opened(&target, &place, &running).await.found, Existing::Partial, "it may have new files");
    let second = opened(&target, &place, &run()).await;
    assert_eq!(second.found, Existing::Partial);
    second.writer.close(Vec::new(), Vec::new(), false).await.unwrap();
    assert_eq!(opened(&target, &place, &run()).await.found, Existing::Everything);
    let point = Point { value: 1.0, timestamp: 1, step: 1 };
    let later = Run { latest: [("loss".to_owned(), point)].into(), ..run() };
    assert_eq!(opened(&target, &place, &later).await.found, Existing::Partial);
    let tagged = Run { tags: [("late".to_owned(), "yes".to_owned())].into(), ..run() };
    assert_eq!(opened(&target, &place, &tagged).await.found, Existing::Partial);
}

#[tokio::test]
async fn a_run_that_lacks_files_and_one_of_an_older_release_are_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let (target, place) = at(folder.path()).await;
    let missing = vec![("a.txt".to_owned(), "500".to_owned())];
    opened(&target, &place, &run()).await.writer.close(Vec::new(), missing, false).await.unwrap();
    assert_eq!(opened(&target, &place, &run()).await.found, Existing::Partial);
    opened(&target, &place, &run()).await.writer.close(Vec::new(), Vec::new(), false).await.unwrap();
    assert_eq!(opened(&target, &place, &run()).await.found, Existing::Everything);
    let path = target.layout.run_file(&place.id, &run().id);
    let text = fs::read_to_string(&path).unwrap();
    let mark = mark_of(&path).unwrap();
    fs::write(&path, text.replace(&format!(r#","mlferry_fingerprint":"{mark}""#), "")).unwrap();
    assert_eq!(mark_of(&path), None);
    assert_eq!(opened(&target, &place, &run()).await.found, Existing::Partial);
}

#[tokio::test]
async fn links_of_an_earlier_export_remain() {
    let folder = tempfile::tempdir().unwrap();
    let (target, place) = at(folder.path()).await;
    let links = |run: &str, traces: &[&str]| TraceLinks {
        run_id: run.into(),
        trace_ids: traces.iter().map(|&id| id.to_owned()).collect(),
    };
    let read = || -> Vec<TraceLinks> {
        serde_json::from_slice(&fs::read(target.layout.trace_links(&place.id)).unwrap()).unwrap()
    };
    target.write_links(&place.id, &[links("a", &["t1", "t2"]), links("b", &["t1"])]).unwrap();
    target.write_links(&place.id, &[links("a", &["t3"])]).unwrap();
    assert_eq!(read(), [links("a", &["t1", "t2", "t3"]), links("b", &["t1"])]);
    fs::write(target.layout.trace_links(&place.id), "[").unwrap();
    target.write_links(&place.id, &[links("a", &["t3"])]).unwrap();
    assert_eq!(read(), [links("a", &["t3"])], "a damaged file is replaced");
}

#[tokio::test]
async fn a_logged_model_that_has_changed_since_is_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let (target, place) = at(folder.path()).await;
    let model = |status| LoggedModel { id: "m-1".into(), status, ..LoggedModel::default() };
    for (status, found) in [
        (ModelStatus::Pending, Existing::Nothing),
        (ModelStatus::Pending, Existing::Partial),
        (ModelStatus::Ready, Existing::Partial),
        (ModelStatus::Ready, Existing::Everything),
    ] {
        let open = target.open_logged_model(&place, &model(status), false).await.unwrap();
        assert_eq!(open.found, found, "{status:?}");
        open.writer.close(&model(status), Vec::new(), Vec::new(), false).await.unwrap();
    }
}

#[cfg(unix)]
#[tokio::test]
async fn nothing_is_written_through_a_link_that_leads_out() {
    use std::os::unix::fs::symlink;
    let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (target, place) = at(folder.path()).await;
    let runs = folder.path().join("experiments/1/runs");
    symlink(outside.path(), &runs).unwrap();
    let refused = target.open_run(&place, &run(), false).await.err().unwrap();
    assert!(refused.to_string().contains("leads out of"), "{refused}");
    symlink(outside.path(), folder.path().join("experiments/2")).unwrap();
    let experiment = Experiment { id: "2".into(), ..Experiment::default() };
    assert!(target.open_experiment(&experiment, Placement::default()).await.is_err());
    let model = RegisteredModel { name: "m".into(), ..RegisteredModel::default() };
    symlink(outside.path(), folder.path().join("models")).unwrap();
    assert!(target.write_model(&model, &[], true).is_err());
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}
