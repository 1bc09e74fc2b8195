pub mod journal;
pub mod lock;
pub mod pending_app;
pub mod session;
pub mod siblings;
pub mod wizard_files;
use std::path::{Path, PathBuf};

use directories::ProjectDirs;
use sha2::{Digest, Sha256};

use self::lock::Lock;
use super::endpoint::location;
use super::{Identity, Step};
use crate::error::{Error, Result};

/// Creates a directory and its missing parents, readable by this user only.
fn private_dir(path: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(path)
}

/// The directory for data that must outlive the process: journals, locks, the wizard's session, logs, reports.
#[derive(Clone, Debug)]
pub struct StateDir(PathBuf);

impl StateDir {
    /// `MLFERRY_STATE_DIR`, else the user's state directory (`~/.local/state/mlferry` on Linux).
    pub fn find() -> Result<Self> {
        if let Some(path) = std::env::var_os("MLFERRY_STATE_DIR").filter(|path| !path.is_empty()) {
            return Self::at(PathBuf::from(path));
        }
        let dirs = ProjectDirs::from("", "", "mlferry").ok_or_else(|| {
            Error::usage("there is no home directory to keep the journal in")
                .hint("set MLFERRY_STATE_DIR to a directory")
        })?;
        Self::at(dirs.state_dir().unwrap_or_else(|| dirs.data_local_dir()).to_owned())
    }

    pub fn at(path: PathBuf) -> Result<Self> {
        private_dir(&path).map_err(|e| Error::from(e).at(path.display()))?;
        Ok(Self(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The path of the journal. There is one journal for each step of each migration.
    pub fn journal(&self, of: &Identity) -> PathBuf {
        let Identity { step, source, target, plan } = of;
        self.journals().join(format!("{}-{}.db", step.name(), digest(&[step.name(), source, target, plan])))
    }

    pub fn journals(&self) -> PathBuf {
        self.0.join("journals")
    }

    /// The path of the status file of one job, for other processes.
    pub fn job(&self, step: Step, source: &str, target: &str) -> PathBuf {
        let name = digest(&[step.name(), source, target]);
        self.jobs().join(format!("{}-{name}.json", step.name()))
    }

    pub fn jobs(&self) -> PathBuf {
        self.0.join("jobs")
    }

    /// The path of the lock. There is one lock for each target, and all steps share it.
    pub fn lock(&self, target: &str) -> PathBuf {
        self.0.join("locks").join(format!("{}.lock", digest(&[target])))
    }

    /// Returns an error when another process writes to the target that `text` names. The check sends no request: if the
    /// other process waits for an unreachable server, this check must not wait for it too.
    pub fn refuse_busy(&self, text: &str) -> Result<()> {
        Lock::refuse_held(&self.lock(&location(text)?))
    }

    /// The path of the record of the App that was created last.
    pub fn app(&self) -> PathBuf {
        self.0.join("app.toml")
    }

    pub fn log(&self) -> PathBuf {
        self.0.join("mlferry.log")
    }
}

/// A hash of these texts, as 16 hexadecimal digits.
pub(super) fn digest(texts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for text in texts {
        hasher.update(text.as_bytes());
        hasher.update([0]);
    }
    hasher.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
