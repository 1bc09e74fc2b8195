//! Fills a server with a workload through MLflow's own client.

use std::process::Stdio;

use tokio::io::AsyncWriteExt;

use super::venv::{Venv, tail};
use crate::error::{Error, Result};

const SCRIPT: &str = include_str!("../../assets/demo/seed.py");

/// Writes the workload named `scale` (`demo` or `bench`) to the server at `url`.
pub async fn seed(venv: &Venv, url: &str, scale: &str) -> Result<()> {
    let mut child = venv
        .command()
        .args(["-", url, scale])
        // An unavailable server is reported immediately, not after minutes of retries.
        .env("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A child that ends early closes the pipe. Its status and its stderr below show the cause.
        stdin.write_all(SCRIPT.as_bytes()).await.ok();
    }
    let output = child.wait_with_output().await?;
    if output.status.success() {
        return Ok(());
    }
    let reason = tail(&String::from_utf8_lossy(&output.stderr));
    Err(Error::permanent(format!("seeding {url} failed ({}):\n{reason}", output.status)))
}
