use std::path::Path;
use std::process::Stdio;

use mlferry::demo::{Sandbox, Venv};
use serde_json::Value;
use tokio::process::Command;

/// What measures commands against one sandbox.
pub struct Bench<'a> {
    pub sandbox: &'a Sandbox,
    /// With the AWS CLI.
    pub venv: &'a Venv,
}

impl Bench<'_> {
    /// A program, led to the sandbox, under `measure.py`.
    pub fn command(&self, program: &str, args: &[&str]) -> Command {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/s3/measure.py");
        let mut command = self.venv.command();
        command.arg(script).arg(program).args(args).envs(self.sandbox.env()).stderr(Stdio::inherit());
        command
    }

    pub fn aws(&self, args: &[&str]) -> Command {
        let program = self.venv.python().with_file_name("aws");
        self.command(program.to_str().unwrap(), args)
    }

    /// Prints a row: seconds, megabytes a second, requests that S3 was sent, the most memory.
    pub async fn measure(&self, what: &str, megabytes: f64, command: Command) {
        let before = self.requests().await;
        let told = run(command).await;
        let requests = self.requests().await - before;
        let (seconds, peak) = (told["seconds"].as_f64().unwrap(), told["peak"].as_f64().unwrap());
        let (speed, peak) = (megabytes / seconds, peak / f64::from(1 << 20));
        println!("  {what:<42} {seconds:>8.1} {speed:>8.1} {requests:>9} {peak:>9.0}");
    }

    /// Takes away what was uploaded: the sandbox holds it in memory.
    pub async fn empty(&self, store: &str) {
        run(self.aws(&["s3", "rm", "--recursive", "--only-show-errors", store])).await;
    }

    /// How many requests S3 has been sent.
    async fn requests(&self) -> u64 {
        let facts = &self.sandbox.facts;
        let call = reqwest::Client::new().get(format!("{}/_sandbox/requests", facts.aws));
        let answer = call.header("X-Sandbox-Password", &facts.password).send().await.unwrap();
        answer.error_for_status().unwrap().json().await.unwrap()
    }
}

async fn run(mut command: Command) -> Value {
    let output = command.output().await.unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["code"], 0, "{command:?}");
    told
}
