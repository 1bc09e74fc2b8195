//! Kill it at any moment and run it again: the end is the same, and nothing is doubled.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test that cannot go on panics and says why"
)]

mod support;

use std::time::Duration;

#[cfg(unix)]
use rustix::process::Signal;
use support::{Mlferry, Ran, Real, TARGET, differences};
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
fn send(child: &Child, signal: Signal) {
    let pid = rustix::process::Pid::from_raw(child.id().unwrap().cast_signed()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

/// What a program came to that was started with its output piped.
#[cfg(unix)]
async fn ended(child: Child) -> Ran {
    let output = child.wait_with_output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

#[cfg(unix)]
fn piped(mlferry: &Mlferry, args: &[&str]) -> Child {
    use std::process::Stdio;
    mlferry.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_drains_status_watches_and_a_second_migration_waits_its_turn() {
    let (source, target) = futures::join!(Real::start(TARGET), Real::start(TARGET));
    source.seed("bench").await;
    let mlferry = Mlferry::new();
    let import = ["import", "--source", source.url(), "--target", target.url(), "--json"];
    let child = piped(&mlferry, &import);

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

    send(&child, Signal::INT);
    let outcome = ended(child).await.exits(130).outcome();
    assert_eq!(outcome["stopped"], true);

    // The rest is watched to its end, from another terminal.
    let rest = tokio::spawn(ended(piped(&mlferry, &import)));
    until_running(&mlferry).await;
    let seen = mlferry.run(&["status", "--watch", "--json"]).await.exits(0).lines();
    let rest = rest.await.unwrap().exits(0).outcome();
    let last = seen.last().unwrap();
    assert_eq!((&last["type"], &last["counts"]), (&"ended".into(), &rest["counts"]), "{last}");
    assert_eq!((&last["meaning"], &last["target"]), (&"done".into(), &target.url().into()), "{last}");
    let mut on_the_way = seen.iter().filter(|line| line["type"] == "progress");
    assert!(on_the_way.any(|line| line["in_flight_count"].as_u64() > Some(0)), "{seen:?}");
    assert!(rest["counts"]["runs"]["skipped"].as_u64() > Some(0), "what was done is not done again: {rest}");
    assert_eq!(differences(&source, &target).await, [""; 0]);
    assert_eq!(mlferry.run(&["status", "--json"]).await.lines()[0]["running"], false);
}

/// A process is at work on what was begun last.
#[cfg(unix)]
async fn until_running(mlferry: &Mlferry) {
    let is_running = async || {
        let lines = mlferry.run(&["status", "--json"]).await.lines();
        lines.first().is_some_and(|line| line["running"] == true)
    };
    while !is_running().await {}
}

/// Tried on exports: they load nobody but the source.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_terminal_stops_a_command_in_an_orderly_way_and_a_killed_one_is_missed() {
    let source = Real::start(TARGET).await;
    source.seed("bench").await;
    let (mlferry, folder) = (Mlferry::new(), tempfile::tempdir().unwrap());
    let signals = [(Signal::HUP, Some(130)), (Signal::TERM, Some(130)), (Signal::KILL, None)];
    for (signal, code) in signals {
        let archive = folder.path().join(format!("{signal:?}"));
        let export = ["export", "--source", source.url(), "--output-dir", archive.to_str().unwrap()];
        let child = piped(&mlferry, &export);
        until_running(&mlferry).await;
        let seeing = piped(&mlferry, &["status", "--watch", "--json"]);
        // Who has seen enough leaves the work alone.
        let left = piped(&mlferry, &["status", "--watch"]);
        tokio::time::sleep(Duration::from_millis(700)).await;
        send(&left, Signal::INT);
        let left = ended(left).await.exits(130);
        assert!(left.stdout.contains("runs ") && left.stderr.contains("the work goes on"), "{left:?}");
        send(&child, signal);
        assert_eq!(ended(child).await.code, code, "{signal:?}");
        let seen = ended(seeing).await.exits(code.unwrap_or(1));
        assert!(code.is_some() || seen.stdout.contains("gone without a word"), "{seen:?}");
    }
    assert!(mlferry.run(&["status", "--watch"]).await.exits(0).stderr.contains("nothing is at work"));
}
