//! A stand-in for SageMaker's serverless MLflow: control plane, data plane, S3, STS and IAM of an AWS account that has
//! a bucket, a role for Apps, and a role for the migration. `assets/demo/sandbox` describes how faithful each part is.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use super::child_process::ChildProcess;
use super::lock::Lock;
use super::python;
use super::venv::Venv;
use crate::error::{Error, Result};

/// MLflow of the release that Apps run, the official clients, and moto.
const LOCK: Lock = Lock { name: "sandbox", text: include_str!("../../assets/locks/sandbox.txt") };
const START_TIMEOUT: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(100);
const WHAT: &str = "the SageMaker sandbox";

macro_rules! files {
    ($($name:literal),* $(,)?) => { [$(($name, include_str!(concat!("../../assets/demo/sandbox/", $name)))),*] };
}

const FILES: [(&str, &str); 19] = files![
    "account.py",
    "apps.py",
    "auth.py",
    "caller.py",
    "control.py",
    "data_plane.py",
    "faults.py",
    "main.py",
    "model_check.py",
    "permissions.py",
    "policies.py",
    "resources.py",
    "sigv4.py",
    "simulation.py",
    "state.py",
    "tracking_servers.py",
    "ui.py",
    "uploads.py",
    "upstream.py",
];

#[derive(Clone, Debug)]
pub struct SandboxOptions {
    pub region: String,
    /// The minimum time that an App is `Creating`. Its server also takes some seconds.
    pub create_time: Duration,
    /// The MLflow server of an App starts with the first request to it, not when the App is created.
    pub servers_on_demand: bool,
}

impl Default for SandboxOptions {
    fn default() -> Self {
        Self {
            region: "eu-central-1".to_owned(),
            create_time: Duration::from_secs(1),
            servers_on_demand: false,
        }
    }
}

/// A running sandbox. It ends when this process ends in any way. `stop` waits until it has ended.
pub struct Sandbox {
    pub facts: Facts,
    dir: PathBuf,
    program: ChildProcess,
}

/// The data that a client needs to use the sandbox.
#[derive(Clone, Deserialize)]
pub struct Facts {
    /// Twelve digits.
    pub account: String,
    pub region: String,
    pub bucket: String,
    /// The ARN of the role for Apps.
    pub role: String,
    /// The ARN of the role whose session runs the migration.
    pub migration_role: String,
    /// The endpoint of the SageMaker API.
    pub control_plane: String,
    /// The endpoint of MLflow's REST API, for all Apps and tracking servers.
    pub data_plane: String,
    /// The endpoint of S3, STS and IAM.
    pub aws: String,
    /// The password for the sandbox's own endpoint, which opens new sessions.
    pub password: String,
    pub session: Credentials,
}

/// Credentials of a session. They are valid for this sandbox only.
#[derive(Clone, Deserialize)]
pub struct Credentials {
    pub access_key: String,
    pub secret: String,
    pub token: String,
}

impl Sandbox {
    /// The cached Python environment of the sandbox, which includes the official clients: boto3 and `sagemaker-mlflow`.
    pub async fn environment(say: &(dyn Fn(&str) + Send + Sync)) -> Result<Venv> {
        Venv::ensure(&LOCK, say).await
    }

    /// Starts a sandbox that stores its data in `dir`.
    pub async fn start(venv: &Venv, dir: &Path, options: SandboxOptions) -> Result<Self> {
        let dir = std::path::absolute(dir)?;
        let code = dir.join("code");
        tokio::fs::create_dir_all(&code).await?;
        ChildProcess::write_launcher(venv, &code).await?;
        for (name, text) in FILES {
            tokio::fs::write(code.join(name), text).await?;
        }
        let mut command = ChildProcess::command(venv, &code);
        command.arg("main.py").arg(&dir).arg(&options.region);
        command.arg(options.create_time.as_secs_f64().to_string());
        command.arg(if options.servers_on_demand { "on-demand" } else { "at-once" });
        let mut program = ChildProcess::start(command, &dir.join("sandbox.log"))?;
        let facts = until_ready(&mut program, &dir.join("sandbox.json")).await?;
        Ok(Self { facts, dir, program })
    }

    /// The variables that direct a program to this sandbox instead of AWS. They work for mlferry and for the official
    /// clients.
    pub fn env(&self) -> Vec<(String, String)> {
        let (facts, session) = (&self.facts, &self.facts.session);
        let pairs = [
            ("AWS_ACCESS_KEY_ID", &session.access_key),
            ("AWS_SECRET_ACCESS_KEY", &session.secret),
            ("AWS_SESSION_TOKEN", &session.token),
            ("AWS_REGION", &facts.region),
            ("AWS_DEFAULT_REGION", &facts.region),
            ("AWS_ENDPOINT_URL_SAGEMAKER", &facts.control_plane),
            ("SAGEMAKER_ENDPOINT_URL", &facts.control_plane),
            ("SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT", &facts.data_plane),
            ("AWS_ENDPOINT_URL_S3", &facts.aws),
            ("AWS_ENDPOINT_URL_STS", &facts.aws),
            ("AWS_ENDPOINT_URL_IAM", &facts.aws),
            ("MLFLOW_S3_ENDPOINT_URL", &facts.aws),
        ];
        let mut env: Vec<_> =
            pairs.into_iter().map(|(name, value)| (name.to_owned(), value.clone())).collect();
        env.push(("AWS_EC2_METADATA_DISABLED".to_owned(), "true".to_owned()));
        env
    }

    /// This program as a child process that uses this sandbox instead of AWS. It ends when its handle is dropped.
    pub fn program(&self) -> Result<Command> {
        let mut command = python::clean_command(std::env::current_exe()?);
        command.envs(self.env());
        Ok(command)
    }

    /// The file from which `faults.py` reads the faults to inject.
    pub fn faults(&self) -> PathBuf {
        self.dir.join("faults.json")
    }

    /// Stops the sandbox and its MLflow servers, and waits until they have ended.
    pub async fn stop(self) -> Result<()> {
        self.program.stop(WHAT).await
    }
}

/// The sandbox writes the file when all its endpoints listen.
async fn until_ready(program: &mut ChildProcess, file: &Path) -> Result<Facts> {
    let deadline = Instant::now() + START_TIMEOUT;
    while Instant::now() < deadline {
        if let Some(status) = program.exit_status()? {
            return Err(program.did_not_start(WHAT, status).await);
        }
        match tokio::fs::read(file).await {
            Ok(text) => return Ok(serde_json::from_slice(&text)?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => sleep(POLL).await,
            Err(error) => return Err(Error::from(error).at(file.display())),
        }
    }
    Err(program.did_not_answer(WHAT, START_TIMEOUT).await)
}
