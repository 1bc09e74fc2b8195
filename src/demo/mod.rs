//! Real MLflow servers on this machine, for `mlferry demo` and for the tests: a Python environment for each set of
//! packages, servers that always end with this process, a stand-in for SageMaker's serverless MLflow, and a workload to
//! migrate.

mod child_process;
mod lock;
mod python;
mod sandbox;
mod seed;
mod server;
mod venv;

pub use lock::Lock;
pub use sandbox::{Sandbox, SandboxOptions};
pub use seed::seed;
pub use server::{MlflowServer, ServerOptions, Store};
pub use venv::Venv;
