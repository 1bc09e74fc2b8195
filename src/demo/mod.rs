//! Real MLflow servers on this machine, for `mlferry demo` and for the tests: a Python environment per release, a
//! server that never outlives this process, and a workload to migrate.

mod python;
mod seed;
mod server;
mod venv;

pub use seed::seed;
pub use server::{MlflowServer, ServerOptions, Store};
pub use venv::Venv;
