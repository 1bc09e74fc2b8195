//! Reads the points that the target has, before some of them would be sent again. For each batch with existing points,
//! a server loads the whole history of their metrics, and it refuses some of these batches.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::TryStreamExt;
use tokio::sync::oneshot;

use crate::entities::{PointIdentity, RunId};
use crate::error::{Error, Result};
use crate::rest::{Client, ROWS_PER_CALL};

/// Runs of one group request the same metric at about the same time: the first one waits this long for the others.
const GATHER: Duration = Duration::from_millis(5);

/// The points of one metric of one run on the target.
pub(super) type Known = HashSet<PointIdentity>;

type Asker = (RunId, oneshot::Sender<Result<Known>>);

/// Reads histories of the target, one metric of many runs at a time.
pub(super) struct Histories {
    client: Arc<Client>,
    /// The number of runs that the server accepts in one call. `None` when it has no such route.
    bulk: Option<usize>,
    /// The tasks that wait for each metric.
    askers: Mutex<HashMap<String, Vec<Asker>>>,
}

impl Histories {
    pub fn new(client: Arc<Client>, bulk: Option<usize>) -> Self {
        Self { client, bulk, askers: Mutex::default() }
    }

    /// The points of this metric that the run has on the target.
    pub async fn known(self: &Arc<Self>, run: &RunId, key: &str) -> Result<Known> {
        let Some(most) = self.bulk else { return self.of_one(run, key).await };
        let (answer, answered) = oneshot::channel();
        let is_first = {
            let mut askers = self.askers.lock().unwrap_or_else(PoisonError::into_inner);
            let of_key = askers.entry(key.to_owned()).or_default();
            of_key.push((run.clone(), answer));
            of_key.len() == 1
        };
        if is_first {
            // This is a separate task, so that the others get their answer even if this run is cancelled.
            let (all, key) = (Arc::clone(self), key.to_owned());
            tokio::spawn(async move { all.answer(&key, most).await });
        }
        answered.await.unwrap_or_else(|_| Err(Error::stopped()))
    }

    async fn answer(&self, key: &str, most: usize) {
        tokio::time::sleep(GATHER).await;
        let mut askers = {
            let mut all = self.askers.lock().unwrap_or_else(PoisonError::into_inner);
            all.remove(key).unwrap_or_default()
        };
        while !askers.is_empty() {
            let later = askers.split_off(askers.len().min(most.max(1)));
            self.answer_some(key, std::mem::replace(&mut askers, later)).await;
        }
    }

    async fn answer_some(&self, key: &str, askers: Vec<Asker>) {
        let runs: Vec<RunId> = askers.iter().map(|(run, _)| run.clone()).collect();
        let mut known = self.of_many(&runs, key).await;
        for (run, answer) in askers {
            let points = match known.remove(&run) {
                Some(points) => Ok(points),
                None => self.of_one(&run, key).await,
            };
            // A cancelled receiver needs no answer.
            _ = answer.send(points);
        }
    }

    /// The points that one call returns. The answer is sorted by run, so a cut answer is complete for all its runs
    /// except the last one. A run that is missing here is requested alone.
    async fn of_many(&self, runs: &[RunId], key: &str) -> HashMap<RunId, Known> {
        let Ok(rows) = self.client.history_bulk(runs, key).await else { return HashMap::new() };
        let is_cut = rows.len() >= ROWS_PER_CALL;
        let mut known: BTreeMap<RunId, Known> = BTreeMap::new();
        for row in rows {
            known.entry(row.run_id.into()).or_default().insert(row.point.identity());
        }
        if is_cut {
            known.pop_last();
        }
        known.into_iter().collect()
    }

    async fn of_one(&self, run: &RunId, key: &str) -> Result<Known> {
        let mut known = Known::new();
        let mut pages = self.client.history(run.clone(), key.to_owned());
        while let Some(page) = pages.try_next().await? {
            known.extend(page.into_iter().map(|row| row.point.identity()));
        }
        Ok(known)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use wiremock::matchers::path;
    use wiremock::{Mock, MockServer, Request, ResponseTemplate};

    use super::*;
    use crate::rest::{Access, Address};

    const BULK: &str = "/ajax-api/2.0/mlflow/metrics/get-history-bulk";
    const ONE: &str = "/api/2.0/mlflow/metrics/get-history";

    fn rows(run: &str, count: usize) -> Vec<Value> {
        let row = |n| json!({ "key": "m", "run_id": run, "value": 1.0, "timestamp": n, "step": 0 });
        (0..count).map(row).collect()
    }

    async fn server() -> (MockServer, Arc<Histories>) {
        let server = MockServer::start().await;
        let (address, _) = Address::parse(&server.uri()).unwrap();
        let client = Arc::new(Client::new(address, Access::default()).unwrap());
        (server, Arc::new(Histories::new(client, Some(90))))
    }

    async fn sizes(of: &Arc<Histories>, runs: &[&str]) -> Vec<usize> {
        let asked = runs.iter().map(|run| async { of.known(&RunId::from(*run), "m").await.unwrap().len() });
        futures::future::join_all(asked).await
    }

    #[tokio::test]
    async fn runs_that_ask_at_the_same_time_share_an_answer() {
        let (server, histories) = server().await;
        let all = [rows("a", 3), rows("b", 2)].concat();
        let answer = ResponseTemplate::new(200).set_body_json(json!({ "metrics": all }));
        Mock::given(path(BULK)).respond_with(answer).expect(1).mount(&server).await;
        assert_eq!(sizes(&histories, &["a", "b"]).await, [3, 2]);
    }

    #[tokio::test]
    async fn a_cut_answer_is_complete_except_for_its_last_run() {
        let (server, histories) = server().await;
        let all = [rows("a", 5), rows("b", ROWS_PER_CALL - 5)].concat();
        let answer = ResponseTemplate::new(200).set_body_json(json!({ "metrics": all }));
        Mock::given(path(BULK)).respond_with(answer).mount(&server).await;
        let whole = |request: &Request| {
            let run = request.url.query_pairs().find(|(name, _)| name == "run_id").unwrap().1.into_owned();
            ResponseTemplate::new(200).set_body_json(json!({ "metrics": rows(&run, 7) }))
        };
        Mock::given(path(ONE)).respond_with(whole).expect(2).mount(&server).await;
        assert_eq!(sizes(&histories, &["a", "b", "c"]).await, [5, 7, 7]);
    }
}
