//! Sends entries of a run in batches. The server accepts or refuses each batch as a whole. From a refused batch, all
//! entries except the refused ones are written.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::histories::{Histories, Known};
use super::refused::{Refused, is_refusal};
use crate::entities::{ModelId, RunId};
use crate::error::{Cause, Error, Result};
use crate::rest::{BatchItem, Client, MetricOf, entries_per_batch};

/// The number of entries of one sort that are refused one by one before the rest of the sort is treated as refused,
/// too.
const MAX_TRIED_ALONE: u64 = 3;

/// A common property of entries that a server may refuse together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Sort {
    Param(String),
    Tag(String),
    /// The name, whether the time is before 1970, and the model.
    Metric(String, bool, Option<ModelId>),
}

/// The key of a logged model's point on the server: model, metric, time and step, but not the value (MLflow 3.0 to
/// 3.18, `dbmodels/models.py`, `SqlLoggedModelMetric`).
pub(super) type ModelPoint = (ModelId, String, i64, i64);

#[derive(Clone)]
pub(super) struct RunLog {
    client: Arc<Client>,
    histories: Arc<Histories>,
}

/// The results so far, while the entries of one run are sent.
#[derive(Default)]
pub(super) struct Sent {
    pub refused: Refused,
    /// Sorts without an accepted entry so far: how many entries were refused, and why.
    closed: HashMap<Sort, (u64, String)>,
    /// Sorts with an accepted entry.
    taken: HashSet<Sort>,
    /// The server accepts some entries of this run.
    takes_some: bool,
}

impl RunLog {
    pub fn new(client: Arc<Client>, histories: Arc<Histories>) -> Self {
        Self { client, histories }
    }

    /// Sends all entries. An error always concerns the whole run.
    pub async fn send(&self, run: &RunId, mut items: Vec<BatchItem>, sent: &mut Sent) -> Result<()> {
        while !items.is_empty() {
            let batch: Vec<BatchItem> = items.drain(..entries_per_batch(&items)).collect();
            self.send_batch(run, batch, sent).await?;
        }
        Ok(())
    }

    /// Sends one batch.
    pub fn send_batch<'a>(
        &'a self,
        run: &'a RunId,
        batch: Vec<BatchItem>,
        sent: &'a mut Sent,
    ) -> BoxFuture<'a, Result<()>> {
        async move {
            let batch = sent.without_closed(batch);
            if batch.is_empty() {
                return Ok(());
            }
            let Err(error) = self.client.log_batch(run, &batch).await else {
                sent.took(&batch);
                return Ok(());
            };
            if error.cause() == Some(Cause::PointExists) {
                let rest = self.missing(run, &batch).await?;
                if rest.len() < batch.len() {
                    return self.send_batch(run, rest, sent).await;
                }
            }
            if !is_refusal(&error) {
                return Err(error);
            }
            if batch.len() > 1 {
                let mut first = batch;
                let second = first.split_off(first.len() / 2);
                self.send_batch(run, first, sent).await?;
                return self.send_batch(run, second, sent).await;
            }
            if !sent.takes_some {
                // If the run accepts nothing at all, the entry is not the reason for the refusal.
                self.client.log_batch(run, &[]).await.map_err(|_| error.clone())?;
                sent.takes_some = true;
            }
            for item in batch {
                self.refused(run, item, &error, sent).await?;
            }
            Ok(())
        }
        .boxed()
    }

    /// Records a refused entry. A point that a model cannot have is still written as a point of the run.
    async fn refused(&self, run: &RunId, item: BatchItem, error: &Error, sent: &mut Sent) -> Result<()> {
        if let BatchItem::Metric(key, point, Some(_)) = &item {
            let plain = BatchItem::Metric(key.clone(), *point, None);
            match self.client.log_batch(run, &[plain]).await {
                Ok(()) => {}
                Err(plain) if is_refusal(&plain) => {}
                Err(plain) => return Err(plain),
            }
        }
        sent.was_refused(&item, error);
        Ok(())
    }

    /// The entries that the target lacks.
    async fn missing(&self, run: &RunId, items: &[BatchItem]) -> Result<Vec<BatchItem>> {
        let mut known: HashMap<&str, Known> = HashMap::new();
        let (mut models, mut of_models) = (HashSet::new(), HashSet::new());
        for item in items {
            let BatchItem::Metric(key, _, of) = item else { continue };
            if !known.contains_key(key.as_str()) {
                known.insert(key, self.histories.known(run, key).await?);
            }
            if let Some(MetricOf { model_id, .. }) = of
                && models.insert(model_id)
            {
                of_models.extend(self.model_points(run, model_id).await?);
            }
        }
        let is_missing = |item: &&BatchItem| match item {
            BatchItem::Param(..) | BatchItem::Tag(..) => true,
            BatchItem::Metric(key, point, of) => {
                let of_run = known.get(key.as_str()).is_some_and(|known| known.contains(&point.identity()));
                let of_model = of.as_ref().is_none_or(|of| {
                    of_models.contains(&(of.model_id.clone(), key.clone(), point.timestamp, point.step))
                });
                !(of_run && of_model)
            }
        };
        Ok(items.iter().filter(is_missing).cloned().collect())
    }

    /// The points of a logged model on the target that belong to this run.
    pub async fn model_points(&self, run: &RunId, model: &ModelId) -> Result<Vec<ModelPoint>> {
        let existing = self.client.logged_model(model).await?;
        let of_run = existing.metrics.into_iter().filter(|metric| metric.run_id == *run);
        Ok(of_run.map(|one| (model.clone(), one.key, one.point.timestamp, one.point.step)).collect())
    }

    pub async fn known(&self, run: &RunId, key: &str) -> Result<Known> {
        self.histories.known(run, key).await
    }
}

impl Sent {
    fn without_closed(&mut self, mut batch: Vec<BatchItem>) -> Vec<BatchItem> {
        if self.closed.values().all(|(count, _)| *count < MAX_TRIED_ALONE) {
            return batch;
        }
        batch.retain(|item| {
            let Some((_, reason)) =
                self.closed.get(&sort(item)).filter(|(count, _)| *count >= MAX_TRIED_ALONE)
            else {
                return true;
            };
            let (what, name) = words(item);
            self.refused.add(what, name, reason.clone());
            false
        });
        batch
    }

    fn took(&mut self, batch: &[BatchItem]) {
        self.takes_some = true;
        // Points are sorted by metric.
        for same in batch.chunk_by(is_same_sort) {
            let sort = sort(&same[0]);
            self.closed.remove(&sort);
            self.taken.insert(sort);
        }
    }

    fn was_refused(&mut self, item: &BatchItem, error: &Error) {
        let (what, name) = words(item);
        self.refused.add(what, name, error.to_string());
        let sort = sort(item);
        if !self.taken.contains(&sort) {
            let closed = self.closed.entry(sort).or_insert_with(|| (0, error.to_string()));
            closed.0 += 1;
        }
    }
}

fn is_same_sort(a: &BatchItem, b: &BatchItem) -> bool {
    let (BatchItem::Metric(a, a_point, a_of), BatchItem::Metric(b, b_point, b_of)) = (a, b) else {
        return false;
    };
    let model = |of: &Option<MetricOf>| of.as_ref().map(|of| of.model_id.clone());
    a == b && (a_point.timestamp < 0) == (b_point.timestamp < 0) && model(a_of) == model(b_of)
}

fn sort(item: &BatchItem) -> Sort {
    match item {
        BatchItem::Param(key, _) => Sort::Param(key.clone()),
        BatchItem::Tag(key, _) => Sort::Tag(key.clone()),
        BatchItem::Metric(key, point, of) => {
            Sort::Metric(key.clone(), point.timestamp < 0, of.as_ref().map(|of| of.model_id.clone()))
        }
    }
}

fn words(item: &BatchItem) -> (&'static str, &str) {
    match item {
        BatchItem::Param(key, _) => ("param", key),
        BatchItem::Tag(key, _) => ("tag", key),
        BatchItem::Metric(key, point, None) if point.timestamp < 0 => ("points before 1970 of metric", key),
        BatchItem::Metric(key, _, None) => ("points of metric", key),
        BatchItem::Metric(key, _, Some(_)) => ("points of a logged model's metric", key),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use wiremock::matchers::path;
    use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

    use super::*;
    use crate::entities::Point;
    use crate::rest::{Access, Address};

    const LOG_BATCH: &str = "/api/2.0/mlflow/runs/log-batch";

    /// Accepts a batch or refuses it, as MLflow 3.10 does.
    struct Batches(fn(&Value) -> Option<&'static str>);

    impl Respond for Batches {
        fn respond(&self, request: &Request) -> ResponseTemplate {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            match (self.0)(&body) {
                None => ResponseTemplate::new(200).set_body_json(json!({})),
                Some(message) => ResponseTemplate::new(400)
                    .set_body_json(json!({ "error_code": "INVALID_PARAMETER_VALUE", "message": message })),
            }
        }
    }

    async fn server(verdict: fn(&Value) -> Option<&'static str>) -> (MockServer, RunLog) {
        let server = MockServer::start().await;
        Mock::given(path(LOG_BATCH)).respond_with(Batches(verdict)).mount(&server).await;
        let (address, _) = Address::parse(&server.uri()).unwrap();
        let client = Arc::new(Client::new(address, Access::default()).unwrap());
        let histories = Arc::new(Histories::new(Arc::clone(&client), Some(90)));
        (server, RunLog::new(client, histories))
    }

    /// The entries that the server has accepted: keys of params, and points by key.
    async fn taken(server: &MockServer, verdict: fn(&Value) -> Option<&'static str>) -> Vec<String> {
        let mut keys = Vec::new();
        for request in server.received_requests().await.unwrap() {
            let Ok(body) = serde_json::from_slice::<Value>(&request.body) else { continue };
            if request.url.path() == LOG_BATCH && verdict(&body).is_none() {
                let items =
                    ["params", "tags", "metrics"].into_iter().flat_map(|kind| body[kind].as_array().unwrap());
                keys.extend(items.map(|item| item["key"].as_str().unwrap().to_owned()));
            }
        }
        keys.sort();
        keys
    }

    fn point(key: &str, timestamp: i64) -> BatchItem {
        BatchItem::Metric(key.to_owned(), Point { value: 1.0, timestamp, step: 0 }, None)
    }

    fn too_long_or_too_old(body: &Value) -> Option<&'static str> {
        let all = |kind: &str| body[kind].as_array().unwrap().clone();
        let is_long = |item: &Value| item["key"].as_str().unwrap().len() > 250;
        if all("params").iter().chain(&all("tags")).any(is_long) {
            return Some("too long");
        }
        all("metrics").iter().any(|point| point["timestamp"].as_i64().unwrap() < 0).then_some("negative")
    }

    #[tokio::test]
    async fn all_entries_arrive_except_those_that_are_refused_alone() {
        let (server, log) = server(too_long_or_too_old).await;
        let mut items: Vec<BatchItem> =
            (0..40).map(|n| BatchItem::Param(format!("p{n}"), "v".to_owned())).collect();
        items.insert(17, BatchItem::Param("k".repeat(251), "v".to_owned()));
        items.push(BatchItem::Tag("t".repeat(251), "v".to_owned()));
        items.extend((0..300).map(|n| point("loss", n)));
        items.extend((1..=500).map(|n| point("loss", -n)));
        let mut sent = Sent::default();
        log.send(&"run".into(), items, &mut sent).await.unwrap();
        let taken = taken(&server, too_long_or_too_old).await;
        assert_eq!(taken.iter().filter(|key| *key == "loss").count(), 300);
        assert_eq!(taken.len(), 340);
        let requests = server.received_requests().await.unwrap().len();
        assert!(requests < 120, "{requests} requests: 500 points of one sort are not tried one by one");
        let text = sent.refused.into_error().unwrap().to_string();
        assert!(text.contains("502 parts") && text.contains("points before 1970"), "{text}");
        assert!(text.contains("too long") && text.contains("negative"), "{text}");
    }

    #[tokio::test]
    async fn a_run_that_accepts_nothing_gets_no_request_for_each_entry() {
        let (server, log) = server(|_| Some("The run must be in the 'active' state")).await;
        let items = (0..64).map(|n| BatchItem::Param(n.to_string(), String::new())).collect();
        let error = log.send(&"run".into(), items, &mut Sent::default()).await.unwrap_err();
        assert!(error.to_string().contains("active"), "{error}");
        assert!(server.received_requests().await.unwrap().len() < 10);
    }

    fn first_half_exists(body: &Value) -> Option<&'static str> {
        let is_present = |point: &Value| point["timestamp"].as_i64().unwrap() < 100;
        body["metrics"]
            .as_array()
            .unwrap()
            .iter()
            .any(is_present)
            .then_some("UNIQUE constraint failed: metrics.key")
    }

    #[tokio::test]
    async fn existing_points_are_read_and_the_rest_is_sent() {
        let (server, log) = server(first_half_exists).await;
        let rows: Vec<Value> = (0..100)
            .map(|n| json!({ "key": "m", "run_id": "run", "value": 1.0, "timestamp": n, "step": 0 }))
            .collect();
        Mock::given(path("/ajax-api/2.0/mlflow/metrics/get-history-bulk"))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "metrics": rows })))
            .expect(1)
            .mount(&server)
            .await;
        let mut sent = Sent::default();
        log.send(&"run".into(), (0..200).map(|n| point("m", n)).collect(), &mut sent).await.unwrap();
        assert_eq!(taken(&server, first_half_exists).await.len(), 100);
        assert!(sent.refused.into_error().is_none());
    }
}
