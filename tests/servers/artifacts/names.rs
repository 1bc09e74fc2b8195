use std::collections::BTreeSet;

use serde_json::Value;

use super::{failed_files, files_below, folder_of, names, run_called};
use crate::support::{Mlferry, TestServer};

/// A name that MLflow's own client can write and read arrives byte for byte. Any other name is reported as a failed
/// item, and nothing else appears on the target.
async fn every_name_arrives_or_fails(from: &str, to: &str) {
    let (source, target) = futures::join!(TestServer::start(from), TestServer::start(to));
    let made = source.python("names.py", &[source.url(), &source.artifacts]).await;
    // MLflow's client prints a message for each run that ends.
    let made = String::from_utf8(made.stdout).unwrap();
    let made: Value = serde_json::from_str(made.lines().last().unwrap()).unwrap();
    let mlferry = Mlferry::new();
    let ends = ["--source", source.url(), "--target", target.url(), "--json"];
    let ran = mlferry.run(&[&["import"], &ends[..]].concat()).await.exits(3);
    let lines = ran.lines();
    for kind in ["disk", "client"] {
        let run = made[kind]["run"].as_str().unwrap();
        let ours = files_below(&folder_of(&source.artifacts, run));
        let theirs = files_below(&folder_of(&target.artifacts, &run_called(&target, "names", kind).await));
        let failed = failed_files(&lines, run);
        for (name, bytes) in &theirs {
            assert_eq!(Some(bytes), ours.get(name), "{kind}: {name:?} is not the source's");
        }
        let lost: BTreeSet<String> = names(&ours).difference(&names(&theirs)).cloned().collect();
        let told: BTreeSet<String> = failed.keys().cloned().collect();
        eprintln!("{from} to {to}, {kind}: {} arrived, {lost:?} did not", theirs.len());
        for name in &lost {
            let is_told = told.iter().any(|folder| name == folder || name.starts_with(&format!("{folder}/")));
            assert!(is_told, "{kind}: {name:?} is lost in silence; {failed:?}");
        }
        assert!(told.iter().all(|name| !theirs.contains_key(name)), "{kind}: {told:?}");
        let readable: BTreeSet<String> = made[kind]["readable"]
            .as_array()
            .unwrap()
            .iter()
            .map(|n| n.as_str().unwrap().to_owned())
            .collect();
        // Both ends determine which names can be migrated: a separate test covers the client of the target's release.
        let carried: BTreeSet<&String> = readable.intersection(&lost).collect();
        assert!(carried.is_empty(), "{kind}: MLflow's client reads {carried:?}; {failed:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_from_2_22_4_to_3_10_1() {
    every_name_arrives_or_fails("2.22.4", "3.10.1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_from_3_10_1_to_3_18_0() {
    every_name_arrives_or_fails("3.10.1", "3.18.0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_from_3_18_0_to_2_22_4() {
    every_name_arrives_or_fails("3.18.0", "2.22.4").await;
}
