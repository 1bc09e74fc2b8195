//! Writes logged models, traces and the registry into a folder `mlruns`. Formats: `store/tracking/file_store.py` and
//! `store/model_registry/file_store.py` of MLflow 2.9.2, 2.22.4, 3.10.1 and 3.18.0.

use std::path::Path;

use serde_json::json;

use super::Layout;
use super::files::{line, pairs};
use super::shape::{Experiment, RegisteredModel, Version};
use super::yaml::{put, write as write_meta};

pub fn models(of: &Experiment, folder: &Path) {
    for model in &of.models {
        let folder = folder.join("models").join(&model.id);
        let meta = json!({
            "artifact_location": format!("mlflow-artifacts:/{}/models/{}/artifacts", of.id, model.id),
            "creation_timestamp": model.created,
            "experiment_id": of.id.to_string(),
            "last_updated_timestamp": model.created,
            "model_id": model.id,
            "model_type": model.model_type,
            "name": model.name,
            "source_run_id": model.run,
            "status": model.status,
            "status_message": null,
        });
        write_meta(&folder.join("meta.yaml"), &meta);
        for part in ["params", "tags", "metrics"] {
            std::fs::create_dir_all(folder.join(part)).unwrap();
        }
        pairs(&folder.join("params"), &model.params);
        pairs(&folder.join("tags"), &model.tags);
        let mut keys: Vec<&String> = model.metrics.iter().map(|(_, key, _)| key).collect();
        keys.dedup();
        for key in keys {
            let of_key = model.metrics.iter().filter(|(_, other, _)| other == key);
            let lines: String =
                of_key.map(|(run, _, point)| format!("{} {run}\n", line(point).trim_end())).collect();
            put(&folder.join("metrics").join(key), lines.as_bytes());
        }
    }
}

pub fn traces(of: &Experiment, folder: &Path) {
    for trace in &of.traces {
        let folder = folder.join("traces").join(&trace.id);
        let meta = if trace.id.starts_with("tr-") {
            json!({
                "execution_duration_ms": trace.duration,
                "request_preview": trace.request,
                "request_time": iso(trace.time),
                "response_preview": trace.response,
                "state": trace.state,
                "trace_id": trace.id,
                "trace_location": {
                    "mlflow_experiment": { "experiment_id": of.id.to_string() },
                    "type": "MLFLOW_EXPERIMENT",
                },
                "client_request_id": null,
            })
        } else {
            json!({
                "execution_time_ms": trace.duration,
                "experiment_id": of.id.to_string(),
                "request_id": trace.id,
                "status": trace.state,
                "timestamp_ms": trace.time,
            })
        };
        write_meta(&folder.join("trace_info.yaml"), &meta);
        pairs(&folder.join("request_metadata"), &trace.metadata);
        pairs(&folder.join("tags"), &trace.tags);
    }
}

fn iso(milliseconds: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(milliseconds).unwrap();
    time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

pub fn registry(all: &[RegisteredModel], layout: Layout, root: &Path) {
    for model in all {
        let folder = root.join("models").join(&model.name);
        let meta = json!({
            "aliases": {},
            "creation_timestamp": model.created,
            "description": model.description,
            "last_updated_timestamp": model.created,
            "name": model.name,
        });
        write_meta(&folder.join("meta.yaml"), &meta);
        pairs(&folder.join("tags"), &model.tags);
        for (alias, version) in &model.aliases {
            put(&folder.join("aliases").join(alias), version.to_string().as_bytes());
        }
        for one in &model.versions {
            version(one, model, layout, &folder.join(format!("version-{}", one.number)));
        }
    }
}

fn version(one: &Version, of: &RegisteredModel, layout: Layout, folder: &Path) {
    let mut meta = json!({
        "creation_timestamp": one.created,
        "current_stage": one.stage,
        "description": one.description,
        "last_updated_timestamp": one.created,
        "name": of.name,
        "run_id": one.run,
        "run_link": one.run_link,
        "source": one.source,
        "status": "READY",
        "status_message": null,
        "user_id": null,
        "version": one.number,
    });
    if layout.since(2, 8) {
        meta["storage_location"] = json!(one.source);
    }
    write_meta(&folder.join("meta.yaml"), &meta);
    pairs(&folder.join("tags"), &one.tags);
}
