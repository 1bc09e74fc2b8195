//! Evaluation datasets and their records (MLflow 3.4): read and write calls.

use std::collections::BTreeMap;

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::items::Items;
use crate::entities::{EvaluationDataset, ExperimentId, Kind, Record, integer};
use crate::error::{Error, Result};
use crate::io::Pages;
use crate::io::{Listing, listing, strict};
use crate::rest::{Call, Client};

pub(in crate::rest) const SEARCH: &str = "/api/3.0/mlflow/datasets/search";
const DATASETS: &str = "/api/3.0/mlflow/datasets";
const DATASETS_PER_PAGE: usize = 500;
const RECORDS_PER_PAGE: usize = 1_000;
/// Bytes of JSON in one request; see `log-batch`.
const BYTES_PER_REQUEST: usize = 900_000;

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    datasets: Items,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct OneDataset {
    dataset: Wire,
}

/// The server sends the tags as JSON text.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Wire {
    dataset_id: String,
    name: String,
    tags: String,
    schema: String,
    profile: String,
    digest: String,
    #[serde(with = "integer::optional")]
    created_time: Option<i64>,
    #[serde(with = "integer::optional")]
    last_update_time: Option<i64>,
    created_by: String,
    last_updated_by: String,
}

impl Wire {
    fn read(self) -> Result<EvaluationDataset> {
        let tags: BTreeMap<String, Value> = match self.tags.as_str() {
            "" => BTreeMap::new(),
            text => serde_json::from_str(text).map_err(|e| {
                Error::from(e).at(format!("the tags of the evaluation dataset {:?}", self.name))
            })?,
        };
        Ok(EvaluationDataset {
            id: self.dataset_id,
            name: self.name,
            tags,
            experiment_ids: Vec::new(),
            digest: self.digest,
            schema: self.schema,
            profile: self.profile,
            created_time: self.created_time,
            last_update_time: self.last_update_time,
            created_by: self.created_by,
            last_updated_by: self.last_updated_by,
        })
    }
}

/// The server sends the records as JSON text.
#[derive(Deserialize)]
struct RecordPage {
    #[serde(default)]
    records: String,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct Experiments {
    #[serde(default)]
    experiment_ids: Vec<ExperimentId>,
}

impl Client {
    /// The datasets, without the experiments that they belong to.
    pub fn evaluation_datasets(&self) -> Listing<'_, EvaluationDataset> {
        listing(
            |one: &EvaluationDataset| one.id.clone(),
            move |token: Option<String>| async move {
                let body = json!({ "max_results": DATASETS_PER_PAGE, "page_token": token });
                let page: Page = self.json(&Call::post(SEARCH, &body)?).await?;
                let datasets = page.datasets.read(Kind::EvaluationDataset, "/dataset_id", Wire::read);
                Ok((datasets, page.next_page_token))
            },
        )
    }

    pub async fn dataset_experiments(&self, id: &str) -> Result<Vec<ExperimentId>> {
        let call = Call::get(DATASETS).below(&format!("{id}/experiment-ids"));
        Ok(self.json::<Experiments>(&call).await?.experiment_ids)
    }

    pub fn dataset_records<'a>(&'a self, id: &'a str) -> Pages<'a, Record> {
        // The server identifies records by their inputs, so this list does too.
        let key = |one: &Record| one.inputs.get().to_owned();
        let all = listing(key, move |token: Option<String>| async move {
            let mut call = Call::get(DATASETS).below(&format!("{id}/records"));
            call = call.query("max_results", RECORDS_PER_PAGE);
            if let Some(token) = token {
                call = call.query("page_token", token);
            }
            let page: RecordPage = self.json(&call).await?;
            let records: Vec<Record> = match page.records.as_str() {
                "" => Vec::new(),
                text => serde_json::from_str(text)?,
            };
            Ok((records.into_iter().map(Ok).collect(), page.next_page_token))
        });
        strict(all)
    }

    /// Creates a dataset and returns its id. The call is not repeated when its outcome is unknown: the caller then
    /// looks for the dataset by a tag.
    pub async fn create_dataset(
        &self,
        name: &str,
        experiments: &[ExperimentId],
        tags: &BTreeMap<String, Value>,
    ) -> Result<String> {
        let tags = serde_json::to_string(tags)?;
        let body = json!({ "name": name, "experiment_ids": experiments, "tags": tags });
        let call = Call::post("/api/3.0/mlflow/datasets/create", &body)?.only_unsent();
        Ok(self.json::<OneDataset>(&call).await?.dataset.dataset_id)
    }

    pub async fn set_dataset_tags(&self, id: &str, tags: &BTreeMap<String, Value>) -> Result<()> {
        let body = json!({ "dataset_id": id, "tags": serde_json::to_string(tags)? });
        self.done(&Call::with_body(Method::PATCH, DATASETS, &body)?.below(&format!("{id}/tags"))).await
    }

    pub async fn add_dataset_to_experiments(&self, id: &str, experiments: &[ExperimentId]) -> Result<()> {
        let body = json!({ "dataset_id": id, "experiment_ids": experiments });
        self.done(&Call::post(DATASETS, &body)?.below(&format!("{id}/add-experiments"))).await
    }

    /// Writes or overwrites each record: the server identifies a record by its inputs.
    pub async fn upsert_records(&self, id: &str, records: &[Record]) -> Result<()> {
        let mut texts = Vec::new();
        for record in records {
            texts.push(serde_json::to_string(record)?);
        }
        let mut rest = texts.as_slice();
        while !rest.is_empty() {
            let (now, later) = rest.split_at(texts_per_request(rest));
            let body = json!({ "dataset_id": id, "records": format!("[{}]", now.join(",")) });
            self.done(&Call::post(DATASETS, &body)?.below(&format!("{id}/records"))).await?;
            rest = later;
        }
        Ok(())
    }
}

/// Returns how many of the first texts fit into one request; at least one.
fn texts_per_request(texts: &[String]) -> usize {
    let mut bytes = 0;
    let fits = |text: &&String| {
        bytes += text.len() + 1;
        bytes <= BYTES_PER_REQUEST
    };
    texts.iter().take_while(fits).count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_stay_below_the_limit() {
        let texts = |size: usize, count: usize| vec!["x".repeat(size); count];
        assert_eq!(texts_per_request(&texts(99, 5)), 5);
        assert_eq!(texts_per_request(&texts(399_999, 5)), 2);
        assert_eq!(texts_per_request(&texts(2_000_000, 2)), 1);
    }
}
