use std::sync::PoisonError;

use futures::{StreamExt, stream};

use super::join::Join;
use super::references::{Deferred, Links, Reference};
use super::unread::whole_list;
use super::{Compare, Difference, FieldDifference, fields, history};
use crate::entities::{Experiment, Kind, Readable, Run, RunId, Unreadable, tag};
use crate::error::Result;
use crate::plan::ExperimentSelection;

/// The maximum number of pairs whose histories are read together.
const MAX_CONCURRENT_PAIRS: usize = 90;
/// The maximum number of pairs whose files are compared concurrently.
const MAX_CONCURRENT_OWNERS: usize = 8;

type Pair = (Run, Run);

impl Compare {
    pub(super) async fn experiment(
        &self,
        ours: &Experiment,
        choice: &ExperimentSelection,
        theirs: Option<&Experiment>,
    ) -> Result<()> {
        if !self.context.may_go_on().await {
            return Ok(());
        }
        self.context.started(Kind::Experiment, ours.id.as_str(), &ours.name).await;
        let Some(theirs) = theirs else {
            self.found(
                Difference::missing(Kind::Experiment, &ours.name, ours.id.as_str()).of_experiment(&ours.name),
            )
            .await;
            return self.all_missing(ours, choice).await;
        };
        let shown = self.without_tags_of_others(ours, theirs);
        let was_merged = ours.merged_tag().is_some_and(|key| theirs.tags.contains_key(&key));
        // The name belongs to the source that made the target's experiment.
        let name = if was_merged { theirs.name.as_str().into() } else { self.plan.target_name(ours) };
        let mut found = fields::experiments(&name, ours, &shown);
        // MLflow itself does not write run ids to fields of experiments. An old id in a tag is therefore part of the
        // user's text, and must not change.
        found.references.retain(|reference| reference.source != reference.target);
        for Reference { field, source, target, .. } in found.references {
            found.found.unequal(field, Some(source), Some(target), None);
        }
        let ids = (ours.id.as_str(), theirs.id.as_str());
        let pair = self.pair(Kind::Experiment, &ours.name, ids, found.found);
        self.found(pair.of_experiment(&ours.name)).await;
        self.pair_runs(ours, choice, theirs).await
    }

    /// The target's experiment, without the tags of other sources that were moved into it.
    fn without_tags_of_others(&self, ours: &Experiment, theirs: &Experiment) -> Experiment {
        let mut shown = theirs.clone();
        if self.plan.shares_target() {
            shown.tags.retain(|key, _| ours.tags.contains_key(key));
        }
        shown
    }

    async fn all_missing(&self, ours: &Experiment, choice: &ExperimentSelection) -> Result<()> {
        let mut pages = self.source.runs(ours);
        while let Some(page) = pages.next().await {
            for run in page?.into_iter().flatten().filter(|run| self.takes(choice, run)) {
                self.missing(ours, &run).await;
            }
        }
        Ok(())
    }

    /// Reads both sides page by page, and compares each pair when both of its runs have arrived.
    async fn pair_runs(
        &self,
        ours: &Experiment,
        choice: &ExperimentSelection,
        theirs: &Experiment,
    ) -> Result<()> {
        let mut join = Join::default();
        let mut ready: Vec<Pair> = Vec::new();
        let list = |pages, of: &Experiment| whole_list(Kind::Run, format!("experiment {}", of.id), pages);
        let mut source = list(self.source.runs(ours), ours);
        let mut target = list(self.target.runs(theirs), theirs);
        loop {
            let (from_source, from_target) = futures::join!(source.next(), target.next());
            if from_source.is_none() && from_target.is_none() {
                break;
            }
            for run in self.readable(ours, from_source.transpose()?.unwrap_or_default(), true).await {
                ready.extend(join.source(run));
            }
            for run in self.readable(ours, from_target.transpose()?.unwrap_or_default(), false).await {
                ready.extend(join.target(run));
            }
            while ready.len() >= MAX_CONCURRENT_PAIRS {
                let rest = ready.split_off(MAX_CONCURRENT_PAIRS);
                self.pairs(ours, choice, std::mem::replace(&mut ready, rest)).await?;
            }
            if !self.context.may_go_on().await {
                return Ok(());
            }
        }
        let sources = join.take_sources();
        let (late, missing, extra) = join.rest();
        ready.extend(late);
        while !ready.is_empty() {
            let rest = ready.split_off(ready.len().min(MAX_CONCURRENT_PAIRS));
            self.pairs(ours, choice, std::mem::replace(&mut ready, rest)).await?;
        }
        for run in missing.iter().filter(|run| self.takes(choice, run)) {
            self.missing(ours, run).await;
        }
        {
            // These runs are only on the target, but references to them are correct when they use the new ids.
            let mut known = self.pairs.lock().unwrap_or_else(PoisonError::into_inner);
            for run in &extra {
                if let Some(source) = run.tags.get(tag::SOURCE_RUN_ID) {
                    known.entry(RunId::from(source.as_str())).or_insert_with(|| run.id.clone());
                }
            }
        }
        let window = self.plan.window()?;
        let (extra, outside): (Vec<Run>, Vec<Run>) =
            extra.into_iter().partition(|run| window.takes(run.start_time));
        {
            let mut known = self.outside.lock().unwrap_or_else(PoisonError::into_inner);
            known.extend(outside.into_iter().map(|run| run.id));
        }
        for run in extra {
            let made_from = run.tags.get(tag::SOURCE_RUN_ID).map(|id| RunId::from(id.as_str()));
            let is_double = made_from.is_some_and(|id| sources.contains(&id));
            let extra = Difference::extra(Kind::Run, run.label(), run.id.as_str());
            self.extra(extra.of_experiment(&ours.name), is_double).await;
        }
        Ok(())
    }

    async fn missing(&self, experiment: &Experiment, run: &Run) {
        self.context.plan(Kind::Run, 1).await;
        self.found(
            Difference::missing(Kind::Run, run.label(), run.id.as_str()).of_experiment(&experiment.name),
        )
        .await;
    }

    fn takes(&self, choice: &ExperimentSelection, run: &Run) -> bool {
        choice.takes(&run.id) && !(self.plan.skip_deleted && run.lifecycle.is_deleted())
    }

    async fn readable(&self, experiment: &Experiment, page: Vec<Readable<Run>>, is_source: bool) -> Vec<Run> {
        let mut runs = Vec::with_capacity(page.len());
        for run in page {
            match run {
                Ok(run) => runs.push(run),
                Err(Unreadable { id, reason, .. }) => {
                    let (source, target) =
                        if is_source { (Some(reason), None) } else { (None, Some(reason)) };
                    let field = FieldDifference { field: "reading it".to_owned(), source, target };
                    self.context.plan(Kind::Run, 1).await;
                    self.found(
                        Difference::unreadable(Kind::Run, &id, &id, field).of_experiment(&experiment.name),
                    )
                    .await;
                }
            }
        }
        runs
    }

    async fn pairs(
        &self,
        experiment: &Experiment,
        choice: &ExperimentSelection,
        pairs: Vec<Pair>,
    ) -> Result<()> {
        {
            let mut known = self.pairs.lock().unwrap_or_else(PoisonError::into_inner);
            known.extend(pairs.iter().map(|(ours, theirs)| (ours.id.clone(), theirs.id.clone())));
        }
        let pairs: Vec<Pair> = pairs.into_iter().filter(|(ours, _)| self.takes(choice, ours)).collect();
        self.context.plan(Kind::Run, pairs.len()).await;
        let (ours, theirs): (Vec<Run>, Vec<Run>) = pairs.iter().cloned().unzip();
        let (our_sums, their_sums) = futures::try_join!(
            history::checksums(self.source.as_ref(), &ours),
            history::checksums(self.target.as_ref(), &theirs),
        )?;
        self.context.progress().add_points(our_sums.points);
        let (our_sums, their_sums) = (&our_sums, &their_sums);
        stream::iter(&pairs)
            .for_each_concurrent(MAX_CONCURRENT_OWNERS, |(ours, theirs)| async move {
                self.run(experiment, (ours, our_sums), (theirs, their_sums)).await;
                self.files_of_runs(&experiment.name, ours, theirs).await;
            })
            .await;
        Ok(())
    }

    async fn run(
        &self,
        experiment: &Experiment,
        source: (&Run, &history::Checksums),
        target: (&Run, &history::Checksums),
    ) {
        let ((ours, our_sums), (theirs, their_sums)) = (source, target);
        let reasons = (our_sums.unreadable.get(&ours.id), their_sums.unreadable.get(&theirs.id));
        if reasons != (None, None) {
            let field = FieldDifference {
                field: "metrics".to_owned(),
                source: reasons.0.cloned(),
                target: reasons.1.cloned(),
            };
            let difference = Difference::unreadable(Kind::Run, ours.label(), ours.id.as_str(), field);
            return self.found(difference.of_experiment(&experiment.name)).await;
        }
        let infinite = |sums: &history::Checksums, run| sums.infinite.get(run).copied().unwrap_or_default();
        let replaced = infinite(our_sums, &ours.id).saturating_sub(infinite(their_sums, &theirs.id));
        if replaced > 0 {
            let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
            report.normalised.add(Kind::Run, history::INFINITE, history::STORED_AS_GREATEST, replaced);
        }
        let fields::Fields { mut found, references } =
            fields::runs(ours, theirs, experiment.lifecycle.is_deleted());
        let (our_series, their_series) = (our_sums.series.get(&ours.id), their_sums.series.get(&theirs.id));
        history::latest(&mut found, ours, theirs, our_series, their_series);
        for key in history::suspects(our_series, their_series) {
            let compared =
                history::compare((self.source.as_ref(), ours), (self.target.as_ref(), theirs), &key).await;
            match compared {
                Ok(None) => {}
                Ok(Some((difference, curve))) => {
                    found.differ.push(difference);
                    self.report.lock().unwrap_or_else(PoisonError::into_inner).add_curve(curve);
                }
                Err(e) => found.differ.push(FieldDifference {
                    field: format!("metric {key}"),
                    source: Some(e.to_string()),
                    target: None,
                }),
            }
        }
        let links = Links::of(ours, theirs);
        if references.is_empty() && links.is_empty() {
            let pair = self.pair(Kind::Run, ours.label(), (ours.id.as_str(), theirs.id.as_str()), found);
            return self.found(pair.of_experiment(&experiment.name)).await;
        }
        self.deferred.lock().unwrap_or_else(PoisonError::into_inner).push(Deferred {
            experiment: experiment.name.clone(),
            name: ours.label().to_owned(),
            source: ours.id.clone(),
            target: theirs.id.clone(),
            found,
            references,
            links,
        });
    }
}
