//! The user's selection of the objects in a source: the plan file, and the matchers that decide whether the plan takes
//! an object.

mod document;
mod explain;
mod glob;
mod matcher;
mod same_names;
mod selection;
mod subset;
mod time_range;
mod version_matcher;

pub use document::{Plan, PlannedExperiment, PlannedModel, by_id};
pub use matcher::PlanMatcher;
pub use same_names::SameNames;
pub use selection::{ExperimentSelection, PlannedTraces};
pub use subset::Subset;
pub use time_range::{TimeRange, UnixMillis};
pub use version_matcher::VersionMatcher;
