//! Export and import: the same copy, from a reader to a writer.

mod deferred;
mod evaluation;
mod experiment;
mod failed;
mod file;
mod group;
mod models;
mod named_runs;
mod own_server;
mod registry;
mod run;
mod run_slots;
#[cfg(test)]
mod tests;
mod traces;
mod version_order;
mod waiting;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::{FutureExt, StreamExt, stream};
use tokio::sync::Mutex;

use self::deferred::DeferredWork;
use self::named_runs::NamedRuns;
use self::own_server::same_server;
use self::run_slots::RunSlots;
use super::empty_roots::EmptyRoots;
use super::job::credential_events;
use super::job::{Findings, Job};
use super::lease::Lease;
use super::selection::choose::{Chosen, choose};
use super::state::digest;
use super::state::lock::Lock;
use super::state::siblings::Siblings;
use super::status::writer::StatusWriter;
use super::{Context, Endpoint, Event, Identity, Journal, StateDir, Step, not_migrated};
use crate::entities::{Experiment, ExperimentId, Kind, RegisteredModel, Unreadable};
use crate::error::{Class, Error, Result};
use crate::plan::{ExperimentSelection, Plan};
use crate::readers::Reader;
use crate::writers::{ArchiveWriter, IdMap, Writer};

const DIRECTORY_LOCK: &str = ".mlferry-lock";

/// The maximum number of experiments that are moved concurrently.
const MAX_CONCURRENT_EXPERIMENTS: usize = 4;

/// Copies from any readable source into an export directory.
pub struct Export {
    pub source: Arc<dyn Reader>,
    pub output_dir: PathBuf,
    pub plan: Plan,
    pub state: StateDir,
    pub journal: Option<PathBuf>,
    /// See [`Import::update`] and [`Import::reread`].
    pub update: bool,
    pub reread: bool,
}

/// Copies from any readable source into a tracking server.
pub struct Import {
    pub source: Arc<dyn Reader>,
    pub target: Endpoint,
    pub plan: Plan,
    pub state: StateDir,
    pub journal: Option<PathBuf>,
    /// Checks runs and models that are already complete on the target, as if they had changed at the source.
    pub update: bool,
    /// Reads every byte of already migrated files at the source again, and writes the files that differ.
    pub reread: bool,
}

pub fn export(export: Export) -> Result<Job> {
    let Export { source, output_dir, plan, state, journal, update, reread } = export;
    let absolute = std::path::absolute(&output_dir).map_err(|e| Error::from(e).at(output_dir.display()))?;
    let target = absolute.display().to_string();
    let setting = TransferSetup::new(Step::Export, source, &target, plan, &state, journal)?;
    let archive: Arc<dyn Writer> =
        Arc::new(ArchiveWriter::create(&output_dir, &setting.source.about().location)?);
    let setting = setting.locked(&output_dir.join(DIRECTORY_LOCK))?;
    Ok(TransferSetup { update, reread, ..setting }.start(archive, None))
}

pub fn import(import: Import) -> Result<Job> {
    let Import { source, target, plan, state, journal, update, reread } = import;
    let setting = TransferSetup::new(Step::Import, source, &target.location(), plan, &state, journal)?;
    let ledger: Arc<dyn IdMap> = Arc::clone(&setting.journal) as Arc<dyn IdMap>;
    let id_map = setting.journal_path.with_extension("id-map.csv");
    Ok(TransferSetup { update, reread, ..setting }.start(target.writer(ledger, update)?, Some(id_map)))
}

/// The parts that an export or an import needs before it starts.
struct TransferSetup {
    step: Step,
    source: Arc<dyn Reader>,
    plan: Plan,
    journal: Arc<Journal>,
    journal_path: PathBuf,
    update: bool,
    reread: bool,
    locks: Vec<Lock>,
    status_writer: Option<StatusWriter>,
    state: StateDir,
    location: String,
}

impl TransferSetup {
    fn new(
        step: Step,
        source: Arc<dyn Reader>,
        target: &str,
        plan: Plan,
        state: &StateDir,
        journal: Option<PathBuf>,
    ) -> Result<Self> {
        let identity = Identity {
            step,
            source: source.about().location.clone(),
            target: target.to_owned(),
            plan: digest(&[&plan.to_toml()?]),
        };
        let lock = Lock::take(&state.lock(target), &format!("{} of {}", step.name(), identity.source))?;
        let status_writer = StatusWriter::create(state, step, &identity.source, target);
        let journal_path = journal.unwrap_or_else(|| state.journal(&identity));
        let migration = [step.name(), identity.source.as_str(), target];
        let siblings = Siblings::of(&state.journals(), &journal_path, migration);
        let journal = Arc::new(Journal::open(&journal_path, &identity)?.beside(siblings));
        let (state, location) = (state.clone(), target.to_owned());
        let (update, reread) = (false, false);
        Ok(Self {
            step,
            source,
            plan,
            journal,
            journal_path,
            update,
            reread,
            locks: vec![lock],
            status_writer,
            state,
            location,
        })
    }

    /// Also locks a directory against users and machines with other state directories, if its file system can do it.
    fn locked(mut self, path: &Path) -> Result<Self> {
        let work = format!("{} of {}", self.step.name(), self.source.about().location);
        match Lock::take(path, &work) {
            Err(error) if error.class() == Class::Locked => return Err(error),
            Err(error) => tracing::debug!("{error}"),
            Ok(lock) => self.locks.push(lock),
        }
        Ok(self)
    }

    fn start(self, target: Arc<dyn Writer>, id_map: Option<PathBuf>) -> Job {
        let Self {
            step, source, plan, journal, update, reread, locks, status_writer, state, location, ..
        } = self;
        let doing = format!("{} of {}", step.name(), source.about().location);
        let lease = Arc::new(Lease::new(Arc::clone(&target), &state, &location, doing));
        let credential_waits = credential_events::distinct(
            source.credential_waits().into_iter().chain(target.credential_waits()),
        );
        let traffic = {
            let (source, target) = (Arc::clone(&source), Arc::clone(&target));
            move || vec![source.traffic(), target.traffic()]
        };
        let abort = {
            let (target, lease) = (Arc::clone(&target), Arc::clone(&lease));
            async move {
                target.abort_unfinished().await;
                lease.release().await;
            }
        };
        Job::start(step, status_writer, credential_waits, traffic, abort, move |context| async move {
            let ends = (Arc::clone(&source), Arc::clone(&target));
            let question = move || {
                let (source, target) = ends.clone();
                async move { source.answers().await.and(target.answers().await) }.boxed()
            };
            let reader = Arc::clone(&source);
            context.set_server_check(Box::new(question), Box::new(move || reader.lost()));
            let copy = Copy {
                context,
                source,
                target,
                plan,
                journal,
                update,
                reread,
                run_slots: RunSlots::new(),
                creating: Mutex::new(()),
                late: DeferredWork::default(),
                known_runs: AtomicU64::default(),
                uncompared_runs: AtomicU64::default(),
                empty_roots: EmptyRoots::default(),
                named_runs: NamedRuns::default(),
                renumbered: std::sync::Mutex::default(),
                refused_versions: std::sync::Mutex::default(),
            };
            // A directory belongs to one machine, so its lock file is enough.
            let result = match step {
                Step::Import => copy.alone(&lease, id_map).await,
                _ => copy.run(step, id_map).await,
            };
            let committed = copy.journal.commit();
            drop(locks);
            result.and_then(|findings| committed.map(|()| findings))
        })
    }
}

fn named<T>(all: Vec<T>, name: impl Fn(&T) -> String) -> Vec<(T, String)> {
    let with_name = |one| {
        let name = name(&one);
        (one, name)
    };
    all.into_iter().map(with_name).collect()
}

/// One running copy.
struct Copy {
    context: Arc<Context>,
    source: Arc<dyn Reader>,
    target: Arc<dyn Writer>,
    plan: Plan,
    journal: Arc<Journal>,
    update: bool,
    reread: bool,
    run_slots: Arc<RunSlots>,
    /// Held while a group of runs is created. Groups take turns, so that parents in an earlier group exist first.
    creating: Mutex<()>,
    late: DeferredWork,
    /// The number of runs that an earlier job has finished, and that were not read again.
    known_runs: AtomicU64,
    /// The number of runs that an import with another journal has written. Their content is not compared.
    uncompared_runs: AtomicU64,
    empty_roots: EmptyRoots,
    named_runs: NamedRuns,
    /// The target's label of each version that has another number there, by the label on the source.
    renumbered: std::sync::Mutex<HashMap<String, String>>,
    /// The versions that the target has refused permanently, by label.
    refused_versions: std::sync::Mutex<HashSet<String>>,
}

impl Copy {
    /// Runs the copy while no other import writes to the target.
    async fn alone(&self, lease: &Lease, id_map: Option<PathBuf>) -> Result<Findings> {
        if let Some(note) = lease.take().await? {
            self.context.note(note).await;
        }
        // If the source does not return a lease, it is another server, or a later step reports the same error.
        let seen = self.source.lease().await.unwrap_or_default();
        if seen.is_some_and(|text| lease.is_mine(&text)) {
            lease.release().await;
            return Err(same_server(self.source.about(), self.target.location()));
        }
        let result = tokio::select! {
            result = self.run(Step::Import, id_map) => result,
            taken = lease.renew_until_lost() => Err(taken),
        };
        lease.release().await;
        result
    }

    async fn run(&self, step: Step, id_map: Option<PathBuf>) -> Result<Findings> {
        let (source, target) = (self.source.about().location.clone(), self.target.location().to_owned());
        self.context.send(Event::Started { step, source, target }).await;
        self.send_notes().await;
        let Chosen { experiments: chosen, models: registered, all, datasets, needed, notes, unread } =
            choose(self.source.as_ref(), &self.plan).await?;
        let (experiments, models) = all;
        let experiment_name = |one: &Experiment| self.plan.target_name(one).into_owned();
        let model_name = |one: &RegisteredModel| self.plan.target_model_name(one).to_owned();
        self.target.learn_source(named(experiments, experiment_name), named(models, model_name));
        for Unreadable { kind, id, .. } in &unread {
            self.journal.plan(*kind, [id.as_str()])?;
            self.context.plan(*kind, 1).await;
        }
        self.report_unreadable(unread.into_iter(), None).await?;
        let first: Vec<&Experiment> = chosen.iter().map(|(experiment, _)| experiment).collect();
        self.refuse_own_server(&first).await?;
        self.refuse_the_wrong_way(chosen.iter().map(|(experiment, _)| experiment)).await?;
        for (id, version) in &needed {
            self.context.note(format!("{id} is included: version {version} needs it")).await;
        }
        self.journal.plan(Kind::Experiment, chosen.iter().map(|(experiment, _)| experiment.id.as_str()))?;
        self.context.plan(Kind::Experiment, chosen.len()).await;
        let experiments: Vec<Experiment> = chosen.iter().map(|(experiment, _)| experiment.clone()).collect();
        let is_whole =
            |choice: &ExperimentSelection| matches!(choice, ExperimentSelection::Yes { only: None, .. });
        let whole: HashSet<ExperimentId> = chosen
            .iter()
            .filter(|(_, choice)| is_whole(choice))
            .map(|(experiment, _)| experiment.id.clone())
            .collect();
        let all =
            stream::iter(chosen).map(|(experiment, choice)| self.experiment(experiment, choice).boxed());
        let mut all = all.buffer_unordered(MAX_CONCURRENT_EXPERIMENTS);
        let mut moved = Vec::new();
        while let Some(result) = all.next().await {
            moved.extend(result?);
        }
        self.finish_deferred().await?;
        let mut findings = Findings { notes, ..Findings::default() };
        if self.context.is_stopping() {
            return Ok(findings);
        }
        findings.notes.extend(self.registry(registered).await?);
        findings.notes.extend(self.traces(&moved).await?);
        self.scorers(&experiments).await?;
        self.datasets(datasets).await?;
        self.context.progress().all_planned();
        if self.context.is_stopping() {
            return Ok(findings);
        }
        let taken = self.uncompared_runs.load(Ordering::Relaxed);
        // An import reports the others below.
        let known = self.known_runs.load(Ordering::Relaxed) + if step == Step::Import { 0 } else { taken };
        if known > 0 {
            findings.notes.push(format!(
                "runs that were complete already and were not read again: {known}; files, and points before the latest \
                 ones, that were added to them since are only found with --update"
            ));
        }
        if taken > 0 && step == Step::Import {
            findings.notes.push(format!(
                "runs that were already on the target and were not compared, because no journal here lists them: \
                 {taken}; `validate` compares them, and --update adds missing data"
            ));
        }
        if self.source.about().kind != "archive" {
            // When the source can read the files again, an import with --update copies them.
            let roots = self.empty_roots.notes(self.source.about().kind == "server");
            findings.notes.extend(roots.into_iter().map(|note| format!("{note}; then import with --update")));
        }
        // This job has read everything that the plan selects again.
        let is_settled = |kind, id: &str| {
            // The id of a part of a run begins with that of the run. If the journal cannot be read, the item stays listed.
            let owner = if kind == Kind::Run { id.split('/').next().unwrap_or(id) } else { id };
            // Names of other kinds may look like the item of a list.
            let of_experiment = matches!(kind, Kind::Run | Kind::LoggedModel | Kind::Trace);
            let listed = Unreadable::listed_experiment(id).filter(|_| of_experiment);
            self.plan.selects_all()
                || listed.is_some_and(|experiment| whole.contains(&experiment))
                || self.journal.is_done(kind, owner).unwrap_or_default()
        };
        let finished = self.target.finish(&is_settled).await;
        // The id map is written for the moved objects, even if the last calls have failed.
        if let Some(path) = id_map {
            self.journal.write_id_map(&path)?;
            findings.files.push(path);
        }
        findings.notes.extend(finished?);
        findings.notes.extend(match self.source.others().await {
            Ok(others) => not_migrated(&others),
            Err(error) => {
                vec![format!("the objects that are not migrated cannot be listed: {error}")]
            }
        });
        for note in &findings.notes {
            self.context.note(note).await;
        }
        Ok(findings)
    }
}
