//! Finds a Python on this machine that can create a virtual environment.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::error::{Error, Result};

const PROGRAMS: [&str; 6] = ["python3.13", "python3.12", "python3.11", "python3.10", "python3", "python"];
const OLDEST: (u32, u32) = (3, 10);
const ASK_TIMEOUT: Duration = Duration::from_secs(15);
const QUESTION: &str = "import sys, venv, ensurepip; print(*sys.version_info[:2])";
const HINT: &str = "install Python 3.10 or newer with its venv module (Debian, Ubuntu: sudo apt install python3 python3-venv; \
                    Fedora: sudo dnf install python3; macOS: brew install python@3.12), \
                    or name one in MLFERRY_PYTHON";

pub(super) struct Python {
    pub program: PathBuf,
    version: (u32, u32),
}

impl Python {
    pub fn version(&self) -> String {
        format!("{}.{}", self.version.0, self.version.1)
    }
}

/// The Python for the environments: the one that the user sets, or the first on the path that is not newer than
/// `newest`.
pub(super) async fn find(newest: Option<(u32, u32)>) -> Result<Python> {
    if let Some(named) = std::env::var_os("MLFERRY_PYTHON").filter(|name| !name.is_empty()) {
        let program = PathBuf::from(named);
        return ask(program.clone()).await.map_err(|why| {
            Error::permanent(format!("MLFERRY_PYTHON={}: {why}", program.display())).hint(HINT)
        });
    }
    let mut second_best = None;
    let mut refused = Vec::new();
    for name in PROGRAMS {
        match ask(PathBuf::from(name)).await {
            Ok(python) if newest.is_none_or(|newest| python.version <= newest) => return Ok(python),
            Ok(python) => second_best = second_best.or(Some(python)),
            Err(why) => refused.push(format!("{name}: {why}")),
        }
    }
    second_best.ok_or_else(|| {
        Error::permanent(format!("no Python 3.10 or newer with venv was found ({})", refused.join("; ")))
            .hint(HINT)
    })
}

/// Runs the program, because finding it on the path is not enough: pyenv's shims fail for versions that are not active,
/// and Debian's python3 does not include ensurepip.
async fn ask(program: PathBuf) -> Result<Python, String> {
    let mut command = clean_command(&program);
    command.args(["-c", QUESTION]).stdin(Stdio::null());
    let output = match tokio::time::timeout(ASK_TIMEOUT, command.output()).await {
        Err(_) => return Err("it does not answer".to_owned()),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => return Err("not found".to_owned()),
        Ok(Err(error)) => return Err(error.to_string()),
        Ok(Ok(output)) => output,
    };
    if !output.status.success() {
        return Err(reason(&String::from_utf8_lossy(&output.stderr)));
    }
    match parse(&String::from_utf8_lossy(&output.stdout)) {
        Some(version) if version >= OLDEST => Ok(Python { program, version }),
        Some((major, minor)) => Err(format!("Python {major}.{minor} is too old")),
        None => Err("it does not print its version".to_owned()),
    }
}

/// The line with the cause: the exception of a traceback, or the first error line of a shim.
fn reason(stderr: &str) -> String {
    let mut lines = stderr.lines().map(str::trim).filter(|line| !line.is_empty());
    let exception = lines.clone().find(|line| line.contains("Error: "));
    exception.or_else(|| lines.next()).unwrap_or("it fails").to_owned()
}

fn parse(answer: &str) -> Option<(u32, u32)> {
    let (major, minor) = answer.trim().split_once(' ')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// A command without the variables that would redirect Python, MLflow or boto. The process ends when its handle is
/// dropped.
pub(super) fn clean_command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("MLFLOW_") || text.starts_with("AWS_") {
            command.env_remove(&name);
        }
    }
    for name in ["PYTHONDONTWRITEBYTECODE", "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV"] {
        command.env_remove(name);
    }
    command.env("PYTHONUTF8", "1").kill_on_drop(true);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_two_numbers() {
        assert_eq!(parse("3 12\n"), Some((3, 12)));
        assert_eq!(parse("pyenv: no"), None);
    }

    #[test]
    fn the_reason_is_the_exception_or_the_first_line() {
        let trace =
            "Traceback (most recent call last):\n  File\nModuleNotFoundError: No module named 'ensurepip'\n";
        assert_eq!(reason(trace), "ModuleNotFoundError: No module named 'ensurepip'");
        assert_eq!(
            reason("pyenv: python3.13: command not found\n\nThe"),
            "pyenv: python3.13: command not found"
        );
        assert_eq!(reason(""), "it fails");
    }
}
