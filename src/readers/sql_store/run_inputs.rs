use std::collections::HashMap;

use super::database::Database;
use super::grouped::Grouped;
use super::select::Select;
use super::value::{Row, Value};
use crate::entities::{DatasetInput, ModelId, ModelOutput};
use crate::error::Result;

const COLUMNS: [&str; 6] =
    ["destination_id", "source_type", "destination_type", "source_id", "input_uuid", "step"];
const FROM_RUN: [&str; 6] =
    ["source_id", "source_type", "destination_type", "destination_id", "input_uuid", "step"];
const DATASETS: [&str; 7] = [
    "dataset_uuid",
    "name",
    "digest",
    "dataset_source_type",
    "dataset_source",
    "dataset_schema",
    "dataset_profile",
];

/// A row of the table `inputs`, which connects a run to a dataset or a logged model (MLflow 3.18,
/// `store/tracking/sqlalchemy_store.py`, `log_inputs` and `log_outputs`).
struct Link {
    source_type: String,
    destination_type: String,
    /// The id of the other object.
    other: String,
    input_uuid: String,
    step: i64,
}

/// The datasets and logged models of the runs of one page.
pub struct RunInputs {
    /// Links that end at a run, and links that begin there.
    to: Grouped<Link>,
    from: Grouped<Link>,
    datasets: HashMap<String, Result<DatasetInput>>,
    tags: Grouped<(String, String)>,
}

impl RunInputs {
    pub async fn read(database: &dyn Database, runs: Vec<Value>) -> Result<Self> {
        let links = |columns| Grouped::read(database, Select::from("inputs", columns), runs.clone(), link);
        let (to, from) = futures::try_join!(links(&COLUMNS), links(&FROM_RUN))?;
        let of = |id: fn(&Link) -> &String| {
            let links = to.values().filter(|link| link.is("DATASET", "RUN"));
            links.map(|link| Value::from(id(link).as_str())).collect::<Vec<_>>()
        };
        let mut ids = of(|link| &link.other);
        ids.sort_by_key(|id| id.clone().text().ok());
        ids.dedup();
        let mut datasets = HashMap::new();
        for row in database.all_of(Select::from("datasets", &DATASETS), "dataset_uuid", ids).await? {
            let id = row.0.first().cloned().unwrap_or(Value::Null);
            datasets.insert(id.string()?, dataset(row));
        }
        let select = Select::from("input_tags", &["input_uuid", "name", "value"]);
        let tags = Grouped::pairs(database, select, of(|link| &link.input_uuid)).await?;
        Ok(Self { to, from, datasets, tags })
    }

    /// The datasets, the used models and the created models of a run, each sorted.
    pub fn take(&mut self, run: &str) -> Result<(Vec<DatasetInput>, Vec<ModelId>, Vec<ModelOutput>)> {
        let (mut datasets, mut models, mut outputs) = (Vec::new(), Vec::new(), Vec::new());
        for link in self.to.take(run)?.into_iter().filter(|link| link.is("DATASET", "RUN")) {
            if let Some(dataset) = self.datasets.get(&link.other) {
                let tags = self.tags.collect(&link.input_uuid)?;
                datasets.push(DatasetInput { tags, ..dataset.clone()? });
            }
        }
        for link in self.from.take(run)? {
            if link.is("RUN_INPUT", "MODEL_INPUT") {
                models.push(ModelId::from(link.other));
            } else if link.is("RUN_OUTPUT", "MODEL_OUTPUT") {
                outputs.push(ModelOutput { model_id: link.other.into(), step: link.step });
            }
        }
        datasets.sort();
        models.sort();
        outputs.sort();
        Ok((datasets, models, outputs))
    }
}

impl Link {
    fn is(&self, source_type: &str, destination_type: &str) -> bool {
        self.source_type == source_type && self.destination_type == destination_type
    }
}

fn link(row: Row) -> Result<Link> {
    let [source_type, destination_type, other, input_uuid, step] = row.columns();
    Ok(Link {
        source_type: source_type.string()?,
        destination_type: destination_type.string()?,
        other: other.string()?,
        input_uuid: input_uuid.string()?,
        step: step.int()?.unwrap_or_default(),
    })
}

fn dataset(row: Row) -> Result<DatasetInput> {
    let [_, name, digest, source_type, source, schema, profile] = row.columns();
    Ok(DatasetInput {
        name: name.string()?,
        digest: digest.string()?,
        source_type: source_type.string()?,
        source: source.string()?,
        // REST does not distinguish an empty text from none.
        schema: schema.text()?.filter(|text| !text.is_empty()),
        profile: profile.text()?.filter(|text| !text.is_empty()),
        ..DatasetInput::default()
    })
}
