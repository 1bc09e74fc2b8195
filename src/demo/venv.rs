//! A virtual environment with the packages of one lock. It is created once and kept in the cache directory.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::Command;

use super::lock::Lock;
use super::python;
use crate::error::{Error, Result};

/// Written last: if an environment does not have this file, its creation was interrupted.
const MARKER: &str = "mlferry-complete";
const TAIL_LINES: usize = 15;
const LINE_LENGTH: usize = 300;
/// The installer, which is pinned like the packages that it installs.
const UV: &str = include_str!("../../assets/locks/uv.txt");
const REACH_PYPI: &str = "check the connection to PyPI (the settings of pip and uv and proxy variables apply), \
                          and run the same command again";
const LOCK_POLL: Duration = Duration::from_millis(250);

type Say<'a> = &'a (dyn Fn(&str) + Send + Sync);

#[derive(Clone, Debug)]
pub struct Venv {
    root: PathBuf,
    python: PathBuf,
    launcher: Launcher,
}

/// The script through which this process starts programs, and a variable for it. A program ends when the launcher's
/// standard input is closed.
#[derive(Clone, Debug)]
struct Launcher {
    script: &'static str,
    variable: Option<(&'static str, PathBuf)>,
}

impl Venv {
    /// Returns the cached environment with the packages of `lock`. Creates it first if necessary (a minute or two, from
    /// PyPI).
    pub async fn ensure(lock: &Lock, say: Say<'_>) -> Result<Self> {
        let parent = cache_dir()?.join("venv");
        let name = lock.environment();
        let venv = Self::at(parent.join(&name));
        if venv.is_complete() {
            return Ok(venv);
        }
        tokio::fs::create_dir_all(&parent).await?;
        let lock_file = take_turn(&parent.join(format!("{name}.lock")), lock.name, say).await?;
        if !venv.is_complete() {
            venv.make(lock, &lock_file, say).await?;
        }
        Ok(venv)
    }

    fn at(root: PathBuf) -> Self {
        let python = root.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
        let launcher = Launcher { script: include_str!("../../assets/demo/serve.py"), variable: None };
        Self { root, python, launcher }
    }

    /// The marker still exists after the system's Python, which the environment links to, is removed. So both are
    /// checked.
    fn is_complete(&self) -> bool {
        self.root.join(MARKER).is_file() && self.python.is_file()
    }

    pub fn python(&self) -> &Path {
        &self.python
    }

    /// Replaces the launcher, for tests that start many servers.
    pub fn with_launcher(mut self, script: &'static str, variable: (&'static str, PathBuf)) -> Self {
        self.launcher = Launcher { script, variable: Some(variable) };
        self
    }

    pub(super) fn launcher(&self) -> &'static str {
        self.launcher.script
    }

    /// Runs Python with the environment's programs first on its path. Variables of the user's shell for MLflow, AWS,
    /// Python or a proxy are removed, because the servers are on this machine.
    pub fn command(&self) -> Command {
        let mut command = python::clean_command(&self.python);
        let programs = self.python.parent().map(Path::to_path_buf);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let dirs = programs.into_iter().chain(std::env::split_paths(&path));
        if let Ok(path) = std::env::join_paths(dirs) {
            command.env("PATH", path);
        }
        command.envs([("NO_PROXY", "127.0.0.1,localhost"), ("no_proxy", "127.0.0.1,localhost")]);
        command.envs([("MLFLOW_DISABLE_TELEMETRY", "true"), ("PYTHONUNBUFFERED", "1")]);
        command.envs(self.launcher.variable.iter().map(|(name, value)| (name, value)));
        command
    }

    async fn make(&self, lock: &Lock, lock_file: &File, say: Say<'_>) -> Result<()> {
        let name = lock.name;
        if self.root.exists() {
            say(&format!("removing the incomplete environment {name}"));
            tokio::fs::remove_dir_all(&self.root).await?;
        }
        let base = python::find(lock.newest_python()).await?;
        say(&format!("creating the environment {name} with Python {} (once)", base.version()));
        let mut venv = python::clean_command(&base.program);
        venv.args(["-m", "venv"]).arg(&self.root);
        run(venv, lock_file, &|_| ()).await.map_err(|e| e.at("python -m venv"))?;

        say(&format!("installing {name} from PyPI: this takes a minute or two"));
        let mut pip = python::clean_command(&self.python);
        pip.args([
            "-m",
            "pip",
            "install",
            "--disable-pip-version-check",
            "--no-input",
            "--quiet",
            UV.trim_ascii(),
        ]);
        run(pip, lock_file, &|_| ()).await.map_err(|e| e.at("pip install uv").hint(REACH_PYPI))?;
        let requirements = self.root.join("requirements.txt");
        tokio::fs::write(&requirements, lock.text).await?;
        // uv is several times faster than pip, and environments share their common packages. The lock lists all
        // packages, so no dependencies are resolved.
        let mut uv = python::clean_command(&self.python);
        uv.args(["-m", "uv", "pip", "install", "--no-deps", "--python"]).arg(&self.python);
        uv.arg("--requirements").arg(&requirements);
        if let (Some(index), None) = (std::env::var_os("PIP_INDEX_URL"), std::env::var_os("UV_DEFAULT_INDEX"))
        {
            uv.env("UV_DEFAULT_INDEX", index);
        }
        let progress = |line: &str| say(&format!("uv: {}", cut(line.trim())));
        let installed = run(uv, lock_file, &progress).await;
        installed.map_err(|e| e.at(format!("uv pip install, {name}")).hint(REACH_PYPI))?;
        tokio::fs::write(self.root.join(MARKER), "").await?;
        say(&format!("{name} is ready"));
        Ok(())
    }
}

fn cache_dir() -> Result<PathBuf> {
    if let Some(dir) = std::env::var_os("MLFERRY_CACHE_DIR").filter(|dir| !dir.is_empty()) {
        return Ok(std::path::absolute(dir)?);
    }
    let dirs = directories::ProjectDirs::from("", "", "mlferry").ok_or_else(|| {
        Error::permanent("there is no home directory for the cache")
            .hint("set MLFERRY_CACHE_DIR to a directory")
    })?;
    Ok(dirs.cache_dir().to_path_buf())
}

/// Polls instead of blocking, so that Ctrl-C works while another process installs.
async fn take_turn(path: &Path, name: &str, say: Say<'_>) -> Result<File> {
    let file = File::options().create(true).truncate(false).write(true).open(path)?;
    let mut is_announced = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(Error::from(error).at(path.display())),
            Err(TryLockError::WouldBlock) => {}
        }
        if !is_announced {
            say(&format!("waiting for another mlferry that is installing {name}"));
            is_announced = true;
        }
        tokio::time::sleep(LOCK_POLL).await;
    }
}

/// Runs a command until it ends. The command inherits the lock file as its standard input: if this process is killed,
/// the lock is held until the command has also ended.
async fn run(mut command: Command, lock_file: &File, line: &(dyn Fn(&str) + Send + Sync)) -> Result<()> {
    command.stdin(Stdio::from(lock_file.try_clone()?)).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let errors = each_line(child.stderr.take(), line).await;
    let status = child.wait().await?;
    if status.success() {
        return Ok(());
    }
    Err(Error::permanent(format!("failed ({status}):\n{}", tail(&errors))))
}

/// Returns the whole text. If reading fails, it returns the text so far, which is still useful.
async fn each_line(stream: Option<impl AsyncRead + Unpin>, line: &(dyn Fn(&str) + Send + Sync)) -> String {
    let mut all = String::new();
    let Some(stream) = stream else { return all };
    let mut lines = BufReader::new(stream).lines();
    while let Ok(Some(text)) = lines.next_line().await {
        line(&text);
        all.push_str(&text);
        all.push('\n');
    }
    all
}

/// The last lines of a program's output, which contain the error. Very long lines are cut.
pub(super) fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let last = &lines[lines.len().saturating_sub(TAIL_LINES)..];
    last.iter().map(|line| cut(line)).collect::<Vec<_>>().join("\n")
}

fn cut(line: &str) -> String {
    match line.char_indices().nth(LINE_LENGTH) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_is_the_end() {
        let text: String = (0..40).map(|n| format!("{n}\n")).collect();
        assert!(tail(&text).starts_with("25\n"));
        assert!(tail(&text).ends_with("\n39"));
        assert_eq!(tail(""), "");
        assert_eq!(tail(&"ü".repeat(900)).chars().count(), LINE_LENGTH + 1);
    }
}
