//! Traces: read and write calls.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::{Timestamp, Unit};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::items::Items;
use super::registry::quoted;
use super::wire::{Pair, map};
use crate::entities::{Assessment, ExperimentId, Kind, RunId, Trace, integer};
use crate::error::{Error, Result};
use crate::io::{Listing, listing};
use crate::rest::{Call, Client, encode_path};

pub(in crate::rest) const SEARCH: &str = "/api/3.0/mlflow/traces/search";
const TRACES: &str = "/api/3.0/mlflow/traces";
/// The server refuses a larger page (MLflow 2.14 to 3.18).
const TRACES_PER_PAGE: usize = 500;
/// The server refuses more links in one request (MLflow 3.10, `store/tracking/sqlalchemy_store.py`).
const LINKS_PER_REQUEST: usize = 100;

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    traces: Items,
    next_page_token: Option<String>,
}

/// A trace in the third API, MLflow 3.2 on.
#[derive(Serialize, Deserialize)]
struct TraceV3 {
    trace_id: String,
    trace_location: Location,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_preview: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_preview: Option<String>,
    /// In RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_time: Option<String>,
    /// Seconds, followed by an `s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    execution_duration: Option<String>,
    #[serde(default)]
    state: String,
    #[serde(default)]
    trace_metadata: BTreeMap<String, String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    assessments: Vec<Assessment>,
}

#[derive(Serialize, Deserialize)]
struct Location {
    r#type: String,
    mlflow_experiment: Place,
}

#[derive(Serialize, Deserialize)]
struct Place {
    experiment_id: ExperimentId,
}

impl Location {
    fn of(experiment_id: &ExperimentId) -> Self {
        let mlflow_experiment = Place { experiment_id: experiment_id.clone() };
        Self { r#type: "MLFLOW_EXPERIMENT".to_owned(), mlflow_experiment }
    }
}

impl TraceV3 {
    /// Converts the trace. The assessments are sorted, because servers return them in any order.
    fn read(mut self) -> Result<Trace> {
        self.assessments.sort_by(|a, b| (a.create_time(), a.id()).cmp(&(b.create_time(), b.id())));
        Ok(Trace {
            id: self.trace_id,
            experiment_id: self.trace_location.mlflow_experiment.experiment_id,
            client_request_id: self.client_request_id,
            request_preview: self.request_preview,
            response_preview: self.response_preview,
            request_time: self.request_time.as_deref().map(milliseconds).transpose()?,
            duration: self.execution_duration.as_deref().map(duration).transpose()?,
            state: self.state,
            metadata: self.trace_metadata,
            tags: self.tags,
            assessments: self.assessments,
            ..Trace::default()
        })
    }

    fn of(trace: &Trace) -> Result<Self> {
        Ok(Self {
            trace_id: trace.id.clone(),
            trace_location: Location::of(&trace.experiment_id),
            client_request_id: trace.client_request_id.clone(),
            request_preview: trace.request_preview.clone(),
            response_preview: trace.response_preview.clone(),
            request_time: trace.request_time.map(timestamp).transpose()?,
            execution_duration: trace.duration.map(seconds),
            state: trace.state.clone(),
            trace_metadata: trace.metadata.clone(),
            tags: trace.tags.clone(),
            assessments: trace.assessments.clone(),
        })
    }
}

/// A trace in the older API, MLflow 2.14 on. It has no previews and no assessments.
#[derive(Deserialize)]
struct TraceV2 {
    request_id: String,
    experiment_id: ExperimentId,
    #[serde(default, with = "integer::optional")]
    timestamp_ms: Option<i64>,
    #[serde(default, with = "integer::optional")]
    execution_time_ms: Option<i64>,
    #[serde(default)]
    status: String,
    #[serde(default)]
    request_metadata: Vec<Pair>,
    #[serde(default)]
    tags: Vec<Pair>,
}

impl From<TraceV2> for Trace {
    fn from(wire: TraceV2) -> Self {
        Self {
            id: wire.request_id,
            experiment_id: wire.experiment_id,
            request_time: wire.timestamp_ms,
            duration: wire.execution_time_ms,
            state: wire.status,
            metadata: map(wire.request_metadata),
            tags: map(wire.tags),
            ..Self::default()
        }
    }
}

#[derive(Deserialize)]
struct Started {
    trace: StartedTrace,
}

#[derive(Deserialize)]
struct StartedTrace {
    trace_info: TraceV3,
}

impl Client {
    /// The traces of these experiments that a filter accepts (empty for all), oldest first.
    pub fn traces<'a>(&'a self, experiments: &'a [ExperimentId], filter: &'a str) -> Listing<'a, Trace> {
        listing(key, move |token: Option<String>| async move {
            let body = json!({
                "locations": experiments.iter().map(Location::of).collect::<Vec<_>>(),
                "filter": filter,
                "max_results": TRACES_PER_PAGE,
                "order_by": ["timestamp_ms ASC", "request_id ASC"],
                "page_token": token,
            });
            let page: Page = self.json(&Call::post(SEARCH, &body)?).await?;
            Ok((page.traces.read(Kind::Trace, "/trace_id", TraceV3::read), page.next_page_token))
        })
    }

    /// The traces of these experiments that are linked to one version of a prompt (MLflow 3.7 on): no other route
    /// reports these links.
    pub fn traces_of_prompt(
        &self,
        experiments: Vec<ExperimentId>,
        name: &str,
        version: u64,
    ) -> Result<Listing<'_, Trace>> {
        let filter = format!("prompt = {}", quoted(&format!("{name}/{version}"))?);
        let locations: Vec<Location> = experiments.iter().map(Location::of).collect();
        let locations = serde_json::to_value(locations)?;
        Ok(listing(key, move |token: Option<String>| {
            let body = json!({
                "locations": locations, "filter": filter, "max_results": TRACES_PER_PAGE, "page_token": token,
            });
            async move {
                let page: Page = self.json(&Call::post(SEARCH, &body)?).await?;
                Ok((page.traces.read(Kind::Trace, "/trace_id", TraceV3::read), page.next_page_token))
            }
        }))
    }

    /// Links a trace to prompt versions, each given as a name and a number. A repeated call changes nothing (MLflow
    /// 3.10, `store/tracking/sqlalchemy_store.py`, `link_prompts_to_trace`).
    pub async fn link_prompts(&self, trace: &str, versions: &[(&str, &str)]) -> Result<()> {
        let versions: Vec<_> =
            versions.iter().map(|(name, version)| json!({ "name": name, "version": version })).collect();
        let body = json!({ "trace_id": trace, "prompt_versions": versions });
        self.done(&Call::post("/api/2.0/mlflow/traces/link-prompts", &body)?).await
    }

    /// The traces of a server older than MLflow 3.2. On a newer server this route would change the traces' metadata.
    pub fn old_traces<'a>(&'a self, experiment: &'a ExperimentId) -> Listing<'a, Trace> {
        listing(key, move |token: Option<String>| async move {
            let mut call = Call::get("/api/2.0/mlflow/traces").query("experiment_ids", experiment);
            call = call.query("max_results", TRACES_PER_PAGE).query("order_by", "timestamp_ms ASC");
            if let Some(token) = token {
                call = call.query("page_token", token);
            }
            let page: Page = self.json(&call).await?;
            let into = |wire: TraceV2| Ok(wire.into());
            Ok((page.traces.read(Kind::Trace, "/request_id", into), page.next_page_token))
        })
    }

    /// The text of the trace's `traces.json`. Servers that store spans in the database generate it for each request.
    pub async fn spans(&self, trace: &str) -> Result<Bytes> {
        self.bytes(&Call::get("/ajax-api/2.0/mlflow/get-trace-artifact").query("request_id", trace)).await
    }

    /// Creates the trace, or replaces it with this content. Returns the trace as the server stored it.
    pub async fn start_trace(&self, trace: &Trace) -> Result<Trace> {
        let body = json!({ "trace": { "trace_info": TraceV3::of(trace)? } });
        self.json::<Started>(&Call::post(TRACES, &body)?).await?.trace.trace_info.read()
    }

    pub async fn set_trace_tag(&self, trace: &str, key: &str, value: &str) -> Result<()> {
        let body = json!({ "key": key, "value": value });
        let path = format!("{}/tags", encode_path(trace));
        self.done(&Call::with_body(Method::PATCH, TRACES, &body)?.below(&path)).await
    }

    pub async fn create_assessment(&self, trace: &str, assessment: &Assessment) -> Result<()> {
        let path = format!("{}/assessments", encode_path(trace));
        let body = json!({ "assessment": assessment });
        // The server refuses an id that already exists.
        self.done(&Call::post(TRACES, &body)?.below(&path).only_unsent()).await
    }

    pub async fn delete_assessment(&self, trace: &str, id: &str) -> Result<()> {
        let path = format!("{}/assessments/{}", encode_path(trace), encode_path(id));
        self.done(&Call::with_body(Method::DELETE, TRACES, &Value::Null)?.below(&path)).await
    }

    /// Links a run to traces. A repeated call changes nothing since MLflow 3.10 or so; 3.4 refuses it.
    pub async fn link_traces(&self, run: &RunId, traces: &[String]) -> Result<()> {
        for traces in traces.chunks(LINKS_PER_REQUEST) {
            let body = json!({ "trace_ids": traces, "run_id": run });
            self.done(&Call::post("/api/2.0/mlflow/traces/link-to-run", &body)?).await?;
        }
        Ok(())
    }
}

fn key(trace: &Trace) -> String {
    trace.id.clone()
}

fn milliseconds(text: &str) -> Result<i64> {
    let time: Timestamp =
        text.parse().map_err(|e| Error::permanent(format!("{text:?} is not a time: {e}")))?;
    let rounded = time.round(Unit::Millisecond);
    Ok(rounded.unwrap_or(time).as_millisecond())
}

fn timestamp(milliseconds: i64) -> Result<String> {
    let time = Timestamp::from_millisecond(milliseconds);
    let time = time.map_err(|e| Error::permanent(format!("{milliseconds} is not a time: {e}")))?;
    Ok(format!("{time:.3}"))
}

fn duration(text: &str) -> Result<i64> {
    let seconds: Option<f64> = text.strip_suffix('s').and_then(|seconds| seconds.parse().ok());
    let seconds = seconds.ok_or_else(|| Error::permanent(format!("{text:?} is not a duration")))?;
    Ok((seconds * 1000.0).round() as i64)
}

fn seconds(milliseconds: i64) -> String {
    let sign = if milliseconds < 0 { "-" } else { "" };
    let milliseconds = milliseconds.unsigned_abs();
    format!("{sign}{}.{:03}s", milliseconds / 1000, milliseconds % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_converted_without_loss() {
        for time in [0, 1, 1_612_325_106_789, -1, 1_795_485_148_829] {
            assert_eq!(milliseconds(&timestamp(time).unwrap()).unwrap(), time);
        }
        assert_eq!(timestamp(1_612_325_106_789).unwrap(), "2021-02-03T04:05:06.789Z");
        assert_eq!(milliseconds("2021-02-03T04:05:06Z").unwrap(), 1_612_325_106_000);
        for length in [0, 1, 61_234, -5, 123_456_789_012] {
            assert_eq!(duration(&seconds(length)).unwrap(), length);
        }
        assert_eq!(seconds(61_234), "61.234s");
        assert_eq!(duration("0.045s").unwrap(), 45);
        assert!(duration("1").is_err() && milliseconds("yesterday").is_err());
    }
}
