use std::collections::{HashMap, HashSet};

use futures::TryStreamExt;
use futures::future::join_all;
use tokio::sync::mpsc;

use super::Copy;
use super::models::Models;
use super::run::{OpenedRun, RunEnding, RunResult};
use super::run_slots::RunSlot;
use crate::engine::state::journal::fingerprint;
use crate::entities::{Experiment, Kind, MetricChunk, Readable, Run, RunId, Unreadable};
use crate::error::{Error, Result};
use crate::writers::{Existing, TargetExperiment};

/// The channel of each run that receives its metric histories. An error means that a part of them could not be read.
type Feeds = HashMap<RunId, mpsc::Sender<Result<MetricChunk>>>;

impl Copy {
    /// Moves some runs of one experiment. Creates them, parents first. Then writes all of them concurrently, and sends
    /// each run its histories. Returns the runs that are on the target now.
    pub(super) async fn group(
        &self,
        (experiment, place): (&Experiment, &TargetExperiment),
        group: Vec<Readable<Run>>,
        models: &Models,
    ) -> Result<Vec<RunId>> {
        if !self.context.may_go_on().await {
            return Ok(Vec::new());
        }
        let all: Vec<RunId> = group.iter().map(id_of).collect();
        self.journal.plan(Kind::Run, all.iter().map(RunId::as_str))?;
        self.context.plan(Kind::Run, group.len()).await;
        let (runs, unreadable): (Vec<_>, Vec<_>) = group.into_iter().partition(Result::is_ok);
        self.report_unreadable(unreadable.into_iter().filter_map(Result::err), Some(&experiment.id)).await?;
        let runs: Vec<Run> = runs.into_iter().flatten().collect();
        let run_slots = self.run_slots.take(runs.len(), self.target.as_ref()).await;
        let (mut there, works) = self.open_runs(place, &runs, run_slots).await?;
        let written_now: HashSet<RunId> = works.iter().map(|work| work.run.id.clone()).collect();
        let open = there.union(&written_now).cloned().collect();
        let model_works = self.open_models_of(place, models, all.iter(), &open).await?;
        let (mut feeds, mut writing, mut with_history) = (Feeds::new(), Vec::new(), Vec::new());
        for mut work in works {
            work.writer.model_metrics(models.metrics(&work.run.id));
            let (feed, chunks) = mpsc::channel(1);
            // A run without metrics has no histories, so its feed ends here.
            if !work.run.latest.is_empty() {
                feeds.insert(work.run.id.clone(), feed);
                with_history.push(work.run.clone());
            }
            writing.push(self.write_run(work, chunks));
        }
        let model_files = join_all(model_works.iter().map(|work| self.write_model_files(work)));
        let ((), written, model_files) =
            futures::join!(self.read_histories(&with_history, feeds), join_all(writing), model_files);
        let mut whole = HashSet::new();
        for run in written {
            whole.extend(run?);
        }
        for (work, files) in model_works.into_iter().zip(model_files) {
            // Points that belong to runs outside of this group may be missing on the target.
            let is_whole = work.found == Existing::Nothing
                && work.model.metrics.iter().all(|metric| whole.contains(&metric.run_id));
            match is_whole {
                true => self.close_model(work, files?).await?,
                false => self.late.add_model(work, files?),
            }
        }
        there.extend(whole);
        Ok(all.into_iter().filter(|run| there.contains(run)).collect())
    }

    /// Finds or creates each run, in waves: if the parent of a run is in this group too, the parent comes first. Each
    /// run that must be written holds a berth.
    async fn open_runs(
        &self,
        place: &TargetExperiment,
        runs: &[Run],
        mut run_slots: Vec<RunSlot>,
    ) -> Result<(HashSet<RunId>, Vec<OpenedRun>)> {
        let _turn = self.creating.lock().await;
        let (mut there, mut works) = (HashSet::new(), Vec::new());
        for wave in waves(runs) {
            let opened = join_all(wave.iter().map(|run| self.open_run(place, run))).await;
            for (run, work) in wave.into_iter().zip(opened) {
                let berth = run_slots.pop();
                match work? {
                    Some(Opened::There) => drop(there.insert(run.id.clone())),
                    Some(Opened::Work(work)) => works.push(OpenedRun { berth, ..*work }),
                    None => {}
                }
            }
        }
        Ok((there, works))
    }

    async fn open_run(&self, place: &TargetExperiment, run: &Run) -> Result<Option<Opened>> {
        if !self.context.may_go_on().await {
            return Ok(None);
        }
        let fingerprint = fingerprint(run)?;
        let (id, name) = (run.id.as_str(), run.label());
        let again = self.journal.must_be_visited(Kind::Run, id, &fingerprint)? || self.update;
        // A directory keeps the source's ids, so no param has to wait. A run that is finished in this journal already
        // has its params.
        let is_settled = !self.target.gives_new_ids() || (!again && self.journal.is_done(Kind::Run, id)?);
        let names_runs = !is_settled && self.names_runs(run).await;
        let now = if names_runs { self.without_waiting(run) } else { None };
        match self.target.open_run(place, now.as_ref().unwrap_or(run), again).await {
            Ok(open) if open.found == Existing::Everything => {
                let (run, target) = (run.clone(), open.id);
                self.written(RunResult {
                    run,
                    target,
                    names_runs,
                    how: RunEnding::AlreadyComplete(fingerprint),
                })
                .await?;
                Ok(Some(Opened::There))
            }
            Ok(open) => {
                let (run, target, writer) = (run.clone(), open.id, open.writer);
                let work = OpenedRun { run, fingerprint, target, names_runs, writer, berth: None };
                Ok(Some(Opened::Work(Box::new(work))))
            }
            Err(error) => {
                self.fail(Kind::Run, (id, name), Some(&run.experiment_id), &error).await?;
                Ok(None)
            }
        }
    }

    /// Sends each chunk to its run. A failed run receives no more chunks. If reading fails, every run receives the
    /// error, so that no incomplete run counts as complete.
    async fn read_histories(&self, runs: &[Run], mut feeds: Feeds) {
        let mut chunks = self.source.histories(runs);
        loop {
            let (id, chunk) = match chunks.try_next().await {
                Ok(None) => return,
                Ok(Some(Ok(chunk))) => (chunk.run_id.clone(), Ok(chunk)),
                Ok(Some(Err(Unreadable { id, reason, .. }))) => {
                    (RunId::from(id.as_str()), Err(Error::permanent(reason)))
                }
                Err(error) => {
                    let error = error.at("its metric histories");
                    join_all(feeds.values().map(|feed| feed.send(Err(error.clone())))).await;
                    return;
                }
            };
            let Some(feed) = feeds.get(&id) else { continue };
            if feed.send(chunk).await.is_err() {
                feeds.remove(&id);
            }
        }
    }
}

pub(super) fn id_of(run: &Readable<Run>) -> RunId {
    match run {
        Ok(run) => run.id.clone(),
        Err(unreadable) => RunId::from(unreadable.id.as_str()),
    }
}

enum Opened {
    There,
    Work(Box<OpenedRun>),
}

/// Splits runs into waves, so that each run's parent is in an earlier wave or in none. Runs whose parents form a cycle
/// go into the last wave.
fn waves(runs: &[Run]) -> Vec<Vec<&Run>> {
    let here: HashSet<&RunId> = runs.iter().map(|run| &run.id).collect();
    let mut placed: HashSet<RunId> = HashSet::new();
    let mut waiting: Vec<&Run> = runs.iter().collect();
    let mut waves = Vec::new();
    while !waiting.is_empty() {
        let is_free = |run: &&Run| {
            run.parent().is_none_or(|parent| placed.contains(&parent) || !here.contains(&parent))
        };
        let (free, bound): (Vec<&Run>, Vec<&Run>) = waiting.into_iter().partition(is_free);
        if free.is_empty() {
            waves.push(bound);
            break;
        }
        placed.extend(free.iter().map(|run| run.id.clone()));
        waves.push(free);
        waiting = bound;
    }
    waves
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entities::tag;

    fn run(id: &str, parent: &str) -> Run {
        let tags = [(tag::PARENT_RUN_ID.to_owned(), parent.to_owned())];
        let tags = tags.into_iter().filter(|(_, parent)| !parent.is_empty()).collect();
        Run { id: id.into(), tags, ..Run::default() }
    }

    fn ids(runs: &[Run]) -> Vec<Vec<String>> {
        waves(runs).iter().map(|wave| wave.iter().map(|run| run.id.to_string()).collect()).collect()
    }

    #[test]
    fn parents_come_first_in_any_order_of_the_list() {
        let runs =
            [run("grandchild", "child"), run("child", "top"), run("top", ""), run("orphan", "elsewhere")];
        assert_eq!(ids(&runs), [vec!["top", "orphan"], vec!["child"], vec!["grandchild"]]);
    }

    #[test]
    fn a_cycle_of_parents_forms_the_last_wave() {
        assert_eq!(ids(&[run("a", "b"), run("b", "a"), run("c", "c")]), [["a", "b", "c"]]);
    }
}
