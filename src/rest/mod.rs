//! The MLflow REST client: signing in, sending and repeating requests, paging, and the capabilities of a server. It
//! contains MLflow's messages and nothing about migrations.

mod api;
mod http;

pub use api::capability::Capabilities;
pub use api::connect::connect;
pub use api::logged_models::NewModel;
pub use api::otlp::archived::spans_of as archived_spans;
pub use api::otlp::request as span_request;
pub use api::path_rules::PathRules;
pub use api::probe::{ARTIFACT_PROXY, Probe, Refused, probe};
pub use api::read::{ROWS_PER_CALL, RUNS_PER_BULK_CALL};
pub use api::registry::NewVersion;
pub use api::unsupported::NOT_ALLOWED;
pub use api::version::Version;
pub(crate) use api::wire::WireMetric;
pub use api::write::{BatchItem, MetricOf, NewRun, entries_per_batch, takes_tag, takes_tag_value};
pub use http::access::{Access, ArtifactRoots, Side};
pub use http::address::Address;
pub use http::answer::Answer;
pub use http::call::{Call, encode_path};
pub use http::client::Client;
pub use http::idempotency::Idempotency;
