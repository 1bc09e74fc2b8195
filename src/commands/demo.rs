//! The demo: a real server with sample data, and a local stand-in for SageMaker as the target. It runs this program
//! again as a child process. Environment variables direct the child to the stand-in, as they would direct it to AWS.

use std::path::Path;
use std::process::{ExitStatus, Stdio};

use serde_json::Value;
use tokio::process::Command;

use super::Printer;
use super::output::DEMO;
use crate::cli;
use crate::config::Config;
use crate::demo::{MlflowServer, Sandbox, SandboxOptions, ServerOptions, seed};
use crate::error::{Error, Result};

/// Both servers end when this process ends, also when it is killed.
pub async fn demo(args: cli::Demo, output: cli::Output, config: &Config, printer: &Printer) -> Result<u8> {
    let say = |line: &str| printer.news(line);
    let venv = Sandbox::environment(&say).await?;
    let folder = tempfile::Builder::new().prefix("mlferry-demo-").tempdir()?;
    say("starting an MLflow server, and a stand-in of SageMaker …");
    let (source_dir, aws_dir) = (folder.path().join("source"), folder.path().join("aws"));
    let (source, sandbox) = tokio::try_join!(
        MlflowServer::start(&venv, &source_dir, ServerOptions::default()),
        Sandbox::start(&venv, &aws_dir, SandboxOptions::default()),
    )?;
    say("filling the server with sample data …");
    seed(&venv, &source.url, "demo").await?;
    // The state is kept in the temporary folder: the servers end with the demo, so a saved session would point to
    // nothing.
    let (state, looks) = (folder.path().join("state"), folder.path().join("config.toml"));
    std::fs::write(&looks, config.looks()?)?;
    let here = Here { sandbox: &sandbox, state: &state, config: &looks, output };
    let code = match args.headless {
        true => {
            let directory = args.via_directory.then(|| folder.path().join("mlflow-export"));
            headless(&here, &source.url, directory.as_deref()).await
        }
        false => here.run(&["--source", &source.url]).await,
    };
    futures::try_join!(source.stop(), sandbox.stop())?;
    code
}

async fn headless(here: &Here<'_>, source: &str, directory: Option<&Path>) -> Result<u8> {
    let arn = here.create().await?;
    let mut args = vec!["run", "--source", source, "--target", &arn, "--artifacts", "checksum", "--yes"];
    if let Some(directory) = directory.and_then(Path::to_str) {
        args.extend(["--output-dir", directory]);
    }
    here.run(&args).await
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
    async fn run(&self, args: &[&str]) -> Result<u8> {
        let mut command = self.command(args)?;
        if args.first() == Some(&"--source") {
            command.args(self.artifact_store());
        }
        Ok(code(watched(&mut command).await?))
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

/// Ctrl-C also reaches the child process, which drains and ends on its own. This process only has to wait for it.
async fn watched(command: &mut Command) -> Result<ExitStatus> {
    let mut child = command.spawn()?;
    loop {
        tokio::select! {
            status = child.wait() => return Ok(status?),
            pressed = tokio::signal::ctrl_c() => pressed?,
        }
    }
}

fn code(status: ExitStatus) -> u8 {
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}
