//! Evaluation datasets with their records, and scorers.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Value;
use serde_json::value::RawValue;

use super::found::Found;
use super::pairs::{Pairs, any};
use super::unread::whole_list;
use super::{Compare, Difference, FieldDifference};
use crate::entities::{EvaluationDataset, Experiment, Kind, Record, Scorer, Unreadable, canonical_json, tag};
use crate::error::{Error, Result};
use crate::readers::read_all;

/// The maximum number of datasets or experiments that are compared concurrently.
const MAX_CONCURRENT_DATASETS: usize = 4;
/// The label of a record is the beginning of its inputs. This is the maximum number of characters.
const LABEL: usize = 60;

impl Compare {
    pub(super) async fn datasets(&self, datasets: Vec<EvaluationDataset>, pairs: &Pairs) -> Result<()> {
        let (all, unread) =
            read_all(whole_list(Kind::EvaluationDataset, String::new(), self.target.evaluation_datasets()))
                .await?;
        self.unread(unread, false).await;
        let mut there = BTreeMap::new();
        for dataset in all {
            there.insert(dataset.id.clone(), dataset);
        }
        let made_from = |dataset: &EvaluationDataset| {
            Some((dataset.tags.get(tag::SOURCE_DATASET_ID)?.as_str()?.to_owned(), dataset.id.clone()))
        };
        let by_source: HashMap<String, String> = there.values().filter_map(made_from).collect();
        self.context.plan(Kind::EvaluationDataset, datasets.len()).await;
        let chosen: BTreeSet<String> = datasets.iter().map(|ours| ours.id.clone()).collect();
        let both: Vec<_> = datasets
            .into_iter()
            .map(|ours| {
                let partner = there.remove(by_source.get(&ours.id).unwrap_or(&ours.id));
                (ours, partner)
            })
            .collect();
        stream::iter(&both)
            .for_each_concurrent(MAX_CONCURRENT_DATASETS, |(ours, theirs)| {
                self.dataset(ours, theirs.as_ref(), pairs)
            })
            .await;
        let matcher = self.plan.matcher()?;
        // A duplicate of a selected dataset is always an extra object. Other datasets depend on the plan.
        let is_doubled = |dataset: &EvaluationDataset| {
            made_from(dataset).is_some_and(|(source, _)| chosen.contains(&source))
        };
        let is_extra = |dataset: &EvaluationDataset| {
            is_doubled(dataset) || (self.plan.is_everything() && !matcher.leaves_dataset(dataset))
        };
        there.retain(|_, dataset| is_extra(dataset));
        for dataset in there.values() {
            let extra = Difference::extra(Kind::EvaluationDataset, &dataset.name, &dataset.id);
            self.extra(extra, is_doubled(dataset)).await;
        }
        Ok(())
    }

    async fn dataset(&self, ours: &EvaluationDataset, theirs: Option<&EvaluationDataset>, pairs: &Pairs) {
        if !self.context.may_go_on().await {
            return;
        }
        let (kind, name) = (Kind::EvaluationDataset, ours.name.as_str());
        let Some(theirs) = theirs else {
            return self.found(Difference::missing(kind, name, &ours.id)).await;
        };
        let mut found = dataset_fields(ours, theirs, pairs);
        match self.records(ours, theirs).await {
            Ok(records) => found.differ.extend(records),
            Err(error) => {
                let field = FieldDifference {
                    field: "reading its records".to_owned(),
                    source: Some(error.to_string()),
                    target: None,
                };
                return self.found(Difference::unreadable(kind, name, &ours.id, field)).await;
            }
        }
        self.found(self.pair(kind, name, (&ours.id, &theirs.id), found)).await;
    }

    async fn records(
        &self,
        ours: &EvaluationDataset,
        theirs: &EvaluationDataset,
    ) -> Result<Vec<FieldDifference>> {
        let mut there = HashMap::new();
        let mut pages = self.target.records(theirs);
        while let Some(page) = pages.try_next().await? {
            for record in &page {
                there.insert(fingerprint(&record.inputs)?, digests(record)?);
            }
        }
        let mut differ = Vec::new();
        let mut pages = self.source.records(ours);
        while let Some(page) = pages.try_next().await? {
            for record in &page {
                let partner = there.remove(&fingerprint(&record.inputs)?);
                differ.extend(record_difference(record, partner)?);
            }
        }
        if !there.is_empty() {
            let (field, target) = ("records".to_owned(), Some(format!("{} more", there.len())));
            differ.push(FieldDifference { field, source: None, target });
        }
        Ok(differ)
    }

    pub(super) async fn scorers(&self, experiments: &[(Experiment, Option<Experiment>)]) -> Result<()> {
        let all = stream::iter(experiments).map(Ok::<_, Error>);
        let compare = |(ours, theirs): &'_ (Experiment, Option<Experiment>)| {
            let (ours, theirs) = (ours.clone(), theirs.clone());
            async move { self.scorers_of(&ours, theirs.as_ref()).await }
        };
        all.try_for_each_concurrent(MAX_CONCURRENT_DATASETS, compare).await
    }

    async fn scorers_of(&self, ours: &Experiment, theirs: Option<&Experiment>) -> Result<()> {
        if !self.context.may_go_on().await {
            return Ok(());
        }
        let Some(source) = self.scorers_in(ours, true).await? else { return Ok(()) };
        let target = match theirs {
            Some(theirs) if !source.is_empty() || self.plan.is_everything() => {
                self.scorers_in(theirs, false).await?
            }
            _ => Some(BTreeMap::new()),
        };
        let Some(mut target) = target else { return Ok(()) };
        let keys: BTreeSet<_> = source.keys().chain(target.keys()).cloned().collect();
        self.context.plan(Kind::Scorer, source.len()).await;
        for key in keys {
            let label = format!("{}/{}", key.0, key.1);
            let difference = match (source.get(&key), target.remove(&key)) {
                (Some(a), Some(b)) => {
                    let same = a.has_same_content(&b);
                    let content = FieldDifference {
                        field: "content".to_owned(),
                        source: Some(a.content.clone()),
                        target: Some(b.content),
                    };
                    let fields = if same { Vec::new() } else { vec![content] };
                    Difference::pair(Kind::Scorer, &label, &label, &label, fields)
                }
                (Some(_), None) => Difference::missing(Kind::Scorer, &label, &label),
                (None, _) => {
                    let extra = Difference::extra(Kind::Scorer, &label, &label);
                    self.extra(extra.of_experiment(&ours.name), false).await;
                    continue;
                }
            };
            self.found(difference.of_experiment(&ours.name)).await;
        }
        Ok(())
    }

    /// Returns the scorers of one side, or `None` when that side cannot return them. They are then counted as
    /// unreadable.
    async fn scorers_in(
        &self,
        experiment: &Experiment,
        is_source: bool,
    ) -> Result<Option<BTreeMap<(String, u64), Scorer>>> {
        let side = if is_source { &self.source } else { &self.target };
        match side.scorers(experiment).await {
            Ok(scorers) => {
                Ok(Some(scorers.into_iter().map(|one| ((one.name.clone(), one.version), one)).collect()))
            }
            Err(error) if error.is_about_object() => {
                let of = format!("experiment {}", experiment.id);
                self.unread(vec![Unreadable::rest_of_list(Kind::Scorer, &of, error)], is_source).await;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

fn dataset_fields(ours: &EvaluationDataset, theirs: &EvaluationDataset, pairs: &Pairs) -> Found {
    let mut differ = Found::new(Kind::EvaluationDataset);
    differ.value("name", &ours.name, &theirs.name);
    let texts = |dataset: &EvaluationDataset| -> BTreeMap<String, String> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        dataset.tags.iter().map(|(key, value)| (key.clone(), text(value))).collect()
    };
    differ.map("tag", &texts(ours), &texts(theirs), any, |key, a, b| pairs.is_same_text(key, a, b));
    // An experiment that was not moved has no new id. The same id on the target belongs to another experiment.
    let new = |id| pairs.experiments.get(id).map(ToString::to_string);
    let expected: BTreeSet<String> = ours.experiment_ids.iter().filter_map(new).collect();
    // The dataset may have other experiments on the target, from another migration.
    let moved: BTreeSet<String> = pairs.experiments.values().map(ToString::to_string).collect();
    let found: BTreeSet<String> = theirs.experiment_ids.iter().map(ToString::to_string).collect();
    if !expected.is_subset(&found) || found.intersection(&moved).any(|id| !expected.contains(id)) {
        let text = |ids: &BTreeSet<String>| ids.iter().cloned().collect::<Vec<_>>().join(", ");
        differ.value("experiments", text(&expected), text(&found));
    }
    differ
}

fn canonical(json: &RawValue) -> Result<String> {
    Ok(canonical_json(&json)?)
}

fn fingerprint(json: &RawValue) -> Result<u64> {
    let mut hasher = DefaultHasher::new();
    canonical(json)?.hash(&mut hasher);
    Ok(hasher.finish())
}

/// A hash for each field of a record except the inputs.
type Digests = [Option<u64>; 4];

fn digests(record: &Record) -> Result<Digests> {
    let mut digests = [None; 4];
    for (digest, (_, field)) in digests.iter_mut().zip(record.fields()) {
        *digest = field.map(fingerprint).transpose()?;
    }
    Ok(digests)
}

fn record_difference(ours: &Record, theirs: Option<Digests>) -> Result<Vec<FieldDifference>> {
    let label = || format!("record {}", ours.inputs.get().chars().take(LABEL).collect::<String>());
    let Some(theirs) = theirs else {
        return Ok(vec![FieldDifference { field: label(), source: Some("there".to_owned()), target: None }]);
    };
    let mut differ = Vec::new();
    for ((name, ours), (our_digest, theirs)) in
        ours.fields().into_iter().zip(digests(ours)?.into_iter().zip(theirs))
    {
        if our_digest != theirs {
            let source = ours.map(|ours| ours.get().to_owned());
            let target = theirs.map(|_| "another value".to_owned());
            differ.push(FieldDifference { field: format!("{}: {name}", label()), source, target });
        }
    }
    Ok(differ)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(text: &str) -> Record {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn records_are_compared_field_by_field_in_any_order_of_keys() {
        let ours = record(r#"{"inputs": {"a": 1, "b": 2.0}, "expectations": {"x": 1, "y": 2}}"#);
        let same =
            record(r#"{"inputs": {"b": 2.0, "a": 1}, "expectations": {"y": 2, "x": 1}, "outputs": {}}"#);
        assert_eq!(fingerprint(&ours.inputs).unwrap(), fingerprint(&same.inputs).unwrap());
        assert!(record_difference(&ours, Some(digests(&same).unwrap())).unwrap().is_empty());
        let other =
            record(r#"{"inputs": {"a": 1, "b": 2.0}, "expectations": {"x": 1, "y": 2.0}, "tags": {"t": 1}}"#);
        let found = record_difference(&ours, Some(digests(&other).unwrap())).unwrap();
        let fields: Vec<_> = found.iter().map(|f| f.field.rsplit(' ').next().unwrap()).collect();
        assert_eq!(fields, ["expectations", "tags"]);
        assert_eq!(record_difference(&ours, None).unwrap().len(), 1);
    }

    #[test]
    fn each_field_of_a_dataset_is_compared() {
        let ours = EvaluationDataset {
            experiment_ids: vec!["1".into(), "2".into()],
            tags: [("n".to_owned(), Value::from(3))].into(),
            ..EvaluationDataset::default()
        };
        let experiments = [("1".into(), "7".into()), ("3".into(), "8".into())].into();
        let pairs = Pairs { experiments, ..Pairs::default() };
        let theirs = EvaluationDataset { experiment_ids: vec!["7".into(), "99".into()], ..ours.clone() };
        assert_eq!(dataset_fields(&ours, &theirs, &pairs).differ, []);
        type Change = (&'static str, fn(&mut EvaluationDataset));
        let changes: [Change; 4] = [
            ("name", |d| d.name = "x".into()),
            ("tag n", |d| drop(d.tags.insert("n".into(), "4".into()))),
            ("experiments", |d| d.experiment_ids.clear()),
            ("experiments", |d| d.experiment_ids.push("8".into())),
        ];
        for (field, change) in changes {
            let mut theirs = theirs.clone();
            change(&mut theirs);
            let found: Vec<_> =
                dataset_fields(&ours, &theirs, &pairs).differ.into_iter().map(|d| d.field).collect();
            assert_eq!(found, [field]);
        }
    }
}
