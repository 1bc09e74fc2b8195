//! Sample data with objects of every kind, and with difficult cases: parents that start after their children, models of
//! runs in other experiments, gaps in version numbers, copies of versions.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

use super::{Data, MemoryStore, NewRun, NewVersion};
use crate::entities::{
    Assessment, DatasetInput, ExperimentId, Lifecycle, LoggedModel, ModelId, ModelMetric, ModelOutput,
    ModelStatus, Point, Record, RegisteredModel, RunId, RunStatus, Spans, Trace, tag, trace_key,
};
use crate::error::Result;

fn pairs(of: &[(&str, &str)]) -> BTreeMap<String, String> {
    of.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn points(values: &[f64]) -> Vec<Point> {
    let point = |(step, value): (usize, &f64)| Point {
        value: *value,
        timestamp: 1_000 + step as i64,
        step: step as i64,
    };
    values.iter().enumerate().map(point).collect()
}

/// Adds a finished run with a param, a metric with some points, and a file.
fn run(data: &mut Data, experiment: &ExperimentId, name: &str, start: i64) -> Result<RunId> {
    let id = data.create_run(NewRun {
        experiment: experiment.clone(),
        name: name.to_owned(),
        user: "ann".to_owned(),
        start_time: Some(start),
        tags: pairs(&[("team", "blue"), (tag::RUN_NAME, name)]),
    })?;
    data.log_params(&id, &pairs(&[("lr", "0.1")]))?;
    data.log_metrics(&id, "loss", &points(&[1.0, 0.5, 0.25]))?;
    data.update_run(&id, RunStatus::Finished, Some(start + 10))?;
    let root = data.runs[&id].run.artifact_uri.clone();
    data.put_file(&root, "notes/a.txt", format!("of {name}"));
    Ok(id)
}

fn model(data: &mut Data, experiment: &ExperimentId, name: &str, run: Option<&RunId>) -> Result<ModelId> {
    let new = LoggedModel {
        experiment_id: experiment.clone(),
        name: name.to_owned(),
        model_type: "agent".to_owned(),
        source_run_id: run.cloned(),
        params: pairs(&[("depth", "3")]),
        tags: pairs(&[("kind", "tree")]),
        ..LoggedModel::default()
    };
    let id = data.create_logged_model(new)?;
    data.model(&id)?.status = ModelStatus::Ready;
    let root = data.model(&id)?.artifact_uri.clone();
    let text = format!("artifact_path: {root}\nmodel_id: {id}\nrun_id: {}\n", run.map_or("", RunId::as_str));
    data.put_file(&root, "MLmodel", text);
    Ok(id)
}

/// Adds two experiments with a few runs, and two registered models, one of which is a copy of the other. Returns the
/// runs.
pub fn small(store: &MemoryStore) -> Result<Vec<RunId>> {
    let mut data = store.data();
    let data = &mut *data;
    let vision = data.create_experiment("vision", pairs(&[("owner", "ann")]))?;
    let text = data.create_experiment("text", BTreeMap::new())?;
    // The child starts first.
    let runs = vec![
        run(data, &vision, "child", 100)?,
        run(data, &vision, "parent", 200)?,
        run(data, &vision, "third", 300)?,
        run(data, &vision, "fourth", 400)?,
        run(data, &text, "words", 150)?,
    ];
    let parent = runs[1].to_string();
    data.active_run(&runs[0])?.run.tags.insert(tag::PARENT_RUN_ID.to_owned(), parent);
    // References to later runs, one of them in another experiment, and a hash that looks like a run id.
    let (later, elsewhere) = (format!("runs:/{}/notes", runs[3]), runs[4].to_string());
    let named =
        [("later", later.as_str()), ("elsewhere", &elsewhere), ("md5", "d41d8cd98f00b204e9800998ecf8427e")];
    data.log_params(&runs[0], &pairs(&named))?;
    let made = model(data, &vision, "forest", Some(&runs[1]))?;
    data.log_model_outputs(&runs[1], &[ModelOutput { model_id: made.clone(), step: 2 }])?;
    let new = |source: String| NewVersion { source, ..NewVersion::default() };
    data.create_registered_model(RegisteredModel { name: "churn".to_owned(), ..RegisteredModel::default() })?;
    data.create_version("churn", new(format!("models:/{made}")))?;
    let of_run = NewVersion { run_id: Some(runs[2].clone()), ..new(format!("runs:/{}/notes", runs[2])) };
    data.create_version("churn", of_run)?;
    data.create_version("churn", new("s3://elsewhere/model".to_owned()))?;
    data.set_alias("churn", "champion", 2)?;
    data.create_registered_model(RegisteredModel {
        name: "a copy".to_owned(),
        ..RegisteredModel::default()
    })?;
    data.create_version("a copy", new("models:/churn/3".to_owned()))?;
    Ok(runs)
}

/// Adds the content of [`small`], and objects of every other kind. Returns the runs of [`small`].
pub fn fill(store: &MemoryStore) -> Result<Vec<RunId>> {
    let runs = small(store)?;
    let mut data = store.data();
    let data = &mut *data;
    let of = |data: &Data, run: &RunId| data.runs[run].run.experiment_id.clone();
    let (vision, text) = (of(data, &runs[0]), of(data, &runs[4]));
    more_runs(data, &vision, &runs)?;
    models_elsewhere(data, &text, &runs)?;
    registry(data, &vision)?;
    traces(data, &vision, &runs)?;
    let records = [r#"{"q": "why"}"#, r#"{"q": "how"}"#, r#"{"q": "who"}"#, r#"{"q": "when"}"#];
    let tags = BTreeMap::from([("n".to_owned(), Value::from("1"))]);
    let dataset = data.create_dataset("cases", vec![vision.clone(), text.clone()], tags);
    let raw = |text: &str| RawValue::from_string(text.to_owned());
    let records = records.into_iter().map(|inputs| -> Result<Record> {
        let (inputs, expectations) = (raw(inputs)?, Some(raw(r#"{"a": 1}"#)?));
        Ok(Record { inputs, expectations, outputs: None, tags: None, source: None })
    });
    data.upsert_records(&dataset, records.collect::<Result<_>>()?)?;
    data.dataset(&dataset)?.dataset.last_update_time = Some(77);
    for number in 1..=3 {
        data.register_scorer(&text, "judge", &format!(r#"{{"name": "judge", "n": {number}}}"#));
    }
    data.delete_scorer(&text, "judge", 2);
    let old = data.create_experiment("old", BTreeMap::new())?;
    run(data, &old, "forgotten", 10)?;
    data.set_experiment_lifecycle(&old, Lifecycle::Deleted)?;
    Ok(runs)
}

/// Adds a deleted run and a running run. Extends another run with special metric values, a dataset and a tag that names
/// a run.
fn more_runs(data: &mut Data, experiment: &ExperimentId, runs: &[RunId]) -> Result<()> {
    let deleted = run(data, experiment, "deleted", 500)?;
    data.set_run_lifecycle(&deleted, Lifecycle::Deleted)?;
    let running = run(data, experiment, "running", 600)?;
    data.update_run(&running, RunStatus::Running, None)?;
    data.active_run(&running)?.run.end_time = None;
    data.log_metrics(&runs[3], "odd", &points(&[f64::NAN, f64::INFINITY, -0.0]))?;
    data.log_datasets(
        &runs[3],
        &[DatasetInput { name: "d".into(), digest: "1".into(), ..DatasetInput::default() }],
    )?;
    let teacher = runs[4].to_string();
    data.active_run(&runs[3])?.run.tags.insert("teacher".to_owned(), teacher);
    Ok(())
}

/// Adds a model without a run. The model has a metric of a run in another experiment, and a param of a run names the
/// model.
fn models_elsewhere(data: &mut Data, experiment: &ExperimentId, runs: &[RunId]) -> Result<()> {
    let free = model(data, experiment, "free", None)?;
    let point = points(&[1.0])[0];
    let metric = ModelMetric { key: "loss".into(), point, run_id: runs[2].clone(), ..ModelMetric::default() };
    data.log_model_metric(&free, &metric)?;
    data.log_model_inputs(&runs[2], std::slice::from_ref(&free))?;
    data.log_params(&runs[4], &pairs(&[("base", free.as_str())]))
}

/// Adds a registered model with gaps in its version numbers, and a prompt.
fn registry(data: &mut Data, experiment: &ExperimentId) -> Result<()> {
    let gap =
        RegisteredModel { name: "gap".into(), description: "with gaps".into(), ..RegisteredModel::default() };
    data.create_registered_model(gap)?;
    for _ in 1..=4 {
        let source = "s3://elsewhere/gap".to_owned();
        data.create_version("gap", NewVersion { source, ..NewVersion::default() })?;
    }
    data.delete_version("gap", 1)?;
    data.delete_version("gap", 3)?;
    data.set_stage("gap", 4, "Production")?;
    let list = format!(",{experiment},");
    let tags = pairs(&[(tag::IS_PROMPT, "true"), (tag::PROMPT_EXPERIMENTS, &list)]);
    data.create_registered_model(RegisteredModel { name: "ask".into(), tags, ..RegisteredModel::default() })?;
    let tags = pairs(&[(tag::IS_PROMPT, "true"), ("mlflow.prompt.text", "Say {{what}}")]);
    data.create_version("ask", NewVersion { source: "prompt".into(), tags, ..NewVersion::default() })
        .map(drop)
}

/// Adds traces of runs and traces without a run, with spans and an assessment, and links from runs to traces.
fn traces(data: &mut Data, experiment: &ExperimentId, runs: &[RunId]) -> Result<()> {
    let judgement = serde_json::json!({ "assessment_id": "a-1", "assessment_name": "good", "valid": true });
    let judgement = judgement.as_object().cloned().unwrap_or_default();
    for (number, run) in [Some(&runs[0]), None, Some(&runs[1]), None].into_iter().enumerate() {
        let metadata = run.map(|run| (trace_key::SOURCE_RUN.to_owned(), run.to_string()));
        let trace = Trace {
            id: format!("tr-{number:032x}"),
            experiment_id: experiment.clone(),
            request_time: Some(1_000),
            duration: Some(5),
            state: "OK".into(),
            metadata: metadata.into_iter().collect(),
            tags: pairs(&[(trace_key::NAME, "answer")]),
            assessments: vec![Assessment(judgement.clone())],
            ..Trace::default()
        };
        data.start_trace(trace)?.spans = Some(Spans(
            r#"{"spans": [{"trace_id": "AAAAAAAAAAAAAAAAAAAAAQ==", "span_id": "AAAAAAAAAAI=", "name": "n",
                "start_time_unix_nano": 5, "end_time_unix_nano": 6, "status": {"code": "STATUS_CODE_OK"},
                "attributes": {}}]}"#
                .into(),
        ));
    }
    data.link_traces(&runs[2], &[format!("tr-{:032x}", 1)])?;
    // The experiment of this run has no traces.
    data.link_traces(&runs[4], &[format!("tr-{:032x}", 1)])
}
