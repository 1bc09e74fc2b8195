//! Export directories in which a file was lost, truncated or changed. The file must be named, the other objects must be
//! imported, and another export into the same directory must repair the damage.
//!
//! By default, the tests try some kinds of damage on each file. With `MLFERRY_LONG_TESTS=1`, they try all kinds.

mod damage;
mod not_exported;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{JOB_TIMEOUT, World};
use crate::artifacts::local;
use crate::engine::faults::{Faults, FaultyReader, FaultyWriter};
use crate::engine::transfer::TransferSetup;
use crate::engine::validate::{ArtifactCheck, Validate, validate};
use crate::engine::{Event, Job, Step};
use crate::error::Result;
use crate::memory::{Data, MemoryStore, fill};
use crate::readers::{ArchiveReader, MemoryReader, Reader};
use crate::report::Mark;
use crate::writers::{ArchiveWriter, IdMap, MemoryWriter, Writer};

#[derive(Clone, Copy, Debug)]
enum Damage {
    Lost,
    Empty,
    LastByte,
    LastLine,
    Half,
    /// One bit is changed. The number is the position of the byte, in sixteenths of the file.
    Flipped(usize),
    /// The file is replaced by a folder.
    Folder,
    /// The file is replaced by a link to this other file of the export.
    Link(&'static str),
}

const SOME: [Damage; 4] = [Damage::Lost, Damage::LastByte, Damage::LastLine, Damage::Flipped(9)];
const ALL: [Damage; 12] = [
    Damage::Lost,
    Damage::Empty,
    Damage::LastByte,
    Damage::LastLine,
    Damage::Half,
    Damage::Flipped(0),
    Damage::Flipped(3),
    Damage::Flipped(7),
    Damage::Flipped(12),
    Damage::Flipped(15),
    Damage::Folder,
    Damage::Link("mlferry.json"),
];

impl Damage {
    /// Damages the file. Returns false if this kind of damage does not change the file.
    fn apply(self, path: &Path, root: &Path) -> bool {
        let mut bytes = fs::read(path).unwrap();
        match self {
            Self::Lost => {
                fs::remove_file(path).unwrap();
                return true;
            }
            Self::Folder => {
                fs::remove_file(path).unwrap();
                fs::create_dir(path).unwrap();
                return true;
            }
            Self::Link(to) => {
                #[cfg(unix)]
                if path != root.join(to) {
                    fs::remove_file(path).unwrap();
                    std::os::unix::fs::symlink(root.join(to), path).unwrap();
                    return true;
                }
                return false;
            }
            _ if bytes.is_empty() => return false,
            Self::Empty => bytes.clear(),
            Self::LastByte => drop(bytes.pop()),
            Self::LastLine => match bytes[..bytes.len() - 1].iter().rposition(|byte| *byte == b'\n') {
                Some(end) => bytes.truncate(end + 1),
                None => return false,
            },
            Self::Half => bytes.truncate(bytes.len() / 2),
            Self::Flipped(part) => {
                let at = bytes.len() * part / 16;
                bytes[at] ^= if part % 2 == 0 { 1 } else { 0x20 };
            }
        }
        fs::write(path, bytes).unwrap();
        true
    }
}

fn is_long() -> bool {
    std::env::var_os("MLFERRY_LONG_TESTS").is_some()
}

fn damages() -> &'static [Damage] {
    if is_long() { &ALL } else { &SOME }
}

/// A source, and an export of all its objects.
struct Exported(World);

/// The exit code of a job, and the failures, differences and notes that it reported.
#[derive(Debug)]
struct JobReport {
    code: u8,
    named: Vec<String>,
    notes: Vec<String>,
}

impl Exported {
    fn new() -> Self {
        let exported = Self(World::new(fill));
        let result = exported.export();
        assert_eq!(result.code, 0, "{result:?}");
        exported
    }

    fn root(&self) -> PathBuf {
        self.0.folder.path().join("export")
    }

    /// Every file, by its path below the root.
    fn files(&self) -> Vec<String> {
        local::walk(&self.root()).unwrap().into_iter().map(|file| file.path).collect()
    }

    fn export(&self) -> JobReport {
        self.export_with(Arc::new(Faults::none())).expect("the process is not killed")
    }

    /// Exports again, and reads finished runs again.
    fn update(&self) -> JobReport {
        let reader: Arc<dyn Reader> = Arc::new(MemoryReader::new(Arc::clone(&self.0.source)));
        let (root, journal) = (self.root(), self.0.folder.path().join("export.db"));
        finished(Arc::new(Faults::none()), || {
            let (source, state, plan) =
                (reader.about().location.clone(), self.0.state(), self.0.plan.clone());
            let setting = TransferSetup::new(Step::Export, reader, "export", plan, &state, Some(journal))?;
            let writer = Arc::new(ArchiveWriter::create(&root, &source)?);
            Ok(TransferSetup { update: true, ..setting }.start(writer, None))
        })
        .expect("the process is not killed")
    }

    /// Returns `None` when the process dies.
    fn export_with(&self, faults: Arc<Faults>) -> Option<JobReport> {
        self.export_between(Arc::new(Faults::none()), faults)
    }

    fn export_between(&self, reading: Arc<Faults>, faults: Arc<Faults>) -> Option<JobReport> {
        let inner: Arc<dyn Reader> = Arc::new(MemoryReader::new(Arc::clone(&self.0.source)));
        let reader: Arc<dyn Reader> = Arc::new(FaultyReader { inner, faults: reading });
        let (root, journal) = (self.root(), self.0.folder.path().join("export.db"));
        finished(Arc::clone(&faults), || {
            let (source, state, plan) =
                (reader.about().location.clone(), self.0.state(), self.0.plan.clone());
            let setting = TransferSetup::new(Step::Export, reader, "export", plan, &state, Some(journal))?;
            drop(setting.journal.faults.set(Arc::clone(&faults)));
            let inner: Arc<dyn Writer> = Arc::new(ArchiveWriter::create(&root, &source)?);
            Ok(setting.start(Arc::new(FaultyWriter { inner, faults }), None))
        })
    }

    /// Imports the export into a new, empty target.
    fn import(&mut self) -> JobReport {
        self.0.target = Arc::new(MemoryStore::new("bb"));
        self.0.lose_journal();
        self.import_again()
    }

    /// Imports the export into the same target.
    fn import_again(&self) -> JobReport {
        let target = Arc::clone(&self.0.target);
        finished(Arc::new(Faults::none()), || {
            let source: Arc<dyn Reader> = Arc::new(ArchiveReader::open(&self.root())?);
            let (state, plan, journal) = (self.0.state(), self.0.plan.clone(), Some(self.0.journal()));
            let setting =
                TransferSetup::new(Step::Import, source, &target.location(), plan, &state, journal)?;
            let ledger: Arc<dyn IdMap> = Arc::clone(&setting.journal) as Arc<dyn IdMap>;
            Ok(setting.start(Arc::new(MemoryWriter::new(target, ledger)), None))
        })
        .expect("the process is not killed")
    }

    /// Compares the directory with a target.
    fn validate(&self, target: &Arc<MemoryStore>, artifacts: ArtifactCheck) -> JobReport {
        finished(Arc::new(Faults::none()), || {
            let source: Arc<dyn Reader> = Arc::new(ArchiveReader::open(&self.root())?);
            let target: Arc<dyn Reader> = Arc::new(MemoryReader::new(Arc::clone(target)));
            let (plan, state) = (self.0.plan.clone(), self.0.state());
            Ok(validate(Validate { source, target, plan, artifacts, reports: Vec::new(), state }))
        })
        .expect("the process is not killed")
    }
}

/// Runs a job to its end. Returns `None` when the process dies before the end.
fn finished(faults: Arc<Faults>, start: impl FnOnce() -> Result<Job>) -> Option<JobReport> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let mut job = match start() {
            Ok(job) => job,
            Err(error) => {
                return Some(JobReport {
                    code: error.exit_code(),
                    named: vec![error.to_string()],
                    notes: Vec::new(),
                });
            }
        };
        let ended = async {
            let (mut named, mut notes) = (Vec::new(), Vec::new());
            while let Some(event) = job.events.recv().await {
                match event {
                    Event::ItemFailed { kind, id, name, reason, hint, .. } => {
                        named.push(format!("{kind} {id} ({name}): {reason}; {}", hint.unwrap_or_default()));
                    }
                    Event::Difference(difference) if difference.mark != Mark::Same => {
                        named.push(format!("{difference:?}"));
                    }
                    Event::Note { text } => notes.push(text),
                    _ => {}
                }
            }
            match job.outcome().await {
                Ok(outcome) => JobReport { code: outcome.exit_code(), named, notes },
                Err(error) => {
                    named.push(error.to_string());
                    JobReport { code: error.exit_code(), named, notes }
                }
            }
        };
        tokio::select! {
            biased;
            () = faults.died() => None,
            result = tokio::time::timeout(JOB_TIMEOUT, ended) => Some(result.expect("the job makes no progress")),
        }
    })
}

/// Copies a whole directory.
fn copy(from: &Path, to: &Path) {
    for file in local::walk(from).unwrap() {
        let path = local::below(to, &file.path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(local::below(from, &file.path), path).unwrap();
    }
}

/// The number of objects of each kind.
fn counts(data: &Data) -> [usize; 7] {
    let versions = data.registered.values().map(|one| one.versions.len()).sum();
    [
        data.experiments.len(),
        data.runs.len(),
        data.models.len(),
        versions,
        data.traces.len(),
        data.datasets.len(),
        data.scorers.len(),
    ]
}

/// Applies each of `damages` to every file, and calls `each` with the damaged export.
fn every_damage(damages: &[Damage], mut each: impl FnMut(&mut Exported, &str, Damage) -> Result<(), String>) {
    let mut exported = Exported::new();
    let pristine = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    copy(&exported.root(), pristine.path());
    let mut wrong = Vec::new();
    for path in exported.files() {
        for damage in damages {
            fs::remove_dir_all(exported.root()).unwrap();
            copy(pristine.path(), &exported.root());
            if !damage.apply(&local::below(&exported.root(), &path), &exported.root()) {
                continue;
            }
            if let Err(what) = each(&mut exported, &path, *damage) {
                wrong.push(format!("{path} {damage:?}: {what}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// True when the report of the job contains the name of the damaged file.
fn names_file(report: &JobReport, path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or(path);
    // If the list of checksums was changed, the report names the files in the list instead.
    file == "checksums.sha256" || report.named.iter().any(|text| text.contains(file))
}
