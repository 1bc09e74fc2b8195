//! Two servers that are emptied and filled again for each seed, because starting them takes longer than most
//! migrations.

use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::Command;
use tokio::time::timeout;

use crate::support::generate::dice::Dice;
use crate::support::generate::{self, Layout};
use crate::support::proxy::Proxy;
use crate::support::{Mlferry, Ran, Store, TestServer, compared};

/// No step here takes a minute: a step that takes longer than this is stuck.
const PATIENCE: Duration = Duration::from_secs(240);

pub struct Bench {
    layout: Layout,
    target_layout: Layout,
    pub source: TestServer,
    pub target: TestServer,
    pub source_proxy: Proxy,
    pub target_proxy: Proxy,
    mlferry: Mlferry,
}

impl Bench {
    pub async fn start(layout: Layout, target: &'static str) -> Self {
        let store = if layout.is_files { Store::Files } else { Store::Sqlite };
        let target_layout = Layout { release: target, is_files: false };
        let (source, target) = futures::join!(
            TestServer::start_with(layout.release, store),
            TestServer::start_with(target, Store::Sqlite)
        );
        let (source_proxy, target_proxy) =
            (Proxy::start(source.url()).await, Proxy::start(target.url()).await);
        let mlferry = Mlferry::new();
        Self { layout, target_layout, source, target, source_proxy, target_proxy, mlferry }
    }

    /// Empties both servers, fills the source with the store of this seed, and starts without a journal. Returns the
    /// number of its runs.
    pub fn fill(&mut self, seed: u64) -> usize {
        self.mlferry = Mlferry::new();
        generate::empty(self.layout, self.source.dir.path());
        generate::empty(self.target_layout, self.target.dir.path());
        let world = generate::world(seed, self.layout);
        generate::write(&world, self.layout, self.source.dir.path());
        world.experiments.iter().map(|one| one.runs.len()).sum()
    }

    /// The problems after the store of this seed was migrated, one per line.
    pub async fn problems(&mut self, seed: u64) -> Vec<String> {
        let began = Instant::now();
        let runs = self.fill(seed);
        let mut dice = Dice::new(seed ^ 0xdead);
        for _ in 0..dice.below(3) {
            self.killed(1 + dice.below(120)).await;
        }
        let mut found = self.resumed_and_compared().await;
        for problem in &mut found {
            *problem = format!("{:?}, seed {seed}: {problem}", self.layout);
        }
        eprintln!("seed {seed}: {runs} runs, {} problems, {:?}", found.len(), began.elapsed());
        found
    }

    /// Kills an import at the n-th request to the target, unless the import ends earlier.
    async fn killed(&mut self, at: usize) {
        self.target_proxy.heal().await;
        let mut child =
            self.command(&["import"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        tokio::select! {
            _ = child.wait() => {}
            () = self.target_proxy.until(at) => child.kill().await.unwrap(),
        }
    }

    /// Runs an import that must exit with one of these codes and must count every item.
    pub async fn import_through_faults(&mut self, codes: &[i32]) -> Vec<String> {
        let ran = self.timed(&self.mlferry, &["import"]).await;
        let mut found = Vec::new();
        match &ran {
            Ok(ran) if ran.code.is_some_and(|code| codes.contains(&code)) => {
                if ran.lines().last().is_some_and(|line| line["type"] == "outcome") {
                    ran.outcome();
                }
            }
            ran => told("import through faults", ran, &mut found),
        }
        self.source_proxy.heal().await;
        self.target_proxy.heal().await;
        found
    }

    /// Runs an import to the end without faults, and then a second import without the journal.
    pub async fn resumed_and_compared(&mut self) -> Vec<String> {
        let mut found = Vec::new();
        told(
            "run",
            &self.timed(&self.mlferry, &["run", "--yes", "--artifacts", "checksum"]).await,
            &mut found,
        );
        let directly = self.compared_directly().await;
        if !directly.as_ref().is_ok_and(|ran| self.is_hidden_by_server(ran)) {
            told("read directly", &directly, &mut found);
        }
        // Without its journal, the import neither duplicates nor changes anything.
        told("import again", &self.timed(&Mlferry::new(), &["import"]).await, &mut found);
        let mut dumps = Vec::new();
        for server in [&self.source, &self.target] {
            match server.try_dump().await {
                Ok(dump) => dumps.push(dump),
                Err(why) => {
                    let end: Vec<&str> = why.lines().rev().take(3).collect();
                    found.push(format!("MLflow's client: {} cannot be dumped: {end:?}", server.url()));
                    return found;
                }
            }
        }
        found.extend(
            compared(&self.target.venv, &dumps[0], &dumps[1])
                .await
                .iter()
                .map(|line| format!("MLflow's client: {line}")),
        );
        found
    }

    /// Compares the store of the source, read without its server, with the target.
    async fn compared_directly(&self) -> Result<Ran, String> {
        let server = &self.source.server;
        let store = if self.layout.is_files { server.mlruns() } else { server.database() };
        let ends = ["--source", store.to_str().unwrap(), "--target", self.target.url(), "--json"];
        let validate = [&["validate", "--artifacts", "checksum"], &ends[..]].concat();
        timeout(PATIENCE, self.mlferry.run(&validate)).await.map_err(|_| "stands still".to_owned())
    }

    /// True if the only differences are what a server over a folder hides: points of logged models before the latest
    /// ones, and names that releases before 1.30 kept in `meta.yaml`.
    fn is_hidden_by_server(&self, ran: &Ran) -> bool {
        let is_hidden = |line: &serde_json::Value| {
            let field = &line["fields"][0];
            let is_name = field["field"] == "run_name" && field["target"] == line["source_id"];
            line["type"] != "difference"
                || (line["kind"] == "logged_model" && field["field"] == "metrics")
                || (line["kind"] == "run"
                    && is_name
                    && line["fields"].as_array().is_some_and(|all| all.len() == 1))
        };
        self.layout.is_files && ran.code == Some(4) && ran.lines().iter().all(is_hidden)
    }

    pub fn command(&self, first: &[&str]) -> Command {
        let arguments = self.arguments(first);
        self.mlferry.command(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn arguments(&self, first: &[&str]) -> Vec<String> {
        let ends = ["--source", &self.source_proxy.url, "--target", &self.target_proxy.url, "--json"];
        first.iter().chain(&ends).map(|one| (*one).to_owned()).collect()
    }

    async fn timed(&self, mlferry: &Mlferry, first: &[&str]) -> Result<Ran, String> {
        let arguments = self.arguments(first);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        timeout(PATIENCE, mlferry.run(&arguments))
            .await
            .map_err(|_| format!("stands still after {PATIENCE:?}"))
    }
}

fn told(what: &str, ran: &Result<Ran, String>, found: &mut Vec<String>) {
    let ran = match ran {
        Ok(ran) => ran,
        Err(why) => return found.push(format!("{what}: {why}")),
    };
    if ran.code == Some(0) {
        return;
    }
    found.push(format!("{what}: exit {:?} {}", ran.code, ran.stderr.lines().last().unwrap_or_default()));
    let is_telling = |line: &&str| {
        ["\"item_failed\"", "\"difference\"", "\"error\""]
            .iter()
            .any(|kind| line.contains(&format!("\"type\":{kind}")))
    };
    found.extend(ran.stdout.lines().filter(is_telling).take(20).map(|line| format!("{what}: {line}")));
}
