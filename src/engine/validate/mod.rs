//! Reads both sides again and reports their differences. The comparison does not use any data that the migration itself
//! has recorded on this machine.

mod artifacts;
mod evaluation;
mod experiment;
mod fields;
mod found;
mod history;
mod join;
mod models;
mod normalised;
mod one;
mod pairing;
mod pairs;
mod references;
mod registry;
mod trace_fields;
mod traces;
mod unread;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use futures::{StreamExt, TryStreamExt, stream};

use self::found::Found;
use self::references::Deferred;
use self::unread::whole_list;
use super::job::credential_events;
use super::job::{Findings, Job};
use super::selection::choose::{Chosen, choose};
use super::status::writer::StatusWriter;
use super::{Context, Event, StateDir, Step};
use crate::entities::{Experiment, Kind, RunId, tag};
use crate::error::{Error, Result};
use crate::plan::{ExperimentSelection, Plan};
use crate::readers::{Reader, read_all};
use crate::report::Report;

pub use crate::report::{
    Curve, Deviation, Difference, FieldDifference, FileFacts, FileSides, Format, Mark, Parts, Remarks,
    Repair, Repairs, Series, Totals, parts,
};
pub use history::curve;

/// The maximum number of experiments that are compared concurrently.
const MAX_CONCURRENT_EXPERIMENTS: usize = 4;

/// How closely files are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ArtifactCheck {
    None,
    /// Compares names and sizes.
    #[default]
    Size,
    /// Reads every byte of both sides.
    Checksum,
}

impl ArtifactCheck {
    /// The value of the command-line option.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Size => "size",
            Self::Checksum => "checksum",
        }
    }
}

pub struct Validate {
    pub source: Arc<dyn Reader>,
    pub target: Arc<dyn Reader>,
    pub plan: Plan,
    pub artifacts: ArtifactCheck,
    /// The paths of the reports. The extension of each file name selects the format.
    pub reports: Vec<PathBuf>,
    /// The directory where other processes can read the progress.
    pub state: StateDir,
}

pub fn validate(validate: Validate) -> Job {
    let credential_waits = credential_events::distinct(
        validate.source.credential_waits().into_iter().chain(validate.target.credential_waits()),
    );
    let traffic = {
        let (source, target) = (Arc::clone(&validate.source), Arc::clone(&validate.target));
        move || vec![source.traffic(), target.traffic()]
    };
    let status_writer = StatusWriter::create(
        &validate.state,
        Step::Validate,
        &validate.source.about().location,
        &validate.target.about().location,
    );
    Job::start(
        Step::Validate,
        status_writer,
        credential_waits,
        traffic,
        async {},
        move |context| async move {
            let Validate { source, target, plan, artifacts, reports, .. } = validate;
            let report =
                Mutex::new(Report::new(source.about(), target.about(), &plan, artifacts.word(), reports));
            let compare = Compare {
                context,
                source,
                target,
                plan,
                artifacts,
                report,
                pairs: Mutex::default(),
                model_runs: Mutex::default(),
                outside: Mutex::default(),
                deferred: Mutex::default(),
            };
            compare.run_all().await
        },
    )
}

const ONLY_THERE: &str = "objects that only the target has";
const OF_OTHER_SOURCES: &str =
    "other sources share the target: --merge, --experiments-prefix, --append-versions";

/// One running comparison.
struct Compare {
    context: Arc<Context>,
    source: Arc<dyn Reader>,
    target: Arc<dyn Reader>,
    plan: Plan,
    artifacts: ArtifactCheck,
    report: Mutex<Report>,
    /// The target run for each source run.
    pairs: Mutex<HashMap<RunId, RunId>>,
    /// The run of each logged model of the target. The key is the digits of the model's id.
    model_runs: Mutex<HashMap<RunId, RunId>>,
    /// Runs of the target that have no partner because the plan's time window excludes them.
    outside: Mutex<HashSet<RunId>>,
    /// Runs whose references can only be checked when all pairs are known.
    deferred: Mutex<Vec<Deferred>>,
}

impl Compare {
    async fn run_all(&self) -> Result<Findings> {
        let (source, target) = (self.source.about().location.clone(), self.target.about().location.clone());
        self.context.send(Event::Started { step: Step::Validate, source, target }).await;
        self.send_notes().await;
        let Chosen { experiments: chosen, models, datasets, unread, .. } =
            choose(self.source.as_ref(), &self.plan).await?;
        self.unread(unread, true).await;
        let mut there = self.target_experiments().await?;
        self.context.plan(Kind::Experiment, chosen.len()).await;
        let partners = pairing::experiments(chosen.iter().map(|(ours, _)| ours), &mut there, &self.plan);
        let pairs: Vec<_> = chosen
            .into_iter()
            .zip(partners)
            .map(|((experiment, choice), partner)| (experiment, choice, partner))
            .collect();
        let ids =
            pairs.iter().filter_map(|(ours, _, theirs)| Some((ours.id.clone(), theirs.as_ref()?.id.clone())));
        let ids = ids.collect();
        stream::iter(pairs.clone())
            .map(Ok::<_, Error>)
            .try_for_each_concurrent(MAX_CONCURRENT_EXPERIMENTS, |(experiment, choice, partner)| async move {
                self.experiment(&experiment, &choice, partner.as_ref()).await
            })
            .await?;
        if self.context.is_stopping() {
            return Ok(Findings::default());
        }
        let experiments: Vec<_> =
            pairs.iter().map(|(ours, _, theirs)| (ours.clone(), theirs.clone())).collect();
        self.models(pairs.clone()).await?;
        let chosen = pairs;
        self.compare_deferred().await;
        let mut pairs = self.pairs_of(&models, ids);
        self.registry(models, &mut pairs).await?;
        self.traces(&chosen, &pairs).await?;
        self.scorers(&experiments).await?;
        self.datasets(datasets, &pairs).await?;
        self.context.progress().all_planned();
        if self.context.is_stopping() {
            return Ok(Findings::default());
        }
        self.extra_experiments(there, &experiments).await?;
        self.finish()
    }

    async fn target_experiments(&self) -> Result<Vec<Experiment>> {
        let list = whole_list(Kind::Experiment, String::new(), self.target.experiments());
        let (all, unread) = read_all(list).await?;
        self.unread(unread, false).await;
        Ok(all)
    }

    /// Reports extra experiments on the target. A duplicate of a selected experiment is always a difference. Any other
    /// experiment is only a difference when the plan selects everything.
    async fn extra_experiments(
        &self,
        extra: Vec<Experiment>,
        chosen: &[(Experiment, Option<Experiment>)],
    ) -> Result<()> {
        let chosen: HashMap<&str, &Experiment> =
            chosen.iter().map(|(ours, _)| (ours.id.as_str(), ours)).collect();
        let matcher = self.plan.matcher()?;
        for experiment in extra {
            let made_from = experiment.tags.get(tag::SOURCE_EXPERIMENT_ID).map(String::as_str);
            let origin = made_from.and_then(|id| chosen.get(id));
            let is_double = origin.is_some_and(|ours| {
                experiment.was_created_as(ours)
                    && (ours.creation_time.is_some() || !self.plan.shares_target())
            });
            // This experiment may be the copy of an experiment that the plan excludes.
            let may_be_left_out = || matcher.choose(&experiment) == ExperimentSelection::No;
            if !is_double && (!self.plan.is_everything() || may_be_left_out()) {
                continue;
            }
            // Every new server has an experiment with the id 0.
            let is_untouched_default = experiment.id.as_str() == "0" && {
                let (runs, _) = self.target.first_runs(&experiment, 1).await?;
                runs.is_empty() && experiment.tags.keys().all(|key| tag::is_ours(key))
            };
            let is_left_out = self.plan.skip_deleted && experiment.lifecycle.is_deleted();
            if !is_untouched_default && !is_left_out {
                let extra = Difference::extra(Kind::Experiment, &experiment.name, experiment.id.as_str());
                self.extra(extra.of_experiment(&experiment.name), is_double).await;
            }
        }
        Ok(())
    }

    /// Returns the result of a compared pair. Counts the fields that the target keeps in its own form.
    fn pair(&self, kind: Kind, name: &str, (source, target): (&str, &str), found: Found) -> Difference {
        let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        for rule in &found.normalised {
            report.normalised.add(kind, rule.what, rule.because, 1);
        }
        Difference::pair(kind, name, source, target, found.differ)
    }

    fn not_compared(&self, kind: Kind, what: &str, reason: &str, count: u64) {
        self.report
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .not_compared
            .add(kind, what, reason, count);
    }

    /// Reports an object that only the target has. If the plan expects objects of other sources there, only a second
    /// copy of an object of this source is a difference.
    async fn extra(&self, difference: Difference, is_double: bool) {
        if self.plan.shares_target() && !is_double {
            return self.not_compared(difference.kind, ONLY_THERE, OF_OTHER_SOURCES, 1);
        }
        self.context.plan(difference.kind, 1).await;
        self.found(difference).await;
    }

    /// Counts one compared item, and reports it when it is not equal.
    async fn found(&self, difference: Difference) {
        let Difference { kind, mark, name, .. } = &difference;
        let id = difference.source_id.as_deref().or(difference.target_id.as_deref()).unwrap_or_default();
        match mark {
            Mark::Unreadable => {
                let reason =
                    difference.fields.first().and_then(|field| field.source.clone().or(field.target.clone()));
                self.context.failed(*kind, id, name, &Error::permanent(reason.unwrap_or_default())).await;
            }
            _ => self.context.done(*kind, id, name).await,
        }
        let must_report = *mark != Mark::Same;
        self.report.lock().unwrap_or_else(PoisonError::into_inner).add(&difference);
        if must_report {
            self.context.send(Event::Difference(difference)).await;
        }
    }

    fn finish(&self) -> Result<Findings> {
        let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        let files = report.write()?;
        Ok(Findings {
            comparison: Some(report.totals.clone()),
            normalised: report.normalised.clone(),
            not_compared: report.not_compared.clone(),
            files,
            notes: Vec::new(),
        })
    }
}
