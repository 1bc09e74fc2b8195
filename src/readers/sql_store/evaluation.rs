use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt};
use serde_json::value::RawValue;

use super::grouped::Grouped;
use super::select::Select;
use super::value::{Row, Value};
use super::{SqlStoreReader, ids, number, readable};
use crate::entities::{EvaluationDataset, Experiment, ExperimentId, Kind, Readable, Record, Scorer};
use crate::error::{Error, Result};
use crate::io::Pages;

const PER_PAGE: usize = 200;
const DATASETS: [&str; 9] = [
    "dataset_id",
    "name",
    "schema",
    "profile",
    "digest",
    "created_time",
    "last_update_time",
    "created_by",
    "last_updated_by",
];
const RECORDS: [&str; 5] = ["inputs", "expectations", "outputs", "tags", "source"];
/// The key around outputs of any type (MLflow 3.18, `entities/dataset_record.py`,
/// `DATASET_RECORD_WRAPPED_OUTPUT_KEY`).
const WRAPPED: &str = "mlflow_wrapped";

/// What other tables have about the datasets of one page.
struct Parts {
    tags: Grouped<(String, String)>,
    experiments: Grouped<ExperimentId>,
}

impl SqlStoreReader {
    pub(super) fn every_dataset(&self) -> Pages<'_, Readable<EvaluationDataset>> {
        let select = self.in_workspace(Select::from("evaluation_datasets", &DATASETS));
        let select = select.order(&["created_time", "dataset_id"]);
        self.list((Kind::EvaluationDataset, String::new()), select, PER_PAGE, |rows| self.datasets_of(rows))
    }

    async fn datasets_of(&self, rows: Vec<Row>) -> Result<Vec<Readable<EvaluationDataset>>> {
        let (database, ids) = (&*self.database, ids(&rows));
        let tags = Select::from("evaluation_dataset_tags", &["dataset_id", "key", "value"]);
        let experiments = Select::from("entity_associations", &["source_id", "destination_id"])
            .only("source_type", vec!["evaluation_dataset".into()])
            .only("destination_type", vec!["experiment".into()]);
        let id = |row: Row| {
            let [id] = row.columns();
            Ok(ExperimentId::from(id.string()?))
        };
        let (tags, experiments) = futures::try_join!(
            Grouped::pairs(database, tags, ids.clone()),
            Grouped::read(database, experiments, ids.clone(), id),
        )?;
        let mut parts = Parts { tags, experiments };
        Ok(rows.into_iter().map(|row| dataset(row, &mut parts)).collect())
    }

    pub(super) fn records_of<'a>(&'a self, dataset: &'a EvaluationDataset) -> Pages<'a, Record> {
        let select = Select::from("evaluation_dataset_records", &RECORDS);
        let select = select.only("dataset_id", vec![Value::from(dataset.id.as_str())]);
        let rows = self.database.rows(select.order(&["created_time", "dataset_record_id"]));
        rows.and_then(|rows| async move { rows.into_iter().map(record).collect() }).boxed()
    }

    /// Every version of every scorer, by name and ascending number.
    pub(super) async fn scorers_of(&self, experiment: &Experiment) -> Result<Vec<Scorer>> {
        let select = Select::from("scorers", &["scorer_id", "scorer_name"]);
        let select = select.only("experiment_id", number(&experiment.id)).order(&["scorer_name"]);
        let rows = self.database.all(select).await?;
        let columns = &["scorer_id", "scorer_version", "serialized_scorer", "creation_time"];
        let versions = Select::from("scorer_versions", columns).order(&["scorer_id", "scorer_version"]);
        let convert = |row: Row| {
            let [version, content, creation_time] = row.columns();
            Ok(Scorer {
                experiment_id: experiment.id.clone(),
                version: version.int()?.unwrap_or_default().unsigned_abs(),
                content: content.string()?,
                creation_time: creation_time.int()?,
                ..Scorer::default()
            })
        };
        let mut versions = Grouped::read(&*self.database, versions, ids(&rows), convert).await?;
        let mut scorers = Vec::new();
        for row in rows {
            let [id, name] = row.columns();
            let name = name.string()?;
            let versions = versions.take(&id.string()?)?;
            scorers.extend(versions.into_iter().map(|one| Scorer { name: name.clone(), ..one }));
        }
        Ok(scorers)
    }
}

fn dataset(row: Row, parts: &mut Parts) -> Readable<EvaluationDataset> {
    let [id, name, schema, profile, digest, created, updated, created_by, updated_by] = row.columns();
    let read = || {
        let id = id.clone().string()?;
        let tags: BTreeMap<String, String> = parts.tags.collect(&id)?;
        Ok(EvaluationDataset {
            name: name.string()?,
            tags: tags.into_iter().map(|(key, value)| (key, value.into())).collect(),
            experiment_ids: parts.experiments.take(&id)?,
            digest: digest.string()?,
            schema: schema.string()?,
            profile: profile.string()?,
            created_time: created.int()?,
            last_update_time: updated.int()?,
            created_by: created_by.string()?,
            last_updated_by: updated_by.string()?,
            id,
        })
    };
    let dataset = read();
    readable(Kind::EvaluationDataset, &id, dataset)
}

fn record(row: Row) -> Result<Record> {
    let [inputs, expectations, outputs, tags, source] = row.columns();
    let missing = || Error::permanent("a record has no inputs");
    Ok(Record {
        inputs: json(inputs)?.ok_or_else(missing)?,
        expectations: json(expectations)?,
        outputs: json(outputs)?.map(unwrapped).transpose()?.flatten(),
        tags: json(tags)?,
        source: json(source)?,
    })
}

/// JSON text, unless it is null.
fn json(value: Value) -> Result<Option<Box<RawValue>>> {
    let text = value.text()?.filter(|text| !matches!(text.trim(), "" | "null"));
    Ok(text.map(RawValue::from_string).transpose()?)
}

fn unwrapped(outputs: Box<RawValue>) -> Result<Option<Box<RawValue>>> {
    let mut fields: BTreeMap<String, Box<RawValue>> = match serde_json::from_str(outputs.get()) {
        Ok(fields) => fields,
        Err(_) => return Ok(Some(outputs)),
    };
    Ok(if fields.len() == 1 { fields.remove(WRAPPED).or(Some(outputs)) } else { Some(outputs) })
}
