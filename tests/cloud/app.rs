//! The commands for Apps against the sandbox: list, create, wait, open, describe and change, and the messages when AWS
//! refuses.

use std::process::Stdio;
use std::time::Duration;

use crate::support::aws::FakeAws;
use crate::support::{Mlferry, Ran};
use insta::assert_snapshot;
use mlferry::demo::SandboxOptions;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

/// A short poll interval, because the sandbox is fast.
const QUICK: [&str; 2] = ["--poll-interval", "0.2"];

async fn control_plane() -> FakeAws {
    FakeAws::start_with(SandboxOptions { servers_on_demand: true, ..SandboxOptions::default() }).await
}

struct Account {
    cloud: FakeAws,
    mlferry: Mlferry,
    store: String,
}

impl Account {
    async fn new() -> Self {
        let cloud = control_plane().await;
        let store = cloud.store("mlflow");
        Self { cloud, mlferry: Mlferry::new(), store }
    }

    async fn run(&self, args: &[&str]) -> Ran {
        self.run_with(args, &[]).await
    }

    /// Runs the command with these variables. An empty value removes a variable.
    async fn run_with(&self, args: &[&str], env: &[(&str, &str)]) -> Ran {
        let mut command = self.cloud.mlferry(&self.mlferry, args);
        for (name, value) in env {
            if value.is_empty() {
                command.env_remove(name)
            } else {
                command.env(name, value)
            };
        }
        Ran::of(command).await
    }

    fn create<'a>(&'a self, name: &'a str) -> Vec<&'a str> {
        let role = self.cloud.sandbox.facts.role.as_str();
        let given =
            ["app", "create", "--name", name, "--artifact-store-uri", &self.store, "--role-arn", role];
        [&given[..], &QUICK, &["--yes"]].concat()
    }

    /// The exit code and all output, with the values that change from run to run replaced.
    async fn said(&self, args: &[&str], env: &[(&str, &str)]) -> String {
        let ran = self.run_with(args, env).await;
        let text = format!("exit {}\n{}{}", ran.code.unwrap(), ran.stdout, ran.stderr);
        let text = mask(&text, "127.0.0.1:", |c| c.is_ascii_digit(), "PORT");
        mask(&text, "mlflow-app/app-", |c| c.is_ascii_alphanumeric(), "ID")
    }
}

fn mask(text: &str, before: &str, what: impl Fn(char) -> bool, with: &str) -> String {
    let mut parts = text.split(before);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |done, part| format!("{done}{before}{with}{}", part.trim_start_matches(&what)))
}

fn of_type(ran: &Ran, kind: &str) -> Vec<Value> {
    ran.lines().into_iter().filter(|line| line["type"] == kind).collect()
}

/// A response that the control plane sends instead of its own.
fn refusal(operation: &str, code: &str, message: &str) -> Value {
    let body = json!({ "__type": code, "message": message }).to_string();
    json!({ "plane": "control", "match": operation, "status": 400, "body": body })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_is_created_once_described_changed_and_opened() {
    let account = Account::new().await;
    let facts = &account.cloud.sandbox.facts;
    assert_snapshot!("list_empty", account.said(&["app", "list"], &[]).await);

    let unasked = account.create("production");
    let unasked: Vec<&str> = unasked.into_iter().filter(|word| *word != "--yes").collect();
    assert_snapshot!("create_needs_consent", account.said(&unasked, &[]).await);

    let created = account.run(&[&account.create("production")[..], &["--json"]].concat()).await.exits(0);
    let made = &of_type(&created, "app_made")[0];
    assert_eq!(made["found"], false);
    let arn = made["arn"].as_str().unwrap().to_owned();
    assert!(of_type(&created, "app_status").iter().any(|line| line["status"] == "Creating"));
    let app = &of_type(&created, "app")[0];
    assert_eq!((app["status"].as_str(), app["name"].as_str()), (Some("Created"), Some("production")));
    assert_eq!(created.lines().last().unwrap()["type"], "outcome");

    let again = account.run(&account.create("production")).await.exits(0);
    assert_eq!(again.stdout.trim(), arn);
    assert!(again.stderr.contains("exists already"), "{}", again.stderr);
    let elsewhere = account.cloud.store("elsewhere");
    let mut other = account.create("production");
    other[5] = &elsewhere;
    assert_snapshot!("create_other_of_that_name", account.said(&other, &[]).await);

    account.cloud.tracking_server("older").await;
    assert_snapshot!("list", account.said(&["app", "list"], &[]).await);
    let listed = account.run(&["app", "list", "--json"]).await.exits(0);
    let kinds: Vec<&Value> =
        of_type(&listed, "app").iter().map(|one| one["resource"].clone()).map(leak).collect();
    assert_eq!(kinds, ["mlflow_app", "mlflow_tracking_server"]);
    let described = account.said(&["app", "describe", "production"], &[]).await;
    let described = mask(&described, "created           ", |c| c != '\n', "WHEN");
    assert_snapshot!("describe", mask(&described, "last modified     ", |c| c != '\n', "WHEN"));
    account.run(&["app", "describe", "older", "--json"]).await.exits(0);

    // A change of the maintenance window must not enable model registration, which AWS does by default.
    let window = ["app", "update", &arn, "--weekly-maintenance-window-start", "Tue:03:30", "--json"];
    let changed = account.run(&[&window[..], &QUICK].concat()).await.exits(0);
    let app = &of_type(&changed, "app")[0];
    assert_eq!(app["weekly_maintenance_window_start"], "Tue:03:30");
    assert_eq!(app["registers_models"], false);
    let mode = ["app", "update", &arn, "--model-registration-mode", "AutoModelRegistrationEnabled", "--json"];
    let changed = account.run(&[&mode[..], &QUICK].concat()).await.exits(0);
    assert_eq!(of_type(&changed, "app")[0]["registers_models"], true);

    let opened =
        account.run_with(&["app", "open", &arn, "--json"], &[("MLFERRY_LOG", "trace")]).await.exits(0);
    let url = of_type(&opened, "app_link")[0]["url"].as_str().unwrap().to_owned();
    assert!(url.starts_with("http"), "{url}");
    let opened = account.run(&["app", "open", &arn]).await.exits(0);
    assert!(opened.stdout.starts_with("http") && !opened.stdout.contains('\x1b'), "{}", opened.stdout);
    let log = std::fs::read_to_string(account.mlferry.state.path().join("mlferry.log")).unwrap();
    for secret in [url.rsplit('=').next().unwrap(), &facts.session.secret, &facts.session.token] {
        assert!(secret.len() > 8 && !log.contains(secret), "a secret is in the log");
    }
}

fn leak(value: Value) -> &'static Value {
    Box::leak(Box::new(value))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_wait_continues() {
    let options = SandboxOptions {
        servers_on_demand: true,
        create_time: Duration::from_secs(4),
        ..SandboxOptions::default()
    };
    let cloud = FakeAws::start_with(options).await;
    let account = Account { store: cloud.store("mlflow"), mlferry: Mlferry::new(), cloud };
    assert_snapshot!("wait_for_nothing", account.said(&["app", "wait"], &[]).await);
    let create = [&account.create("interrupted")[..], &["--json"]].concat();
    let mut command = account.cloud.mlferry(&account.mlferry, &create);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let arn = loop {
        let line: Value = serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap();
        if line["type"] == "app_made" {
            break line["arn"].as_str().unwrap().to_owned();
        }
    };
    child.kill().await.unwrap();
    let waited = account.run(&[&["app", "wait", "--json"][..], &QUICK].concat()).await.exits(0);
    assert_eq!(of_type(&waited, "app")[0]["arn"], arn);
    assert_eq!(of_type(&account.run(&create).await.exits(0), "app_made")[0]["found"], true);
    // A ready App is no longer waited for.
    account.run(&["app", "wait"]).await.exits(2);

    // A slow creation.
    account.cloud.faults(&json!({ "status": { arn.clone(): "Creating" } }));
    let short = [&["app", "wait", &arn, "--timeout", "1"][..], &QUICK].concat();
    let said = account.said(&short, &[]).await;
    assert_snapshot!(
        "wait_too_long",
        said.lines().filter(|line| !line.starts_with("Creating, ")).collect::<Vec<_>>().join("\n")
    );
    for (name, status) in [("wait_failed", "CreateFailed"), ("wait_deleted", "Deleted")] {
        account.cloud.faults(&json!({ "status": { arn.clone(): status } }));
        let said = account.said(&short, &[]).await;
        assert_snapshot!(name, mask(&said, &format!("{status}, "), |c| c != '\n', "SECONDS"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_is_not_known_yet_is_waited_for() {
    let account = Account::new().await;
    let message = "SageMaker is unable to perform: sts:AssumeRole on resource";
    let mut not_yet = refusal("CreateMlflowApp", "ValidationException", message);
    not_yet["times"] = json!(2);
    account.cloud.faults(&json!({ "answers": [not_yet] }));
    let create = [&account.create("fresh")[..], &["--json"]].concat();
    let created = account.run(&create).await.exits(0);
    assert_eq!(of_type(&created, "app_role_awaited").len(), 2);

    // The response is lost, but the App exists: it is found, not created twice.
    let lost = json!({ "plane": "control", "match": "CreateMlflowApp", "times": 1, "cut": true });
    account.cloud.faults(&json!({ "answers": [lost] }));
    let create = [&account.create("lost")[..], &["--json"]].concat();
    let created = account.run(&create).await.exits(0);
    assert_eq!(of_type(&created, "app_made")[0]["found"], true);
    account.cloud.no_faults();
    let listed = account.run(&["app", "list", "--json"]).await.exits(0);
    assert_eq!(of_type(&listed, "app").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_has_a_hint() {
    let account = Account::new().await;
    let arn = "arn:aws:sagemaker:eu-central-1:111122223333:mlflow-app/app-ABCDEFGHIJKL";
    let describe = ["app", "describe", arn];
    let create = account.create("new");

    account.cloud.faults(&json!({ "deny": ["iam:PassRole"] }));
    assert_snapshot!("refused_pass_role", account.said(&create, &[]).await);
    account.cloud.faults(&json!({ "deny": ["sagemaker:ListMlflowApps"] }));
    assert_snapshot!("refused_list", account.said(&["app", "list"], &[]).await);

    let table = [
        (
            "refused_limit",
            "CreateMlflowApp",
            "ResourceLimitExceeded",
            "The account-level service limit is 3 Apps",
        ),
        ("refused_store", "CreateMlflowApp", "ValidationException", "Unable to access the S3 bucket"),
        (
            "refused_role",
            "CreateMlflowApp",
            "ValidationException",
            "SageMaker is unable to perform: sts:AssumeRole",
        ),
        ("refused_throttled", "CreateMlflowApp", "ThrottlingException", "Rate exceeded"),
    ];
    let hurried = [&create[..], &["--timeout", "1"]].concat();
    for (name, operation, code, message) in table {
        account.cloud.faults(&json!({ "answers": [refusal(operation, code, message)] }));
        let said = account.said(&hurried, &[]).await;
        let said: Vec<&str> =
            said.lines().filter(|line| !line.starts_with("the role is not available")).collect();
        assert_snapshot!(name, said.join("\n"));
    }
    let busy = refusal("UpdateMlflowApp", "ConflictException", "MLflow App is in status Updating.");
    account.cloud.faults(&json!({ "answers": [busy] }));
    let update = ["app", "update", arn, "--model-registration-mode", "AutoModelRegistrationDisabled"];
    assert_snapshot!("refused_conflict", account.said(&update, &[]).await);

    account.cloud.expire();
    assert_snapshot!("refused_expired", account.said(&describe, &[]).await);
    account.cloud.no_faults();
    assert_snapshot!("refused_not_there", account.said(&describe, &[]).await);
    let nowhere = [("AWS_ENDPOINT_URL_SAGEMAKER", "http://127.0.0.1:1")];
    assert_snapshot!("refused_unreachable", account.said(&describe, &nowhere).await);
    let key = [("AWS_SECRET_ACCESS_KEY", "wrong")];
    assert_snapshot!("refused_signature", account.said(&describe, &key).await);
    let nobody = [
        ("AWS_ACCESS_KEY_ID", ""),
        ("AWS_SECRET_ACCESS_KEY", ""),
        ("AWS_SESSION_TOKEN", ""),
        ("HOME", "/nonexistent"),
    ];
    assert_snapshot!("refused_no_credentials", account.said(&describe, &nobody).await);
    let no_region = [("AWS_REGION", ""), ("AWS_DEFAULT_REGION", ""), ("HOME", "/nonexistent")];
    assert_snapshot!("refused_no_region", account.said(&["app", "list"], &no_region).await);
}

#[tokio::test]
async fn invalid_input_is_reported_before_a_request_to_aws() {
    let mlferry = Mlferry::new();
    let run = async |args: &[&str]| {
        let mut command = mlferry.command(args);
        command.env("AWS_ACCESS_KEY_ID", "AKID").env("AWS_SECRET_ACCESS_KEY", "secret");
        command.env("AWS_REGION", "eu-west-1").env("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
        let ran = Ran::of(command).await;
        format!("exit {}\n{}{}", ran.code.unwrap(), ran.stdout, ran.stderr)
    };
    let role = "arn:aws:iam::111122223333:role/r";
    let create = async |name: &str, store: &str, role: &str, more: &[&str]| {
        let given = ["app", "create", "--name", name, "--artifact-store-uri", store, "--role-arn", role];
        run(&[&given[..], more].concat()).await
    };
    assert_snapshot!("sense_name", create("my_app", "s3://bucket/x", role, &[]).await);
    assert_snapshot!("sense_store", create("app", "bucket/x", role, &[]).await);
    assert_snapshot!("sense_role", create("app", "s3://bucket/x", "mlflow-role", &[]).await);
    let window = ["--weekly-maintenance-window-start", "TUE:03:30"];
    assert_snapshot!("sense_window", create("app", "s3://bucket/x", role, &window).await);
    let china = ["--region", "cn-north-1"];
    assert_snapshot!("sense_china", create("app", "s3://bucket/x", role, &china).await);
    let domain = "arn:aws:sagemaker:eu-west-1:111122223333:domain/d-abc";
    assert_snapshot!("sense_kind", run(&["app", "describe", domain]).await);
    let app = "arn:aws:sagemaker:eu-west-1:111122223333:mlflow-app/app-ABCDEFGHIJKL";
    assert_snapshot!("sense_region", run(&["app", "describe", app, "--region", "us-east-1"]).await);
    let server = "arn:aws:sagemaker:eu-west-1:111122223333:mlflow-tracking-server/older";
    let mode = ["--model-registration-mode", "AutoModelRegistrationDisabled"];
    assert_snapshot!("sense_update", run(&[&["app", "update", server][..], &mode].concat()).await);
}

#[tokio::test]
async fn policies_are_json_and_filled_in() {
    let mlferry = Mlferry::new();
    let given = [
        "--account",
        "111122223333",
        "--region",
        "eu-west-1",
        "--bucket",
        "my-bucket",
        "--prefix",
        "/team/mlflow/",
        "--role",
        "arn:aws:iam::111122223333:role/service/mlflow-app",
        "--migration-role",
        "arn:aws:iam::111122223333:role/migration",
        "--kms-key",
        "arn:aws:kms:eu-west-1:111122223333:key/k",
    ];
    for name in ["migration-principal", "app-role", "app-role-trust", "tracking-server-source"] {
        let ran = mlferry.run(&[&["app", "policy", name][..], &given].concat()).await.exits(0);
        let policy: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(policy["Version"], "2012-10-17");
        assert!(!ran.stdout.contains("${"), "{}", ran.stdout);
        assert_snapshot!(format!("policy_{name}"), ran.stdout);
    }
    let all = mlferry.run(&["app", "policy", "--json"]).await.exits(0);
    assert_eq!(of_type(&all, "policy").len(), 4);
    let bare = mlferry.run(&["app", "policy", "app-role"]).await.exits(0);
    assert!(bare.stderr.contains("to be filled in: ${Bucket}, ${Prefix}"), "{}", bare.stderr);
    let app = "arn:aws:sagemaker:eu-west-1:111122223333:mlflow-app/app-ABCDEFGHIJKL";
    let of_one = mlferry.run(&["app", "policy", "migration-principal", "--app", app]).await.exits(0);
    assert!(of_one.stdout.contains(app) && !of_one.stdout.contains("CreateMlflowApp\""), "{}", of_one.stdout);
}
