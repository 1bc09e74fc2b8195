//! The export directory: its paths and file formats. The layout is that of `mlflow-export-import` (1.2.1 of
//! `databricks-mlflow-export-import`, the one with `runs/` folders; the older layout of 1.2.0 can be read, too). That
//! program ignores the files and keys of mlferry.

mod checksums;
mod document;
mod latest;
mod layout;
mod logged_model;
mod not_exported;
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
pub use not_exported::NotExportedFile;
pub use registry::ModelFile;
pub use run_file::{each_point, read_summary};
pub use strict::Strict;
pub use trace::TraceFile;
