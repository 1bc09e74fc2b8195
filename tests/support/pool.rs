//! Servers that tests reuse: a start takes ten seconds of CPU time, and most tests take less. Each test gets its own
//! server, which is as empty as a new one.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};

use mlferry::demo::{MlflowServer, ServerOptions, Store, Venv};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A copy of the data that a new server contains.
const CLEAN: &str = "clean";

static IDLE: Mutex<Vec<Kept>> = Mutex::new(Vec::new());
/// Processes belong to the runtime that starts them, and the runtime of a test ends with the test.
pub static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
});
/// The directory for the servers of this process. No code runs at the end of a process, so later processes clean up.
static HOME: LazyLock<PathBuf> = LazyLock::new(|| {
    let all = Path::new(env!("CARGO_TARGET_TMPDIR")).join("servers");
    for entry in fs::read_dir(&all).into_iter().flatten().flatten() {
        if !Path::new("/proc").join(entry.file_name()).exists() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    let home = all.join(std::process::id().to_string());
    fs::create_dir_all(&home).unwrap();
    home
});

#[derive(Clone)]
struct Kept {
    version: String,
    store: Store,
    server: Arc<MlflowServer>,
    dir: Arc<TempDir>,
}

/// Returns the server to the pool when it is dropped.
pub struct Lease(Kept);

impl Lease {
    /// Makes the server empty again, as for the next test. Returns false if the pool would start another one instead.
    pub fn reset(&self) -> bool {
        reset(&self.0)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // A failed test may leave the server in any state.
        if !std::thread::panicking() {
            IDLE.lock().unwrap().push(self.0.clone());
        }
    }
}

/// An empty server, its directory, and the lease that returns it to the pool.
pub async fn server(version: &str, store: Store, venv: &Venv) -> (Arc<MlflowServer>, Arc<TempDir>, Lease) {
    while let Some(kept) = idle(version, store) {
        if reset(&kept) {
            return (kept.server.clone(), kept.dir.clone(), Lease(kept));
        }
    }
    let dir = Arc::new(tempfile::tempdir_in(&*HOME).unwrap());
    // Since 3.13 servers refuse a file store unless this variable allows it.
    let env = vec![("MLFLOW_ALLOW_FILE_STORE".to_owned(), "true".to_owned())];
    // Starting a second worker takes more time than it saves.
    let options = ServerOptions { store, workers: 1, env, ..ServerOptions::default() };
    let (venv, path) = (venv.clone(), dir.path().to_owned());
    let start = RUNTIME.spawn(async move { MlflowServer::start(&venv, &path, options).await.unwrap() });
    let server = Arc::new(start.await.unwrap());
    keep_clean(&server, store, dir.path());
    let kept = Kept { version: version.to_owned(), store, server: server.clone(), dir: dir.clone() };
    (server, dir, Lease(kept))
}

fn idle(version: &str, store: Store) -> Option<Kept> {
    let mut idle = IDLE.lock().unwrap();
    let at = idle.iter().position(|kept| kept.version == version && kept.store == store)?;
    Some(idle.swap_remove(at))
}

fn keep_clean(server: &MlflowServer, store: Store, dir: &Path) {
    match store {
        Store::Files => copy(&server.mlruns(), &dir.join(CLEAN)),
        Store::Sqlite => copy_database(&server.database(), &dir.join(CLEAN)),
    }
}

pub fn copy_database(from: &Path, to: &Path) {
    let database = rusqlite::Connection::open(from).unwrap();
    database.execute("VACUUM INTO ?1", [to.to_str().unwrap()]).unwrap();
}

/// Makes the server empty again. Returns false if a test changed more than its contents.
fn reset(kept: &Kept) -> bool {
    let (clean, artifacts) = (kept.dir.path().join(CLEAN), kept.server.artifacts());
    if fs::remove_dir_all(&artifacts).is_err() || fs::create_dir_all(&artifacts).is_err() {
        return false;
    }
    match kept.store {
        Store::Sqlite => replace_rows(&kept.server.database(), &clean).unwrap(),
        Store::Files => {
            let is_gone = fs::remove_dir_all(kept.server.mlruns()).is_ok();
            copy(&clean, &kept.server.mlruns());
            is_gone
        }
    }
}

/// Replaces the rows through SQLite instead of copying the file: the server has open connections with pages in memory.
/// Returns false if the two databases have different tables.
pub fn replace_rows(database: &Path, clean: &Path) -> rusqlite::Result<bool> {
    const TABLES: &str =
        "FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_stat%' ORDER BY name";
    let database = rusqlite::Connection::open(database)?;
    database.busy_timeout(std::time::Duration::from_secs(10))?;
    database.execute_batch("PRAGMA foreign_keys = OFF")?;
    database.execute("ATTACH ?1 AS clean", [clean.to_str().unwrap()])?;
    let tables = |query: String| -> rusqlite::Result<Vec<(String, Option<String>)>> {
        database.prepare(&query)?.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    };
    let tables_here = tables(format!("SELECT name, sql {TABLES}"))?;
    if tables_here
        != tables(format!("SELECT name, sql {}", TABLES.replace("sqlite_master", "clean.sqlite_master")))?
    {
        return Ok(false);
    }
    let mut batch = String::new();
    for (name, _) in &tables_here {
        // Generated columns cannot be written: the table of spans has one.
        let columns: String = database.query_row(
            "SELECT group_concat('[' || name || ']') FROM pragma_table_xinfo(?1) WHERE hidden = 0",
            [name],
            |row| row.get(0),
        )?;
        batch.push_str(&format!("DELETE FROM main.[{name}];"));
        batch.push_str(&format!(
            "INSERT INTO main.[{name}] ({columns}) SELECT {columns} FROM clean.[{name}];"
        ));
    }
    database.execute_batch(&format!("BEGIN IMMEDIATE; {batch} COMMIT"))?;
    Ok(true)
}

pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
