//! Google Cloud Storage and Azure as artifact stores of a source: every file of a run is read directly from the store.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::proxy::fault::Page;
use crate::support::proxy::{Fault, Proxy};
use crate::support::stores::Stores;
use crate::support::{Mlferry, Ran, TARGET, TestServer};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

/// The root of an experiment, and the URI that MLflow's client needs to write to it. For `abfss`, the client uses
/// another Azure API, which Azurite does not support, although the blobs are the same.
const ROOTS: [(&str, &str); 3] = [
    ("gs://mlferry/some/where", "gs://mlferry/some/where"),
    (
        "wasbs://mlferry@devstoreaccount1.blob.core.windows.net/w",
        "wasbs://mlferry@devstoreaccount1.blob.core.windows.net/w",
    ),
    (
        "abfss://mlferry@devstoreaccount1.dfs.core.windows.net/a",
        "wasbs://mlferry@devstoreaccount1.blob.core.windows.net/a",
    ),
];

type Files = BTreeMap<String, Vec<u8>>;

fn files() -> Files {
    let names = [
        "one/two/deep.json",
        "100%.txt",
        "a%20b/c%2Fd.txt",
        "größe 日本+#?&=.txt",
        "all bytes.bin",
        "empty",
        "large/weights.bin",
    ];
    let bytes = |name: &str| match name {
        "empty" => Vec::new(),
        "all bytes.bin" => (0..=255).collect(),
        "large/weights.bin" => name.bytes().cycle().take((9 << 20) + 1).collect(),
        _ => name.as_bytes().to_vec(),
    };
    names.map(|name| (name.to_owned(), bytes(name))).into()
}

/// Adds an experiment whose files are in this location, with one run. Returns the run's id and root.
async fn run_at(source: &TestServer, name: &str, root: &str) -> (String, String) {
    let post = async |route: &str, body: Value| -> Value {
        let call =
            reqwest::Client::new().post(format!("{}/api/2.0/mlflow/{route}", source.url())).json(&body);
        call.send().await.unwrap().error_for_status().unwrap().json().await.unwrap()
    };
    let made = post("experiments/create", json!({ "name": name, "artifact_location": root })).await;
    let run =
        post("runs/create", json!({ "experiment_id": made["experiment_id"], "start_time": 1_000 })).await;
    let info = &run["run"]["info"];
    (info["run_id"].as_str().unwrap().to_owned(), info["artifact_uri"].as_str().unwrap().to_owned())
}

fn read(root: &Path, below: &Path, files: &mut Files) {
    for entry in std::fs::read_dir(below).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => read(root, &path, files),
            false => {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                files.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_at_google_and_azure_are_read_straight_from_there() {
    let (source, stores) = futures::join!(TestServer::start(TARGET), Stores::start());
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files() {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let mut runs = Vec::new();
    for (root, as_written) in ROOTS {
        let (run, uri) = run_at(&source, root.split(':').next().unwrap(), root).await;
        let place = uri.replacen(root, as_written, 1);
        assert!(uri.starts_with(root) && uri.contains(&run), "{uri}");
        runs.push((run, place));
    }
    let uploads = runs.iter().map(|(_, place)| stores.upload(place, folder.path()));
    futures::future::join_all(uploads).await;

    let mlferry = Mlferry::new();
    let archive = mlferry.state.path().join("archive");
    let archive_text = archive.to_str().unwrap();
    let export = ["export", "--source", source.url(), "--output-dir", archive_text, "--json"];
    let exported = Ran::of(mlferry.command(&export).envs(stores.env.clone())).await.exits(0);
    let count = files().len() * ROOTS.len();
    assert_eq!(exported.outcome()["counts"]["artifacts"]["done"], count);
    for (root, _) in ROOTS {
        let container = root.rsplit_once('/').unwrap().0.trim_end_matches("/some");
        let note = format!("artifacts in {container} are read directly from there");
        assert!(exported.stdout.contains(&note), "{note}: {}", exported.stdout);
    }
    let mut found = BTreeMap::new();
    read(&archive, &archive, &mut found);
    for (run, _) in &runs {
        let at = format!("/runs/{run}/artifacts/");
        let of_run: Files = found
            .iter()
            .filter_map(|(path, bytes)| Some((path.split_once(&at)?.1.to_owned(), bytes.clone())))
            .collect();
        assert!(of_run == files(), "{:?}", of_run.keys());
    }
    let validate =
        ["validate", "--source", source.url(), "--target", archive_text, "--artifacts", "checksum"];
    Ran::of(mlferry.command(&validate).envs(stores.env.clone())).await.exits(0);
}

/// A gateway reports that Azure is unavailable until the command prints that it waits.
#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_waited_for_and_fails_nothing() {
    let (source, stores) = futures::join!(TestServer::start(TARGET), Stores::start());
    let (_, uri) =
        run_at(&source, "wasbs", "wasbs://mlferry@devstoreaccount1.blob.core.windows.net/gone").await;
    let names = ["a first", "b second"];
    stores.put_keys(&uri, &names).await;
    let azure = stores.env.iter().find(|(name, _)| name == "AZURITE_BLOB_STORAGE_URL").unwrap();
    let proxy = Proxy::start(&azure.1).await;
    let is_gone = Arc::new(AtomicBool::new(true));
    let seen = Arc::clone(&is_gone);
    // The first two requests list the files and read the beginning of one.
    proxy
        .script(move |_, number| {
            let is_lost = number > 1 && seen.load(Ordering::SeqCst);
            is_lost.then_some(Fault::Answer(Page::of(503, "<html>")))
        })
        .await;

    let mlferry = Mlferry::new();
    let archive = mlferry.state.path().join("archive");
    let export = ["export", "--source", source.url(), "--output-dir", archive.to_str().unwrap(), "--json"];
    let mut command = mlferry.command(&export);
    command.envs(stores.env.clone()).env("AZURITE_BLOB_STORAGE_URL", &proxy.url);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut kinds = Vec::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        let line: Value = serde_json::from_str(&line).unwrap();
        if line["type"] == "server_gone" {
            is_gone.store(false, Ordering::SeqCst);
        }
        assert_ne!(line["type"], "item_failed", "{line}");
        kinds.push(line["type"].as_str().unwrap().to_owned());
    }
    assert_eq!(child.wait().await.unwrap().code(), Some(0), "{kinds:?}");
    assert!(kinds.iter().any(|kind| kind == "server_gone"), "{kinds:?}");
    let mut found = BTreeMap::new();
    read(&archive, &archive, &mut found);
    let arrived: Vec<&str> =
        found.keys().filter_map(|path| Some(path.split_once("/artifacts/")?.1)).collect();
    assert_eq!(arrived, names);
}

/// Names that are invalid for files affect only their own items, and a folder marker is not a file.
#[tokio::test(flavor = "multi_thread")]
async fn no_name_hides_others() {
    let (source, stores) = futures::join!(TestServer::start(TARGET), Stores::start());
    let (good, bad) = (["a first", "folder/in it", "zz last"], ["a//b"]);
    let names = [&good[..], &bad[..], &["folder/", "only a folder/"]].concat();
    let mut runs = Vec::new();
    for (name, root) in
        [("gs", "gs://mlferry/odd"), ("wasbs", "wasbs://mlferry@devstoreaccount1.blob.core.windows.net/odd")]
    {
        let (run, uri) = run_at(&source, name, root).await;
        stores.put_keys(&uri, &names).await;
        runs.push(run);
    }
    let mlferry = Mlferry::new();
    let archive = mlferry.state.path().join("archive");
    let export = ["export", "--source", source.url(), "--output-dir", archive.to_str().unwrap(), "--json"];
    let exported = Ran::of(mlferry.command(&export).envs(stores.env.clone())).await.exits(3);
    let lines = exported.lines();
    let mut found = BTreeMap::new();
    read(&archive, &archive, &mut found);
    for run in runs {
        let failed = lines.iter().filter(|line| line["type"] == "item_failed" && line["kind"] == "artifact");
        let failed: Vec<&str> =
            failed.filter_map(|line| line["id"].as_str()?.strip_prefix(&format!("{run}/"))).collect();
        assert_eq!(failed, bad);
        let at = format!("/runs/{run}/artifacts/");
        let arrived: Vec<&str> = found.keys().filter_map(|path| Some(path.split_once(&at)?.1)).collect();
        assert_eq!(arrived, good);
    }
}
