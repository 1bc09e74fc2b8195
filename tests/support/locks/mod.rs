//! The PyPI packages that the tests and the benches install.

use mlferry::demo::Lock;

macro_rules! locks {
    ($($name:literal),* $(,)?) => { &[$(Lock { name: $name, text: include_str!(concat!($name, ".txt")) }),*] };
}

/// All `.txt` files in this folder.
pub const LOCKS: &[Lock] = locks![
    "awscli",
    "browser",
    "databases",
    "databricks-mlflow-export-import-1.2.1",
    "mlflow-1.30.1",
    "mlflow-2.16.2",
    "mlflow-2.22.4",
    "mlflow-2.9.2",
    "mlflow-3.0.1",
    "mlflow-3.10.1",
    "mlflow-3.18.0",
    "mlflow-3.4.0",
    "mlflow-export-import-1.2.0",
    "stores",
];

pub fn lock(name: &str) -> &'static Lock {
    LOCKS.iter().find(|lock| lock.name == name).unwrap_or_else(|| {
        panic!(
            "{name} has no lock: write {name}.in, run tests/support/locks/refresh.sh {name}, name it in LOCKS"
        )
    })
}
