//! `mlflow server` on this machine, with SQLite or a folder of files, in one directory. Its artifacts are in the same
//! directory and are proxied, unless the options set another artifact root.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::child_process::ChildProcess;
use super::venv::Venv;
use crate::error::{Error, Result};

const START_TIMEOUT: Duration = Duration::from_secs(180);
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);
/// `python -m mlflow` does not exist in MLflow 1.30.
const RUN: &str = "from mlflow.cli import cli; cli()";
const POLL: Duration = Duration::from_millis(150);
/// How many free ports are tried if another process takes the port first.
const PORT_ATTEMPTS: u32 = 5;

/// Where a server stores its data, except artifacts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Store {
    #[default]
    Sqlite,
    /// A folder of files, `mlruns`. Since MLflow 3.15, servers refuse it unless a variable allows it.
    Files,
}

#[derive(Clone, Debug)]
pub struct ServerOptions {
    pub store: Store,
    pub workers: u32,
    /// If it is not given, a free port is used.
    pub port: Option<u16>,
    /// The file in the server's directory that receives the server's output.
    pub log: String,
    /// Where clients read and write artifacts directly, such as `s3://bucket/prefix`. In this case the server proxies
    /// no artifacts.
    pub artifact_root: Option<String>,
    /// Additional variables for the server, such as the credentials for that artifact root.
    pub env: Vec<(String, String)>,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            store: Store::default(),
            workers: 2,
            port: None,
            log: "server.log".to_owned(),
            artifact_root: None,
            env: Vec::new(),
        }
    }
}

/// A running server. If it is dropped, or if this process ends in any way, the server and its workers end too. `stop`
/// waits until they have ended.
#[derive(Debug)]
pub struct MlflowServer {
    pub url: String,
    dir: PathBuf,
    store: Store,
    program: ChildProcess,
}

enum Outcome {
    Ready,
    PortTaken,
}

impl MlflowServer {
    /// Starts a server that stores its data in `dir`. It serves existing data of an earlier server in that directory.
    pub async fn start(venv: &Venv, dir: &Path, options: ServerOptions) -> Result<Self> {
        let dir = std::path::absolute(dir)?;
        tokio::fs::create_dir_all(dir.join("artifacts")).await?;
        ChildProcess::write_launcher(venv, &dir).await?;
        for _ in 0..PORT_ATTEMPTS {
            let port = options.port.map_or_else(free_port, Ok)?;
            let mut server = Self::launch(venv, &dir, port, &options)?;
            match server.until_ready(port).await? {
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

    pub fn store(&self) -> Store {
        self.store
    }

    /// The path of the server's SQLite file.
    pub fn database(&self) -> PathBuf {
        self.dir.join("mlflow.db")
    }

    /// The `mlruns` folder of a server with a file store.
    pub fn mlruns(&self) -> PathBuf {
        self.dir.join("mlruns")
    }

    /// The directory that holds `<experiment id>/<run id>/artifacts`.
    pub fn artifacts(&self) -> PathBuf {
        self.dir.join("artifacts")
    }

    /// Stops the server and its workers, and waits until they have ended.
    pub async fn stop(self) -> Result<()> {
        self.program.stop(&format!("the MLflow server at {}", self.url)).await
    }

    fn launch(venv: &Venv, dir: &Path, port: u16, options: &ServerOptions) -> Result<Self> {
        let mut command = ChildProcess::command(venv, dir);
        command.args(["-c", RUN, "server", "--host", "127.0.0.1"]);
        command.args(["--port", &port.to_string(), "--workers", &options.workers.to_string()]);
        // Relative to the working directory, so that no character of its path can break the URI.
        let store = match options.store {
            Store::Sqlite => "sqlite:///mlflow.db",
            Store::Files => "mlruns",
        };
        command.args(["--backend-store-uri", store]);
        match &options.artifact_root {
            Some(root) => command.args(["--no-serve-artifacts", "--default-artifact-root", root]),
            None => command.args(["--serve-artifacts", "--artifacts-destination", "artifacts"]),
        };
        command.env("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false");
        command.envs(options.env.iter().map(|(name, value)| (name, value)));
        let program = ChildProcess::start(command, &dir.join(&options.log))?;
        let url = format!("http://127.0.0.1:{port}");
        Ok(Self { url, dir: dir.to_path_buf(), store: options.store, program })
    }

    async fn until_ready(&mut self, port: u16) -> Result<Outcome> {
        let deadline = Instant::now() + START_TIMEOUT;
        while Instant::now() < deadline {
            let ended = self.program.exit_status()?;
            let text = self.program.printed().await;
            if port_is_taken(&text) {
                return Ok(Outcome::PortTaken);
            }
            if let Some(status) = ended {
                return Err(self.program.did_not_start("the MLflow server", status).await);
            }
            // Another MLflow server may have taken the port, so the log must show that our server listens.
            if is_listening(&text, port) && is_healthy(port).await {
                return Ok(Outcome::Ready);
            }
            sleep(POLL).await;
        }
        Err(self.program.did_not_answer("the MLflow server", START_TIMEOUT).await)
    }
}

/// The system selects a port. It is free now; the server reports whether it is still free when it starts.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
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
    fn the_log_shows_a_taken_port() {
        assert!(is_listening("[INFO] Listening at: http://127.0.0.1:5000 (77)", 5000));
        assert!(is_listening("Uvicorn running on http://127.0.0.1:5000 (Press CTRL+C to quit)", 5000));
        assert!(!is_listening("Uvicorn running on http://127.0.0.1:50001 (Press", 5000));
        assert!(port_is_taken("[ERROR] Connection in use: ('127.0.0.1', 5000)"));
        assert!(port_is_taken("ERROR:    [Errno 98] Address already in use"));
        assert!(!port_is_taken("INFO: started"));
    }
}
