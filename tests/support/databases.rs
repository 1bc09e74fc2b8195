//! Servers of PostgreSQL and MariaDB, each with an empty database for MLflow.

use std::path::Path;
use std::process::Stdio;

use mlferry::demo::Venv;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};

use super::{environment, script_path};

pub struct DatabaseServer {
    /// The address of MLflow's database, with its password.
    pub url: String,
    venv: Venv,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    folder: TempDir,
    /// The server ends when its input is closed.
    _program: Child,
}

impl DatabaseServer {
    /// PostgreSQL comes from PyPI.
    pub async fn postgresql() -> Self {
        Self::start("postgresql").await.unwrap_or_else(|reason| panic!("{reason}"))
    }

    /// `None`, with a printed reason, if this machine has no MariaDB: PyPI has none.
    pub async fn mariadb() -> Option<Self> {
        Self::start("mariadb").await.inspect_err(|reason| eprintln!("skipped: {reason}")).ok()
    }

    async fn start(kind: &str) -> Result<Self, String> {
        let venv = environment("databases").await;
        // The path of a socket may have 107 bytes only.
        let folder = tempfile::Builder::new().prefix("db").tempdir_in("/tmp").unwrap();
        let mut command = venv.command();
        command.arg(script_path("database_server.py")).arg(kind).arg(folder.path());
        let mut program = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(program.stdout.take().unwrap()).lines();
        let line = output.next_line().await.unwrap().expect("the database starts");
        let about: Value = serde_json::from_str(&line).unwrap();
        match about["url"].as_str() {
            Some(url) => Ok(Self {
                url: url.to_owned(),
                venv,
                input: program.stdin.take().unwrap(),
                output,
                folder,
                _program: program,
            }),
            None => Err(about["missing"].as_str().unwrap().to_owned()),
        }
    }

    /// Runs a statement as the administrator. Each session is a connection of its own.
    pub async fn sql(&mut self, session: &str, sql: &str) -> Value {
        let line = format!("{}\n", json!({ "session": session, "sql": sql }));
        self.input.write_all(line.as_bytes()).await.unwrap();
        let line = self.output.next_line().await.unwrap().unwrap_or_else(|| panic!("{sql} failed"));
        serde_json::from_str(&line).unwrap()
    }

    /// Creates MLflow's tables, with all rows of an SQLite file.
    pub async fn copy_of(&self, sqlite: &Path) {
        let mut command = self.venv.command();
        command.arg(script_path("copy_database.py")).arg(sqlite).arg(&self.url);
        let output = command.output().await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// A folder without files, for runs that have none.
    pub fn no_files(&self) -> String {
        let folder = self.folder.path().join("no-files");
        std::fs::create_dir_all(&folder).unwrap();
        folder.display().to_string()
    }

    /// The address with another user.
    pub fn url_of(&self, user: &str, password: &str) -> String {
        let (scheme, rest) = self.url.split_once("://").unwrap();
        let (_, place) = rest.rsplit_once('@').unwrap();
        format!("{scheme}://{user}:{password}@{place}")
    }
}
