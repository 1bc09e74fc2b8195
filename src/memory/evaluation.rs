//! Traces, evaluation datasets and scorers.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Data, StoredDataset, StoredTrace, not_found, refused};
use crate::entities::{
    EvaluationDataset, ExperimentId, Record, RunId, Scorer, Trace, canonical_json, trace_key,
};
use crate::error::Result;

impl Data {
    /// Starts a trace. If the trace exists, its data are replaced and its spans are kept. The client chooses the id,
    /// and the server chooses the artifact root.
    pub fn start_trace(&mut self, trace: Trace) -> Result<&mut StoredTrace> {
        if !self.experiments.contains_key(&trace.experiment_id) {
            return Err(not_found(format!("no experiment {}", trace.experiment_id)));
        }
        let root = self.new_root(&trace.id);
        let stored = self.traces.entry(trace.id.clone()).or_default();
        stored.trace = trace;
        stored.trace.tags.insert(trace_key::ARTIFACT_LOCATION.to_owned(), root);
        Ok(stored)
    }

    pub fn trace(&mut self, id: &str) -> Result<&mut StoredTrace> {
        self.traces.get_mut(id).ok_or_else(|| not_found(format!("Trace with ID {id} not found")))
    }

    /// Links traces to a run. An existing link is refused (MLflow 3.4).
    pub fn link_traces(&mut self, run: &RunId, traces: &[String]) -> Result<()> {
        let known = self.links.entry(run.clone()).or_default();
        for trace in traces {
            if !known.insert(trace.clone()) {
                return Err(refused("BAD_REQUEST", "UNIQUE constraint failed: entity_associations"));
            }
        }
        Ok(())
    }

    /// Creates a dataset and returns its id. Several datasets may have the same name.
    pub fn create_dataset(
        &mut self,
        name: &str,
        experiments: Vec<ExperimentId>,
        tags: BTreeMap<String, Value>,
    ) -> String {
        let id = format!("d-{}", self.new_digits());
        let dataset = EvaluationDataset {
            id: id.clone(),
            name: name.to_owned(),
            tags,
            experiment_ids: experiments,
            ..EvaluationDataset::default()
        };
        self.datasets.insert(id.clone(), StoredDataset { dataset, ..StoredDataset::default() });
        id
    }

    pub fn dataset(&mut self, id: &str) -> Result<&mut StoredDataset> {
        self.datasets.get_mut(id).ok_or_else(|| not_found(format!("no evaluation dataset {id}")))
    }

    /// Adds records. A record replaces an existing record with the same inputs.
    pub fn upsert_records(&mut self, id: &str, records: Vec<Record>) -> Result<()> {
        let stored = self.dataset(id)?;
        for record in records {
            stored.records.insert(canonical_json(&record.inputs)?, record);
        }
        Ok(())
    }

    /// Returns the number of the new version: one more than the highest existing number.
    pub fn register_scorer(&mut self, experiment: &ExperimentId, name: &str, content: &str) -> u64 {
        let numbers = self.scorers.keys().filter(|(of, known, _)| (of, known.as_str()) == (experiment, name));
        let version = numbers.map(|(_, _, number)| *number).max().unwrap_or_default() + 1;
        let scorer = Scorer {
            experiment_id: experiment.clone(),
            name: name.to_owned(),
            version,
            content: content.to_owned(),
            ..Scorer::default()
        };
        self.scorers.insert((experiment.clone(), name.to_owned(), version), scorer);
        version
    }

    pub fn delete_scorer(&mut self, experiment: &ExperimentId, name: &str, version: u64) {
        self.scorers.remove(&(experiment.clone(), name.to_owned(), version));
    }
}
