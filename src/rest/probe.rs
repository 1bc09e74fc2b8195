use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::capability::{Capabilities, Version};
use super::client::is_missing;
use super::{Call, Client, PathRules, RUNS_PER_BULK_CALL};
use super::{evaluation, managed, traces};
use crate::error::{Cause, Class, Error, Result};

/// What the first look at a server finds.
#[derive(Clone, Debug)]
pub struct Probe {
    /// Absent when the server does not tell (before MLflow 2.3).
    pub version: Option<Version>,
    pub capabilities: Capabilities,
    /// Of one small question, after the connection stood.
    pub latency: Duration,
}

/// Finds out whether this is an MLflow tracking server that can be read, and what it can do. Only reads.
pub async fn probe(client: &Client) -> Result<Probe> {
    let told = version(client).await?;
    let version = match told.flatten() {
        None => described(client).await,
        version => version,
    };
    let started = Instant::now();
    is_tracking_server(client).await?;
    let latency = started.elapsed();
    let (bulk_history_runs, artifact_proxy, model_registry, logged_models, evaluation, third_traces) = tokio::try_join!(
        bulk_history_runs(client),
        answers(client, Call::get("/api/2.0/mlflow-artifacts/artifacts")),
        answers(client, Call::get("/api/2.0/mlflow/registered-models/search").query("max_results", 1)),
        answers(client, logged_models_search()?),
        answers(client, Call::post(evaluation::SEARCH, &json!({ "max_results": 1 }))?),
        answers(client, Call::post(traces::SEARCH, &json!({ "locations": [], "max_results": 1 }))?),
    )?;
    let at_least = match told {
        None if client.signer().is_none() => FORBIDS_VERSION,
        _ if evaluation => (3, 4),
        _ if third_traces => (3, 2),
        _ if logged_models => (3, 0),
        _ => (0, 0),
    };
    let since = |major, minor| match version {
        Some(version) => version >= Version::new(major, minor, 0),
        None => (major, minor) <= at_least,
    };
    let capabilities = Capabilities {
        bulk_history_runs,
        artifact_proxy,
        paths: PathRules::of(version),
        datasets: since(2, 5),
        model_registry,
        prompts: model_registry && since(2, 21),
        logged_models,
        evaluation,
        plain_model_names: since(3, 11),
        checked_sources: since(3, 17),
        plain_scorers: since(3, 12),
        long_experiment_tags: since(3, 16),
        traces: third_traces || since(2, 14),
        third_traces,
        trace_links: third_traces && since(3, 3),
        stored_spans: third_traces && since(3, 6),
    };
    Ok(Probe { version, capabilities, latency })
}

/// A release that forbids `/version` to all but administrators when it asks for a sign-in (3.16 does) is taken for this.
const FORBIDS_VERSION: (u32, u32) = (3, 11);

/// Managed MLflow may keep `/version` to itself; the control plane tells it to those who may ask.
async fn described(client: &Client) -> Option<Version> {
    let version = client.signer()?.mlflow_version().await?;
    Version::parse(&version)
}

/// `/version` since MLflow 2.3; none when it is forbidden. Its answer is not JSON, and other programs answer this path
/// with pages of their own.
async fn version(client: &Client) -> Result<Option<Option<Version>>> {
    match client.bytes(&Call::get("/version").question()).await {
        Ok(body) => Ok(Some(Version::parse(&String::from_utf8_lossy(&body)))),
        Err(e) if is_missing(&e) => Ok(Some(None)),
        Err(e) if e.class() == Class::Forbidden => Ok(None),
        Err(e) => Err(e),
    }
}

async fn is_tracking_server(client: &Client) -> Result<()> {
    let search = Call::post("/api/2.0/mlflow/experiments/search", &json!({ "max_results": 1 }))?.question();
    match client.json::<Value>(&search).await {
        Ok(Value::Object(_)) => Ok(()),
        Err(e) if matches!(e.class(), Class::Auth | Class::Forbidden | Class::Transient) => Err(e),
        Err(e) if !is_missing(&e) && e.status().is_some_and(|status| status >= 500) => Err(e),
        Ok(_) | Err(_) => Err(not_a_server(client).await),
    }
}

/// `experiments/list` answers on MLflow 1.x only.
async fn not_a_server(client: &Client) -> Error {
    let list = Call::get("/api/2.0/mlflow/experiments/list").question();
    let address = client.address();
    if client.json::<Value>(&list).await.is_ok() {
        return Error::permanent(format!(
            "{address} is an MLflow server older than 1.30, which cannot be read"
        ))
        .hint("upgrade a copy of it first: install mlflow 1.30 or newer, then `mlflow db upgrade`");
    }
    let (who, hint) = match address.arn() {
        None => (
            address.to_string(),
            "check the port and the path prefix; opened in a browser the address should show MLflow's own page"
                .to_owned(),
        ),
        Some(arn) if address.is_led_elsewhere() => (
            format!("what is at {} for {arn}", address.endpoint().unwrap_or_default()),
            managed::led_elsewhere(arn),
        ),
        Some(arn) => (arn.to_string(), "see whether a proxy on the way answers in the place of AWS".to_owned()),
    };
    Error::permanent(format!("{who} answers, but not as an MLflow tracking server")).hint(hint)
}

/// Asks for the history of runs that do not exist: an old server names its limit when it refuses so many.
async fn bulk_history_runs(client: &Client) -> Result<Option<usize>> {
    let mut call = Call::get("/ajax-api/2.0/mlflow/metrics/get-history-bulk").query("metric_key", "mlferry");
    for n in 0..RUNS_PER_BULK_CALL {
        call = call.query("run_id", format!("{n:032x}"));
    }
    match client.bytes(&call.question()).await {
        Ok(_) => Ok(Some(RUNS_PER_BULK_CALL)),
        Err(e) if is_missing(&e) && !e.is_code("RESOURCE_DOES_NOT_EXIST") => Ok(None),
        Err(e) if e.class() == Class::Transient => Err(e),
        Err(e) => match e.cause() {
            Some(Cause::MostRuns(limit)) => Ok(Some(limit)),
            _ => Ok(Some(RUNS_PER_BULK_CALL)),
        },
    }
}

/// `max_results` would be ignored where the route is missing, and keeps the answer small where it is not.
fn logged_models_search() -> Result<Call> {
    Call::post("/api/2.0/mlflow/logged-models/search", &json!({ "experiment_ids": ["0"], "max_results": 1 }))
}

/// True when the route exists and is switched on.
async fn answers(client: &Client, call: Call) -> Result<bool> {
    match client.bytes(&call.question()).await {
        Ok(_) => Ok(true),
        Err(e) if e.class() == Class::Transient => Err(e),
        Err(_) => Ok(false),
    }
}
