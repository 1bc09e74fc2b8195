//! The pre-flight against the sandbox: all checks pass, each possible problem is shown with its fix, and a running App
//! is probed.

use crate::support::aws::FakeAws;
use crate::support::{Mlferry, Ran};
use serde_json::{Value, json};

struct Ready {
    cloud: FakeAws,
    mlferry: Mlferry,
    arn: String,
}

impl Ready {
    async fn new() -> Self {
        let cloud = FakeAws::start().await;
        let arn = cloud.app("ready").await;
        Self { cloud, mlferry: Mlferry::new(), arn }
    }

    async fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.cloud.mlferry(&self.mlferry, args)).await
    }

    async fn connect(&self) -> Ran {
        self.run(&["connect", "--target", &self.arn, "--json"]).await
    }

    fn objects(&self) -> String {
        format!("arn:aws:s3:::{}/ready/*", self.cloud.sandbox.facts.bucket)
    }
}

fn lines(ran: &Ran) -> Vec<Value> {
    ran.lines().into_iter().filter(|line| line["type"] == "connect").collect()
}

#[track_caller]
fn line(ran: &Ran, check: &str) -> Value {
    let all = lines(ran);
    let found = all.iter().find(|line| line["check"] == check && line["level"] != "ok");
    found
        .or(all.iter().find(|line| line["check"] == check))
        .unwrap_or_else(|| panic!("{check}: {all:#?}"))
        .clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_problem_of_a_target_is_reported_with_its_remedy() {
    let ready = Ready::new().await;
    let ran = ready.connect().await.exits(0);
    let bad: Vec<Value> = lines(&ran).into_iter().filter(|line| line["level"] != "ok").collect();
    assert!(bad.is_empty(), "{bad:#?}");
    let checks: Vec<Value> = lines(&ran).into_iter().map(|line| line["check"].clone()).collect();
    let order = [
        "identity",
        "clock",
        "App",
        "maintenance",
        "data plane",
        "bucket region",
        "artifact store",
        "put object",
        "get object",
        "delete object",
        "multipart upload",
        "abort upload",
        "role trust",
        "App's role",
        "permissions",
    ];
    assert_eq!(checks, order);
    let human = ready.run(&["connect", "--target", &ready.arn]).await.exits(0);
    assert!(human.stdout.contains("target ok      put object: allowed"), "{}", human.stdout);

    let (arn, objects) = (ready.arn.clone(), ready.objects());
    let bucket = format!("arn:aws:s3:::{}", ready.cloud.sandbox.facts.bucket);
    let probes = format!("{}mlferry-preflight-*", objects.trim_end_matches('*'));
    let denied = [
        ("sagemaker:CallMlflowAppApi", "data plane", "failure", &arn),
        ("sagemaker:DescribeMlflowApp", "App", "warning", &arn),
        ("s3:ListBucket", "artifact store", "warning", &bucket),
        ("s3:PutObject", "put object", "failure", &objects),
        ("s3:GetObject", "get object", "failure", &objects),
        ("s3:DeleteObject", "delete object", "warning", &probes),
        ("s3:AbortMultipartUpload", "abort upload", "failure", &objects),
    ];
    for (action, check, level, resource) in denied {
        ready.cloud.faults(&json!({ "deny": [action] }));
        let ran = ready.connect().await.exits(i32::from(level == "failure"));
        let found = line(&ran, check);
        assert_eq!(found["level"], level, "{action}: {found}");
        let statement = &found["statement"];
        assert_eq!(statement["Effect"], "Allow", "{action}: {found}");
        assert!(statement["Action"].to_string().contains(action), "{action}: {found}");
        assert_eq!(statement["Resource"], **resource, "{action}: {found}");
        if check == "delete object" {
            assert!(found["text"].as_str().unwrap().contains("was not deleted"), "{found}");
        }
    }
    // A missing permission that is only recommended gives a warning.
    for (action, check) in [("iam:GetRole", "role trust"), ("iam:SimulatePrincipalPolicy", "permissions")] {
        ready.cloud.faults(&json!({ "deny": [action] }));
        let ran = ready.connect().await.exits(0);
        assert_eq!(line(&ran, check)["level"], "warning", "{action}");
    }

    ready.cloud.faults(&json!({ "clock_skew_seconds": 900 }));
    let ran = ready.connect().await.exits(1);
    assert!(line(&ran, "clock")["text"].as_str().unwrap().contains("min behind"), "{ran:?}");
    ready.cloud.faults(&json!({ "clock_skew_seconds": -120 }));
    let ran = ready.connect().await.exits(0);
    assert!(line(&ran, "clock")["text"].as_str().unwrap().contains("min ahead"), "{ran:?}");
    ready.cloud.faults(&json!({ "maintenance": "MaintenanceInProgress" }));
    assert_eq!(line(&ready.connect().await.exits(1), "maintenance")["level"], "failure");
    ready.cloud.faults(&json!({ "status": { arn.clone(): "Updating" } }));
    let busy = line(&ready.connect().await.exits(1), "App");
    assert!(busy["hint"].as_str().unwrap().contains("mlferry app wait"), "{busy}");
    ready.cloud.faults(&json!({ "status": { arn.clone(): "UpdateFailed" } }));
    assert_eq!(line(&ready.connect().await, "App")["level"], "warning");
    ready.cloud.expire();
    assert_eq!(line(&ready.connect().await.exits(1), "identity")["level"], "failure");
    ready.cloud.no_faults();

    let other = arn.replace("111122223333", "444455556666");
    let ran = ready.run(&["connect", "--target", &other, "--json"]).await.exits(1);
    assert!(line(&ran, "account")["hint"].as_str().unwrap().contains("AWS RAM"), "{ran:?}");
    let nobody = ready.run(&["connect", "--target", "http://127.0.0.1:1", "--json"]).await.exits(5);
    assert_eq!(line(&nobody, "server")["level"], "failure");
    // `run` starts with the pre-flight and stops.
    ready.cloud.faults(&json!({ "deny": ["s3:PutObject"] }));
    let run = ["run", "--source", &arn, "--target", &arn, "--yes"];
    let ran = ready.run(&run).await.exits(1);
    assert!(ran.stderr.contains("target, put object"), "{}", ran.stderr);
    ready.cloud.no_faults();

    names_that_the_model_registry_refuses(&ready).await;
    a_probe_of_the_app_holds_nothing_that_says_whose_it_is(&ready).await;
}

async fn names_that_the_model_registry_refuses(ready: &Ready) {
    let make = "import mlflow,sys; mlflow.set_tracking_uri(sys.argv[1]); \
                [mlflow.MlflowClient().create_registered_model(n) for n in ('my_model', 'fine-one')]";
    let made = ready.cloud.client().args(["-c", make, &ready.arn]).output().await.unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let mode = ["app", "update", &ready.arn, "--poll-interval", "0.2", "--model-registration-mode"];
    ready.run(&[&mode[..], &["AutoModelRegistrationEnabled"]].concat()).await.exits(0);
    let ran =
        ready.run(&["connect", "--source", &ready.arn, "--target", &ready.arn, "--json"]).await.exits(0);
    let found = line(&ran, "model registry");
    assert!(found["text"].as_str().unwrap().contains("refuses these names: \"my_model\""), "{found}");
    assert!(found["hint"].as_str().unwrap().contains("AutoModelRegistrationDisabled"), "{found}");
}

async fn a_probe_of_the_app_holds_nothing_that_says_whose_it_is(ready: &Ready) {
    let file = ready.mlferry.state.path().join("probe.json");
    let probe = ["app", "probe", "ready", "--output", file.to_str().unwrap(), "--limits"];
    assert!(ready.run(&probe).await.exits(2).stderr.contains("there is no terminal to ask in"));
    ready.run(&[&probe[..], &["--yes"]].concat()).await.exits(0);
    let text = std::fs::read_to_string(&file).unwrap();
    let found: Value = serde_json::from_str(&text).unwrap();
    let facts = &ready.cloud.sandbox.facts;
    let id = ready.arn.rsplit('/').next().unwrap();
    let session = &facts.session;
    let secrets = [
        &facts.account,
        &facts.bucket,
        id,
        &session.access_key,
        &session.secret,
        &session.token,
        "role/",
        "127.0.0.1",
    ];
    for secret in secrets {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
    let status = |route: &str| {
        let routes = found["routes"].as_array().unwrap();
        routes.iter().find(|one| one["route"] == route).unwrap()["status"].as_u64()
    };
    assert_eq!(status("/api/2.0/mlflow/experiments/search"), Some(200));
    assert_eq!(status("/v1/traces"), Some(404));
    let answer = |question: &str| {
        let trials = found["trials"].as_array().unwrap();
        trials.iter().find(|one| one["question"] == question).unwrap()["answer"].as_str().unwrap().to_owned()
    };
    // The sandbox has workspaces, like Apps.
    let chosen = answer("artifact_location within the artifact store");
    assert!(chosen.contains("cannot be specified when workspaces are enabled"), "{chosen}");
    assert!(answer("artifact_location left to the App").contains("<artifact store>/"), "{text}");
    assert!(answer("the id of a trace that the client chose").starts_with("kept"), "{text}");
    assert!(!found["limits"].as_array().unwrap().is_empty());

    // The experiment that the probe created is deleted.
    let left = "import mlflow,sys; mlflow.set_tracking_uri(sys.argv[1]); \
                print([e.name for e in mlflow.search_experiments()])";
    let left = ready.cloud.client().args(["-c", left, &ready.arn]).output().await.unwrap();
    let left = String::from_utf8(left.stdout).unwrap();
    assert!(left.contains("Default") && !left.contains("probe"), "{left}");
}
