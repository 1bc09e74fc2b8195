//! A stand-in for AWS for the tests: the sandbox, its faults, and the official clients.

use std::path::PathBuf;

use mlferry::demo::{Sandbox, SandboxOptions, Venv};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use super::warm::Done;
use super::{Mlferry, script_path, warm};

pub struct FakeAws {
    pub sandbox: Sandbox,
    pub venv: Venv,
    pub dir: TempDir,
}

impl FakeAws {
    pub async fn start() -> Self {
        Self::start_with(SandboxOptions::default()).await
    }

    pub async fn start_with(options: SandboxOptions) -> Self {
        let venv = Sandbox::environment(&|line| eprintln!("{line}")).await.unwrap();
        let venv = warm::environment(venv).await;
        let dir = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::start(&venv, dir.path(), options).await.unwrap();
        Self { sandbox, venv, dir }
    }

    /// An artifact store in the bucket.
    pub fn store(&self, prefix: &str) -> String {
        format!("s3://{}/{prefix}", self.sandbox.facts.bucket)
    }

    /// Creates an App with this name and waits for it. Returns its ARN.
    pub async fn app(&self, name: &str) -> String {
        self.create("app", name).await
    }

    /// Does the same for a managed tracking server.
    pub async fn tracking_server(&self, name: &str) -> String {
        self.create("tracking-server", name).await
    }

    async fn create(&self, kind: &str, name: &str) -> String {
        let role = &self.sandbox.facts.role;
        let output = self.python("cloud_create.py", &[kind, name, &self.store(name), role]).await;
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// The Python with the official clients, directed to the sandbox.
    pub fn client(&self) -> Command {
        let mut command = self.venv.command();
        command.envs(self.sandbox.env());
        command
    }

    /// Runs a script of this folder with the official clients.
    pub async fn python(&self, script: &str, args: &[&str]) -> Done {
        let done = warm::run(&self.venv, &script_path(script), args, &self.sandbox.env()).await;
        assert_eq!(done.code, 0, "{script}: {}\n{}", done.stderr, self.log());
        done
    }

    /// Dumps the contents of an App or a tracking server, as the official client reads them.
    pub async fn dump(&self, arn: &str) -> PathBuf {
        let output = self.python("dump.py", &[arn]).await;
        let (_, id) = arn.rsplit_once('/').unwrap();
        let path = self.dir.path().join(format!("{id}.json"));
        std::fs::write(&path, output.stdout).unwrap();
        path
    }

    /// The program under test, directed to the sandbox.
    pub fn mlferry(&self, program: &Mlferry, args: &[&str]) -> Command {
        let mut command = program.command(args);
        command.envs(self.sandbox.env());
        command
    }

    /// Injects only the faults in `switches`, from the next request on. `assets/demo/sandbox/faults.py` describes them.
    pub fn faults(&self, switches: &Value) {
        let path = self.sandbox.faults();
        let new = path.with_extension("new");
        std::fs::write(&new, switches.to_string()).unwrap();
        std::fs::rename(&new, &path).unwrap();
    }

    pub fn no_faults(&self) {
        self.faults(&json!({}));
    }

    /// Expires the session whose credentials are in `env`.
    pub fn expire(&self) {
        self.faults(&json!({ "expired": [self.sandbox.facts.session.access_key] }));
    }

    /// Opens a session of the role for the migration. Returns the variables with its credentials.
    pub async fn renewed(&self) -> Vec<(String, String)> {
        self.session(&self.sandbox.facts.migration_role).await
    }

    /// Does the same for a new role that has only this permission.
    pub async fn stranger(&self, may: &str) -> Vec<(String, String)> {
        self.session(&self.role("stranger", &[may]).await).await
    }

    /// Creates a role with these permissions that the identities of the account can assume. Returns its ARN.
    pub async fn role(&self, name: &str, may: &[&str]) -> String {
        let role = self.python("cloud_role.py", &[&[name], may].concat()).await.stdout;
        String::from_utf8(role).unwrap().trim().to_owned()
    }

    /// The access keys of all sessions that STS has opened for a role, in order.
    pub async fn keys_of(&self, role: &str) -> Vec<String> {
        let (_, role) = role.rsplit_once('/').unwrap();
        let sessions = self.ask("sessions", &[]).await;
        let of_role = sessions.as_array().unwrap().iter().filter(|one| {
            one["arn"].as_str().unwrap().ends_with(&format!(":assumed-role/{role}/AuthBotoSagemakerMlFlow"))
        });
        of_role.map(|one| one["access_key"].as_str().unwrap().to_owned()).collect()
    }

    /// Sends a request to the sandbox's own endpoint.
    async fn ask(&self, question: &str, query: &[(&str, &str)]) -> Value {
        let facts = &self.sandbox.facts;
        let request = reqwest::Client::new().get(format!("{}/_sandbox/{question}", facts.aws)).query(query);
        let answer = request.header("X-Sandbox-Password", &facts.password).send().await.unwrap();
        answer.error_for_status().unwrap().json().await.unwrap()
    }

    /// Opens a session of a role. Returns the variables with its credentials.
    pub async fn session(&self, role: &str) -> Vec<(String, String)> {
        let session = self.ask("session", &[("role", role), ("name", "renewed")]).await;
        let names = [
            ("AWS_ACCESS_KEY_ID", "access_key"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_SESSION_TOKEN", "token"),
        ];
        names.map(|(name, key)| (name.to_owned(), session[key].as_str().unwrap().to_owned())).into()
    }

    /// The log of the sandbox.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("sandbox.log")).unwrap_or_default()
    }
}

/// A profile that gets its credentials from a program, which prints the contents of the file next to it.
pub struct Profile {
    dir: TempDir,
}

impl Profile {
    pub fn new(region: &str, credentials: &[(String, String)]) -> Self {
        let profile = Self { dir: tempfile::tempdir().unwrap() };
        profile.give(credentials);
        let process = format!("cat {}", profile.answer().display());
        let config = format!("[profile mig]\nregion = {region}\ncredential_process = {process}\n");
        std::fs::write(profile.dir.path().join("config"), config).unwrap();
        profile
    }

    fn answer(&self) -> PathBuf {
        self.dir.path().join("answer.json")
    }

    pub fn give(&self, credentials: &[(String, String)]) {
        let of = |name: &str| credentials.iter().find(|(key, _)| key == name).unwrap().1.clone();
        let answer = json!({
            "Version": 1,
            "AccessKeyId": of("AWS_ACCESS_KEY_ID"),
            "SecretAccessKey": of("AWS_SECRET_ACCESS_KEY"),
            "SessionToken": of("AWS_SESSION_TOKEN"),
        });
        std::fs::write(self.answer(), answer.to_string()).unwrap();
    }

    pub fn lead(&self, command: &mut Command) {
        for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
            command.env_remove(name);
        }
        command.env("AWS_PROFILE", "mig").env("AWS_CONFIG_FILE", self.dir.path().join("config"));
        command.env("AWS_SHARED_CREDENTIALS_FILE", self.dir.path().join("none"));
    }
}
