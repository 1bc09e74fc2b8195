//! Each damaged file costs only the object that it belongs to.

use std::fs;

use futures::TryStreamExt;

use super::artifacts;
use super::fixture::{EXPERIMENT, TestStore, id, of, point, run_meta};
use crate::entities::{Point, Run, RunStatus};
use crate::error::Class;
use crate::readers::file_store::is_file_store;
use crate::readers::{FileStoreReader, Reader};

/// An experiment with a healthy run and a run with these files.
fn with_run(files: &[(&str, &[u8])]) -> TestStore {
    let store = TestStore::new(&[("1/meta.yaml", EXPERIMENT)]);
    for digit in [1, 2] {
        store.write(&format!("1/{}/meta.yaml", id(digit)), run_meta(&id(digit), i64::from(digit)));
    }
    files.iter().for_each(|(path, bytes)| store.write(&format!("1/{}/{path}", id(2)), bytes));
    store
}

/// The points of all metrics of a run, and the reasons for lost ones.
async fn history(store: &TestStore, run: &Run) -> (Vec<Point>, Vec<String>) {
    let (reader, runs) = (store.reader(), [run.clone()]);
    let chunks: Vec<_> = reader.histories(&runs).try_collect().await.unwrap();
    let (mut points, mut lost) = (Vec::new(), Vec::new());
    for chunk in chunks {
        match chunk {
            Ok(chunk) => points.extend(chunk.points),
            Err(item) => {
                assert_eq!(item.id, run.id.as_str(), "the consumer looks for the run");
                lost.push(item.reason);
            }
        }
    }
    (points, lost)
}

#[tokio::test]
async fn one_torn_file_costs_only_its_run() {
    for (file, bytes, reason) in [
        ("meta.yaml", &b""[..], "it is empty"),
        ("meta.yaml", b"a: [", "it is damaged"),
        ("meta.yaml", b"- 1\n", "it has no fields"),
        ("meta.yaml", b"artifact_uri: x\nstart_ti", "damaged"),
        ("meta.yaml", b"artifact_uri: x\nstart_time: 17", "it is cut off"),
        ("meta.yaml", b"start_time: soon\nuser_id: me\n", "its start_time is not a number"),
        ("meta.yaml", b"status: 9\nuser_id: me\n", "its status is not known"),
    ] {
        let store = with_run(&[(file, bytes)]);
        let (runs, lost) = store.runs("1").await;
        assert_eq!((runs.len(), lost.len()), (1, 1), "{reason}");
        assert_eq!(store.reader().count_runs(&of("1"), 100).await.unwrap(), 2, "{reason}");
        assert_eq!(lost[0].id, id(2));
        assert!(lost[0].reason.contains(reason) && lost[0].reason.contains(file), "{}", lost[0].reason);
    }
}

#[tokio::test]
async fn a_part_that_cannot_be_read_is_named_and_the_rest_of_the_run_is_kept() {
    for (file, bytes) in [
        ("params/p", &b"\xff\xfe"[..]),
        ("metrics/m", b""),
        ("metrics/m", b"1\n"),
        ("inputs/i/meta.yaml", b"source_type: DATASET\nsource_id: gone\n"),
        ("outputs/o/meta.yaml", b""),
    ] {
        let (runs, lost) = with_run(&[("params/ok", b"1"), (file, bytes)]).runs("1").await;
        assert_eq!((runs.len(), runs[1].params.len()), (2, 1), "{file}");
        assert_eq!(lost.len(), 1, "{file}");
        assert!(lost[0].id.starts_with(&format!("{}/", id(2))), "{}", lost[0].id);
    }
}

#[tokio::test]
async fn a_run_without_meta_yaml_is_recovered() {
    let store = with_run(&[("params/p", b"1"), ("tags/mlflow.user", b"me"), ("metrics/m", b"1 2 3\n")]);
    fs::remove_file(store.root().join(format!("1/{}/meta.yaml", id(2)))).unwrap();
    store.write(&format!("1/{}/artifacts/x", id(3)), "only files are left");
    store.write("1/folder/x", "not a run");
    let reader = store.reader();
    let (runs, lost) = crate::readers::read_all(reader.runs(&of("1"))).await.unwrap();
    assert_eq!((runs.len(), lost.len()), (2, 1));
    assert_eq!(lost[0].id, id(3));
    let run = runs.iter().find(|run| run.id.as_str() == id(2)).unwrap();
    assert_eq!((run.status, run.params.len(), run.user_id.as_str()), (RunStatus::Killed, 1, "me"));
    assert!(run.start_time > Some(1_700_000_000_000) && run.end_time >= run.start_time);
    assert!(reader.take_notes()[0].contains("has no meta.yaml"));
    assert!(reader.take_notes().is_empty(), "a note is reported once");
}

#[tokio::test]
async fn an_experiment_with_a_lost_name_keeps_its_runs() {
    for (meta, name) in [
        (None, "experiment 1 (its name was lost)"),
        (Some(""), "experiment 1 (its name was lost)"),
        (Some("artifact_location: x\nlifecycle_st"), "experiment 1 (its name was lost)"),
        (Some("artifact_location: x\nname: n\nz: 'b"), "n"),
    ] {
        let store = with_run(&[]);
        store.write("2/meta.yaml", EXPERIMENT);
        let path = store.root().join("1/meta.yaml");
        meta.map_or_else(|| fs::remove_file(&path).unwrap(), |text| fs::write(&path, text).unwrap());
        let (experiments, lost) = store.experiments().await;
        assert_eq!((experiments.len(), lost.len()), (2, 0), "{meta:?}");
        assert_eq!((experiments[0].id.as_str(), experiments[0].name.as_str()), ("1", name));
        assert_eq!(store.runs("1").await.0.len(), 2);
    }
}

/// The beginning of a file of macOS.
const FINDER: &[u8] = b"\0\0\0\x01Bud1\0";

/// MLflow accepts the names of such files for its own data.
#[tokio::test]
async fn a_name_alone_does_not_make_a_file_foreign() {
    let store = with_run(&[
        ("metrics/a.swp", b"1 0.5 0\n"),
        ("metrics/._loss", b"1 0.25 0\n"),
        ("metrics/._copied", b"\0\x05\x16\x07\0\x02\0\0Mac OS X"),
        ("params/Thumbs.db", b"p"),
        ("params/b.swp", b"b0VIM 9.0"),
        ("tags/.nfs1", b"t"),
        ("tags/.ipynb_checkpoints/y", b"t"),
    ]);
    let (runs, lost) = store.runs("1").await;
    let keys = |map: &std::collections::BTreeMap<String, String>| map.keys().cloned().collect::<Vec<_>>();
    assert_eq!((lost.len(), runs[1].latest.len()), (0, 2));
    assert_eq!(keys(&runs[1].params), ["Thumbs.db"]);
    assert_eq!(keys(&runs[1].tags), [".ipynb_checkpoints/y", ".nfs1"]);
}

#[tokio::test]
async fn good_lines_of_a_metric_are_kept_and_bad_ones_named() {
    let text =
        "1 0.5 0\n1 0.5 0\n2 inf 1 my data set d1g\n3 -0.0 2\n1 0.5 0\n4 0.5 7 x\n5 oops 3\n\r\n6 1 4\r\n7 1";
    let store =
        with_run(&[("metrics/m", text.as_bytes()), ("metrics/.DS_Store", FINDER), ("params/p~", b"x")]);
    let (runs, lost) = store.runs("1").await;
    assert_eq!((lost.len(), runs[1].latest.len(), runs[1].params.len()), (0, 1, 0));
    assert_eq!(runs[1].latest["m"], point(6, 1.0, 4));
    let (points, lost) = history(&store, &runs[1]).await;
    let expected = [point(1, 0.5, 0), point(2, f64::INFINITY, 1), point(3, -0.0, 2), point(6, 1.0, 4)];
    assert_eq!(points, expected);
    assert_eq!(lost.len(), 1);
    assert!(lost[0].contains("3 lines are not points, the first is line 6: \"4 0.5 7 x\""), "{}", lost[0]);
}

#[tokio::test]
async fn a_long_history_comes_in_chunks_and_a_long_line_is_skipped() {
    let mut text: String = (0..25_000).map(|step| format!("{step} 0.5 {step}\n")).collect();
    text.push_str(&"9".repeat(300_000));
    text.push_str("\n25000 1 25000\n");
    let store = with_run(&[("metrics/m", text.as_bytes())]);
    let (runs, _) = store.runs("1").await;
    let (points, lost) = history(&store, &runs[1]).await;
    assert_eq!((points.len(), lost.len()), (25_001, 1));
    let listed: Vec<_> = store.reader().listed_runs(&of("1")).try_concat().await.unwrap();
    assert_eq!(listed[1].as_ref().unwrap().latest["m"], point(25_000, 1.0, 25_000));
}

#[cfg(unix)]
#[tokio::test]
async fn links_out_of_the_store_are_not_followed() {
    use std::os::unix::fs::symlink;
    let outside = TestStore::new(&[("secret", "s"), ("1/meta.yaml", EXPERIMENT)]);
    let store = with_run(&[("params/p", b"1")]);
    let run = store.root().join("1").join(id(2));
    symlink(outside.root().join("secret"), run.join("params/out")).unwrap();
    symlink(run.join("params/p"), run.join("params/in")).unwrap();
    symlink(outside.root().join("1"), store.root().join("5")).unwrap();
    let (runs, lost) = store.runs("1").await;
    assert_eq!((runs[1].params.len(), lost.len()), (2, 1));
    assert!(lost[0].reason.contains("leads out of the store"), "{}", lost[0].reason);
    let (experiments, lost) = store.experiments().await;
    assert_eq!((experiments.len(), lost[0].id.as_str()), (1, "5"));
}

#[tokio::test]
async fn copied_folders_are_read_by_their_names_or_named() {
    let store = with_run(&[]);
    store.write("12/meta.yaml", EXPERIMENT);
    store.write(&format!("12/{}/meta.yaml", id(3)), run_meta(&id(4), 1));
    store.write("1 copy/meta.yaml", EXPERIMENT);
    store.write(".trash/1/meta.yaml", EXPERIMENT);
    store.write("notebooks/x.ipynb", "{}");
    store.write("13/.DS_Store", FINDER);
    let reader = store.reader();
    let (experiments, lost) = crate::readers::read_all(reader.experiments()).await.unwrap();
    let ids: Vec<&str> = experiments.iter().map(|one| one.id.as_str()).collect();
    let lost: Vec<&str> = lost.iter().map(|one| one.id.as_str()).collect();
    assert_eq!((ids, lost), (vec!["1", "12"], vec!["1 copy", "1"]));
    let (runs, _) = crate::readers::read_all(reader.runs(&of("12"))).await.unwrap();
    assert_eq!((runs[0].id.as_str(), runs[0].experiment_id.as_str()), (&*id(3), "12"));
    let notes = reader.take_notes();
    assert_eq!(notes.len(), 4, "{notes:?}");
    let none = reader.runs(&of("99")).try_concat().await.unwrap();
    assert!(none[0].is_err(), "the experiment is gone");
}

/// The administrator can read every file, so then nothing is refused.
#[cfg(unix)]
#[tokio::test]
async fn a_file_that_may_not_be_read_costs_only_its_object() {
    use std::os::unix::fs::PermissionsExt;
    let param = format!("1/{}/params/p", id(2));
    for (closed, experiments, runs) in [(&*param, 2, 1), ("2", 1, 2), ("2/meta.yaml", 1, 2), (".trash", 2, 2)]
    {
        let store = with_run(&[("params/p", b"1")]);
        store.write("2/meta.yaml", EXPERIMENT);
        store.write(".trash/x", "");
        let path = store.root().join(closed);
        let mode = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        mode(0o0);
        let is_root = fs::File::open(&path).is_ok();
        let (read, lost) = (store.experiments().await, store.runs("1").await);
        mode(0o700);
        if is_root {
            return;
        }
        assert_eq!((read.0.len(), lost.0.len()), (experiments, runs), "{closed}");
        let lost: Vec<_> = read.1.into_iter().chain(lost.1).collect();
        assert_eq!(lost.len(), 1, "{closed}");
        assert!(lost[0].reason.contains(closed), "{}", lost[0].reason);
    }
}

#[test]
fn a_folder_that_is_no_store_is_refused_with_a_hint() {
    let open = |store: &TestStore| {
        let error = FileStoreReader::open(store.root(), artifacts(store.root())).err().unwrap();
        assert!(!is_file_store(store.root()) && error.get_hint().is_some());
        assert_eq!(error.class(), Class::Usage);
        error
    };
    open(&TestStore::new(&[]));
    open(&TestStore::new(&[("1/r/artifacts/model/MLmodel", "files of a server with a database")]));
    open(&TestStore::new(&[("experiments/1/meta.yaml", EXPERIMENT), ("mlferry.json", "{}")]));
    let above = open(&TestStore::new(&[("mlruns/0/meta.yaml", EXPERIMENT)]));
    assert!(above.get_hint().is_some_and(|hint| hint.ends_with("mlruns")));
    for files in ["0/meta.yaml", "models/m/meta.yaml", ".trash/1/meta.yaml"] {
        assert!(is_file_store(TestStore::new(&[(files, EXPERIMENT)]).root()), "{files}");
    }
    assert!(!is_file_store("/nowhere".as_ref()));
}
