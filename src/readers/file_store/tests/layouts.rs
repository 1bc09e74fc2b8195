//! What each release writes is read.

use futures::TryStreamExt;

use super::Store;
use super::fixture::{EXPERIMENT, TestStore, id, of, point, run_meta};
use crate::entities::{Kind, Lifecycle, ModelStatus, RunId, RunStatus};
use crate::readers::Reader;

#[tokio::test]
async fn a_run_has_all_its_parts() {
    let run = id(1);
    let store = TestStore::new(&[
        ("1/meta.yaml", EXPERIMENT),
        ("1/tags/team/name", "ü\r\n"),
        (&format!("1/{run}/meta.yaml"), &run_meta(&run, 1_700_000_000_000)),
        (&format!("1/{run}/params/a/b c"), "1e3"),
        (&format!("1/{run}/params/empty"), ""),
        (&format!("1/{run}/tags/mlflow.user"), "me"),
        (&format!("1/{run}/metrics/val/loss"), "2 0.5 1\n1 0.75 1\n"),
        (&format!("1/{run}/inputs/i1/meta.yaml"), "source_type: DATASET\nsource_id: d1\ntags:\n  k: v\n"),
        (&format!("1/{run}/inputs/i2/meta.yaml"), "source_type: MODEL\nsource_id: m-2\ntags: {}\n"),
        (&format!("1/{run}/outputs/m-1/meta.yaml"), "destination_id: m-1\nsource_id: m-1\nstep: 4\n"),
        ("1/datasets/d1/meta.yaml", "digest: '012'\nname: n\nprofile: null\nschema: '{}'\nsource: s\n"),
    ]);
    let (experiments, lost) = store.experiments().await;
    assert_eq!((experiments.len(), lost.len()), (1, 0));
    assert_eq!(
        (experiments[0].name.as_str(), experiments[0].creation_time),
        ("first", Some(1_700_000_000_000))
    );
    assert_eq!(experiments[0].tags, [("team/name".to_owned(), "ü\r\n".to_owned())].into());
    let (mut runs, lost) = store.runs("1").await;
    assert_eq!(lost, []);
    let read = runs.remove(0);
    assert_eq!((read.id.as_str(), read.name.as_str(), read.status), (&*run, "named", RunStatus::Finished));
    assert_eq!((read.start_time, read.end_time), (Some(1_700_000_000_000), Some(1_700_000_000_009)));
    assert_eq!(
        read.params,
        [("a/b c", "1e3"), ("empty", "")].map(|(k, v)| (k.to_owned(), v.to_owned())).into()
    );
    assert_eq!(read.latest, [("val/loss".to_owned(), point(2, 0.5, 1))].into());
    assert_eq!((read.datasets[0].digest.as_str(), read.datasets[0].profile.as_deref()), ("012", None));
    assert_eq!(read.datasets[0].tags, [("k".to_owned(), "v".to_owned())].into());
    assert_eq!((read.model_inputs[0].as_str(), read.model_outputs[0].step), ("m-2", 4));
    assert_eq!(store.reader().run(&RunId::from(&*run)).await.unwrap(), Some(read));
    assert_eq!(store.reader().run(&RunId::from("../1")).await.unwrap(), None);
}

#[tokio::test]
async fn runs_of_the_first_releases_are_read() {
    let run = id(2);
    let store = TestStore::new(&[
        ("0/meta.yaml", "artifact_location: /x/0\nexperiment_id: 0\nname: Default\n"),
        (
            &format!("0/{run}/meta.yaml"),
            "artifact_uri: /x/0/r/artifacts\nend_time: 1.6e12\nexperiment_id: 0\nname: old\nrun_uuid: r\n\
             start_time: 1_599_999_999_000.7\ntags:\n- key: k\n  value: v\nuser_id: u\n",
        ),
        (&format!("0/{run}/metrics/m"), "1500000000 0.5\n1500000001 nan\n"),
    ]);
    let (runs, lost) = store.runs("0").await;
    assert_eq!((runs.len(), lost.len()), (1, 0));
    assert_eq!((runs[0].name.as_str(), runs[0].status), ("old", RunStatus::Running));
    assert_eq!((runs[0].start_time, runs[0].end_time), (Some(1_599_999_999_000), Some(1_600_000_000_000)));
    assert_eq!(runs[0].tags, [("k".to_owned(), "v".to_owned())].into());
    assert_eq!(runs[0].latest["m"].timestamp, 1_500_000_001);
}

#[tokio::test]
async fn a_name_may_be_only_in_the_tag_and_runs_come_oldest_first() {
    let meta = |run: &str, start| run_meta(run, start).replace("run_name: named\n", "name: ''\n");
    let store = TestStore::new(&[("1/meta.yaml", EXPERIMENT)]);
    for (digit, start) in [(1, 30), (2, 10), (3, 20)] {
        store.write(&format!("1/{}/meta.yaml", id(digit)), meta(&id(digit), start));
        store.write(&format!("1/{}/tags/mlflow.runName", id(digit)), format!("run {digit}"));
    }
    let (runs, _) = store.runs("1").await;
    let names: Vec<&str> = runs.iter().map(|run| run.name.as_str()).collect();
    assert_eq!(names, ["run 2", "run 3", "run 1"]);
    let (first, more) = store.reader().first_runs(&of("1"), 2).await.unwrap();
    assert_eq!((first.len(), more), (2, true));
    assert!(!store.reader().first_runs(&of("1"), 3).await.unwrap().1);
}

#[tokio::test]
async fn deleted_experiments_keep_their_runs_files_and_models() {
    let run = id(4);
    let model_meta = "artifact_location: file:///old/mlruns/7/models/m-1/artifacts\ncreation_timestamp: 5\n\
                      experiment_id: '7'\nlast_updated_timestamp: 6\nmodel_id: m-1\nmodel_type: null\n\
                      name: mod\nsource_run_id: null\nstatus: 2\nstatus_message: null\n";
    let store = TestStore::new(&[
        (".trash/7/meta.yaml", &format!("{}tags: {{}}\n", EXPERIMENT.replace("active", "deleted"))),
        (&format!(".trash/7/{run}/meta.yaml"), &run_meta(&run, 1).replace("active", "deleted")),
        (&format!(".trash/7/{run}/artifacts/sub/x.txt"), "hello"),
        (".trash/7/models/m-1/meta.yaml", model_meta),
        (".trash/7/models/m-1/artifacts/MLmodel", "flavors: {}"),
        (".trash/7/models/m-1/metrics/acc", "7 0.5 4 r1 my data set dg\n8 0.25 5 r1\n8 0.25 5 r1\n"),
        (".trash/7/models/m-2/meta.yaml", &format!("{model_meta}lifecycle_stage: deleted\n")),
        ("models/x/meta.yaml", "name: x\n"),
    ]);
    let (experiments, _) = store.experiments().await;
    assert_eq!((experiments[0].id.as_str(), experiments[0].lifecycle), ("7", Lifecycle::Deleted));
    let (runs, _) = store.runs("7").await;
    // The path counts, not the id of another experiment in the file.
    assert_eq!((runs[0].experiment_id.as_str(), runs[0].lifecycle), ("7", Lifecycle::Deleted));
    let reader = store.reader();
    let files: Vec<_> = reader.files(runs[0].owner()).try_concat().await.unwrap();
    let file = files[0].as_ref().unwrap();
    assert_eq!((file.path.as_str(), file.size), ("sub/x.txt", Some(5)));
    let bytes = reader.open(runs[0].owner(), file).await.unwrap();
    assert_eq!(bytes.try_concat_bytes().await, b"hello");
    let (models, lost) = store.models("7").await;
    assert_eq!((models.len(), lost.len(), models[0].status), (1, 0, ModelStatus::Ready));
    let metrics = &models[0].metrics;
    assert_eq!((metrics.len(), metrics[0].dataset_name.as_deref()), (2, Some("my data set")));
    assert_eq!((metrics[0].dataset_digest.as_deref(), metrics[1].point), (Some("dg"), point(8, 0.25, 5)));
    assert!(reader.logged_model(&"m-1".into()).await.unwrap().is_some());
    assert!(reader.logged_model(&"m-2".into()).await.unwrap().is_none());
    assert_eq!(reader.files(models[0].owner()).try_concat().await.unwrap().len(), 1);
    let others = reader.others().await.unwrap();
    assert_eq!((others[0].title, others[0].tally.count), ("deleted logged models", Some(1)));
}

#[test]
fn an_empty_folder_counts_only_if_the_uri_means_it() {
    let run = id(1);
    let folder = format!("1/{run}/artifacts");
    let store = TestStore::new(&[("1/meta.yaml", EXPERIMENT)]);
    std::fs::create_dir_all(store.root().join(&folder)).unwrap();
    let own = |uri: &str| {
        let read = Store::open(store.root()).unwrap();
        read.own_files(Kind::Run, &"1".into(), &run, uri).is_some()
    };
    let means_it = ["file:///old/mlruns/", "/mnt/", "C:\\mlruns\\", "file:C:\\mlruns\\"];
    for root in means_it {
        assert!(own(&format!("{root}{folder}")), "{root}");
    }
    let elsewhere =
        [format!("s3://b/{folder}"), format!("mlflow-artifacts:/{folder}"), "/data/x/artifacts".into()];
    assert!(own("") && !elsewhere.iter().any(|uri| own(uri)));
    store.write(&format!("{folder}/x"), "x");
    assert!(elsewhere.iter().all(|uri| own(uri)), "files that are there are read");
    assert!(Store::open(store.root()).unwrap().own_files(Kind::Run, &"1".into(), "../1", "").is_none());
}

#[async_trait::async_trait]
trait Bytes {
    async fn try_concat_bytes(self) -> Vec<u8>;
}

#[async_trait::async_trait]
impl Bytes for crate::artifacts::ByteStream {
    async fn try_concat_bytes(self) -> Vec<u8> {
        self.try_collect::<bytes::BytesMut>().await.unwrap().to_vec()
    }
}
