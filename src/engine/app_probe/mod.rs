//! Tests undocumented behaviour of a live App. The result is a file that the user can attach to a bug report, and that
//! can serve as a fixture. Successful answers are kept as their structure, without the data. Refusals are kept as text,
//! without ids and names.

mod limits;
mod redact;
mod routes;
mod shape;
mod trial;

use std::time::Instant;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use self::redact::Redactor;
use self::shape::shape;
use super::endpoint::open_managed;
use crate::aws::{AppDescription, Arn, ControlPlane, Session};
use crate::error::Result;
use crate::rest::{Access, Answer, Call, Client};

/// Longer texts in answers are not shown. A short text is, for example, a version.
const MAX_SHOWN_LENGTH: usize = 40;

/// The result of a probe. It does not contain accounts, ids, buckets, names or credentials.
#[derive(Debug, Serialize)]
pub struct AppProbe {
    mlferry: &'static str,
    /// The date of the probe.
    date: String,
    region: String,
    app: Value,
    routes: Vec<Answered>,
    trials: Vec<Tried>,
    limits: Vec<Answered>,
    /// The objects that could not be deleted again.
    pub not_migrated: Vec<String>,
}

/// A route and its answer.
#[derive(Debug, Serialize)]
struct Answered {
    method: &'static str,
    route: &'static str,
    /// The size of the request's body, where that matters.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<usize>,
    /// The HTTP status. `None` when there was no answer.
    status: Option<u16>,
    content_type: Option<String>,
    milliseconds: u64,
    body: Value,
}

/// A question that needs more than one request, and its answer.
#[derive(Debug, Serialize)]
struct Tried {
    question: &'static str,
    answer: String,
}

/// Opens the App and probes it. `with_limits` sends large requests too.
pub async fn app_probe(
    arn: &Arn,
    access: Access,
    with_limits: bool,
    tell: &(dyn Fn(&str) + Sync),
) -> Result<AppProbe> {
    let session = Session::open(Some(arn.region())).await?;
    let there = ControlPlane::new(&session, arn.region()).describe(arn).await?;
    let caller = session.clone().with_assumed_role().await?;
    let client = open_managed(arn.clone(), session, caller, access).await?.client;
    let prober = Prober { client: &client, redactor: Redactor::new(arn, &there) };
    tell("sending a request to each route …");
    let routes = prober.routes().await?;
    tell("testing experiments, a run and a trace …");
    let (trials, not_migrated) = prober.trials(&there.artifact_store_uri).await;
    let limits = match with_limits {
        true => {
            tell("sending larger and larger requests …");
            prober.limits().await
        }
        false => Vec::new(),
    };
    Ok(AppProbe {
        mlferry: env!("CARGO_PKG_VERSION"),
        date: Timestamp::now().strftime("%Y-%m-%d").to_string(),
        region: arn.region().to_owned(),
        app: described(arn, &there),
        routes,
        trials,
        limits,
        not_migrated,
    })
}

fn described(arn: &Arn, there: &AppDescription) -> Value {
    json!({
        "resource": arn.resource().to_string(),
        "status": there.listed.status,
        "mlflow_version": there.listed.mlflow_version,
        "registers_models": there.registers_models,
        "has_kms_key": there.kms_key_id.is_some(),
        "maintenance_status": there.maintenance_status,
        "has_prefix": there.artifact_store_uri.trim_start_matches("s3://").trim_end_matches('/').contains('/'),
    })
}

struct Prober<'a> {
    client: &'a Client,
    redactor: Redactor,
}

impl Prober<'_> {
    /// Sends one request and does not repeat it, because a refusal is a result too.
    async fn ask(
        &self,
        method: &'static str,
        route: &'static str,
        call: Call,
        bytes: Option<usize>,
    ) -> Answered {
        let started = Instant::now();
        let answer = self.client.ask_once(&call).await;
        let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (status, content_type, body) = match answer {
            Ok(answer) => (Some(answer.status), answer.content_type.clone(), self.body(&answer)),
            Err(error) => (None, None, Value::from(self.redactor.clean(&error.to_string()))),
        };
        Answered { method, route, bytes, status, content_type, milliseconds, body }
    }

    fn body(&self, answer: &Answer) -> Value {
        let text = String::from_utf8_lossy(&answer.body);
        match serde_json::from_slice::<Value>(&answer.body) {
            Ok(value) if answer.is_success() => shape(&value),
            _ if answer.is_success() && text.len() > MAX_SHOWN_LENGTH => {
                Value::from(format!("{} bytes that are not JSON", answer.body.len()))
            }
            _ => Value::from(self.redactor.clean(&text)),
        }
    }
}
