//! Tests of whole jobs with servers in memory: copies, faults at every call, limits and delays. `validate` compares the
//! result of each job.

mod appended;
mod archive;
mod copy;
mod edited;
mod edits;
mod faults;
mod limits;
mod lists;
mod order;
mod silence;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::TransferSetup;
use crate::engine::faults::{Faults, FaultyReader, FaultyWriter};
use crate::engine::validate::{ArtifactCheck, Validate, validate};
use crate::engine::{Counts, Outcome, StateDir, Step};
use crate::error::{Error, Result};
use crate::memory::MemoryStore;
use crate::plan::Plan;
use crate::readers::{MemoryReader, Reader};
use crate::writers::{IdMap, MemoryWriter, Writer};

/// Longer than any of these jobs takes. A job that has not ended after this time makes no progress.
const JOB_TIMEOUT: Duration = Duration::from_secs(30);

/// Two servers and a state directory.
struct World {
    folder: tempfile::TempDir,
    source: Arc<MemoryStore>,
    target: Arc<MemoryStore>,
    plan: Plan,
    update: bool,
}

/// The end of a job. The process may have ended before the job.
#[derive(Debug)]
enum RunEnded {
    Outcome(Outcome),
    Error(Error),
    Died,
}

impl RunEnded {
    /// The exit code. `None` for a process that died.
    fn code(&self) -> Option<u8> {
        match self {
            Self::Outcome(outcome) => Some(outcome.exit_code()),
            Self::Error(error) => Some(error.exit_code()),
            Self::Died => None,
        }
    }

    #[track_caller]
    fn outcome(self) -> Outcome {
        match self {
            Self::Outcome(outcome) => outcome,
            other => panic!("{other:?}"),
        }
    }
}

impl World {
    fn new(fill: impl Fn(&MemoryStore) -> Result<Vec<crate::entities::RunId>>) -> Self {
        // The folder is in memory if possible, because journals are written often.
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let (source, target) = (Arc::new(MemoryStore::new("aa")), Arc::new(MemoryStore::new("bb")));
        fill(&source).unwrap();
        Self { folder, source, target, plan: Plan::default(), update: false }
    }

    fn state(&self) -> StateDir {
        StateDir::at(self.folder.path().join("state")).unwrap()
    }

    fn journal(&self) -> PathBuf {
        self.folder.path().join("journal.db")
    }

    fn lose_journal(&self) {
        for end in ["", "-wal", "-shm"] {
            drop(std::fs::remove_file(format!("{}{end}", self.journal().display())));
        }
    }

    fn import(&self) -> RunEnded {
        self.import_with(Arc::new(Faults::none()))
    }

    fn import_with(&self, faults: Arc<Faults>) -> RunEnded {
        self.import_between(Arc::clone(&faults), faults)
    }

    /// Imports in a separate runtime. When the simulated process dies, the runtime is dropped with all of its tasks.
    fn import_between(&self, reading: Arc<Faults>, writing: Arc<Faults>) -> RunEnded {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let inner: Arc<dyn Reader> = Arc::new(MemoryReader::new(Arc::clone(&self.source)));
        let source = Arc::new(FaultyReader { inner, faults: reading });
        runtime.block_on(async {
            let plan = self.plan.clone();
            let location = self.target.location();
            let setting = TransferSetup::new(
                Step::Import,
                source,
                &location,
                plan,
                &self.state(),
                Some(self.journal()),
            );
            let mut setting = setting.unwrap();
            setting.update = self.update;
            drop(setting.journal.faults.set(Arc::clone(&writing)));
            let ledger: Arc<dyn IdMap> = Arc::clone(&setting.journal) as Arc<dyn IdMap>;
            let inner: Arc<dyn Writer> = Arc::new(MemoryWriter::new(Arc::clone(&self.target), ledger));
            let target = Arc::new(FaultyWriter { inner, faults: Arc::clone(&writing) });
            let job = setting.start(target, Some(self.folder.path().join("id-map.csv")));
            let died = async {
                writing.died().await;
                // After the death, the journal refuses writes and the job ends with an error. Both are ignored here.
                RunEnded::Died
            };
            let ended = async {
                match tokio::time::timeout(JOB_TIMEOUT, job.outcome()).await {
                    Err(_) => panic!("the job makes no progress after {:?}", writing.names()),
                    Ok(Ok(outcome)) => RunEnded::Outcome(outcome),
                    Ok(Err(error)) => RunEnded::Error(error),
                }
            };
            tokio::select! {
                biased;
                end = died => end,
                end = ended => end,
            }
        })
    }

    /// The text of the report if the sides differ. Empty if they are the same.
    fn differences(&self) -> Vec<String> {
        if self.validate_with(Faults::none(), Faults::none()).outcome().exit_code() == 0 {
            return Vec::new();
        }
        vec![std::fs::read_to_string(self.report()).unwrap()]
    }

    fn report(&self) -> PathBuf {
        self.folder.path().join("report.json")
    }

    /// Compares both sides. The calls of each side may fail.
    fn validate_with(&self, source: Faults, target: Faults) -> RunEnded {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let reader = |store: &Arc<MemoryStore>, faults| -> Arc<dyn Reader> {
            let inner: Arc<dyn Reader> = Arc::new(MemoryReader::new(Arc::clone(store)));
            Arc::new(FaultyReader { inner, faults: Arc::new(faults) })
        };
        runtime.block_on(async {
            let job = validate(Validate {
                source: reader(&self.source, source),
                target: reader(&self.target, target),
                plan: self.plan.clone(),
                artifacts: ArtifactCheck::Checksum,
                reports: vec![self.report()],
                state: self.state(),
            });
            match tokio::time::timeout(JOB_TIMEOUT, job.outcome()).await {
                Err(_) => panic!("the comparison makes no progress"),
                Ok(Ok(outcome)) => RunEnded::Outcome(outcome),
                Ok(Err(error)) => RunEnded::Error(error),
            }
        })
    }

    /// Asserts that the target has as many objects of each kind as the source.
    #[track_caller]
    fn assert_nothing_twice(&self, of: &str) {
        let (source, target) = (self.source.data(), self.target.data());
        let count = |data: &crate::memory::Data| {
            let versions = |one: &crate::memory::StoredModel| (one.versions.len(), one.last);
            (
                data.experiments.len(),
                data.runs.len(),
                data.models.len(),
                data.registered.iter().map(|(name, one)| (name.clone(), versions(one))).collect::<Vec<_>>(),
                data.datasets.len(),
                data.scorers.len(),
                data.traces.len(),
            )
        };
        assert_eq!(count(&source), count(&target), "{of}");
    }
}

/// Asserts that every planned item of a finished job has ended: `done + failed + skipped == planned`.
#[track_caller]
fn assert_counts_add_up(outcome: &Outcome, of: &str) {
    for (kind, Counts { planned, done, failed, skipped }) in &outcome.counts {
        assert_eq!(*planned, done + failed + skipped, "{kind} after {of}: {outcome:?}");
    }
}
