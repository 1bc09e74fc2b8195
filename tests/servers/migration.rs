//! Difficult data from several releases. MLflow's own client and `validate` check the result.

use std::path::Path;

use crate::support::browser::opened;
use crate::support::{Mlferry, NEWEST, TARGET, TestServer, differences, differences_from};
use serde_json::Value;

const EVERYTHING: [&str; 2] = ["--all", "--names"];
/// The releases whose sources also have long histories and large folders, which take most of the time.
const LONG: [&str; 2] = ["1.30.1", NEWEST];

/// Fills a source with all features of its release and checks that everything arrives. Returns the source.
async fn arrives_exactly(version: &str) -> TestServer {
    arrives_in(version, TARGET, &[]).await
}

/// `more` are the options that this target requires.
async fn arrives_in(version: &str, target: &str, more: &[&str]) -> TestServer {
    let (source, target) = futures::join!(TestServer::start(version), TestServer::start(target));
    let long: &[&str] = if LONG.contains(&version) { &["--long"] } else { &[] };
    source.edge_cases(&[&EVERYTHING, long].concat()).await;
    let mlferry = Mlferry::new();
    let ends = [&["--source", source.url(), "--target", target.url(), "--json"], more].concat();
    let import = [&["import"], &ends[..]].concat();

    let first = mlferry.run(&import).await.exits(0).outcome();
    for (kind, counts) in first["counts"].as_object().unwrap() {
        assert_eq!(counts["done"], counts["planned"], "{kind}: {first}");
    }
    assert_eq!(differences(&source, &target).await, [""; 0]);

    // A second import without the journal duplicates nothing and writes nothing again.
    let again = Mlferry::new().run(&import).await.exits(0).outcome();
    // Files of complete runs are not checked again.
    for kind in ["model_versions", "prompt_versions", "traces", "evaluation_datasets", "scorers"] {
        assert_eq!(again["counts"][kind]["skipped"], first["counts"][kind]["planned"], "{kind}: {again}");
    }
    assert_eq!(again["counts"]["runs"]["planned"], first["counts"]["runs"]["planned"], "{again}");
    let validate = [&["validate", "--artifacts", "checksum"], &ends[..]].concat();
    let same = mlferry.run(&validate).await.exits(0).outcome();
    for kind in ["runs", "artifacts", "logged_models", "model_versions", "prompt_versions"] {
        let same_of_kind = same["comparison"][kind]["same"].as_u64().unwrap_or(0);
        assert_eq!(Some(same_of_kind), first["counts"][kind]["planned"].as_u64(), "{kind}: {same}");
    }
    source
}

/// The result is the same with an export directory in between.
async fn arrives_by_directory(source: &TestServer) {
    let mlferry = Mlferry::new();
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("mlflow-export");
    let archive = archive.to_str().unwrap();
    mlferry.run(&["export", "--source", source.url(), "--output-dir", archive]).await.exits(0);
    mlferry.run(&["validate", "--source", source.url(), "--target", archive]).await.exits(0);
    let target = TestServer::start(TARGET).await;
    mlferry
        .run(&["import", "--input-dir", archive, "--target", target.url(), "--json"])
        .await
        .exits(0)
        .outcome();
    mlferry.run(&["validate", "--source", archive, "--target", target.url()]).await.exits(0);
    // Nothing has written to the source since its dump for the direct import.
    assert_eq!(differences_from(&source.dump_path(), &target).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_arrives_from_mlflow_1_30_1() {
    arrives_exactly("1.30.1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_arrives_from_mlflow_2_9_2() {
    let source = arrives_exactly("2.9.2").await;
    arrives_by_directory(&source).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_arrives_from_mlflow_2_16_2() {
    arrives_exactly("2.16.2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_arrives_from_mlflow_2_22_4() {
    arrives_exactly("2.22.4").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_arrives_from_mlflow_3_0_1() {
    arrives_exactly("3.0.1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_arrives_from_mlflow_3_4_0() {
    arrives_exactly("3.4.0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_arrives_from_mlflow_3_10_1() {
    let source = arrives_exactly("3.10.1").await;
    arrives_by_directory(&source).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_arrives_from_mlflow_3_18_0() {
    arrives_exactly(NEWEST).await;
}

/// The newest release has strict rules for names and sources. The import follows them and loses nothing.
#[tokio::test(flavor = "multi_thread")]
async fn everything_arrives_in_mlflow_3_18_0() {
    let names = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(names.path(), "team/fraud,\"fraud, of the team\"\nteam:fraud,fraud\na/b:c/d,a-b-c-d\n")
        .unwrap();
    arrives_in(TARGET, NEWEST, &["--model-rename-file", names.path().to_str().unwrap()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_file_affects_only_itself() {
    let (source, target) = futures::join!(TestServer::start(TARGET), TestServer::start(TARGET));
    source.edge_cases(&["--unreadable"]).await;
    let mlferry = Mlferry::new();
    let import = ["import", "--source", source.url(), "--target", target.url(), "--json"];
    for _ in 0..2 {
        // Every attempt reports the loss again.
        let ran = mlferry.run(&import).await.exits(3);
        assert_eq!(ran.outcome()["counts"]["artifacts"]["failed"], 3, "{}", ran.stdout);
        let lines = ran.lines();
        let failed: Vec<_> = lines.iter().filter(|line| line["type"] == "item_failed").collect();
        assert_eq!(failed.len(), 3);
        assert!(
            failed
                .iter()
                .all(|line| line["reason"].as_str().unwrap().contains('%') && line["hint"].is_string())
        );
    }
    let lost = differences(&source, &target).await;
    assert_eq!(lost.len(), 3, "{lost:#?}");
    assert!(lost.iter().all(|line| line.contains("percent signs") && line.contains('%')), "{lost:#?}");
    let validate = ["validate", "--source", source.url(), "--target", target.url(), "--json"];
    let found = mlferry.run(&validate).await.exits(4).outcome();
    assert_eq!(found["comparison"]["artifacts"]["missing"], 3, "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn validation_finds_what_was_changed_behind_its_back() {
    let (source, target) = futures::join!(TestServer::start(TARGET), TestServer::start(TARGET));
    source.demo().await;
    let mlferry = Mlferry::new();
    mlferry.run(&["import", "--source", source.url(), "--target", target.url()]).await.exits(0);
    tamper(target.url()).await;
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let validate = ["validate", "--source", source.url(), "--target", target.url(), "--json", "--report"];
    let ran = mlferry.run(&[&validate[..], &[report.to_str().unwrap()]].concat()).await.exits(4);
    assert_eq!(ran.outcome()["comparison"]["runs"]["differs"], 1, "{}", ran.stdout);
    assert_eq!(ran.outcome()["comparison"]["runs"]["missing"], 1, "{}", ran.stdout);
    assert_eq!(ran.outcome()["comparison"]["runs"]["extra"], 1, "{}", ran.stdout);
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    let changed = report["differences"].as_array().unwrap().iter().find(|d| d["mark"] == "differs").unwrap();
    let fields: Vec<_> =
        changed["fields"].as_array().unwrap().iter().map(|f| f["field"].as_str().unwrap()).collect();
    assert!(fields.contains(&"tag tampered"), "{fields:?}");
    assert!(fields.iter().any(|field| field.starts_with("metric ")), "{fields:?}");
    let curve = &report["curves"][0];
    assert_eq!((&curve["source_id"], &curve["axis"]), (&changed["source_id"], &"step".into()));
    assert_eq!(curve["deviations"], serde_json::json!([{ "step": 12345, "timestamp": 1, "target": "1.5" }]));
    assert_eq!(curve["target"]["count"].as_u64(), curve["source"]["count"].as_u64().map(|count| count + 1));
    page_says_the_same(&mlferry, &validate, changed, curve).await;
}

/// Compares an export with its source after files of the export were removed, changed and added.
#[tokio::test(flavor = "multi_thread")]
async fn validation_reports_sizes_and_checksums_of_a_file() {
    let source = TestServer::start(TARGET).await;
    source.demo().await;
    let (mlferry, folder) = (Mlferry::new(), tempfile::tempdir().unwrap());
    let (archive, report) = (folder.path().join("export"), folder.path().join("report.json"));
    let archive = archive.to_str().unwrap();
    mlferry.run(&["export", "--source", source.url(), "--output-dir", archive]).await.exits(0);
    let [removed, changed] = &tamper_with_files(Path::new(archive));
    let ends = ["--source", source.url(), "--target", archive];
    let how = ["--artifacts", "checksum", "--report", report.to_str().unwrap()];
    mlferry.run(&[&["validate"], &ends[..], &how[..]].concat()).await.exits(4);
    let report: Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    let differences = report["differences"].as_array().unwrap();
    let file = |end: &str, mark: &str| {
        let is_it = |d: &&Value| d["mark"] == mark && d["name"].as_str().unwrap().ends_with(end);
        differences.iter().find(is_it).unwrap_or_else(|| panic!("{mark} {end}: {differences:#?}"))["file"]
            .clone()
    };
    let missing = file(removed, "missing");
    assert!(missing["source"]["size"].is_u64() && missing["target"].is_null(), "{missing}");
    let differs = file(changed, "differs");
    assert_eq!(differs["source"]["size"], differs["target"]["size"], "{differs}");
    assert_ne!(differs["source"]["sha256"], differs["target"]["sha256"], "{differs}");
    assert_eq!(differs["source"]["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(file("added.txt", "extra")["target"]["size"], 5);
}

/// Opens the report as a page in a new browser.
async fn page_says_the_same(mlferry: &Mlferry, validate: &[&str], changed: &Value, curve: &Value) {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("report.html");
    mlferry.run(&[validate, &[page.to_str().unwrap()]].concat()).await.exits(4);
    let [light, dark] = [opened(&page, "light").await, opened(&page, "dark").await];
    let text = light["text"].as_str().unwrap();
    let words = ["The sides differ.", "- missing", "+ extra", "tag tampered", "absent", "1 point differs"];
    let names =
        [&changed["name"], &changed["source_id"], &curve["metric"]].map(|name| name.as_str().unwrap());
    for word in words.iter().chain(&names) {
        assert!(text.contains(word), "{word}: {text}");
    }
    // Both sides are drawn.
    let lines: Vec<_> =
        light["lines"].as_array().unwrap().iter().map(|line| (&line[0], line[1].as_f64())).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines.iter().all(|(_, length)| length.unwrap() > 50.0), "{lines:?}");
    // The page made no other requests, and no script ran.
    assert_eq!(light["requests"], serde_json::json!([format!("file://{}", page.display())]));
    assert_eq!((&light["scripts"], &light["overflow"]), (&0.into(), &0.into()));
    assert_eq!(light["complaints"], serde_json::json!([]));
    assert_ne!(light["background"], dark["background"]);
}

/// Adds a tag and a metric to one run of the target, and removes the source tag of another, so that the run has no
/// known source.
async fn tamper(url: &str) {
    let http = reqwest::Client::new();
    let post = async |route: &str, body: serde_json::Value| {
        let response = http.post(format!("{url}/api/2.0/mlflow/{route}")).json(&body).send().await.unwrap();
        assert!(response.status().is_success(), "{route}: {}", response.text().await.unwrap());
        response.json::<serde_json::Value>().await.unwrap()
    };
    let experiments = post("experiments/search", serde_json::json!({ "max_results": 100 })).await;
    let ids: Vec<_> =
        experiments["experiments"].as_array().unwrap().iter().map(|e| e["experiment_id"].clone()).collect();
    let search = serde_json::json!({ "experiment_ids": ids, "filter": "attributes.status = 'FINISHED'", "max_results": 100 });
    let found = post("runs/search", search).await;
    let runs: Vec<_> = found["runs"].as_array().unwrap().iter().collect();
    let id = |index: usize| runs[index]["info"]["run_id"].clone();
    post("runs/set-tag", serde_json::json!({ "run_id": id(0), "key": "tampered", "value": "yes" })).await;
    let key = runs[0]["data"]["metrics"][0]["key"].clone();
    let metric =
        serde_json::json!({ "run_id": id(0), "key": key, "value": 1.5, "timestamp": 1, "step": 12345 });
    post("runs/log-metric", metric).await;
    post("runs/delete-tag", serde_json::json!({ "run_id": id(1), "key": "mlferry.source.run_id" })).await;
}

/// Changes the files of a run in an export of the first format, which has no checksums: removes one file, changes a
/// byte of another, and adds one. Returns the names of the first two.
fn tamper_with_files(archive: &Path) -> [String; 2] {
    let manifest = archive.join("mlferry.json");
    let mut first: Value = serde_json::from_slice(&std::fs::read(&manifest).unwrap()).unwrap();
    first["format"] = 1.into();
    std::fs::write(manifest, first.to_string()).unwrap();
    let mut folders = vec![archive.to_owned()];
    let mut lists = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            match entry.is_dir() {
                true => folders.push(entry),
                false if entry.ends_with("checksums.sha256") => std::fs::remove_file(entry).unwrap(),
                false if entry.ends_with("artifacts.json") => lists.push(entry),
                false => {}
            }
        }
    }
    lists.sort();
    for list in lists {
        let listed: Value = serde_json::from_slice(&std::fs::read(&list).unwrap()).unwrap();
        // A server does not report the size of an empty file.
        let is_usual = |file: &&Value| {
            file["size"].as_u64() > Some(0) && !file["path"].as_str().unwrap().ends_with("MLmodel")
        };
        let usual = listed["files"].as_array().unwrap().iter().filter(is_usual);
        let paths: Vec<_> = usual.map(|file| file["path"].as_str().unwrap().to_owned()).collect();
        let files = list.parent().unwrap().join("artifacts");
        let [removed, .., changed] = &paths[..] else { continue };
        let mut bytes = std::fs::read(files.join(changed)).unwrap();
        bytes[0] ^= 1;
        std::fs::write(files.join(changed), bytes).unwrap();
        std::fs::remove_file(files.join(removed)).unwrap();
        std::fs::write(files.join("added.txt"), "hello").unwrap();
        // The list would contradict the files, so it is removed.
        std::fs::remove_file(list).unwrap();
        return [removed.clone(), changed.clone()];
    }
    panic!("no run has two files");
}
