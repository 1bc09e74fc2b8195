//! How fast stores are read directly: `cargo bench --bench stores [-- sqlite|postgresql|folder|memory]`.
//!
//! - `sqlite`: 2,000 runs with 1,000,000 points of an SQLite file are exported directly, from their server, and by
//!   mlflow-export-import. That tool exports 40 of the runs; its time is multiplied.
//! - `postgresql`: 1,000 runs with 500,000 points, directly and from their server.
//! - `folder`: a folder of 20,000 runs is exported, and packed by `tar`. Both write to the same disk.
//! - `memory`: the peak memory at 10,000,000 points, from an SQLite file.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a benchmark prints its figures and panics when it cannot"
)]

#[path = "../../tests/support/databases.rs"]
#[allow(dead_code, reason = "the tests use the rest of it")]
mod databases;
#[path = "../../tests/support/locks/mod.rs"]
mod locks;
mod measure;

use std::path::{Path, PathBuf};
use std::process::Stdio;

use databases::DatabaseServer;
use measure::{Measured, export, measure};
use mlferry::demo::{MlflowServer, ServerOptions, Venv};
use tokio::process::Command;

const RELEASE: &str = "mlflow-3.10.1";
const TOOL: &str = "databricks-mlflow-export-import-1.2.1";
/// See `fill.py`.
const SAMPLE: f64 = 40.0;

pub async fn environment(name: &str) -> Venv {
    Venv::ensure(locks::lock(name), &|line| println!("{line}")).await.unwrap()
}

fn script_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support").join(name)
}

#[tokio::main]
async fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let is_wanted = |part: &str| wanted.is_empty() || wanted.iter().any(|name| name == part);
    let venv = environment(RELEASE).await;
    if is_wanted("sqlite") {
        sqlite(&venv).await;
    }
    if is_wanted("postgresql") {
        postgresql(&venv).await;
    }
    if is_wanted("folder") {
        folder(&venv).await;
    }
    if is_wanted("memory") {
        memory(&venv).await;
    }
}

async fn sqlite(venv: &Venv) {
    let (runs, points) = (2_000.0, 1_000_000);
    let place = tempfile::tempdir().unwrap();
    let database = filled(venv, place.path(), [2_000, 10, 50]).await;
    let server = MlflowServer::start(venv, place.path(), ServerOptions::default()).await.unwrap();
    println!("SQLite: {runs} runs, {points} points");
    let direct = measure(export(database.to_str().unwrap(), place.path(), "direct")).await;
    let rest = measure(export(&server.url, place.path(), "rest")).await;
    let tool = environment(TOOL).await;
    let mut command = tool.command();
    command
        .args(["-m", "mlflow_export_import.experiment.export_experiment", "--experiment", "sample"])
        .arg("--output-dir")
        .arg(place.path().join("tool"))
        .env("MLFLOW_TRACKING_URI", &server.url);
    let part = measure(command).await;
    server.stop().await.unwrap();
    let all = Measured { seconds: part.seconds * runs / SAMPLE, ..part };
    row("directly", &direct, &direct);
    row("from its server", &rest, &direct);
    row(&format!("mlflow-export-import ({:.1} s for {SAMPLE} runs)", part.seconds), &all, &direct);
}

async fn postgresql(venv: &Venv) {
    let place = tempfile::tempdir().unwrap();
    let file = filled(venv, place.path(), [1_000, 10, 50]).await;
    let database = DatabaseServer::postgresql().await;
    database.copy_of(&file).await;
    let server = Served::start(&database.url, place.path()).await;
    println!("PostgreSQL: 1000 runs, 500000 points");
    let mut command = export(&database.url, place.path(), "direct");
    command.arg("--artifacts-destination").arg(place.path().join("artifacts"));
    let direct = measure(command).await;
    let rest = measure(export(&server.url, place.path(), "rest")).await;
    row("directly", &direct, &direct);
    row("from its server", &rest, &direct);
}

async fn folder(venv: &Venv) {
    let place = tempfile::tempdir().unwrap();
    let mlruns = place.path().join("mlruns");
    fill(venv, &["folder", mlruns.to_str().unwrap(), "20000"]).await;
    println!("folder: 20000 runs with 22 files each");
    for round in 1..=2 {
        let mut tar = Command::new("tar");
        tar.arg("-cf")
            .arg(place.path().join(format!("{round}.tar")))
            .arg("-C")
            .arg(place.path())
            .arg("mlruns");
        let tar = measure(tar).await;
        let direct = measure(export(mlruns.to_str().unwrap(), place.path(), &format!("{round}"))).await;
        row("tar", &tar, &tar);
        row("exported", &direct, &tar);
    }
}

async fn memory(venv: &Venv) {
    let place = tempfile::tempdir().unwrap();
    let database = filled(venv, place.path(), [5_000, 10, 200]).await;
    println!("SQLite: 5000 runs, 10000000 points");
    let direct = measure(export(database.to_str().unwrap(), place.path(), "direct")).await;
    row("directly", &direct, &direct);
}

fn row(what: &str, measured: &Measured, base: &Measured) {
    let Measured { seconds, peak } = measured;
    println!("  {what:<48} {seconds:>8.1} s {peak:>6} MB {:>8.2} ×", seconds / base.seconds);
}

/// An SQLite file with runs × keys × points.
async fn filled(venv: &Venv, folder: &Path, size: [usize; 3]) -> PathBuf {
    // A server creates the tables.
    let server = MlflowServer::start(venv, folder, ServerOptions::default()).await.unwrap();
    let database = server.database();
    server.stop().await.unwrap();
    let [runs, keys, points] = size.map(|number| number.to_string());
    fill(venv, &["sqlite", database.to_str().unwrap(), &runs, &keys, &points]).await;
    database
}

async fn fill(venv: &Venv, args: &[&str]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/stores/fill.py");
    let status = venv.command().arg(script).args(args).status().await.unwrap();
    assert!(status.success(), "{args:?}");
}

/// A server over a database, which ends with this value.
struct Served {
    url: String,
    program: tokio::process::Child,
}

impl Drop for Served {
    fn drop(&mut self) {
        // The group includes the server's workers.
        let group = format!("-{}", self.program.id().unwrap());
        std::process::Command::new("kill").args(["--", &group]).status().unwrap();
    }
}

impl Served {
    async fn start(database: &str, folder: &Path) -> Self {
        let venv = environment("databases").await;
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = venv.command();
        command
            .args(["-m", "mlflow", "server", "--host", "127.0.0.1", "--port", &port.to_string()])
            .args(["--backend-store-uri", database, "--artifacts-destination"])
            .arg(folder.join("artifacts"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0);
        let program = command.spawn().unwrap();
        let url = format!("http://127.0.0.1:{port}");
        while reqwest::get(format!("{url}/health")).await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
        Self { url, program }
    }
}
