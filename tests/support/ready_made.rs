//! The contents that a script has written to an empty server, kept for later servers of the same release: writing them
//! through REST again takes much longer than copying them.

use std::fs;
use std::path::{Path, PathBuf};

use mlferry::demo::Store;
use sha2::{Digest, Sha256};

use super::{TestServer, pool, script_path};

const DATABASE: &str = "mlflow.db";
const FILES: &str = "mlruns";
const ARTIFACTS: &str = "artifacts";

/// A folder with the contents.
pub struct ReadyMade(PathBuf);

impl ReadyMade {
    /// The contents that this script writes with these arguments. `None` if the server is not from the pool, which can
    /// restore only its own servers.
    pub fn of(server: &TestServer, script: &Path, args: &[&str]) -> Option<Self> {
        server.lease.as_ref()?;
        let environment = server.venv.python().ancestors().nth(2)?.file_name()?.to_str()?;
        let mut hash = Sha256::new();
        let store = format!("{:?}", server.server.store());
        for part in [store.as_str(), script.file_name()?.to_str()?].iter().chain(args) {
            hash.update(format!("{part}\0"));
        }
        let mut scripts: Vec<PathBuf> = Vec::new();
        for folder in [script.parent()?, &script_path("")] {
            let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
            scripts.extend(files.filter(|path| path.extension().is_some_and(|extension| extension == "py")));
        }
        scripts.sort();
        for script in scripts {
            hash.update(fs::read(script).unwrap());
        }
        let name = format!("{environment}-{}", &hex::encode(hash.finalize())[..16]);
        Some(Self(Path::new(env!("CARGO_TARGET_TMPDIR")).join("ready-made").join(name)))
    }

    /// Returns false if there is no copy yet.
    pub fn restore(&self, server: &TestServer) -> bool {
        if !self.0.exists() {
            return false;
        }
        let server = &server.server;
        match server.store() {
            Store::Sqlite => {
                let is_same = pool::replace_rows(&server.database(), &self.0.join(DATABASE)).unwrap();
                assert!(is_same, "{} has the tables of another release", self.0.display());
            }
            Store::Files => pool::copy(&self.0.join(FILES), &server.mlruns()),
        }
        pool::copy(&self.0.join(ARTIFACTS), &server.artifacts());
        true
    }

    /// Keeps the contents of the server. Another test may have kept the same contents meanwhile.
    pub fn keep(&self, server: &TestServer) {
        let parent = self.0.parent().unwrap();
        fs::create_dir_all(parent).unwrap();
        let new = tempfile::tempdir_in(parent).unwrap();
        let server = &server.server;
        match server.store() {
            Store::Sqlite => pool::copy_database(&server.database(), &new.path().join(DATABASE)),
            Store::Files => pool::copy(&server.mlruns(), &new.path().join(FILES)),
        }
        pool::copy(&server.artifacts(), &new.path().join(ARTIFACTS));
        if fs::rename(new.path(), &self.0).is_ok() {
            let _ = new.keep();
        }
    }
}
