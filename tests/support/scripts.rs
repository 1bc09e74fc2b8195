//! Runs Python scripts without a start-up delay, because `scripts.py` has already imported MLflow.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;

use mlferry::demo::Venv;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};

use super::{pool, script_path};

/// Processes that wait for a script, each with the path of its Python.
static IDLE: Mutex<Vec<(PathBuf, Program)>> = Mutex::new(Vec::new());

struct Program {
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    _child: Child,
}

/// The result of a script.
pub struct Done {
    pub code: i32,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

pub async fn run(venv: &Venv, script: &Path, args: &[&str], env: &[(String, String)]) -> Done {
    let idle = {
        let mut idle = IDLE.lock().unwrap();
        idle.iter().position(|(python, _)| python == venv.python()).map(|at| idle.swap_remove(at).1)
    };
    let mut program = idle.unwrap_or_else(|| start(venv));
    let folder = tempfile::tempdir().unwrap();
    let [stdout, stderr] = ["stdout", "stderr"].map(|name| folder.path().join(name));
    let env: serde_json::Map<_, _> = env.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    let job = json!({ "script": script, "args": args, "env": env, "stdout": stdout, "stderr": stderr });
    program.input.write_all(format!("{job}\n").as_bytes()).await.unwrap();
    let answer = program.output.next_line().await.unwrap().expect("the program of the scripts has ended");
    let code = answer.parse().unwrap();
    IDLE.lock().unwrap().push((venv.python().to_owned(), program));
    let stderr = String::from_utf8_lossy(&std::fs::read(stderr).unwrap_or_default()).into_owned();
    Done { code, stdout: std::fs::read(stdout).unwrap_or_default(), stderr }
}

fn start(venv: &Venv) -> Program {
    let _guard = pool::RUNTIME.enter();
    let mut command = venv.command();
    command.arg(script_path("scripts.py")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let input = child.stdin.take().unwrap();
    let output = BufReader::new(child.stdout.take().unwrap()).lines();
    Program { input, output, _child: child }
}
