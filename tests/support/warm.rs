//! Runs Python scripts and servers without the time that importing MLflow takes: `warm.py` has imported it, once for
//! each environment.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, LazyLock, Mutex};

use mlferry::demo::Venv;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::process::Child;
use tokio::sync::OnceCell;

use super::{pool, script_path};

/// By the path of their Python.
static RUNNING: LazyLock<Mutex<HashMap<PathBuf, Arc<OnceCell<Warm>>>>> = LazyLock::new(Mutex::default);

/// It ends when this process ends, because its standard input is then closed.
struct Warm {
    socket: PathBuf,
    _process: Child,
}

/// The result of a script.
pub struct Done {
    pub code: i32,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

pub async fn run(venv: &Venv, script: &Path, args: &[&str], env: &[(String, String)]) -> Done {
    let folder = tempfile::tempdir().unwrap();
    let [stdout, stderr] = ["stdout", "stderr"].map(|name| folder.path().join(name));
    let env: serde_json::Map<_, _> = env.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    let job = json!({ "script": script, "args": args, "env": env, "stdout": stdout, "stderr": stderr });
    let mut stream = BufReader::new(UnixStream::connect(socket(venv).await).await.unwrap());
    stream.write_all(format!("{job}\n").as_bytes()).await.unwrap();
    let mut code = String::new();
    stream.read_line(&mut code).await.unwrap();
    let stderr = String::from_utf8_lossy(&std::fs::read(stderr).unwrap_or_default()).into_owned();
    let code = code.trim().parse().unwrap_or_else(|_| panic!("warm.py has ended: {stderr}"));
    Done { code, stdout: std::fs::read(stdout).unwrap_or_default(), stderr }
}

/// The same environment, whose servers `warm.py` starts.
pub async fn environment(venv: Venv) -> Venv {
    let socket = socket(&venv).await;
    venv.with_launcher(include_str!("warm_launcher.py"), ("MLFERRY_TESTS_WARM", socket))
}

async fn socket(venv: &Venv) -> PathBuf {
    let cell = RUNNING.lock().unwrap().entry(venv.python().to_owned()).or_default().clone();
    cell.get_or_init(|| start(venv)).await.socket.clone()
}

async fn start(venv: &Venv) -> Warm {
    let databases = Path::new(env!("CARGO_TARGET_TMPDIR")).join("databases");
    std::fs::create_dir_all(&databases).unwrap();
    // The path of a socket is short, so it is not below the target directory.
    let name = venv.python().ancestors().nth(2).unwrap().file_name().unwrap().to_str().unwrap();
    let socket = std::env::temp_dir().join(format!("{name}-{}.sock", std::process::id()));
    let mut command = venv.command();
    command.arg(script_path("warm.py")).arg(&socket).arg(databases);
    let mut process = {
        let _guard = pool::RUNTIME.enter();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
    };
    let mut ready = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut ready).await.unwrap();
    assert_eq!(ready, "ready\n", "warm.py does not start with {}", venv.python().display());
    Warm { socket, _process: process }
}
