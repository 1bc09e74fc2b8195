use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::{Child, Command};

/// The time between two looks at a program's memory.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

pub struct Measured {
    pub seconds: f64,
    /// The most memory that the program used, in MB; only on Linux.
    pub peak: u64,
}

/// Runs a program to its end.
pub async fn measure(mut command: Command) -> Measured {
    let started = Instant::now();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut peak = 0;
    let status = loop {
        peak = peak.max(memory(&child));
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None => tokio::time::sleep(LOOK_INTERVAL).await,
        }
    };
    assert!(status.success(), "{command:?}: {status}");
    Measured { seconds: started.elapsed().as_secs_f64(), peak }
}

fn memory(child: &Child) -> u64 {
    let status = child.id().and_then(|id| std::fs::read_to_string(format!("/proc/{id}/status")).ok());
    let line = status.as_deref().and_then(|text| text.lines().find_map(|line| line.strip_prefix("VmHWM:")));
    let kilobytes =
        line.and_then(|line| line.trim().strip_suffix(" kB")).and_then(|text| text.parse::<u64>().ok());
    kilobytes.unwrap_or_default() / 1024
}

/// An export of the experiment `big` into a new directory.
pub fn export(source: &str, folder: &Path, name: &str) -> Command {
    let output = folder.join(format!("export-{name}"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_mlferry"));
    command
        .args(["export", "--source", source, "--experiments", "big", "--output-dir"])
        .arg(output)
        .env("MLFERRY_STATE_DIR", folder.join("state"));
    command
}
