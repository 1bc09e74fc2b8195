//! Logged models. They are compared after all runs, and before the objects that name them.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::sync::PoisonError;

use futures::{StreamExt, TryStreamExt, stream};

use super::found::Found;
use super::pairs::{Pairs, any, tags};
use super::unread::whole_list;
use super::{Compare, Difference, FieldDifference};
use crate::entities::{
    Experiment, Kind, LoggedModel, ModelId, ModelMetric, Point, PointIdentity, Readable, RunId, Unreadable,
    tag,
};
use crate::error::Result;
use crate::plan::ExperimentSelection;

/// The maximum number of experiments whose models are listed concurrently, and of models that are compared
/// concurrently.
const MAX_CONCURRENT_MODELS: usize = 4;

/// Two models that should be equal, and the name of their experiment.
type Pair = (String, LoggedModel, LoggedModel);

impl Compare {
    pub(super) async fn models(
        &self,
        experiments: Vec<(Experiment, ExperimentSelection, Option<Experiment>)>,
    ) -> Result<()> {
        let listed: Vec<Vec<Pair>> =
            stream::iter(experiments)
                .map(|(ours, choice, theirs)| async move {
                    self.pair_models(&ours, &choice, theirs.as_ref()).await
                })
                .buffer_unordered(MAX_CONCURRENT_MODELS)
                .try_collect()
                .await?;
        let both: Vec<Pair> = listed.into_iter().flatten().collect();
        let pairs = {
            let mut runs = self.pairs.lock().unwrap_or_else(PoisonError::into_inner);
            runs.extend(both.iter().map(|(_, ours, theirs)| (ours.id.digits(), theirs.id.digits())));
            Pairs { runs: runs.clone(), ..Pairs::default() }
        };
        {
            let run_of = |(_, _, theirs): &Pair| Some((theirs.id.digits(), theirs.source_run_id.clone()?));
            let mut known = self.model_runs.lock().unwrap_or_else(PoisonError::into_inner);
            known.extend(both.iter().filter_map(run_of));
        }
        stream::iter(&both)
            .for_each_concurrent(MAX_CONCURRENT_MODELS, |(experiment, ours, theirs)| {
                let pairs = &pairs;
                async move {
                    if !self.context.may_go_on().await {
                        return;
                    }
                    let found = model_fields(ours, theirs, pairs);
                    let ids = (ours.id.as_str(), theirs.id.as_str());
                    let pair = self.pair(Kind::LoggedModel, &ours.name, ids, found);
                    self.found(pair.of_experiment(experiment)).await;
                    self.files(experiment, ours.owner(), theirs.owner()).await;
                }
            })
            .await;
        Ok(())
    }

    /// Pairs the models of one experiment. A model without a partner is reported at once.
    async fn pair_models(
        &self,
        ours: &Experiment,
        choice: &ExperimentSelection,
        theirs: Option<&Experiment>,
    ) -> Result<Vec<Pair>> {
        let list =
            |of: &Experiment, pages| whole_list(Kind::LoggedModel, format!("experiment {}", of.id), pages);
        let source: Vec<_> = list(ours, self.source.logged_models(ours)).try_concat().await?;
        let target: Vec<_> = match theirs {
            Some(theirs) => list(theirs, self.target.logged_models(theirs)).try_concat().await?,
            None => Vec::new(),
        };
        let mut there: HashMap<ModelId, LoggedModel> = HashMap::new();
        // Models of the target that come from the same source model as another one.
        let mut doubled = Vec::new();
        for model in self.readable_models(&ours.name, target, false).await {
            let made_from = model.tags.get(tag::SOURCE_MODEL_ID).map(|id| ModelId::from(id.as_str()));
            match there.entry(made_from.unwrap_or_else(|| model.id.clone())) {
                Entry::Vacant(free) => drop(free.insert(model)),
                Entry::Occupied(_) => doubled.push(model),
            }
        }
        let mut pairs = Vec::new();
        for model in self.readable_models(&ours.name, source, true).await {
            let partner = there.remove(&model.id);
            if !choice.takes_model(&model) {
                continue;
            }
            self.context.plan(Kind::LoggedModel, 1).await;
            match partner {
                Some(partner) => pairs.push((ours.name.clone(), model, partner)),
                None => {
                    let missing = Difference::missing(Kind::LoggedModel, &model.name, model.id.as_str());
                    self.found(missing.of_experiment(&ours.name)).await;
                }
            }
        }
        let outside = self.outside.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let is_outside =
            |model: &LoggedModel| model.source_run_id.as_ref().is_some_and(|id| outside.contains(id));
        let there = there.into_values().map(|model| (model, false));
        let extra = there.chain(doubled.into_iter().map(|model| (model, true)));
        for (model, is_double) in extra.filter(|(model, _)| !is_outside(model)) {
            let extra = Difference::extra(Kind::LoggedModel, &model.name, model.id.as_str());
            self.extra(extra.of_experiment(&ours.name), is_double).await;
        }
        Ok(pairs)
    }

    async fn readable_models(
        &self,
        experiment: &str,
        models: Vec<Readable<LoggedModel>>,
        is_source: bool,
    ) -> Vec<LoggedModel> {
        let mut readable = Vec::with_capacity(models.len());
        for model in models {
            match model {
                Ok(model) => readable.push(model),
                Err(Unreadable { id, reason, .. }) => {
                    let (source, target) =
                        if is_source { (Some(reason), None) } else { (None, Some(reason)) };
                    let field = FieldDifference { field: "reading it".to_owned(), source, target };
                    self.context.plan(Kind::LoggedModel, 1).await;
                    let difference = Difference::unreadable(Kind::LoggedModel, &id, &id, field);
                    self.found(difference.of_experiment(experiment)).await;
                }
            }
        }
        readable
    }
}

fn model_fields(ours: &LoggedModel, theirs: &LoggedModel, pairs: &Pairs) -> Found {
    let mut found = Found::new(Kind::LoggedModel);
    found.value("name", &ours.name, &theirs.name);
    found.value("model_type", &ours.model_type, &theirs.model_type);
    found.value("status", ours.status.name(), theirs.status.name());
    let expected = ours.source_run_id.as_ref().map(|id| pairs.new_id(id).unwrap_or_else(|| id.clone()));
    if expected != theirs.source_run_id {
        found.option("source_run_id", ours.source_run_id.as_ref(), theirs.source_run_id.as_ref(), None);
    }
    // Params are written once, at creation. They cannot contain the new id of a model that is created later.
    let is_same = |key: &str, a: &str, b: &str| a == b || pairs.is_same_text(key, a, b);
    found.map("param", &ours.params, &theirs.params, any, is_same);
    tags(&mut found, &ours.tags, &theirs.tags, pairs);
    found.differ.extend(metrics(ours, theirs, pairs));
    found
}

type Identity<'a> = (&'a str, PointIdentity, RunId, Option<&'a str>, Option<&'a str>);

fn metrics(ours: &LoggedModel, theirs: &LoggedModel, pairs: &Pairs) -> Option<FieldDifference> {
    let mapped = |metric: &ModelMetric| pairs.new_id(&metric.run_id).unwrap_or_else(|| metric.run_id.clone());
    let source: BTreeSet<_> = ours.metrics.iter().map(|metric| identity(metric, mapped(metric))).collect();
    let target: BTreeSet<_> =
        theirs.metrics.iter().map(|metric| identity(metric, metric.run_id.clone())).collect();
    if source == target {
        return None;
    }
    let side = |own: &BTreeSet<Identity<'_>>, other: &BTreeSet<Identity<'_>>| {
        let only = own.difference(other).count();
        let first = own.difference(other).next().map(|(key, (time, step, bits), run, ..)| {
            format!(": {key} of run {run}, step {step} at {time} = {}", f64::from_bits(*bits))
        });
        Some(format!("{} points, {only} only here{}", own.len(), first.unwrap_or_default()))
    };
    let (source, target) = (side(&source, &target), side(&target, &source));
    Some(FieldDifference { field: "metrics".to_owned(), source, target })
}

/// The values by which a point of a model is compared. NaN counts as 0, because servers store a model's NaN as 0
/// (MLflow 3.0 to 3.16, `store/tracking/sqlalchemy_store.py`).
fn identity(metric: &ModelMetric, run: RunId) -> Identity<'_> {
    let value = if metric.point.value.is_nan() { 0.0 } else { metric.point.value };
    let point = Point { value, ..metric.point };
    let (name, digest) = (metric.dataset_name.as_deref(), metric.dataset_digest.as_deref());
    (&metric.key, point.identity(), run, name, digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entities::ModelStatus;

    const OLD: &str = "0123456789abcdef0123456789abcdef";
    const NEW: &str = "ffffffffffffffffffffffffffffffff";

    fn model(run: &str) -> LoggedModel {
        let point = Point { value: f64::NAN, timestamp: 1, step: 2 };
        LoggedModel {
            name: "m".into(),
            source_run_id: Some(run.into()),
            params: [("p".to_owned(), "1".to_owned())].into(),
            tags: [("best".to_owned(), format!("m-{run}"))].into(),
            metrics: vec![ModelMetric {
                key: "acc".into(),
                point,
                run_id: run.into(),
                ..ModelMetric::default()
            }],
            ..LoggedModel::default()
        }
    }

    fn pairs() -> Pairs {
        Pairs { runs: [(RunId::from(OLD), RunId::from(NEW))].into(), ..Pairs::default() }
    }

    #[test]
    fn a_model_with_new_ids_is_the_same() {
        let mut theirs = model(NEW);
        theirs.metrics[0].point.value = 0.0;
        theirs.tags.insert(tag::MODEL_VERSIONS.into(), "[]".into());
        theirs.tags.insert(tag::SOURCE_MODEL_ID.into(), "m-x".into());
        assert_eq!(model_fields(&model(OLD), &theirs, &pairs()).differ, []);
    }

    #[test]
    fn each_field_is_compared() {
        type Change = (&'static str, fn(&mut LoggedModel));
        let changes: [Change; 9] = [
            ("name", |m| m.name = "x".into()),
            ("model_type", |m| m.model_type = "x".into()),
            ("status", |m| m.status = ModelStatus::Ready),
            ("source_run_id", |m| m.source_run_id = None),
            ("param p", |m| drop(m.params.insert("p".into(), "2".into()))),
            ("tag best", |m| drop(m.tags.insert("best".into(), format!("m-{OLD}")))),
            ("metrics", |m| m.metrics[0].point.step = 3),
            ("metrics", |m| m.metrics[0].dataset_name = Some("d".into())),
            ("metrics", |m| m.metrics[0].run_id = OLD.into()),
        ];
        for (field, change) in changes {
            let mut theirs = model(NEW);
            change(&mut theirs);
            let found: Vec<_> =
                model_fields(&model(OLD), &theirs, &pairs()).differ.into_iter().map(|d| d.field).collect();
            assert_eq!(found, [field]);
        }
    }
}
