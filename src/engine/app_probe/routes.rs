use serde_json::{Value, json};

use super::{Answered, Prober};
use crate::error::Result;
use crate::rest::Call;

/// Routes that are not documented for an App, and some routes that must exist. None of these requests changes anything:
/// they only read, or they name an object that does not exist.
fn table() -> Vec<(&'static str, &'static str, Option<Value>)> {
    let none = json!({ "run_id": "mlferry-probe", "path": "probe.txt" });
    vec![
        ("GET", "/version", None),
        ("GET", "/health", None),
        ("GET", "/api/3.0/mlflow/server-info", None),
        ("POST", "/api/2.0/mlflow/experiments/search", Some(json!({ "max_results": 1 }))),
        ("POST", "/api/2.0/mlflow/runs/search", Some(json!({ "experiment_ids": ["0"], "max_results": 1 }))),
        ("GET", "/api/2.0/mlflow/registered-models/search", None),
        (
            "POST",
            "/api/2.0/mlflow/logged-models/search",
            Some(json!({ "experiment_ids": ["0"], "max_results": 1 })),
        ),
        ("POST", "/api/3.0/mlflow/traces/search", Some(json!({ "locations": [], "max_results": 1 }))),
        ("POST", "/api/3.0/mlflow/datasets/search", Some(json!({ "max_results": 1 }))),
        ("GET", "/api/3.0/mlflow/scorers/list", None),
        ("GET", "/api/3.0/mlflow/workspaces", None),
        ("GET", "/api/2.0/mlflow/webhooks", None),
        ("GET", "/api/2.0/mlflow-artifacts/artifacts", None),
        ("POST", "/api/2.0/mlflow/artifacts/presigned-upload-url", Some(none)),
        ("GET", "/ajax-api/2.0/mlflow/metrics/get-history-bulk", None),
        ("GET", "/get-artifact", None),
        ("GET", "/api/2.0/mlflow/gateway/endpoints", None),
        ("GET", "/api/2.0/endpoints/", None),
        ("GET", "/ajax-api/3.0/mlflow/get-trace-artifact", None),
        ("GET", "/api/2.0/mlflow/no-such-route", None),
    ]
}

impl Prober<'_> {
    pub(super) async fn routes(&self) -> Result<Vec<Answered>> {
        let mut answers = Vec::new();
        for (method, route, body) in table() {
            let call = match &body {
                None => Call::get(route),
                Some(body) => Call::post(route, body)?,
            };
            answers.push(self.ask(method, route, call, None).await);
        }
        // The message is empty, so no span is written.
        let otlp = "/v1/traces";
        let call = Call::post_bytes(otlp, "application/x-protobuf", Vec::new());
        answers.push(self.ask("POST", otlp, call.header("x-mlflow-experiment-id", "0"), None).await);
        Ok(answers)
    }
}
