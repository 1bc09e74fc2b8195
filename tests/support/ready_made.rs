//! The contents that a script has written to an empty server, kept for later servers of the same release: writing them
//! through REST again takes much longer than copying them. The dump of these contents is kept, too.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use mlferry::demo::Store;
use sha2::{Digest, Sha256};

use super::{TestServer, pool, script_path};

const DATABASE: &str = "mlflow.db";
const FILES: &str = "mlruns";
const ARTIFACTS: &str = "artifacts";
const DUMP: &str = "dump.json";

/// The files of a server, with their sizes and the times of their last changes.
pub type Files = Vec<(PathBuf, u64, SystemTime)>;

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

    /// Keeps the contents of the server. Returns false if another test has kept its own meanwhile: these have other ids.
    pub fn keep(&self, server: &TestServer) -> bool {
        let parent = self.0.parent().unwrap();
        fs::create_dir_all(parent).unwrap();
        let new = tempfile::tempdir_in(parent).unwrap();
        let server = &server.server;
        match server.store() {
            Store::Sqlite => pool::copy_database(&server.database(), &new.path().join(DATABASE)),
            Store::Files => pool::copy(&server.mlruns(), &new.path().join(FILES)),
        }
        pool::copy(&server.artifacts(), &new.path().join(ARTIFACTS));
        let is_kept = fs::rename(new.path(), &self.0).is_ok();
        if is_kept {
            let _ = new.keep();
        }
        is_kept
    }

    /// The dump of these contents, if there is one.
    pub fn dump(&self) -> Option<Vec<u8>> {
        fs::read(self.0.join(DUMP)).ok()
    }

    pub fn keep_dump(&self, dump: &[u8]) {
        let mut new = tempfile::NamedTempFile::new_in(&self.0).unwrap();
        new.write_all(dump).unwrap();
        new.persist(self.0.join(DUMP)).unwrap();
    }
}

/// All files with the contents of a server: as long as they are the same, its contents are.
pub fn files(server: &TestServer) -> Files {
    let server = &server.server;
    let mut paths = vec![server.mlruns(), server.artifacts(), server.database()];
    paths.push(server.database().with_extension("db-wal"));
    let mut files = Vec::new();
    while let Some(path) = paths.pop() {
        let Ok(about) = fs::metadata(&path) else { continue };
        match about.is_dir() {
            true => paths.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path())),
            false => files.push((path, about.len(), about.modified().unwrap())),
        }
    }
    files.sort();
    files
}
