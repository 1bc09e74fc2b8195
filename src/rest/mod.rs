//! The MLflow REST client: signing in, one place that sends and repeats, paging, what a server can do.
//! It knows MLflow's messages and nothing of migrations.

mod access;
mod address;
mod answer;
mod call;
mod capability;
mod client;
mod evaluation;
mod exchange;
mod failure;
mod logged_models;
mod managed;
mod meter;
mod others;
mod otlp;
mod pace;
mod paging;
mod presigned;
mod probe;
mod read;
mod registry;
mod route_path;
mod scorers;
mod traces;
mod wire;
mod write;

pub use access::{Access, End};
pub use address::Address;
pub use answer::Answer;
pub use call::{Call, Repeat, encode_path};
pub use capability::{Capabilities, Version};
pub use client::{Client, Opener};
pub use logged_models::NewModel;
pub use meter::{Meter, Traffic};
pub use others::NOT_ALLOWED;
pub use otlp::request as span_request;
pub use paging::{Pages, pages};
pub use probe::{Probe, probe};
pub use read::{ROWS_PER_CALL, RUNS_PER_BULK_CALL};
pub use registry::NewVersion;
pub use route_path::PathRules;
pub(crate) use wire::WireMetric;
pub use write::{BatchItem, Created, MetricOf, NewRun, entries_per_batch, takes_tag, takes_tag_value};
