//! How long a migration takes beside the least that it could take: `cargo bench --bench migration`.
//!
//! A source with 200 runs × 20 params × 8 metrics × 100 steps × 3 files is exported and imported, once by a client
//! written by hand that sends only the least requests, 16 at a time, and knows everything in advance; once by
//! mlferry. Both write to fresh servers, one after the other, on the same machine.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints its figures and panics when it cannot"
)]

mod least;
#[path = "../../tests/support/locks/mod.rs"]
mod locks;

use std::process::Stdio;
use std::time::Instant;

use mlferry::demo::{MlflowServer, ServerOptions, Venv, seed};

#[tokio::main]
async fn main() {
    let venv = Venv::ensure(locks::lock("mlflow-3.10.1"), &|line| println!("{line}")).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let start = async |name: &str| {
        MlflowServer::start(&venv, &folder.path().join(name), ServerOptions::default()).await.unwrap()
    };
    let source = start("source").await;
    println!("filling the source …");
    seed(&venv, &source.url, "bench").await.unwrap();

    for round in 1..=2 {
        let by_hand = start(&format!("by-hand-{round}")).await;
        let least = least::migrate(&source.url, &by_hand.url).await;
        by_hand.stop().await.unwrap();

        let target = start(&format!("mlferry-{round}")).await;
        let archive = folder.path().join(format!("export-{round}"));
        let archive = archive.to_str().unwrap();
        let state = folder.path().join(format!("state-{round}"));
        let state = state.to_str().unwrap();
        let export = mlferry(state, &["export", "--source", &source.url, "--output-dir", archive]).await;
        let import = mlferry(state, &["import", "--input-dir", archive, "--target", &target.url]).await;
        target.stop().await.unwrap();

        println!("round {round}            requests   read s  write s");
        println!("  least by hand    {:>9} {:>8.1} {:>8.1}", least.requests, least.read, least.write);
        println!("  mlferry          {:>9} {:>8.1} {:>8.1}", export.1 + import.1, export.0, import.0);
        let ratio = (export.0 + import.0) / (least.read + least.write);
        println!("  mlferry takes {ratio:.2} × the time");
    }
    source.stop().await.unwrap();
}

/// Seconds and requests of one command.
async fn mlferry(state: &str, args: &[&str]) -> (f64, u64) {
    let started = Instant::now();
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_mlferry"))
        .args(args)
        .arg("--json")
        .env("MLFERRY_STATE_DIR", state)
        .stderr(Stdio::inherit())
        .output()
        .await
        .unwrap();
    let seconds = started.elapsed().as_secs_f64();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let text = String::from_utf8(output.stdout).unwrap();
    let outcome: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    (seconds, outcome["requests"].as_u64().unwrap())
}
