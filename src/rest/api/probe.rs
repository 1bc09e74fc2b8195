use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::capability::Capabilities;
use super::read::one_experiment;
use super::{evaluation, traces};
use crate::error::{Cause, Class, Error, Result};
use crate::rest::http::client::is_missing;
use crate::rest::http::managed;
use crate::rest::{Call, Client, PathRules, RUNS_PER_BULK_CALL, Version};

/// The result of the first requests to a server.
#[derive(Clone, Debug)]
pub struct Probe {
    /// Absent when the server does not report it (before MLflow 2.3).
    pub version: Option<Version>,
    pub capabilities: Capabilities,
    /// The latency of one small request on an open connection.
    pub latency: Duration,
    /// Features that the server may have, although it refused the requests that test for them.
    pub refused: Vec<Refused>,
}

/// A refused request that tests for a feature. The refusal does not mean that the server lacks the feature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub what: &'static str,
    pub reason: String,
}

const REGISTRY: &str = "registered models and prompts";
const LOGGED_MODELS: &str = "logged models";
const EVALUATION: &str = "evaluation datasets and scorers";
const TRACES: &str = "traces";
pub const ARTIFACT_PROXY: &str = "its artifact proxy";

/// Checks whether this is a readable MLflow tracking server, and finds its capabilities. It only reads.
///
/// A refused feature counts as present: reading it later fails with its name.
pub async fn probe(client: &Client) -> Result<Probe> {
    let reported = version(client).await?;
    let version = match reported.flatten() {
        None => described(client).await,
        version => version,
    };
    let started = Instant::now();
    is_tracking_server(client).await?;
    let latency = started.elapsed();
    let ask = |what, since, call| Question { client, version, what, since }.ask(call);
    let (bulk_history_runs, artifact_proxy, registry, logged, evaluated, third) = tokio::try_join!(
        bulk_history_runs(client),
        ask(ARTIFACT_PROXY, OLDEST, Call::get("/api/2.0/mlflow-artifacts/artifacts")),
        ask(REGISTRY, OLDEST, Call::get("/api/2.0/mlflow/registered-models/search").query("max_results", 1)),
        ask(LOGGED_MODELS, (3, 0), logged_models_search()?),
        ask(EVALUATION, (3, 4), Call::post(evaluation::SEARCH, &json!({ "max_results": 1 }))?),
        ask(TRACES, (3, 2), Call::post(traces::SEARCH, &json!({ "locations": [], "max_results": 1 }))?),
    )?;
    let at_least = match reported {
        None if client.address().arn().is_none() => FORBIDS_VERSION,
        _ if evaluated == Found::Yes => (3, 4),
        _ if third == Found::Yes => (3, 2),
        _ if logged == Found::Yes => (3, 0),
        _ => (0, 0),
    };
    let since = |major, minor| match version {
        Some(version) => version >= Version::new(major, minor, 0),
        None => (major, minor) <= at_least,
    };
    let (model_registry, traces_v3) = (registry.may_be(), third.may_be());
    let capabilities = Capabilities {
        bulk_history_runs,
        artifact_proxy: artifact_proxy == Found::Yes,
        paths: PathRules::of(version),
        datasets: since(2, 5),
        model_registry,
        prompts: model_registry && since(2, 21),
        logged_models: logged.may_be(),
        evaluation: evaluated.may_be(),
        restricts_model_names: since(3, 11),
        checked_sources: since(3, 17),
        refuses_code_scorers: since(3, 12),
        long_experiment_tags: since(3, 16),
        traces: traces_v3 || since(2, 14),
        traces_v3,
        trace_links: traces_v3 && since(3, 3),
        prompt_links: traces_v3 && evaluated.may_be() && since(3, 7),
        stored_spans: traces_v3 && since(3, 6),
        span_links: traces_v3 && since(3, 13),
        span_kinds: traces_v3 && since(3, 18),
    };
    let refused = [artifact_proxy, registry, logged, evaluated, third].into_iter().filter_map(Found::refused);
    Ok(Probe { version, capabilities, latency, refused: refused.collect() })
}

/// The oldest release that can be read. It has every feature that is not listed with a later release.
const OLDEST: (u32, u32) = (1, 30);

/// Whether a server has a feature.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Found {
    Yes,
    No,
    Refused(Refused),
}

impl Found {
    fn may_be(&self) -> bool {
        *self != Self::No
    }

    fn refused(self) -> Option<Refused> {
        match self {
            Self::Refused(refused) => Some(refused),
            Self::Yes | Self::No => None,
        }
    }
}

/// A request that tests for a feature. `since` is the first release that has it.
struct Question<'a> {
    client: &'a Client,
    version: Option<Version>,
    what: &'static str,
    since: (u32, u32),
}

impl Question<'_> {
    /// # Errors
    /// When the server refuses the sign-in: then the other requests would fail, too.
    async fn ask(self, call: Call) -> Result<Found> {
        let error = match self.client.bytes(&call.question()).await {
            Ok(_) => return Ok(Found::Yes),
            Err(error) if error.class() == Class::Auth => return Err(error),
            Err(error) => error,
        };
        let (major, minor) = self.since;
        let has = self.version.map(|version| version >= Version::new(major, minor, 0));
        let reason = match (has_none(&error), has) {
            // This release does not have the route, even if a gateway refused the request.
            (_, Some(false)) => return Ok(Found::No),
            // The page of MLflow itself, or of a gateway that allows only some routes. Managed MLflow omits some
            // routes.
            (true, Some(true)) if is_no_route(&error) && self.client.signer().is_none() => {
                let version = self.version.map(|version| version.to_string()).unwrap_or_default();
                format!("{error}: MLflow {version} has it, so a gateway in front of the server may block it")
            }
            (true, _) => return Ok(Found::No),
            (false, _) => error.to_string(),
        };
        Ok(Found::Refused(Refused { what: self.what, reason }))
    }
}

/// True when the server reports that it lacks the feature: the route does not exist, or not for this store. All other
/// refusals concern the caller or a temporary state.
pub(in crate::rest) fn has_none(error: &Error) -> bool {
    let is_missing = matches!(error.status(), Some(404 | 405 | 501));
    // MLflow 3.4 on, `store/tracking/file_store.py`.
    let is_disabled = error.is_code("FEATURE_DISABLED");
    is_missing || is_disabled || matches!(error.cause(), Some(Cause::SwitchedOff | Cause::NotInThisStore))
}

/// True when the route does not exist, and the answer has no error code of MLflow.
fn is_no_route(error: &Error) -> bool {
    error.answered().is_some_and(|answered| answered.status == 404 && answered.error_code.is_empty())
}

/// The release that is assumed for a server that forbids `/version`. A release with a required sign-in may allow this
/// route only to administrators (3.16 does).
const FORBIDS_VERSION: (u32, u32) = (3, 11);

/// The version from the control plane, for callers with the permission. Managed MLflow may not offer `/version`.
async fn described(client: &Client) -> Option<Version> {
    let version = client.signer()?.mlflow_version().await?;
    Version::parse(&version)
}

/// The answer of `/version`, which exists since MLflow 2.3. The outer value is `None` when the route is forbidden, the
/// inner one when it does not exist or answers something else. Its answer is not JSON, and other programs answer this
/// path with their own pages.
async fn version(client: &Client) -> Result<Option<Option<Version>>> {
    match client.bytes(&Call::get("/version").question()).await {
        Ok(body) => Ok(Some(Version::parse(&String::from_utf8_lossy(&body)))),
        Err(e) if is_missing(&e) => Ok(Some(None)),
        Err(e) if e.class() == Class::Forbidden => Ok(None),
        Err(e) => Err(e),
    }
}

impl Client {
    /// True when the server gives any answer to a small request.
    pub async fn still_answers(&self) -> bool {
        let Ok(search) = one_experiment() else { return false };
        match self.bytes(&search.question()).await {
            Ok(_) => true,
            Err(error) => error.is_about_object(),
        }
    }
}

async fn is_tracking_server(client: &Client) -> Result<()> {
    let search = one_experiment()?.question();
    match client.json::<Value>(&search).await {
        Ok(Value::Object(_)) => Ok(()),
        Err(e) if matches!(e.class(), Class::Auth | Class::Forbidden | Class::Transient) => Err(e),
        Err(e) if !is_missing(&e) && e.status().is_some_and(|status| status >= 500) => Err(e),
        // The error already names the redirect's target.
        Err(e) if e.status().is_some_and(|status| (300..400).contains(&status)) => Err(e),
        Ok(_) | Err(_) => Err(not_a_server(client).await),
    }
}

/// Only MLflow 1.x answers `experiments/list`.
async fn not_a_server(client: &Client) -> Error {
    let list = Call::get("/api/2.0/mlflow/experiments/list").question();
    let address = client.address();
    if client.json::<Value>(&list).await.is_ok() {
        return Error::permanent(format!(
            "{address} is an MLflow server older than 1.30, which cannot be read"
        ))
        .hint("upgrade a copy of it first: install mlflow 1.30 or newer, then `mlflow db upgrade`");
    }
    if let Some(page) = page(client).await.filter(|_| address.arn().is_none()) {
        return Error::permanent(format!("{address} answers with a web page{page}, not as an MLflow tracking server")).hint(
            "check the port and the path prefix; if the page is a sign-in, give the headers of the gateway with \
             MLFERRY_SOURCE_HEADERS, or a command that gives tokens with MLFERRY_SOURCE_TOKEN_COMMAND (MLFERRY_TARGET_… \
             for the target)",
        );
    }
    let (who, hint) = match address.arn() {
        None => (
            address.to_string(),
            "check the port and the path prefix; in a browser, the address should show MLflow's own page"
                .to_owned(),
        ),
        Some(arn) if address.has_custom_endpoint() => (
            format!("the endpoint {} for {arn}", address.endpoint().unwrap_or_default()),
            managed::custom_endpoint_hint(arn),
        ),
        Some(arn) => (arn.to_string(), "check whether a proxy answers instead of AWS".to_owned()),
    };
    Error::permanent(format!("{who} answers, but not as an MLflow tracking server")).hint(hint)
}

/// The title of the web page that came instead of an answer of MLflow. Empty when the page has no title.
async fn page(client: &Client) -> Option<String> {
    let search = one_experiment().ok()?;
    let answer = client.ask_once(&search).await.ok()?;
    let text = String::from_utf8_lossy(&answer.body);
    let is_page = text.trim_start().starts_with('<');
    // Any web server returns a 404 page.
    (is_page && answer.is_success())
        .then(|| title(&text).map(|title| format!(" {title:?}")).unwrap_or_default())
}

fn title(page: &str) -> Option<String> {
    let start = page.to_ascii_lowercase().find("<title")?;
    let title = page[start..].split_once('>')?.1.split('<').next()?;
    let title: String = title.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(80).collect();
    (!title.is_empty()).then_some(title)
}

/// Asks for the history of runs that do not exist: an old server reports its limit when it refuses so many.
async fn bulk_history_runs(client: &Client) -> Result<Option<usize>> {
    let mut call = Call::get("/ajax-api/2.0/mlflow/metrics/get-history-bulk").query("metric_key", "mlferry");
    for n in 0..RUNS_PER_BULK_CALL {
        call = call.query("run_id", format!("{n:032x}"));
    }
    match client.bytes(&call.question()).await {
        Ok(_) => Ok(Some(RUNS_PER_BULK_CALL)),
        Err(e) if is_missing(&e) && !e.is_code("RESOURCE_DOES_NOT_EXIST") => Ok(None),
        // The route for one run at a time may still be allowed.
        Err(e) if matches!(e.class(), Class::Forbidden | Class::Transient) => Ok(None),
        Err(e) => match e.cause() {
            Some(Cause::MostRuns(limit)) => Ok(Some(limit)),
            _ => Ok(Some(RUNS_PER_BULK_CALL)),
        },
    }
}

/// A server without the route ignores `max_results`; a server with it returns a small answer.
fn logged_models_search() -> Result<Call> {
    Call::post("/api/2.0/mlflow/logged-models/search", &json!({ "experiment_ids": ["0"], "max_results": 1 }))
}

#[cfg(test)]
mod tests;
