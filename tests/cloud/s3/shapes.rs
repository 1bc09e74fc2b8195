//! Every form of a key and of a root: none affects other files, and no root is mistaken for another.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::import;
use super::seed::post;
use crate::support::TestServer;
use crate::support::aws::FakeAws;

/// Names that arrive.
const GOOD: [&str; 11] = [
    "a+b c%20d/e&f=g.txt",
    "control\u{17}character",
    "größe 日本 🚀",
    "a?b#c",
    "back\\slash",
    "..a",
    "a..",
    " lead and trail ",
    "<xml>&amp;\"'",
    "folder/in it",
    "zz last",
];
/// Names that are invalid for files.
const BAD: [&str; 5] = ["a//b", "./c", "d/../e", "f/./g", "/h"];
/// The markers that the S3 console writes to show a folder.
const MARKERS: [&str; 2] = ["folder/", "only a folder/"];

/// Adds an experiment with this root and with one run that has all of these files. Returns the run's id and the key of
/// its root.
async fn run_at(cloud: &FakeAws, server: &TestServer, name: &str, root: &str) -> (String, String) {
    let new = json!({ "name": name, "artifact_location": root });
    let made = post(server, "experiments/create", new).await;
    let new = json!({ "experiment_id": made["experiment_id"], "run_name": name, "start_time": 1_000 });
    let run = post(server, "runs/create", new).await;
    let uri = run["run"]["info"]["artifact_uri"].as_str().unwrap().to_owned();
    let all: Vec<&str> = GOOD.iter().chain(&BAD).chain(&MARKERS).copied().collect();
    let place = format!("{uri}/");
    cloud.python("cloud_objects.py", &["keys", &place, &json!(all).to_string()]).await;
    (run["run"]["info"]["run_id"].as_str().unwrap().to_owned(), uri)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_key_hides_others_and_no_root_is_confused() {
    let cloud = FakeAws::start().await;
    let (source, target) =
        futures::join!(TestServer::in_s3(&cloud, "source"), TestServer::in_s3(&cloud, "target"));
    let store = cloud.store("odd");
    let bucket = store.strip_suffix("/odd").unwrap();
    let roots = [
        ("plain", format!("{bucket}/plain")),
        ("in the root", format!("{bucket}//in the root")),
        ("empty part", format!("{bucket}/empty//part")),
        ("slash", format!("{bucket}/slash/")),
    ];
    let mut runs = BTreeMap::new();
    for (name, root) in &roots {
        let (run, uri) = run_at(&cloud, &source, name, root).await;
        assert!(uri.starts_with(root.trim_end_matches('/')), "{uri}");
        runs.insert(run, *name);
    }
    let ran = import(&cloud, &source, &target).await.exits(3);
    let lines = ran.lines();
    let told = |line: &Value| line["type"] == "item_failed" && line["kind"] == "artifact";
    for (run, name) in &runs {
        let failed: BTreeSet<&str> = lines
            .iter()
            .filter(|line| told(line))
            .filter_map(|line| line["id"].as_str()?.strip_prefix(run.as_str())?.strip_prefix('/'))
            .collect();
        assert_eq!(failed, BTreeSet::from_iter(BAD.iter().copied()), "{name}");
    }
    let listed = cloud.python("cloud_objects.py", &["list", &cloud.store("target")]).await;
    let listed: BTreeMap<String, String> = serde_json::from_slice(&listed.stdout).unwrap();
    let mut arrived: BTreeMap<&str, usize> = BTreeMap::new();
    for (key, bytes) in &listed {
        let name = key.split_once("/artifacts/").unwrap().1;
        assert_eq!(bytes, name, "{key}");
        *arrived.entry(name).or_default() += 1;
    }
    assert_eq!(arrived, GOOD.iter().map(|name| (*name, roots.len())).collect(), "in each of the runs");
}
