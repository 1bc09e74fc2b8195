//! Faults of the machine that the program runs on: the program is suspended, killed or started twice, or the disk is
//! full.
#![cfg(unix)]

use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use tokio::process::{Child, Command};

use super::bench::Bench;
use super::faults::SEED;
use super::short::ROWS;
use crate::support::{Mlferry, Ran, TARGET};

fn send(child: &Child, signal: Signal) {
    let pid = rustix::process::Pid::from_raw(child.id().unwrap().cast_signed()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn suspended_and_duplicate_processes_give_the_same_result() {
    let mut bench = Bench::start(ROWS, TARGET).await;
    bench.fill(SEED);
    bench.target_proxy.heal().await;
    let mut command = bench.command(&["import"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    bench.target_proxy.until(25).await;
    // As when the user closes a laptop or presses Ctrl-Z.
    send(&child, Signal::STOP);
    tokio::time::sleep(Duration::from_secs(2)).await;
    Ran::of(bench.command(&["import"])).await.exits(11);
    send(&child, Signal::CONT);
    bench.target_proxy.until(45).await;
    send(&child, Signal::TERM);
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stdout));
    let found = bench.resumed_and_compared().await;
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Runs the program in a shell that limits the size of files to this number of kilobytes, as if the disk were full.
fn without_room(mlferry: &Mlferry, kilobytes: u32, arguments: &[&str]) -> Command {
    let plain = mlferry.command(arguments);
    let mut command = Command::new("sh");
    let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", kilobytes * 2);
    command.arg("-c").arg(script).arg(plain.as_std().get_program()).args(arguments);
    command
        .envs(plain.as_std().get_envs().filter_map(|(name, value)| Some((name, value?))))
        .stdin(Stdio::null());
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_reported_and_the_job_resumes_later() {
    let mut bench = Bench::start(ROWS, TARGET).await;
    bench.fill(SEED);
    let source = bench.source.url().to_owned();
    for (kilobytes, code) in [(24, 1), (64, 1)] {
        let (mlferry, folder) = (Mlferry::new(), tempfile::tempdir().unwrap());
        let archive = folder.path().join("mlflow-export").to_str().unwrap().to_owned();
        let export = ["export", "--source", &source, "--output-dir", &archive, "--json"];
        let ran = Ran::of(without_room(&mlferry, kilobytes, &export)).await.exits(code);
        let last = ran.lines().pop().unwrap();
        assert!(last["message"].is_string() && last["hint"].is_string(), "{kilobytes} KB: {last}");
        mlferry.run(&export).await.exits(0).outcome();
        let validate = ["validate", "--source", &source, "--target", &archive, "--artifacts", "checksum"];
        mlferry.run(&validate).await.exits(0);
    }
}
