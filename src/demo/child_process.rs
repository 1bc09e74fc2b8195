//! A program that always ends with this process.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

use super::venv::{Venv, tail};
use crate::error::{Error, Result};

/// The script that launches a program. It is written to the working directory of that program.
const LAUNCHER_NAME: &str = "serve.py";
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// A running program. Its launcher runs as long as the pipe to it is open: if this value is dropped, or if this process
/// ends in any way, the program and all its child processes end. `stop` waits until they have ended.
#[derive(Debug)]
pub(super) struct ChildProcess {
    log: PathBuf,
    launcher: Child,
    lifeline: Option<ChildStdin>,
}

impl ChildProcess {
    pub async fn write_launcher(venv: &Venv, dir: &Path) -> Result<()> {
        Ok(tokio::fs::write(dir.join(LAUNCHER_NAME), venv.launcher()).await?)
    }

    /// The environment's Python in `dir`, with the launcher as its script. The caller appends the program to run.
    /// `write_launcher` must have been called for `dir`.
    pub fn command(venv: &Venv, dir: &Path) -> Command {
        let mut command = venv.command();
        command.arg(dir.join(LAUNCHER_NAME)).arg(venv.python()).current_dir(dir);
        // Killing the launcher would orphan the program. The launcher ends on its own when the pipe closes.
        command.kill_on_drop(false);
        command
    }

    /// Starts the program. The file at `log` receives its output.
    pub fn start(mut command: Command, log: &Path) -> Result<Self> {
        let output = File::create(log)?;
        let mut launcher =
            command.stdin(Stdio::piped()).stdout(output.try_clone()?).stderr(output).spawn()?;
        let lifeline = launcher.stdin.take();
        Ok(Self { log: log.to_path_buf(), launcher, lifeline })
    }

    /// The exit status, if the program has ended.
    pub fn exit_status(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.launcher.try_wait()?)
    }

    /// The output so far.
    pub async fn printed(&self) -> String {
        let bytes = tokio::fs::read(&self.log).await.unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The error for a program that ended before it was ready.
    pub async fn did_not_start(&self, what: &str, status: ExitStatus) -> Error {
        Error::permanent(format!("{what} did not start ({status}):\n{}", tail(&self.printed().await)))
    }

    /// The error for a program that runs but did not become ready in time.
    pub async fn did_not_answer(&self, what: &str, within: Duration) -> Error {
        let (seconds, text) = (within.as_secs(), tail(&self.printed().await));
        Error::permanent(format!("{what} did not answer within {seconds} s:\n{text}"))
            .hint(format!("see {}", self.log.display()))
    }

    /// Stops the program and all its child processes, and waits until they have ended.
    pub async fn stop(mut self, what: &str) -> Result<()> {
        drop(self.lifeline.take());
        match timeout(STOP_TIMEOUT, self.launcher.wait()).await {
            Ok(status) => status.map(drop).map_err(Error::from),
            Err(_) => Err(Error::permanent(format!("{what} does not stop"))),
        }
    }
}
