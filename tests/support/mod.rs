//! Shared by the tests: real MLflow servers of several releases, which MLflow's own Python client seeds, dumps and
//! compares, and the program under test.
#![allow(dead_code, reason = "each test binary uses its part of this")]

use std::borrow::BorrowMut;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

pub mod aws;
pub mod browser;
pub mod databases;
pub mod generate;
pub mod locks;
pub mod objects;
pub mod pool;
pub mod proxy;
pub mod ready_made;
pub mod stores;
pub mod warm;

pub use mlferry::demo::Store;
use mlferry::demo::{MlflowServer, ServerOptions, Venv};
use ready_made::ReadyMade;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;
use warm::Done;

/// The release of the target in every migration.
pub const TARGET: &str = "3.10.1";
/// The newest release, which has the strictest rules for its input.
pub const NEWEST: &str = "3.18.0";

/// A running server with everything that a test needs to use it.
pub struct TestServer {
    pub server: Arc<MlflowServer>,
    pub venv: Venv,
    pub dir: Arc<TempDir>,
    /// The root of its artifacts: a directory on this machine, or a location in S3.
    pub artifacts: String,
    /// The variables that its clients need for that location.
    pub env: Vec<(String, String)>,
    /// Returns the server to the pool, if it comes from there.
    pub lease: Option<pool::Lease>,
    /// The contents that it was filled with, and its files at that time.
    pub filled: OnceLock<(ReadyMade, ready_made::Files)>,
}

impl TestServer {
    pub async fn start(version: &str) -> Self {
        Self::start_with(version, Store::Sqlite).await
    }

    pub async fn start_with(version: &str, store: Store) -> Self {
        let venv = venv(version).await;
        let (server, dir, lease) = pool::server(version, store, &venv).await;
        let artifacts = server.artifacts().to_str().unwrap().to_owned();
        Self { server, venv, dir, artifacts, env: Vec::new(), lease: Some(lease), filled: OnceLock::new() }
    }

    /// A server whose clients read and write artifacts directly in the cloud's bucket.
    pub async fn in_s3(cloud: &aws::FakeAws, prefix: &str) -> Self {
        Self::over(cloud, &cloud.store(prefix)).await
    }

    /// The same for any bucket.
    pub async fn over(cloud: &aws::FakeAws, root: &str) -> Self {
        let dir = Arc::new(tempfile::tempdir().unwrap());
        let (artifacts, env) = (root.to_owned(), cloud.sandbox.env());
        let artifact_root = Some(artifacts.clone());
        let options =
            ServerOptions { workers: 1, artifact_root, env: env.clone(), ..ServerOptions::default() };
        let server = Arc::new(MlflowServer::start(&cloud.venv, dir.path(), options).await.unwrap());
        Self { server, venv: cloud.venv.clone(), dir, artifacts, env, lease: None, filled: OnceLock::new() }
    }

    pub fn url(&self) -> &str {
        &self.server.url
    }

    /// Fills the server with all data that is difficult to migrate.
    pub async fn edge_cases(&self, more: &[&str]) {
        self.fill(&script_path("edge_cases.py"), &[&self.artifacts], more).await;
    }

    /// Fills a server with a file store with experiments and then damages each of them. The name of an experiment
    /// describes its damage. Returns the damaged run of each experiment.
    pub async fn damaged(&self) -> BTreeMap<String, String> {
        let (artifacts, mlruns) = (self.server.artifacts(), self.server.mlruns());
        let args = [self.url(), artifacts.to_str().unwrap(), mlruns.to_str().unwrap()];
        serde_json::from_slice(&self.python("damage.py", &args).await.stdout).unwrap()
    }

    /// Fills the server with the sample data of the demo.
    pub async fn demo(&self) {
        self.seed(&["demo"]).await;
    }

    /// Fills the server with equal runs: enough that an import takes some seconds.
    pub async fn equal_runs(&self) {
        self.seed(&["bench", "60"]).await;
    }

    async fn seed(&self, args: &[&str]) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo/seed.py");
        self.fill(&script, &[], args).await;
    }

    /// Runs a script that fills an empty server, or copies what it wrote to an earlier server. `paths` differ from
    /// server to server.
    async fn fill(&self, script: &Path, paths: &[&str], args: &[&str]) {
        let kept = ReadyMade::of(self, script, args);
        let mut is_kept = kept.as_ref().is_some_and(|kept| kept.restore(self));
        if !is_kept {
            let args = [&[self.url()], paths, args].concat();
            let done = warm::run(&self.venv, script, &args, &self.env).await;
            assert_eq!(done.code, 0, "{}: {}", script.display(), done.stderr);
            is_kept = kept.as_ref().is_some_and(|kept| kept.keep(self));
        }
        if let Some(kept) = kept.filter(|_| is_kept) {
            let _ = self.filled.set((kept, ready_made::files(self)));
        }
    }

    /// Dumps all contents, as the client of the server's own release reads them.
    pub async fn dump(&self) -> PathBuf {
        self.try_dump().await.unwrap()
    }

    /// The file of the last dump.
    pub fn dump_path(&self) -> PathBuf {
        self.dir.path().join("dump.json")
    }

    /// The same for a server that may be unable to answer.
    pub async fn try_dump(&self) -> Result<PathBuf, String> {
        let path = self.dump_path();
        let filled = self.filled.get().filter(|(_, files)| *files == ready_made::files(self));
        if let Some(dump) = filled.and_then(|(kept, _)| kept.dump()) {
            std::fs::write(&path, dump).unwrap();
            return Ok(path);
        }
        let done = warm::run(&self.venv, &script_path("dump.py"), &[self.url()], &self.env).await;
        std::fs::write(&path, &done.stdout).unwrap();
        if let Some((kept, _)) = filled.filter(|_| done.code == 0) {
            kept.keep_dump(&done.stdout);
        }
        if done.code == 0 { Ok(path) } else { Err(done.stderr) }
    }

    /// Fills the server with data that mlflow-export-import can export.
    pub async fn plain(&self) {
        let artifacts = self.server.artifacts();
        self.python("export_import_tool.py", &[self.url(), artifacts.to_str().unwrap()]).await;
    }

    pub async fn python(&self, script: &str, args: &[&str]) -> Done {
        let done = warm::run(&self.venv, &script_path(script), args, &self.env).await;
        assert_eq!(done.code, 0, "{script}: {}", done.stderr);
        done
    }
}

/// The environment of an MLflow release, whose servers start without delay.
pub async fn venv(version: &str) -> Venv {
    warm::environment(environment(&format!("mlflow-{version}")).await).await
}

/// The Python environment with the packages of the lock with this name.
pub async fn environment(name: &str) -> Venv {
    Venv::ensure(locks::lock(name), &|line| eprintln!("{line}")).await.unwrap()
}

pub fn script_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support").join(name)
}

/// The lines that differ between two servers. The list is empty if everything arrived.
pub async fn differences(source: &TestServer, target: &TestServer) -> Vec<String> {
    let (ours, theirs) = futures::join!(source.dump(), target.dump());
    compared(&target.venv, &ours, &theirs).await
}

/// The same for a source that has not changed since this dump.
pub async fn differences_from(dump: &Path, target: &TestServer) -> Vec<String> {
    compared(&target.venv, dump, &target.dump().await).await
}

/// Checks that a store, read without its server, has the contents that the server shows. `differing` gives the kinds and
/// numbers of objects that the server shows wrongly.
pub async fn store_equals_server(store: &Path, server: &TestServer, differing: &[(&str, u64)]) {
    let (mlferry, folder) = (Mlferry::new(), tempfile::tempdir().unwrap());
    let archive = folder.path().join("export");
    let archive = archive.to_str().unwrap();
    mlferry.run(&["export", "--source", server.url(), "--output-dir", archive]).await.exits(0);
    let ends = ["--source", store.to_str().unwrap(), "--target", archive];
    let code = if differing.is_empty() { 0 } else { 4 };
    let validate = [&["validate", "--artifacts", "checksum", "--json"], &ends[..]].concat();
    let found = mlferry.run(&validate).await.exits(code).outcome();
    for (kind, counts) in found["comparison"].as_object().unwrap() {
        let expected = differing.iter().find(|(differs, _)| differs == kind).map_or(0, |(_, number)| *number);
        let of = |mark: &str| counts[mark].as_u64().unwrap_or(0);
        assert_eq!([of("differs"), of("missing"), of("extra")], [expected, 0, 0], "{kind}: {found}");
    }
    assert!(found["comparison"]["runs"]["same"].as_u64() > Some(20), "{found}");
    assert_eq!(found["requests"], 0, "no server is asked");
}

/// The lines that differ between two dumps.
pub async fn compared(venv: &Venv, source: &Path, target: &Path) -> Vec<String> {
    let args = [source.to_str().unwrap(), target.to_str().unwrap()];
    let done = warm::run(venv, &script_path("compare.py"), &args, &[]).await;
    match done.code {
        0 => Vec::new(),
        1 if !done.stdout.is_empty() => {
            String::from_utf8(done.stdout).unwrap().lines().map(str::to_owned).collect()
        }
        _ => panic!("compare.py failed: {}", done.stderr),
    }
}

/// The program under test, with its own state directory.
pub struct Mlferry {
    pub state: TempDir,
}

/// The result of running the program.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Mlferry {
    pub fn new() -> Self {
        let state = tempfile::tempdir().unwrap();
        // The developer who runs the tests may have a configuration of their own.
        std::fs::write(state.path().join("config.toml"), "").unwrap();
        Self { state }
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mlferry"));
        for (name, _) in std::env::vars() {
            if ["MLFLOW_", "MLFERRY_", "AWS_"].iter().any(|prefix| name.starts_with(prefix)) {
                command.env_remove(name);
            }
        }
        command.args(args).env("MLFERRY_STATE_DIR", self.state.path()).kill_on_drop(true);
        command.env("MLFERRY_CONFIG", self.state.path().join("config.toml"));
        command.stdin(std::process::Stdio::null());
        command
    }

    pub async fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args)).await
    }

    /// The output for the user, with the values that change from run to run replaced.
    pub async fn said(&self, args: &[&str]) -> String {
        let ran = self.run(args).await;
        let text = format!("exit {}\n{}{}", ran.code.unwrap(), ran.stdout, ran.stderr);
        let text = mask(&text, "127.0.0.1:", |c| c.is_ascii_digit(), "PORT");
        mask(&text, "/tmp/", |c| !c.is_whitespace() && c != '/' && c != ':', "TMP")
    }
}

fn mask(text: &str, before: &str, what: impl Fn(char) -> bool, with: &str) -> String {
    let mut parts = text.split(before);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |done, part| format!("{done}{before}{with}{}", part.trim_start_matches(&what)))
}

impl Ran {
    pub async fn of(mut command: impl BorrowMut<Command>) -> Self {
        let output = command.borrow_mut().output().await.unwrap();
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The JSON lines, each of which has a type.
    pub fn lines(&self) -> Vec<Value> {
        self.stdout
            .lines()
            .map(|line| {
                let value: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
                assert!(value["type"].is_string(), "{line}");
                value
            })
            .collect()
    }

    /// The last line, which must be the outcome, with consistent sums.
    pub fn outcome(&self) -> Value {
        let lines = self.lines();
        let outcome = lines.last().unwrap_or_else(|| panic!("no output; stderr: {}", self.stderr)).clone();
        assert_eq!(outcome["type"], "outcome", "{outcome}");
        for (kind, counts) in outcome["counts"].as_object().unwrap() {
            let of = |name: &str| counts[name].as_u64().unwrap();
            let ended = of("done") + of("failed") + of("skipped");
            let pending = of("planned") - ended;
            assert!(outcome["stopped"] == true || pending == 0, "{kind}: {counts}");
        }
        outcome
    }

    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }
}
