//! Traces (MLflow 2.14 on): `<experiment>/traces/<id>`, with the fields of the release that wrote them.

use std::path::Path;

use jiff::{Timestamp, Unit};

use super::layout::{ExperimentFolder, TRACE_INFO, TRACES};
use super::meta::Meta;
use super::{Problems, Store, with_problems};
use crate::entities::{Assessment, ExperimentId, Kind, Readable, Trace};
use crate::error::{Error, Result};

impl Store {
    /// The names of the folders that may be traces.
    pub fn trace_names(&self, experiment: &ExperimentId) -> Result<(ExperimentFolder, Vec<String>)> {
        let folder = self.experiment(experiment)?;
        let names = self.names_in(&folder.path.join(TRACES), |name| name.starts_with("tr-"))?;
        Ok((folder, names))
    }

    /// The trace, then its parts that cannot be read. Nothing for an empty folder.
    pub fn read_trace(&self, experiment: &ExperimentFolder, name: &str) -> Vec<Readable<Trace>> {
        let mut problems = Problems::new();
        let trace = self.trace_of(experiment, name, &mut problems);
        with_problems(Kind::Trace, name, trace, problems)
    }

    fn trace_of(
        &self,
        experiment: &ExperimentFolder,
        name: &str,
        problems: &mut Problems,
    ) -> Result<Option<Trace>> {
        let path = experiment.path.join(TRACES).join(name);
        self.disk.check_listed(&path)?;
        let Some(meta) = self.meta_if_any(&path.join(TRACE_INFO))? else {
            return match self.disk.holds_something(&path) {
                true => Err(Error::permanent(format!("it has no {TRACE_INFO}")).at(path.display())),
                false => Ok(None),
            };
        };
        let folder = experiment.below(TRACES, name)?;
        let metadata = self.part(&folder, "request_metadata", problems)?;
        let tags = self.part(&folder, "tags", problems)?;
        let fields =
            if meta.node("trace_id").is_some() { of_release_3(&meta)? } else { of_release_2(&meta)? };
        Ok(Some(Trace {
            id: name.to_owned(),
            experiment_id: experiment.id.clone(),
            metadata,
            tags,
            assessments: self.assessments(&folder.join("assessments"), problems)?,
            ..fields
        }))
    }

    /// The assessments, in the order in which servers' answers are sorted.
    fn assessments(&self, folder: &Path, problems: &mut Problems) -> Result<Vec<Assessment>> {
        let mut all = Vec::new();
        for entry in self.disk.entries(folder)? {
            if !entry.name.ends_with(".yaml") {
                continue;
            }
            match self.meta(&entry.path).and_then(|meta| assessment(&meta)) {
                Ok(assessment) => all.push(assessment),
                Err(error) => problems.push((format!("assessments/{}", entry.name), error)),
            }
        }
        all.sort_by(|a, b| (a.create_time(), a.id()).cmp(&(b.create_time(), b.id())));
        Ok(all)
    }
}

/// MLflow 3.18, `entities/trace_info.py`.
fn of_release_3(meta: &Meta) -> Result<Trace> {
    let time = meta.optional("request_time").map(|text| milliseconds(meta, &text)).transpose()?;
    Ok(Trace {
        client_request_id: meta.optional("client_request_id"),
        request_preview: meta.optional("request_preview"),
        response_preview: meta.optional("response_preview"),
        request_time: time,
        duration: meta.integer("execution_duration_ms")?,
        state: meta.optional("state").unwrap_or_else(|| "STATE_UNSPECIFIED".to_owned()),
        ..Trace::default()
    })
}

/// MLflow 2.22, `entities/trace_info.py`. Later servers rename the state of a trace that never ended.
fn of_release_2(meta: &Meta) -> Result<Trace> {
    let state = meta.text("status");
    let state = if state == "TRACE_STATUS_UNSPECIFIED" { "STATE_UNSPECIFIED".to_owned() } else { state };
    Ok(Trace {
        request_time: meta.integer("timestamp_ms")?,
        duration: meta.integer("execution_time_ms")?,
        state,
        ..Trace::default()
    })
}

/// The file holds the JSON of the REST API.
fn assessment(meta: &Meta) -> Result<Assessment> {
    match meta.root().json() {
        serde_json::Value::Object(fields) => Ok(Assessment(fields)),
        _ => Err(meta.error("it has no fields")),
    }
}

fn milliseconds(meta: &Meta, text: &str) -> Result<i64> {
    let time: Timestamp = text.parse().map_err(|_| meta.error(format!("{text:?} is not a time")))?;
    Ok(time.round(Unit::Millisecond).unwrap_or(time).as_millisecond())
}
