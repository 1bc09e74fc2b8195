//! The export directory: where what lies, and how its files read. The layout is that of `mlflow-export-import`
//! (1.2.1 of `databricks-mlflow-export-import`, the one with `runs/` folders; the older one of 1.2.0 is read too); files and keys of our own are ones that it passes over.

mod checksums;
mod document;
mod latest;
mod layout;
mod logged_model;
mod registry;
mod run_file;
mod strict;
mod trace;

pub use checksums::{ADVICE, Checksums, Hashing, Sum};
pub use document::{
    ArtifactList, ExperimentFile, ExperimentInfo, ExperimentsFile, Manifest, RunFile, RunInfo, RunInputs,
    RunOutputs, System, Wrapped,
};
pub use layout::{Layout, OwnerFolder};
pub use logged_model::LoggedModelFile;
pub use registry::ModelFile;
pub use run_file::{each_point, read_summary};
pub use strict::Strict;
pub use trace::TraceFile;
