//! `SAGEMAKER_MLFLOW_ASSUME_ROLE_ARN`: a role calls MLflow, and the user's own credentials do everything else. Neither
//! has the permissions of the other.

use std::process::Stdio;

use crate::support::aws::FakeAws;
use crate::support::{Mlferry, Ran, TARGET, TestServer};
use insta::assert_snapshot;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

const ROLE: &str = "SAGEMAKER_MLFLOW_ASSUME_ROLE_ARN";

/// Two roles without common permissions, as two teams of a company would grant them.
struct Roles {
    cloud: FakeAws,
    /// A session of the role that has access to the control plane, the bucket and STS.
    own: Vec<(String, String)>,
    /// The role that may call the App.
    caller: String,
}

impl Roles {
    async fn new() -> Self {
        let cloud = FakeAws::start().await;
        let own = ["sts:AssumeRole", "sagemaker:DescribeMlflowApp", "s3:*", "iam:GetRole", "iam:Simulate*"];
        let (own, caller) =
            futures::join!(cloud.role("own", &own), cloud.role("caller", &["sagemaker:CallMlflowAppApi"]));
        let own = cloud.session(&own).await;
        Self { cloud, own, caller }
    }

    fn without_role(&self, mlferry: &Mlferry, args: &[&str]) -> Command {
        let mut command = self.cloud.mlferry(mlferry, args);
        command.envs(self.own.clone());
        command
    }

    fn with_role(&self, mlferry: &Mlferry, args: &[&str], role: &str) -> Command {
        let mut command = self.without_role(mlferry, args);
        command.env(ROLE, role);
        command
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assumed_role_calls_only_mlflow_and_a_refused_one_is_reported() {
    let (roles, source) = futures::join!(Roles::new(), TestServer::start(TARGET));
    let (app, ()) = futures::join!(roles.cloud.app("by-a-role"), source.plain());
    calls_and_nothing_else(&roles, &source, &app).await;
    cannot_be_had(&roles, &app).await;
}

async fn calls_and_nothing_else(roles: &Roles, source: &TestServer, app: &str) {
    let mlferry = Mlferry::new();
    let ends = ["--source", source.url(), "--target", app];
    let alone = Ran::of(roles.without_role(&mlferry, &["check", "--source", app])).await.exits(1);
    assert!(alone.stderr.contains("sagemaker:CallMlflowAppApi"), "the test can fail: {}", alone.stderr);

    // If the App does not report its version, the control plane reports it to the user's own credentials.
    let silent = json!({ "plane": "data", "match": "/version", "status": 404, "body": "{}" });
    roles.cloud.faults(&json!({ "answers": [silent] }));
    let check = roles.with_role(&mlferry, &["check", "--source", app, "--json"], &roles.caller);
    let checked = Ran::of(check).await.exits(0);
    assert!(checked.stdout.contains("\"version\":\"3.10.1\""), "{}", checked.stdout);
    roles.cloud.no_faults();

    let connect = ["connect", "--target", app, "--json"];
    let connected = Ran::of(roles.with_role(&mlferry, &connect, &roles.caller)).await.exits(0);
    let lines = connected.lines();
    let assumed: Vec<&Value> = lines.iter().filter(|line| line["check"] == "assumed role").collect();
    assert_eq!(assumed.len(), 2, "it is assumed, and may do what it has to: {lines:?}");
    let bad: Vec<_> =
        lines.iter().filter(|line| line["level"] == "warning" || line["level"] == "failure").collect();
    assert_eq!(bad, [&json!(null); 0]);

    let import = [&["import", "--json"], &ends[..]].concat();
    through_a_session_that_ends(roles, roles.with_role(&mlferry, &import, &roles.caller)).await;
    let validate = [&["validate", "--artifacts", "checksum"], &ends[..]].concat();
    Ran::of(roles.with_role(&mlferry, &validate, &roles.caller)).await.exits(0);
}

/// The session of the role expires during the import: another session is opened without a message.
async fn through_a_session_that_ends(roles: &Roles, mut import: Command) {
    let before = roles.cloud.keys_of(&roles.caller).await.len();
    let mut import = import.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(import.stdout.take().unwrap()).lines();
    let mut ended = Vec::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        let line: Value = serde_json::from_str(&line).unwrap();
        let kind = line["type"].as_str().unwrap();
        assert!(!matches!(kind, "waiting" | "item_failed" | "error"), "{line}");
        if kind == "item_started" && ended.is_empty() {
            ended = roles.cloud.keys_of(&roles.caller).await;
            roles.cloud.faults(&json!({ "expired": ended }));
        }
    }
    assert_eq!(import.wait().await.unwrap().code(), Some(0));
    roles.cloud.no_faults();
    let after = roles.cloud.keys_of(&roles.caller).await.len();
    assert_eq!((ended.len() - before, after - before), (1, 2), "one session before it ended, one after");
}

async fn cannot_be_had(roles: &Roles, app: &str) {
    let facts = &roles.cloud.sandbox.facts;
    let mlferry = Mlferry::new();
    let mut settings = insta::Settings::clone_current();
    settings.add_filter("app-[A-Z0-9]{12}", "app-ID");
    let _bound = settings.bind_to_scope();
    let check = |role: &str| roles.with_role(&mlferry, &["check", "--source", app], role);

    assert_snapshot!("role_of_another_trust", said(check(&facts.role)).await);
    assert_snapshot!("role_that_is_not_there", said(check(&format!("{}-gone", roles.caller))).await);
    assert_snapshot!("role_that_is_none", said(check("mlflow")).await);
    let mut nowhere = check(&roles.caller);
    nowhere.env("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1");
    assert_snapshot!("role_without_sts", said(nowhere).await);
    roles.cloud.faults(&json!({ "deny": ["sts:AssumeRole"] }));
    assert_snapshot!("role_not_allowed", said(check(&roles.caller)).await);
    let connect = ["connect", "--target", app, "--json"];
    let connected = Ran::of(roles.with_role(&mlferry, &connect, &roles.caller)).await.exits(1);
    let lines = connected.lines();
    let failed = lines.iter().find(|line| line["level"] == "failure").unwrap();
    assert_eq!(failed["check"], "assumed role", "{failed}");
    assert!(failed["hint"].as_str().unwrap().contains("sts:AssumeRole"), "{failed}");
}

async fn said(command: Command) -> String {
    let ran = Ran::of(command).await;
    format!("exit {}\n{}{}", ran.code.unwrap(), ran.stdout, ran.stderr)
}
