use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ExperimentId, Kind, Owner, RunId, integer};
use crate::error::{Error, Result};

/// The record of one call of an application (MLflow 2.14 on), without its spans, which are read separately.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Trace {
    /// The id, which the client chooses and the migration keeps: `tr-` and 32 hexadecimal digits, without the `tr-`
    /// before MLflow 3.
    pub id: String,
    pub experiment_id: ExperimentId,
    pub client_request_id: Option<String>,
    /// The beginnings of the inputs and outputs.
    pub request_preview: Option<String>,
    pub response_preview: Option<String>,
    /// Milliseconds since 1970.
    #[serde(with = "integer::optional")]
    pub request_time: Option<i64>,
    /// Milliseconds; absent while the call runs.
    #[serde(with = "integer::optional")]
    pub duration: Option<i64>,
    /// `OK`, `ERROR`, `IN_PROGRESS` or `STATE_UNSPECIFIED`.
    pub state: String,
    /// Metadata cannot be changed afterwards. Values are always text, even while a key has no value yet.
    pub metadata: BTreeMap<String, String>,
    pub tags: BTreeMap<String, String>,
    pub assessments: Vec<Assessment>,
    /// Versions of prompts to which the trace is linked (MLflow 3.7 on), as `name/number`.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub linked_prompts: BTreeSet<String>,
}

/// The names of MLflow's tags and metadata of traces (MLflow 3.10, `tracing/constant.py`).
pub mod trace_key {
    /// A tag: the name that a user recognises.
    pub const NAME: &str = "mlflow.traceName";
    /// A tag: the root of the trace's files.
    pub const ARTIFACT_LOCATION: &str = "mlflow.artifactLocation";
    /// A tag: where the spans are, [`IN_DATABASE`] or in `traces.json`.
    pub const SPANS_LOCATION: &str = "mlflow.trace.spansLocation";
    pub const IN_DATABASE: &str = "TRACKING_STORE";
    /// Another value of it: the spans are in `traces.pb` below [`ARCHIVE_LOCATION`] (MLflow 3.13 on).
    pub const IN_ARCHIVE: &str = "ARCHIVE_REPO";
    pub const ARCHIVE_LOCATION: &str = "mlflow.trace.archiveLocation";
    /// Metadata: the run in which the trace was created.
    pub const SOURCE_RUN: &str = "mlflow.sourceRun";
    /// Tags and metadata that every server sets itself and ignores in requests.
    pub const SERVERS_OWN: [&str; 5] = [
        ARTIFACT_LOCATION,
        SPANS_LOCATION,
        ARCHIVE_LOCATION,
        "mlflow.trace.archivalFailure",
        "mlflow.trace.infoFinalized",
    ];
}

impl Trace {
    pub fn label(&self) -> &str {
        self.tags.get(trace_key::NAME).filter(|name| !name.is_empty()).unwrap_or(&self.id)
    }

    pub fn artifact_uri(&self) -> &str {
        self.tags.get(trace_key::ARTIFACT_LOCATION).map_or("", String::as_str)
    }

    pub fn source_run(&self) -> Option<RunId> {
        let run = self.metadata.get(trace_key::SOURCE_RUN)?;
        Some(RunId::from(run.as_str())).filter(|_| !run.is_empty())
    }

    /// True when the server keeps the spans in its database (MLflow 3.6 on), not in a file.
    pub fn has_stored_spans(&self) -> bool {
        self.tags.get(trace_key::SPANS_LOCATION).is_some_and(|at| at == trace_key::IN_DATABASE)
    }

    /// Where the archived spans are: the root of their file. `None` if they are not archived.
    pub fn archive(&self) -> Option<Owner<'_>> {
        let is_archived =
            self.tags.get(trace_key::SPANS_LOCATION).is_some_and(|at| at == trace_key::IN_ARCHIVE);
        let location = self.tags.get(trace_key::ARCHIVE_LOCATION).filter(|_| is_archived)?;
        Some(Owner { artifact_uri: location, ..self.owner() })
    }

    /// True for a trace that never ended: its spans were never written.
    pub fn is_unfinished(&self) -> bool {
        !matches!(self.state.as_str(), "OK" | "ERROR")
    }

    pub fn owner(&self) -> Owner<'_> {
        Owner {
            kind: Kind::Trace,
            experiment_id: &self.experiment_id,
            id: &self.id,
            artifact_uri: self.artifact_uri(),
            label: self.label(),
        }
    }
}

/// The traces that a run was linked to afterwards (MLflow 3.3 on). Traces that were created in the run name it
/// themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceLinks {
    pub run_id: RunId,
    pub trace_ids: Vec<String>,
}

/// A judgement of a trace or of one of its spans (MLflow 3.2 on), in the form of the REST API. A value can be of any
/// type.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Assessment(pub Map<String, Value>);

impl Assessment {
    fn text(&self, key: &str) -> &str {
        self.0.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    pub fn id(&self) -> &str {
        self.text("assessment_id")
    }

    pub fn name(&self) -> &str {
        self.text("assessment_name")
    }

    /// The assessment that this one replaces; empty if there is none.
    pub fn overrides(&self) -> &str {
        self.text("overrides")
    }

    /// RFC 3339.
    pub fn create_time(&self) -> &str {
        self.text("create_time")
    }

    pub fn is_valid(&self) -> bool {
        self.0.get("valid").and_then(Value::as_bool).unwrap_or(true)
    }

    /// The key-value pairs of the user.
    pub fn metadata_mut(&mut self) -> Option<&mut Map<String, Value>> {
        self.0.get_mut("metadata")?.as_object_mut()
    }
}

/// The spans of a trace, as the text of a `traces.json`. Every release writes and reads this form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spans(pub Bytes);

/// The file with the spans below a trace's artifact root, if they are not in a database.
pub const SPANS_FILE: &str = "traces.json";

const ATTACHMENT: &str = "mlflow-attachment://";

impl Spans {
    /// The content of a file.
    ///
    /// # Errors
    /// When it is not JSON, for example because it was cut off.
    pub fn of_file(text: Bytes) -> Result<Self> {
        match serde_json::from_slice::<IgnoredAny>(&text) {
            Ok(_) => Ok(Self(text)),
            Err(e) => Err(Error::permanent(format!("{SPANS_FILE} is damaged: {e}"))),
        }
    }

    /// The files that the spans refer to, as paths below the trace's root (MLflow 3.11 on, `tracing/attachments.py`).
    pub fn attachments(&self) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.0);
        let mut paths: Vec<String> = text.split(ATTACHMENT).skip(1).filter_map(attachment).collect();
        paths.sort();
        paths.dedup();
        paths
    }

    /// The text with the new experiment in the attribute that names the experiment. All other bytes are kept. Within a
    /// string, every quote has a backslash before it, so the search finds the attribute's name only as a key.
    #[must_use]
    pub fn moved_to(&self, old: &ExperimentId, new: &ExperimentId) -> Self {
        let Ok(text) = std::str::from_utf8(&self.0) else { return self.clone() };
        let name = r#""mlflow.experimentId":"#;
        let value = |id: &ExperimentId| format!(r#""\"{id}\"""#);
        let mut parts = text.split(name);
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            out.push_str(name);
            let rest = part.trim_start();
            match rest.strip_prefix(&value(old)) {
                Some(after) => {
                    out.push_str(&part[..part.len() - rest.len()]);
                    out.push_str(&value(new));
                    out.push_str(after);
                }
                None => out.push_str(part),
            }
        }
        Self(out.into())
    }
}

fn attachment(after: &str) -> Option<String> {
    let id = &after[..after.find(|c: char| !c.is_ascii_alphanumeric() && c != '-')?];
    (!id.is_empty()).then(|| format!("attachments/{id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_attribute_is_changed() {
        let text = r#"{"mlflow.experimentId": "\"1\"", "x": "\"{\\\"mlflow.experimentId\\\": 1}\"", "mlflow.experimentId":"\"12\""}"#;
        let moved = Spans(text.into()).moved_to(&"1".into(), &"77".into());
        let expected = text.replacen(r#""\"1\"""#, r#""\"77\"""#, 1);
        assert_eq!(std::str::from_utf8(&moved.0).unwrap(), expected);
    }

    #[test]
    fn attachments_are_named_once_each() {
        let spans = Spans(
            r#"["mlflow-attachment://ab-1?content_type=image%2Fpng&trace_id=tr-1", "mlflow-attachment://ab-1?", "mlflow-attachment://../x?"]"#
                .into(),
        );
        assert_eq!(spans.attachments(), ["attachments/ab-1"]);
        assert!(Spans("no".into()).attachments().is_empty());
    }
}
