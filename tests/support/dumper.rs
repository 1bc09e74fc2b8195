//! A program that dumps servers of one release again and again.

use std::path::Path;
use std::process::Stdio;

use mlferry::demo::Venv;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};

use super::script_path;

pub struct Dumper {
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    _program: Child,
}

impl Dumper {
    pub fn start(venv: &Venv) -> Self {
        let mut command = venv.command();
        command.arg(script_path("dump.py")).arg("--each").kill_on_drop(true);
        let mut program = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let input = program.stdin.take().unwrap();
        let output = BufReader::new(program.stdout.take().unwrap()).lines();
        Self { input, output, _program: program }
    }

    /// Writes to the file what that server holds. Gives false when it could not be read.
    pub async fn dump(&mut self, url: &str, to: &Path) -> bool {
        let line = format!("{url}\t{}\n", to.display());
        self.input.write_all(line.as_bytes()).await.unwrap();
        while let Some(line) = self.output.next_line().await.unwrap() {
            if line == "done" {
                return true;
            }
        }
        false
    }
}
