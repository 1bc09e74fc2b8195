//! Local stand-ins for Google Cloud Storage and Azure Blob Storage, and MLflow's own client that writes to them.

use std::path::Path;
use std::process::Stdio;

use mlferry::demo::Venv;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;

use super::{environment, script_path};

/// A Google bucket and an Azure container, both named `mlferry`.
pub struct Stores {
    /// The variables that direct a client to the stores.
    pub env: Vec<(String, String)>,
    venv: Venv,
    /// The stores end when no process holds their input open any more.
    _program: Child,
}

impl Stores {
    pub async fn start() -> Self {
        let venv = environment("stores").await;
        let folder = venv.python().parent().unwrap().parent().unwrap();
        let mut command = venv.command();
        command.arg(script_path("stores.py")).arg("serve").arg(folder);
        // If the program were killed, the stores would keep running.
        command.kill_on_drop(false).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut program = command.spawn().unwrap();
        let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
        let line = lines.next_line().await.unwrap().expect("the stores start");
        let env: std::collections::BTreeMap<String, String> = serde_json::from_str(&line).unwrap();
        Self { env: env.into_iter().collect(), venv, _program: program }
    }

    /// Uploads the contents of a directory.
    pub async fn upload(&self, uri: &str, folder: &Path) {
        self.python(&["upload", uri, folder.to_str().unwrap()]).await;
    }

    /// Writes an object for each name. Its content is its name.
    pub async fn put_keys(&self, uri: &str, names: &[&str]) {
        self.python(&["keys", uri, &serde_json::json!(names).to_string()]).await;
    }

    async fn python(&self, args: &[&str]) {
        let mut command = self.venv.command();
        command.envs(self.env.clone()).arg(script_path("stores.py")).args(args);
        let output = command.output().await.unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
