//! The migration steps, independent of any frontend. The CLI and the wizard both start a [`Job`], read its events and
//! its progress, and may stop or pause it.

mod app_probe;
pub mod browse;
mod check;
mod empty_roots;
mod endpoint;
#[cfg(test)]
mod faults;
mod job;
mod lease;
#[cfg(test)]
mod parsers;
mod preflight;
mod provision;
pub mod selection;
mod state;
mod status;
mod store_summary;
mod survey;
mod transfer;
mod unknown_place;
pub mod validate;

pub use super::readers::{
    StoreLocation, StoresBelow, has_database_name, local_path, names_of, stores_below, stores_in,
};
pub use super::rest::{Access, ArtifactRoots, Side};
pub use crate::aws::{
    AppChange, AppDescription, AppSummary, Arn, NewApp, Policy, Readiness, Resource, Scope, check_role,
    unfilled,
};
pub use app_probe::app_probe;
pub use check::{
    CheckReport, Fidelity, Finding, Level, check_source, check_target, not_migrated, takes_files,
};
pub use endpoint::{Endpoint, Server, open};
pub use job::Job;
pub use job::context::Context;
pub use job::control::Control;
pub use job::counts::Counts;
pub use job::event::Event;
pub use job::failure_groups::{FailureCause, FailureGroups};
pub use job::outcome::{Outcome, meaning};
pub use job::progress::{Progress, ProgressSnapshot};
pub use preflight::{Connected, Line, Preflight, TAKEN_NAMES, preflight, taken_names};
pub use provision::{COST, Polling, Provision, Provisioning};
pub use state::StateDir;
pub use state::journal::{Identity, Journal};
pub use state::pending_app::Pending;
pub use state::session::{Route, Session, Step};
pub use state::wizard_files::WizardFiles;
pub use status::file::{JobResult, JobStatus, JobStatusFile};
pub use status::status;
pub use store_summary::{StoreSummary, summarize};
pub use survey::{ExperimentSurvey, ModelSurvey, Survey, survey};
pub use transfer::{Export, Import, export, import};
pub use unknown_place::{familiar, unquoted};
#[cfg(test)]
pub use {
    super::readers::SourceInfo,
    super::rest::{Capabilities, Version},
    check::KindReport,
};
