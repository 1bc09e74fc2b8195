//! Selected items that do not exist, and existing items that block the import.

use insta::assert_snapshot;

use crate::support::{Mlferry, TARGET, TestServer};

#[tokio::test(flavor = "multi_thread")]
async fn things_that_are_not_there_or_in_the_way() {
    let (source, target) = futures::join!(TestServer::start(TARGET), TestServer::start(TARGET));
    // Like `mlferry demo`.
    mlferry::demo::seed(&source.venv, source.url(), "demo").await.unwrap();
    let mlferry = Mlferry::new();
    let (from, to) = (["--source", source.url()], ["--target", target.url()]);
    let import = [&["import"], &from[..], &to[..]].concat();
    let unknown = [&import[..], &["--experiments", "fraud*,no such thing"]].concat();
    assert_snapshot!("unknown_experiment", mlferry.said(&unknown).await);
    let itself = ["import", "--source", source.url(), "--target", source.url()];
    assert_snapshot!("source_is_target", mlferry.said(&itself).await);

    // On the target, a deleted experiment still occupies its name.
    let http = reqwest::Client::new();
    let post = async |route: &str, body: serde_json::Value| {
        let response =
            http.post(format!("{}/api/2.0/mlflow/{route}", target.url())).json(&body).send().await.unwrap();
        response.json::<serde_json::Value>().await.unwrap()
    };
    let made = post("experiments/create", serde_json::json!({ "name": "fraud/detector-eu" })).await;
    post("experiments/delete", made).await;
    let fraud = [&import[..], &["--experiments", "fraud/*", "--json"]].concat();
    let ran = mlferry.run(&fraud).await.exits(3);
    let failed = ran.lines().into_iter().filter(|line| line["type"] == "item_failed").collect::<Vec<_>>();
    let experiment = failed.iter().find(|line| line["kind"] == "experiment").unwrap();
    assert!(experiment["reason"].as_str().unwrap().contains("deleted experiment named"), "{experiment}");
    assert!(experiment["hint"].as_str().unwrap().contains("--experiment-rename-file"), "{experiment}");
    let outcome = ran.outcome();
    assert_eq!(outcome["counts"]["runs"]["failed"], outcome["counts"]["runs"]["planned"]);
    assert!(outcome["counts"]["runs"]["failed"].as_u64() > Some(0));

    // An existing experiment belongs to another user, even if the source's experiment with this name is deleted.
    let theirs = post("experiments/create", serde_json::json!({ "name": "old prototype" })).await;
    let prototype = [&import[..], &["--experiments", "old*"]].concat();
    for _ in 0..2 {
        mlferry.run(&prototype).await.exits(0);
    }
    let url = format!("{}/api/2.0/mlflow/experiments/get", target.url());
    let id = theirs["experiment_id"].as_str().unwrap();
    let now = http.get(url).query(&[("experiment_id", id)]).send().await.unwrap();
    let now: serde_json::Value = now.json().await.unwrap();
    assert_eq!(now["experiment"]["lifecycle_stage"], "active", "{now}");

    // The hint leads to a successful import.
    let folder = tempfile::tempdir().unwrap();
    let renames = folder.path().join("rename.csv");
    std::fs::write(&renames, "fraud/detector-eu,fraud/detector\n").unwrap();
    let renames = ["--experiment-rename-file", renames.to_str().unwrap()];
    let renamed = [&import[..], &["--experiments", "fraud/*"], &renames].concat();
    mlferry.run(&renamed).await.exits(0);
    let validate = [&["validate"], &from[..], &to[..], &["--experiments", "fraud/*"], &renames].concat();
    mlferry.run(&validate).await.exits(0);
}
