//! The capabilities of a server. Probing fills one table; no other code asks for a version.

use serde::Serialize;

use crate::rest::PathRules;

/// The capabilities that the probe found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Capabilities {
    /// How many runs `get-history-bulk` accepts in one call; absent before MLflow 2.3. 20 in 2.9, 100 since 2.10 or so.
    pub bulk_history_runs: Option<usize>,
    /// The server proxies artifacts (`mlflow-artifacts:`); since MLflow 1.24, off with `--no-serve-artifacts`.
    pub artifact_proxy: bool,
    /// How the server changes the path of a file.
    pub paths: PathRules,
    /// Runs list the datasets that they read; since MLflow 2.5.
    pub datasets: bool,
    /// The server has a model registry.
    pub model_registry: bool,
    /// The registry also holds prompts; since MLflow 2.21.
    pub prompts: bool,
    /// Logged models are separate objects; since MLflow 3.0.
    pub logged_models: bool,
    /// Evaluation datasets and scorers; since MLflow 3.4, over a database.
    pub evaluation: bool,
    /// Names of registered models and prompts may not contain `/` or `:`; since MLflow 3.11.
    #[serde(rename = "plain_model_names")]
    pub restricts_model_names: bool,
    /// A model version must name the run or logged model that owns its source; since MLflow 3.17.
    pub checked_sources: bool,
    /// Scorers may not hold code (`@scorer`), unless the server's operator allows it; since MLflow 3.12.
    #[serde(rename = "plain_scorers")]
    pub refuses_code_scorers: bool,
    /// Tags of experiments may have 20 000 characters; since MLflow 3.16, 5 000 before.
    pub long_experiment_tags: bool,
    /// Traces; since MLflow 2.14.
    pub traces: bool,
    /// The third trace API, with assessments and with ids that the client selects; since MLflow 3.2.
    #[serde(rename = "third_traces")]
    pub traces_v3: bool,
    /// Traces are linked to runs; since MLflow 3.3.
    pub trace_links: bool,
    /// Traces are linked to prompt versions, over a database; since MLflow 3.7.
    pub prompt_links: bool,
    /// The server stores spans in its database and reads them from it; since MLflow 3.6.
    pub stored_spans: bool,
    /// Spans in the database keep their links; since MLflow 3.13.
    pub span_links: bool,
    /// Spans in the database keep their kinds; since MLflow 3.18.
    pub span_kinds: bool,
}
