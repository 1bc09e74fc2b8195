//! `mlflow server` on this machine, with SQLite or a folder of files and proxied artifacts, in one directory.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdin};
use tokio::time::{Instant, sleep, timeout};

use super::venv::{Venv, tail};
use crate::error::{Error, Result};

const LAUNCHER: &str = include_str!("../../assets/demo/serve.py");
const START_TIMEOUT: Duration = Duration::from_secs(180);
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);
/// `python -m mlflow` is not there in MLflow 1.30.
const RUN: &str = "from mlflow.cli import cli; cli()";
const POLL: Duration = Duration::from_millis(150);
/// How often another free port is tried when somebody else was quicker.
const PORT_ATTEMPTS: u32 = 5;

/// Where a server keeps what is not an artifact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Store {
    #[default]
    Sqlite,
    /// A folder of files, `mlruns`; servers refuse it since MLflow 3.15 unless they are told otherwise.
    Files,
}

#[derive(Clone, Debug)]
pub struct ServerOptions {
    pub store: Store,
    pub workers: u32,
    /// A free one when not given.
    pub port: Option<u16>,
    /// The file in the server's directory that gets what the server prints.
    pub log: String,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self { store: Store::default(), workers: 2, port: None, log: "server.log".to_owned() }
    }
}

/// A running server. Its launcher lives as long as the pipe to it is open: dropping this, or ending this process in
/// any way, ends the server and its workers. `stop` waits until they are gone.
#[derive(Debug)]
pub struct MlflowServer {
    pub url: String,
    dir: PathBuf,
    launcher: Child,
    lifeline: Option<ChildStdin>,
}

enum Outcome {
    Ready,
    PortTaken,
}

impl MlflowServer {
    /// Starts a server that keeps its data in `dir`; data of an earlier server there is served again.
    pub async fn start(venv: &Venv, dir: &Path, options: ServerOptions) -> Result<Self> {
        let dir = std::path::absolute(dir)?;
        tokio::fs::create_dir_all(dir.join("artifacts")).await?;
        let script = dir.join("serve.py");
        tokio::fs::write(&script, LAUNCHER).await?;
        for _ in 0..PORT_ATTEMPTS {
            let port = options.port.map_or_else(free_port, Ok)?;
            let log = dir.join(&options.log);
            let mut server = Self::launch(venv, &dir, &script, &log, port, &options)?;
            match server.until_ready(&log, port).await? {
                Outcome::Ready => return Ok(server),
                Outcome::PortTaken => server.stop().await?,
            }
            if options.port.is_some() {
                let message = format!("port {port} of 127.0.0.1 is taken");
                return Err(
                    Error::permanent(message).hint("choose another port, or let mlferry find a free one")
                );
            }
        }
        Err(Error::transient("every free port that was tried was taken before the server could listen on it"))
    }

    /// The SQLite file of the server.
    pub fn database(&self) -> PathBuf {
        self.dir.join("mlflow.db")
    }

    /// The folder of a server over files.
    pub fn mlruns(&self) -> PathBuf {
        self.dir.join("mlruns")
    }

    /// The directory that holds `<experiment id>/<run id>/artifacts`.
    pub fn artifacts(&self) -> PathBuf {
        self.dir.join("artifacts")
    }

    /// Ends the server and its workers, and waits for it.
    pub async fn stop(mut self) -> Result<()> {
        drop(self.lifeline.take());
        match timeout(STOP_TIMEOUT, self.launcher.wait()).await {
            Ok(status) => status.map(drop).map_err(Error::from),
            Err(_) => Err(Error::permanent(format!("the MLflow server at {} does not stop", self.url))),
        }
    }

    fn launch(
        venv: &Venv,
        dir: &Path,
        script: &Path,
        log: &Path,
        port: u16,
        options: &ServerOptions,
    ) -> Result<Self> {
        let output = File::create(log)?;
        let mut command = venv.command();
        command.arg(script).arg(venv.python()).args(["-c", RUN, "server", "--host", "127.0.0.1"]);
        command.args(["--port", &port.to_string(), "--workers", &options.workers.to_string()]);
        // Relative to the working directory: no character of its path can upset a URI.
        let store = match options.store {
            Store::Sqlite => "sqlite:///mlflow.db",
            Store::Files => "mlruns",
        };
        command.args(["--backend-store-uri", store]);
        command.args(["--serve-artifacts", "--artifacts-destination", "artifacts"]);
        command.env("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false").current_dir(dir);
        // Killing the launcher would orphan the server; it ends by itself with the pipe.
        command.kill_on_drop(false);
        let mut launcher =
            command.stdin(Stdio::piped()).stdout(output.try_clone()?).stderr(output).spawn()?;
        let lifeline = launcher.stdin.take();
        Ok(Self { url: format!("http://127.0.0.1:{port}"), dir: dir.to_path_buf(), launcher, lifeline })
    }

    async fn until_ready(&mut self, log: &Path, port: u16) -> Result<Outcome> {
        let deadline = Instant::now() + START_TIMEOUT;
        while Instant::now() < deadline {
            let ended = self.launcher.try_wait()?;
            let text = read_log(log).await;
            if port_is_taken(&text) {
                return Ok(Outcome::PortTaken);
            }
            if let Some(status) = ended {
                return Err(did_not_start(status, &text));
            }
            // Whoever took the port might be an MLflow server too, so the log must say that ours listens.
            if is_listening(&text, port) && is_healthy(port).await {
                return Ok(Outcome::Ready);
            }
            sleep(POLL).await;
        }
        let text = tail(&read_log(log).await);
        let seconds = START_TIMEOUT.as_secs();
        Err(Error::permanent(format!("the MLflow server did not answer within {seconds} s:\n{text}"))
            .hint(format!("see {}", log.display())))
    }
}

fn did_not_start(status: ExitStatus, log: &str) -> Error {
    Error::permanent(format!("the MLflow server did not start ({status}):\n{}", tail(log)))
}

/// The system's choice. It is free now; the server says whether it still is when it gets there.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

async fn read_log(path: &Path) -> String {
    let bytes = tokio::fs::read(path).await.unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Gunicorn: `Connection in use: ('127.0.0.1', 5000)`; uvicorn: `[Errno 98] Address already in use`.
fn port_is_taken(log: &str) -> bool {
    log.contains("Connection in use") || log.to_ascii_lowercase().contains("address already in use")
}

/// Gunicorn: `Listening at: http://127.0.0.1:5000 (77)`; uvicorn: `Uvicorn running on http://127.0.0.1:5000 (Press …`.
fn is_listening(log: &str, port: u16) -> bool {
    log.contains(&format!("http://127.0.0.1:{port} ("))
}

async fn is_healthy(port: u16) -> bool {
    matches!(timeout(PROBE_TIMEOUT, probe(port)).await, Ok(Ok(true)))
}

async fn probe(port: u16) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    let request = format!("GET /health HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = [0; "HTTP/1.1 200".len()];
    stream.read_exact(&mut answer).await?;
    Ok(answer.ends_with(b" 200"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_tells_who_has_the_port() {
        assert!(is_listening("[INFO] Listening at: http://127.0.0.1:5000 (77)", 5000));
        assert!(is_listening("Uvicorn running on http://127.0.0.1:5000 (Press CTRL+C to quit)", 5000));
        assert!(!is_listening("Uvicorn running on http://127.0.0.1:50001 (Press", 5000));
        assert!(port_is_taken("[ERROR] Connection in use: ('127.0.0.1', 5000)"));
        assert!(port_is_taken("ERROR:    [Errno 98] Address already in use"));
        assert!(!port_is_taken("INFO: started"));
    }
}
