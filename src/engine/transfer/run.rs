use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use tokio::sync::mpsc;

use super::Copy;
use super::run_slots::RunSlot;
use crate::entities::{Kind, MetricChunk, ModelId, Run, RunId, ids_in, names_model};
use crate::error::{Error, Result};
use crate::writers::{IdMap, RunWriter};

/// A run that is open on the target and waits for its histories and files.
pub(super) struct OpenedRun {
    pub run: Run,
    pub fingerprint: String,
    pub target: RunId,
    /// See [`RunResult::names_runs`].
    pub names_runs: bool,
    pub writer: Box<dyn RunWriter>,
    pub berth: Option<RunSlot>,
}

/// A run that has been written, or that the target already had.
pub(super) struct RunResult {
    pub run: Run,
    pub target: RunId,
    /// True when a param of the run names another run. Such a param is written when the named run is on the target.
    pub names_runs: bool,
    pub how: RunEnding,
}

pub(super) enum RunEnding {
    /// The run was written. The value is its fingerprint. Without a fingerprint, the next job visits the run again,
    /// because some files are missing.
    Done(Option<String>),
    /// The run was already complete on the target. The value is its fingerprint.
    AlreadyComplete(String),
    /// A part of the run could not be read or was refused, so the run counts as failed. The rest of the run is on the
    /// target.
    Unread(Error),
}

/// A run may have thousands of damaged metrics.
const MAX_NAMED_PROBLEMS: usize = 5;

impl Copy {
    /// Writes the rest of one run: metrics and files. Returns its id when the run is on the target and complete, except
    /// for the problems that were reported.
    pub(super) async fn write_run(
        &self,
        work: OpenedRun,
        chunks: mpsc::Receiver<Result<MetricChunk>>,
    ) -> Result<Option<RunId>> {
        // The run keeps its berth until it is written.
        let OpenedRun { run, fingerprint, target, names_runs, mut writer, berth: _berth } = work;
        self.context.started(Kind::Run, run.id.as_str(), run.label()).await;
        let unread = match self.write_metrics(writer.as_mut(), chunks).await {
            Ok(unread) => unread,
            Err(error) => return self.lose(&run, &error).await.map(|()| None),
        };
        let files = self.write_files(run.owner(), target.as_str(), writer.files()).await?;
        let is_whole = files.missing.is_empty();
        if is_whole && files.unread.is_none() {
            self.empty_roots.add(&run, files.there.len());
        }
        let unread = unread.or(files.unread);
        let lacking = !is_whole || unread.is_some();
        if let Err(error) = writer.close(files.there, files.missing, lacking).await {
            return self.lose(&run, &error).await.map(|()| None);
        }
        let how = match unread {
            Some(error) => RunEnding::Unread(error),
            None => RunEnding::Done(Some(fingerprint).filter(|_| is_whole)),
        };
        let id = run.id.clone();
        self.written(RunResult { run, target, names_runs, how }).await?;
        Ok(Some(id))
    }

    /// Ends a run. A run that names models, or that names runs in its params, ends when all of these are on the target.
    pub(super) async fn written(&self, end: RunResult) -> Result<()> {
        if !end.run.needs_models() && !end.names_runs {
            return self.end_run(end).await;
        }
        if self.are_models_known(&end.run) && self.are_runs_known(&end.run) {
            return self.finish_run(end).await;
        }
        // The run waits until all other experiments are written. Data that are no longer needed are dropped.
        let (mut params, tags, latest) = (end.run.params, BTreeMap::new(), BTreeMap::new());
        params.retain(|key, value| !ids_in(key, value).is_empty());
        let run = Run { params, tags, latest, datasets: Vec::new(), ..end.run };
        self.late.add_run(RunResult { run, ..end });
        Ok(())
    }

    /// True when every logged model that the run names is on the target, so the run need not wait for other
    /// experiments.
    fn are_models_known(&self, run: &Run) -> bool {
        let of_params =
            run.params.values().filter(|value| names_model(value)).map(|id| ModelId::from(id.as_str()));
        let used = run.model_inputs.iter().cloned();
        let made = run.model_outputs.iter().map(|output| output.model_id.clone());
        of_params.chain(used).chain(made).all(|id| self.journal.model_of(&id).is_some())
    }

    pub(super) async fn end_run(&self, RunResult { run, target, how, .. }: RunResult) -> Result<()> {
        let (id, name, written) = (run.id.as_str(), run.label(), target);
        let target = Some(written.as_str());
        let how = match (how, self.target.refused(Kind::Run, id)) {
            (RunEnding::Done(_) | RunEnding::AlreadyComplete(_), Some(refused)) => RunEnding::Unread(refused),
            (how, _) => how,
        };
        match how {
            RunEnding::Done(fingerprint) => {
                self.journal.done(Kind::Run, id, target, fingerprint.as_deref())?;
                self.context.done(Kind::Run, id, name).await;
            }
            // This journal may be new, so it must record that an earlier import has finished the run.
            RunEnding::AlreadyComplete(fingerprint) => {
                if self.journal.is_compared(Kind::Run, id, &fingerprint)? {
                    self.known_runs.fetch_add(1, Ordering::Relaxed);
                    self.journal.done(Kind::Run, id, target, Some(&fingerprint))?;
                } else {
                    self.uncompared_runs.fetch_add(1, Ordering::Relaxed);
                    self.journal.taken(Kind::Run, id, written.as_str(), &fingerprint)?;
                }
                self.context.skipped(Kind::Run, id, name, "already there").await;
            }
            RunEnding::Unread(error) => self.lose(&run, &error).await?,
        }
        Ok(())
    }

    /// Writes the metrics. Returns the errors of the parts that could not be read as one.
    async fn write_metrics(
        &self,
        writer: &mut dyn RunWriter,
        mut chunks: mpsc::Receiver<Result<MetricChunk>>,
    ) -> Result<Option<Error>> {
        let mut unread: Vec<Error> = Vec::new();
        while let Some(chunk) = chunks.recv().await {
            match chunk {
                Ok(chunk) => {
                    let points = chunk.points.len() as u64;
                    writer.metrics(chunk).await?;
                    self.context.progress().add_points(points);
                }
                Err(error) => unread.push(error),
            }
        }
        Ok(joined(unread))
    }

    pub(super) async fn lose(&self, run: &Run, error: &Error) -> Result<()> {
        self.fail(Kind::Run, (run.id.as_str(), run.label()), Some(&run.experiment_id), error).await
    }
}

/// One error that names the first problems.
fn joined(mut errors: Vec<Error>) -> Option<Error> {
    if errors.len() < 2 {
        return errors.pop();
    }
    let more = errors.len().saturating_sub(MAX_NAMED_PROBLEMS);
    let named: Vec<String> = errors.iter().take(MAX_NAMED_PROBLEMS).map(ToString::to_string).collect();
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    Some(Error::permanent(format!("{}{more}", named.join("; "))))
}
