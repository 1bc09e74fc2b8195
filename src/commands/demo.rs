//! The demo: a real server with sample data, or its files without the server, and a local stand-in for SageMaker as the
//! target. It runs this program again as a child process. Environment variables direct the child to the stand-in, as they
//! would direct it to AWS.

use std::io::IsTerminal;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::Printer;
use super::output::DEMO;
use crate::cli;
use crate::config::Config;
use crate::demo::{MlflowServer, Sandbox, SandboxOptions, ServerOptions, Venv, seed};
use crate::error::{Error, Result};
use crate::tui::require_terminal;
use crate::tui::terminal::signals::{Signal, Signals};

/// Number of attempts to remove the demo's folder, and the time between them: its servers may still be ending.
const REMOVALS: u32 = 50;
const REMOVAL_EVERY: Duration = Duration::from_millis(200);

/// Both servers end when this process ends, also when it is killed. Their folder is removed unless it is killed.
pub async fn demo(args: cli::Demo, output: cli::Output, config: &Config, printer: &Printer) -> Result<u8> {
    if !args.headless {
        // Checked before the servers are installed and started.
        require_terminal(
            "the demo needs a terminal",
            "`mlferry demo --headless` runs a whole migration without one",
        )?;
    }
    let venv = Sandbox::environment(&|line: &str| printer.news(line)).await?;
    let folder = tempfile::Builder::new().prefix("mlferry-demo-").tempdir()?;
    // From here on a signal no longer ends this process before the folder is removed.
    let mut signals = Signals::new()?;
    let result = in_folder(folder.path(), &venv, &args, output, config, printer, &mut signals).await;
    remove(folder).await;
    result
}

async fn in_folder(
    folder: &Path,
    venv: &Venv,
    args: &cli::Demo,
    output: cli::Output,
    config: &Config,
    printer: &Printer,
    signals: &mut Signals,
) -> Result<u8> {
    let (source, sandbox) = tokio::select! {
        servers = start(folder, venv, args.from_files, printer) => servers?,
        () = interrupted(signals) => return Err(Error::stopped()),
    };
    // The state is kept in the temporary folder: the servers end with the demo, so a saved session would point to
    // nothing.
    let (state, looks) = (folder.join("state"), folder.join("config.toml"));
    std::fs::write(&looks, config.looks()?)?;
    let here = Here { sandbox: &sandbox, state: &state, config: &looks, output };
    let code = match args.headless {
        true => {
            let directory = args.via_directory.then(|| folder.join("mlflow-export"));
            headless(&here, source.location(), directory.as_deref(), signals).await
        }
        false => here.run(&["--source", source.location()], signals).await,
    };
    futures::try_join!(source.stop(), sandbox.stop())?;
    code
}

enum Source {
    Server(Box<MlflowServer>),
    /// The database that a server has left, with the server's artifacts beside it.
    Database(String),
}

impl Source {
    fn location(&self) -> &str {
        match self {
            Self::Server(server) => &server.url,
            Self::Database(path) => path,
        }
    }

    async fn stop(self) -> Result<()> {
        match self {
            Self::Server(server) => server.stop().await,
            Self::Database(_) => Ok(()),
        }
    }
}

async fn start(folder: &Path, venv: &Venv, from_files: bool, printer: &Printer) -> Result<(Source, Sandbox)> {
    printer.news("starting an MLflow server and a stand-in for SageMaker …");
    let (source_dir, aws_dir) = (folder.join("source"), folder.join("aws"));
    let (source, sandbox) = tokio::try_join!(
        MlflowServer::start(venv, &source_dir, ServerOptions::default()),
        Sandbox::start(venv, &aws_dir, SandboxOptions::default()),
    )?;
    printer.news("filling the server with sample data …");
    seed(venv, &source.url, "demo").await?;
    if !from_files {
        return Ok((Source::Server(Box::new(source)), sandbox));
    }
    let database = source.database().display().to_string();
    source.stop().await?;
    printer.news(&format!("the server has ended; the source is its database, {database}"));
    Ok((Source::Database(database), sandbox))
}

/// Returns when a signal asks this process to end.
async fn interrupted(signals: &mut Signals) {
    while signals.next().await == Signal::Continued {}
}

/// Servers that were not waited for may still write files meanwhile, so the removal is tried again.
async fn remove(folder: TempDir) {
    let path = folder.keep();
    for _ in 0..REMOVALS {
        if std::fs::remove_dir_all(&path).is_ok() || !path.exists() {
            return;
        }
        tokio::time::sleep(REMOVAL_EVERY).await;
    }
    tracing::warn!("{} could not be removed", path.display());
}

async fn headless(
    here: &Here<'_>,
    source: &str,
    directory: Option<&Path>,
    signals: &mut Signals,
) -> Result<u8> {
    let arn = tokio::select! {
        arn = here.create() => arn?,
        () = interrupted(signals) => return Err(Error::stopped()),
    };
    let mut args = vec!["run", "--source", source, "--target", &arn, "--artifacts", "checksum", "--yes"];
    if let Some(directory) = directory.and_then(Path::to_str) {
        args.extend(["--output-dir", directory]);
    }
    here.run(&args, signals).await
}

/// The environment in which this program runs again.
struct Here<'a> {
    sandbox: &'a Sandbox,
    state: &'a Path,
    /// The user's display settings and key bindings, without the servers of the profiles.
    config: &'a Path,
    output: cli::Output,
}

impl Here<'_> {
    /// Runs the program in this terminal until it ends. The wizard gets the values that it needs to create a new App.
    async fn run(&self, args: &[&str], signals: &mut Signals) -> Result<u8> {
        let mut command = self.command(args)?;
        if args.first() == Some(&"--source") {
            command.args(self.artifact_store());
        }
        Ok(code(watched(&mut command, signals).await?))
    }

    /// Creates an App in the sandbox.
    async fn create(&self) -> Result<String> {
        let mut command =
            self.command(&["app", "create", "--name", "demo", "--poll-interval", "1", "--yes"])?;
        command.args(self.artifact_store()).arg("--json").stdout(Stdio::piped());
        let output = command.spawn()?.wait_with_output().await?;
        let mut lines = output.stdout.split(|byte| *byte == b'\n');
        let made = lines.find_map(|line| {
            let line: Value = serde_json::from_slice(line).ok()?;
            (line["type"] == "app_made").then(|| line["arn"].as_str().map(str::to_owned))?
        });
        made.filter(|_| output.status.success())
            .ok_or_else(|| Error::permanent(format!("the App was not created ({})", output.status)))
    }

    fn artifact_store(&self) -> [String; 4] {
        let facts = &self.sandbox.facts;
        let store = format!("s3://{}/demo", facts.bucket);
        ["--artifact-store-uri".to_owned(), store, "--role-arn".to_owned(), facts.role.clone()]
    }

    fn command(&self, args: &[&str]) -> Result<Command> {
        let mut command = self.sandbox.program()?;
        command
            .args(args)
            .env("MLFERRY_STATE_DIR", self.state)
            .env("MLFERRY_CONFIG", self.config)
            .env(DEMO, "true");
        let cli::Output { json, quiet, verbose } = self.output;
        for (is_wanted, flag) in [(json, "--json"), (quiet, "--quiet"), (verbose, "--verbose")] {
            if is_wanted {
                command.arg(flag);
            }
        }
        Ok(command)
    }
}

/// Waits for the child process, which drains and ends on its own when it gets a signal. Ctrl-C and the end of a terminal
/// reach it without this process; all other signals are passed on to it.
async fn watched(command: &mut Command, signals: &mut Signals) -> Result<ExitStatus> {
    let mut child = command.spawn()?;
    let has_terminal = std::io::stdin().is_terminal();
    loop {
        tokio::select! {
            status = child.wait() => return Ok(status?),
            signal = signals.next() => match signal {
                Signal::Continued => {}
                Signal::Interrupt | Signal::HangUp if has_terminal => {}
                Signal::Interrupt | Signal::HangUp | Signal::Terminate => terminate(&child),
            },
        }
    }
}

#[cfg(unix)]
fn terminate(child: &Child) {
    let pid = child.id().and_then(|id| rustix::process::Pid::from_raw(i32::try_from(id).ok()?));
    if let Some(pid) = pid {
        // The child may have ended already.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
}

#[cfg(not(unix))]
fn terminate(_: &Child) {}

fn code(status: ExitStatus) -> u8 {
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[tokio::test]
    async fn a_signal_to_the_demo_ends_the_program_that_it_runs() {
        // Once a handler is set, the signal no longer ends this process.
        let mut signals = Signals::new().unwrap();
        let mut command = Command::new("sleep");
        command.arg("60").kill_on_drop(true);
        let raise = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TERM).unwrap();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            status = watched(&mut command, &mut signals) => assert!(!status.unwrap().success()),
            () = raise => {}
        }
    }

    /// Servers that end later than the demo must not leave its folder behind.
    #[tokio::test]
    async fn the_folder_is_removed_although_a_server_still_writes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        let logs = path.join("logs");
        let writes = std::thread::spawn(move || {
            for number in 0..200 {
                // Fails once the folder is gone.
                let _ = std::fs::create_dir(&logs);
                let _ = std::fs::write(logs.join(number.to_string()), "line");
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        remove(folder).await;
        writes.join().unwrap();
        assert!(!path.exists());
    }
}
