//! The export directory: where what lies, and how its files read. The layout is that of `mlflow-export-import`
//! (1.2, the one with `runs/` folders); files and keys of our own are ones that it passes over.

mod document;
mod layout;
mod registry;
mod run_file;
mod trace;

pub use document::{
    ArtifactList, ExperimentFile, ExperimentsFile, Manifest, RunFile, RunInfo, RunInputs, RunOutputs, System,
    Wrapped,
};
pub use layout::{Layout, OwnerFolder};
pub use registry::ModelFile;
pub use run_file::{each_point, read_summary};
pub use trace::TraceFile;
