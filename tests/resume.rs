//! Kill it at any moment and run it again: the end is the same, and nothing is doubled.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test that cannot go on panics and says why"
)]

mod support;

use std::time::Duration;

use support::{Mlferry, Real, TARGET, differences};
use tokio::process::Child;

/// Milliseconds until each kill: early, in the middle of creating, in the middle of files.
const KILLS: [u64; 8] = [150, 400, 700, 1_000, 250, 1_500, 550, 2_000];

/// Runs the command and kills it hard at each of the moments, unless it ends before; then lets it run to its end.
async fn with_kills(mlferry: &Mlferry, args: &[&str]) -> u32 {
    let mut killed = 0;
    for moment in KILLS {
        let mut child = mlferry.command(args).stdout(std::process::Stdio::null()).spawn().unwrap();
        tokio::select! {
            _ = child.wait() => {}
            () = tokio::time::sleep(Duration::from_millis(moment)) => {
                child.kill().await.unwrap();
                killed += 1;
            }
        }
    }
    mlferry.run(args).await.exits(0).outcome();
    killed
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_it_still_comes_to_the_same_end() {
    let (source, target) = futures::join!(Real::start(TARGET), Real::start(TARGET));
    source.seed("demo").await;
    let mlferry = Mlferry::new();
    let import = ["import", "--source", source.url(), "--target", target.url(), "--json"];
    let killed = with_kills(&mlferry, &import).await;
    assert!(killed >= 3, "only {killed} kills hit: the data are too small for this test");
    assert_eq!(differences(&source, &target).await, [""; 0]);
    let validate =
        ["validate", "--source", source.url(), "--target", target.url(), "--artifacts", "checksum"];
    mlferry.run(&validate).await.exits(0);

    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("mlflow-export");
    let archive = archive.to_str().unwrap();
    let export = ["export", "--source", source.url(), "--output-dir", archive, "--json"];
    with_kills(&mlferry, &export).await;
    mlferry
        .run(&["validate", "--source", source.url(), "--target", archive, "--artifacts", "checksum"])
        .await
        .exits(0);
}

#[cfg(unix)]
fn interrupt(child: &Child) {
    let pid = rustix::process::Pid::from_raw(child.id().unwrap().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_drains_status_watches_and_a_second_migration_waits_its_turn() {
    let (source, target) = futures::join!(Real::start(TARGET), Real::start(TARGET));
    source.seed("bench").await;
    let mlferry = Mlferry::new();
    let import = ["import", "--source", source.url(), "--target", target.url(), "--json"];
    let child = mlferry.command(&import).stdout(std::process::Stdio::piped()).spawn().unwrap();

    let status = loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let lines = mlferry.run(&["status", "--json"]).await.exits(0).lines();
        match lines.into_iter().next() {
            Some(line) if line["counts"]["runs"]["done"].as_u64() > Some(0) => break line,
            _ => {}
        }
    };
    assert_eq!(status["running"], true, "{status}");
    assert_eq!(status["source"], source.url());
    let second = mlferry.run(&import).await.exits(11);
    assert!(second.stdout.contains("import of"), "{}", second.stdout);

    interrupt(&child);
    let output = child.wait_with_output().await.unwrap();
    let stopped = support::Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::new(),
    };
    let outcome = stopped.exits(130).outcome();
    assert_eq!(outcome["stopped"], true);

    let rest = mlferry.run(&import).await.exits(0).outcome();
    assert!(rest["counts"]["runs"]["skipped"].as_u64() > Some(0), "what was done is not done again: {rest}");
    assert_eq!(differences(&source, &target).await, [""; 0]);
    assert_eq!(mlferry.run(&["status", "--json"]).await.lines()[0]["running"], false);
}
