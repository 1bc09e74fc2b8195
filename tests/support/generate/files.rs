//! Writes the `mlruns` folder of a release, and its artifacts. Formats: `store/tracking/file_store.py` of MLflow
//! 1.30.1, 2.9.2, 2.22.4, 3.10.1 and 3.18.0.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::shape::{Experiment, Input, Point, Run, World};
use super::yaml::{put, write as write_meta};
use super::{Layout, files_others, traces};

/// Keeps the folders that a server creates when it starts.
pub fn empty(root: &Path) {
    let _ = std::fs::remove_dir_all(root);
    for folder in [".trash", "models"] {
        std::fs::create_dir_all(root.join(folder)).unwrap();
    }
}

pub fn put_artifacts(world: &World, artifacts: &Path) {
    for one in &world.experiments {
        let root = artifacts.join(one.id.to_string());
        for run in &one.runs {
            put_files(&root.join(&run.id).join("artifacts"), &run.files);
        }
        for model in &one.models {
            put_files(&root.join("models").join(&model.id).join("artifacts"), &model.files);
        }
        for trace in &one.traces {
            let file = root.join("traces").join(&trace.id).join("artifacts/traces.json");
            put(&file, traces::document(trace).to_string().as_bytes());
        }
    }
}

fn put_files(root: &Path, files: &[(String, Vec<u8>)]) {
    for (name, content) in files {
        put(&root.join(name), content);
    }
}

pub fn write(world: &World, layout: Layout, root: &Path) {
    for one in &world.experiments {
        let folder =
            if one.is_deleted { root.join(".trash") } else { root.to_owned() }.join(one.id.to_string());
        experiment(one, layout, &folder);
    }
    files_others::registry(&world.registered, layout, root);
}

fn experiment(one: &Experiment, layout: Layout, folder: &Path) {
    let mut meta = json!({
        "artifact_location": format!("mlflow-artifacts:/{}", one.id),
        "experiment_id": one.id.to_string(),
        "lifecycle_stage": stage(one.is_deleted),
        "name": one.name,
    });
    if let (Some(created), true) = (one.created, layout.since(1, 29)) {
        meta["creation_time"] = json!(created);
        meta["last_update_time"] = json!(created);
    }
    write_meta(&folder.join("meta.yaml"), &meta);
    pairs(&folder.join("tags"), &one.tags);
    for run in &one.runs {
        write_run(run, one, layout, folder);
    }
    files_others::models(one, folder);
    files_others::traces(one, folder);
}

fn write_run(run: &Run, of: &Experiment, layout: Layout, experiment: &Path) {
    let folder = experiment.join(&run.id);
    write_meta(&folder.join("meta.yaml"), &run_meta(run, of, layout));
    // The newest releases do not find a run without these folders (`FileStore._is_valid_run_directory`).
    for part in ["metrics", "params", "artifacts"] {
        let is_left_out = run.is_ancient && !layout.since(3, 0);
        if !is_left_out {
            std::fs::create_dir_all(folder.join(part)).unwrap();
        }
    }
    pairs(&folder.join("params"), &run.params);
    pairs(&folder.join("tags"), &run.tags);
    for (key, points) in &run.metrics {
        let lines: String = points.iter().map(line).collect();
        put(&folder.join("metrics").join(key), lines.as_bytes());
    }
    for input in &run.inputs {
        dataset_input(input, run, experiment);
    }
    for model in &run.models_in {
        let meta = json!({ "source_type": "MODEL", "source_id": model, "destination_type": "RUN",
            "destination_id": run.id, "tags": {} });
        write_meta(&folder.join("inputs").join(hash(model, &run.id)).join("meta.yaml"), &meta);
    }
    for (model, step) in &run.models_out {
        let meta = json!({ "source_type": "RUN_OUTPUT", "source_id": model, "destination_type": "MODEL_OUTPUT",
            "destination_id": model, "step": step, "tags": {} });
        write_meta(&folder.join("outputs").join(model).join("meta.yaml"), &meta);
    }
}

fn run_meta(run: &Run, of: &Experiment, layout: Layout) -> Value {
    const STATUSES: [&str; 5] = ["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"];
    let status = 1 + STATUSES.iter().position(|status| *status == run.status).unwrap();
    let mut meta = json!({
        "artifact_uri": format!("mlflow-artifacts:/{}/{}/artifacts", of.id, run.id),
        "end_time": run.end,
        "entry_point_name": "",
        "experiment_id": of.id.to_string(),
        "lifecycle_stage": stage(run.is_deleted),
        "run_id": run.id,
        "run_uuid": run.id,
        "source_name": "",
        "source_type": 4,
        "source_version": "",
        "start_time": run.start,
        "status": status,
        "tags": [],
        "user_id": run.user,
    });
    let fields = meta.as_object_mut().unwrap();
    match &run.name {
        Some(name) if layout.since(1, 30) && !run.is_ancient => {
            _ = fields.insert("run_name".to_owned(), json!(name))
        }
        // Older releases store the name only in its tag.
        name => _ = fields.insert("name".to_owned(), json!(name.as_deref().unwrap_or_default())),
    }
    if run.is_ancient {
        fields.insert("experiment_id".to_owned(), json!(of.id));
        if !run.is_deleted {
            fields.remove("lifecycle_stage");
        }
    }
    meta
}

fn stage(is_deleted: bool) -> &'static str {
    if is_deleted { "deleted" } else { "active" }
}

/// Formats numbers like Python.
pub fn line(point: &Point) -> String {
    format!("{} {} {}\n", point.timestamp, python(point.value), point.step)
}

pub fn python(value: f64) -> String {
    if value.is_nan() { "nan".to_owned() } else { format!("{value:?}") }
}

/// Writes a file for each pair, named after its key.
pub fn pairs(folder: &Path, pairs: &[(String, String)]) {
    for (key, value) in pairs {
        put(&folder.join(key), value.as_bytes());
    }
}

fn dataset_input(input: &Input, run: &Run, experiment: &Path) {
    let one = &input.dataset;
    let id = hash(&one.name, &one.digest);
    let meta = json!({ "digest": one.digest, "name": one.name, "profile": one.profile, "schema": one.schema,
        "source": one.source, "source_type": one.source_type });
    write_meta(&experiment.join("datasets").join(&id).join("meta.yaml"), &meta);
    let tags: serde_json::Map<String, Value> =
        input.tags.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
    let meta = json!({ "destination_id": id, "destination_type": "RUN", "source_id": id, "source_type": "DATASET",
        "tags": tags });
    let folder: PathBuf = experiment.join(&run.id).join("inputs").join(hash(&id, &run.id));
    write_meta(&folder.join("meta.yaml"), &meta);
}

/// MLflow uses the MD5 of both texts, but never reads it again, so any digest works.
fn hash(one: &str, other: &str) -> String {
    use sha2::{Digest, Sha256};
    hex::encode(&Sha256::digest(format!("{one}{other}"))[..16])
}
