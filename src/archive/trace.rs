use serde::{Deserialize, Serialize};

use crate::entities::Trace;

/// `header.json`. The name `trace.json` belongs to mlflow-export-import.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TraceFile {
    #[serde(flatten)]
    pub trace: Trace,
    /// Why the spans are missing, if they should exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spans_lost: Option<String>,
    /// Files that the spans refer to and that could not be exported. If there are any, the trace is incomplete.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files_lost: Vec<String>,
}

impl TraceFile {
    pub fn is_whole(&self) -> bool {
        self.spans_lost.is_none() && self.files_lost.is_empty()
    }
}
