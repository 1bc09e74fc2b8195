//! The work itself, one file per step, with no word on how it is shown. Both faces start a [`Job`], read its events
//! and its progress, and may stop or pause it.

mod app_probe;
mod beacon;
pub mod browse;
mod check;
mod choose;
mod connect;
mod context;
mod credential_events;
mod event;
#[cfg(test)]
mod faults;
mod job;
mod journal;
mod lease;
mod lock;
mod outcome;
#[cfg(test)]
mod parsers;
mod pending;
mod preflight;
mod progress;
mod provision;
mod session;
mod sighting;
pub mod single;
mod standstill;
mod state;
mod status;
mod survey;
mod transfer;
mod unique;
pub mod validate;

pub use crate::aws::{
    AppChange, AppDescription, AppSummary, Arn, NewApp, Policy, Readiness, Resource, Scope, check_role,
    unfilled,
};
pub use crate::rest::{Absence, Access, Health, Side, Slowdown, Version};
pub use app_probe::{AppProbe, app_probe};
pub use check::{CheckReport, Fidelity, Finding, KindReport, Level, check_source, check_target, left_behind};
pub use connect::{Endpoint, Managed, Server, open};
pub use context::Context;
pub use event::Event;
pub use job::{Control, Job};
pub use journal::{Identity, Journal};
pub use outcome::{Counts, Outcome, meaning};
pub use pending::Pending;
pub use preflight::{Connected, Line, Preflight, preflight};
pub use progress::{Progress, ProgressSnapshot};
pub use provision::{COST, CreatedApp, Patience, Provision, Provisioning};
pub use session::{Route, Session, Step};
pub use sighting::{JobResult, JobStatus, JobStatusFile};
pub use state::StateDir;
pub use status::{Status, status};
pub use survey::{ExperimentSurvey, ModelSurvey, Survey, survey};
pub use transfer::{Export, Import, export, import};
