use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use async_trait::async_trait;

use super::There;
use super::files::RestFiles;
use crate::entities::{FileEntry, Lifecycle, MetricChunk, Run, RunId, RunStatus, rewrite};
use crate::error::Result;
use crate::rest::{BatchItem, Client, entries_per_batch};
use crate::target::{FileWriter, Ledger, RunWriter};

/// Entries that are waited for before a batch is sent, so that it goes out full.
const FULL: usize = 1_000;

/// Writes one run: params and points together in as few requests as the limits allow, one request at a time,
/// because two batches at once may both take theirs for the latest point.
pub struct RestRunWriter {
    client: Arc<Client>,
    ledger: Arc<dyn Ledger>,
    run: Run,
    id: RunId,
    files: RestFiles,
    /// Deleting the experiment will delete this run.
    deleted_with_experiment: bool,
    waiting: VecDeque<BatchItem>,
}

impl RestRunWriter {
    pub fn new(
        client: Arc<Client>,
        ledger: Arc<dyn Ledger>,
        run: &Run,
        there: &There,
        deleted_with_experiment: bool,
    ) -> Self {
        // What the search page brought along is not kept: the page goes away while this run is written.
        let run =
            Run { params: BTreeMap::new(), tags: BTreeMap::new(), latest: BTreeMap::new(), ..run.clone() };
        let files = RestFiles::new(Arc::clone(&client), there.artifact_uri.clone());
        Self {
            client,
            ledger,
            run,
            id: there.id.clone(),
            files,
            deleted_with_experiment,
            waiting: VecDeque::new(),
        }
    }

    #[must_use]
    pub fn starting_with(mut self, items: Vec<BatchItem>) -> Self {
        self.waiting.extend(items);
        self
    }

    async fn send_batch(&mut self) -> Result<()> {
        let count = entries_per_batch(&self.waiting);
        let ledger = self.ledger.as_ref();
        let items: Vec<BatchItem> =
            self.waiting.drain(..count).map(|item| with_new_ids(ledger, item)).collect();
        self.client.log_batch(&self.id, &items).await
    }
}

/// As late as can be: runs that are created beside this one are known by now.
fn with_new_ids(ledger: &dyn Ledger, item: BatchItem) -> BatchItem {
    let new = |key: &str, value: String| rewrite(key, &value, |id| ledger.target_of(id)).unwrap_or(value);
    match item {
        BatchItem::Param(key, value) => BatchItem::Param(key.clone(), new(&key, value)),
        BatchItem::Tag(key, value) => BatchItem::Tag(key.clone(), new(&key, value)),
        metric @ BatchItem::Metric(..) => metric,
    }
}

#[async_trait]
impl RunWriter for RestRunWriter {
    async fn metrics(&mut self, chunk: MetricChunk) -> Result<()> {
        for point in chunk.points {
            self.waiting.push_back(BatchItem::Metric(chunk.key.clone(), point));
            if self.waiting.len() >= FULL {
                self.send_batch().await?;
            }
        }
        Ok(())
    }

    fn files(&self) -> &dyn FileWriter {
        &self.files
    }

    async fn close(
        mut self: Box<Self>,
        _files: Vec<FileEntry>,
        _missing: Vec<(String, String)>,
    ) -> Result<()> {
        while !self.waiting.is_empty() {
            self.send_batch().await?;
        }
        if !self.run.datasets.is_empty() {
            self.client.log_datasets(&self.id, &self.run.datasets).await?;
        }
        if self.run.status != RunStatus::Running || self.run.end_time.is_some() {
            self.client.update_run(&self.id, self.run.status, self.run.end_time).await?;
        }
        if self.run.lifecycle.is_deleted() && !self.deleted_with_experiment {
            self.client.set_run_lifecycle(&self.id, Lifecycle::Deleted).await?;
        }
        Ok(())
    }
}
