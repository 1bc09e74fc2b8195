//! Validation is independent of the import. Every change on a migrated target must be found, for each object and each
//! field, and nothing else must be reported.

use serde_json::Value;

use super::World;
use super::edited::edits_of;
use crate::engine::faults::Faults;
use crate::entities::{DatasetInput, RunId, Spans, tag};
use crate::error::Result;
use crate::memory::{Data, MemoryStore, fill};

enum Shown {
    /// The difference is reported in a field whose name begins with this text.
    As(&'static str),
    /// The field is not compared, for this reason.
    Exempt(&'static str),
}
use Shown::{As, Exempt};

const SERVERS: &str = "the server chooses it";
const MARK: &str = "a tag of the import by which objects are paired";
const DERIVED: &str = "the server derives it";

/// The name of each field in the reported difference. The first line that matches is used. A `*` stands for any end of
/// the name. A field without a line here fails the test.
#[rustfmt::skip]
const FIELDS: &[(&str, &str, Shown)] = &[
    ("*", "tags.mlferry.*", Exempt(MARK)),
    ("*", "creation_time*", Exempt(SERVERS)),
    ("*", "last_update_time*", Exempt(SERVERS)),
    ("*", "artifact_uri*", Exempt(SERVERS)),
    ("*", "status_message*", Exempt("no request sets it")),
    ("experiment", "experiment_id*", Exempt(SERVERS)),
    ("experiment", "artifact_location*", Exempt(SERVERS)),
    ("experiment", "name*", As("name")),
    ("experiment", "lifecycle_stage*", As("lifecycle_stage")),
    ("run", "id", Exempt(SERVERS)),
    ("run", "experiment_id", Exempt(SERVERS)),
    ("run", "name", As("run_name")),
    ("run", "lifecycle", As("lifecycle_stage")),
    ("run", "latest.*", As("latest metric")),
    ("run", "datasets.*", As("dataset")),
    ("run", "model_inputs.*", As("logged models")),
    ("run", "model_outputs.*", As("logged models")),
    ("logged_model", "id*", Exempt(SERVERS)),
    ("logged_model", "experiment_id*", Exempt(SERVERS)),
    ("logged_model", "metrics.*", As("metrics")),
    ("registered_model", "name*", Exempt("a key of the store: renamed below")),
    ("registered_model", "user_id*", Exempt(SERVERS)),
    ("model_version", "name*", Exempt("a key of the store")),
    ("model_version", "version*", Exempt("a key of the store")),
    ("model_version", "user_id*", Exempt(SERVERS)),
    ("model_version", "stage-", Exempt("a missing stage is the stage None")),
    ("model_version", "stage", As("current_stage")),
    ("trace", "id*", Exempt("a key of the store")),
    ("trace", "experiment_id*", Exempt("a trace is only compared within its experiment")),
    ("trace", "tags.mlflow.artifactLocation*", Exempt(SERVERS)),
    ("trace", "client_request_id*", As("client request id")),
    ("trace", "request_preview*", As("request preview")),
    ("trace", "response_preview*", As("response preview")),
    ("trace", "request_time*", As("request time")),
    ("trace", "duration*", As("duration")),
    ("trace", "assessments.*", As("assessment")),
    ("trace", "linked_prompts.*", As("linked prompts")),
    ("trace", "spans.0.trace_id", Exempt("the id of its trace")),
    ("trace", "spans.*", As("span ")),
    ("trace", "metadata.*", As("metadata ")),
    ("evaluation_dataset", "id*", Exempt(SERVERS)),
    ("evaluation_dataset", "digest*", Exempt(DERIVED)),
    ("evaluation_dataset", "schema*", Exempt(DERIVED)),
    ("evaluation_dataset", "profile*", Exempt(DERIVED)),
    ("evaluation_dataset", "created_*", Exempt(SERVERS)),
    ("evaluation_dataset", "last_updated_by*", Exempt(SERVERS)),
    ("evaluation_dataset", "experiment_ids.*", As("experiments")),
    ("evaluation_dataset", "record.*", As("record")),
    ("scorer", "experiment_id*", Exempt("a key of the store")),
    ("scorer", "name*", Exempt("a key of the store")),
    ("scorer", "version*", Exempt("a key of the store")),
    ("scorer", "content*", As("content")),
    ("*", "tags.*", As("tag ")),
    ("*", "params.*", As("param ")),
    ("*", "aliases.*", As("alias ")),
    ("*", "name*", As("name")),
    ("*", "user_id*", As("user_id")),
    ("*", "status*", As("status")),
    ("*", "start_time*", As("start_time")),
    ("*", "end_time*", As("end_time")),
    ("*", "model_type*", As("model_type")),
    ("*", "source_run_id*", As("source_run_id")),
    ("*", "description*", As("description")),
    ("*", "source*", As("source")),
    ("*", "run_id*", As("run_id")),
    ("*", "run_link*", As("run_link")),
    ("*", "state*", As("state")),
];

fn is_named(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => pattern == name || name.strip_suffix('-') == Some(pattern) && !pattern.ends_with('-'),
    }
}

fn shown(kind: &str, path: &str) -> &'static Shown {
    // A prompt is a registered model.
    let kind = match kind {
        "prompt" => "registered_model",
        "prompt_version" => "model_version",
        kind => kind,
    };
    let line = FIELDS.iter().find(|(of, field, _)| is_named(of, kind) && is_named(field, path));
    &line.unwrap_or_else(|| panic!("{kind} {path} has no line in the table")).2
}

/// One change of the target, and the difference that must be reported.
struct Edit {
    what: String,
    kind: &'static str,
    id: String,
    mark: &'static str,
    field: &'static str,
    /// The ids of objects that the change affects too. Differences that contain one of these ids are expected.
    with: Vec<String>,
    data: Data,
}

struct Edits<'a> {
    of: &'a Data,
    all: Vec<Edit>,
    exempt: usize,
}

impl Edits<'_> {
    fn add(
        &mut self,
        kind: &'static str,
        id: &str,
        (mark, field): (&'static str, &'static str),
        what: &str,
        change: impl FnOnce(&mut Data),
    ) {
        let mut data = self.of.clone();
        change(&mut data);
        let what = format!("{kind} {id}: {what}");
        let (id, with) = (id.to_owned(), Vec::new());
        self.all.push(Edit { what, kind, id, mark, field, with, data });
    }

    /// Adds the ids of objects that the last edit affects too.
    fn with(&mut self, ids: &[&str]) {
        let last = self.all.last_mut().unwrap();
        last.with.extend(ids.iter().filter(|id| !id.is_empty()).map(|id| (*id).to_owned()));
    }

    /// Adds an edit for each field of one object.
    fn each<T: serde::Serialize + serde::de::DeserializeOwned>(
        &mut self,
        kind: &'static str,
        id: &str,
        object: &T,
        put: impl Fn(&mut Data, T),
    ) {
        self.each_of(kind, id, edits_of(object), put);
    }

    fn each_of<T>(
        &mut self,
        kind: &'static str,
        id: &str,
        edits: Vec<(String, T)>,
        put: impl Fn(&mut Data, T),
    ) {
        for (path, edited) in edits {
            match shown(kind, &path) {
                // The reason is only a comment in the table.
                Exempt(reason) => self.exempt += usize::from(!reason.is_empty()),
                As(field) => self.add(kind, id, ("differs", field), &path, |data| put(data, edited)),
            }
        }
    }
}

/// Sample data in which no field of a trace or a run is empty, so that each field can be changed and removed.
fn full(store: &MemoryStore) -> Result<Vec<RunId>> {
    let runs = fill(store)?;
    let mut data = store.data();
    for stored in data.traces.values_mut() {
        let trace = &mut stored.trace;
        trace.client_request_id = Some("c".into());
        trace.request_preview = Some("why".into());
        trace.response_preview = Some("because".into());
        trace.linked_prompts.insert("ask/1".into());
        trace.metadata.insert("m".into(), "1".into());
        stored.spans = Some(Spans(
            r#"{"spans": [{"trace_id": "AAAAAAAAAAAAAAAAAAAAAQ==", "span_id": "AAAAAAAAAAI=", "name": "n",
                "parent_span_id": "AAAAAAAAAAM=", "start_time_unix_nano": 5, "end_time_unix_nano": 6,
                "status": {"code": "STATUS_CODE_OK", "message": "m"}, "attributes": {"a": "[1.0]"},
                "events": [{"name": "e", "time_unix_nano": 7, "attributes": {"k": 1}}]}]}"#
                .into(),
        ));
    }
    for stored in data.runs.values_mut() {
        if let Some(dataset) = stored.run.datasets.first_mut() {
            *dataset = DatasetInput {
                source_type: "local".into(),
                source: "{}".into(),
                schema: Some("{}".into()),
                profile: Some("{}".into()),
                tags: [("context".to_owned(), "train".to_owned())].into(),
                ..dataset.clone()
            };
        }
    }
    for metric in data.models.values_mut().flat_map(|model| &mut model.metrics) {
        (metric.dataset_name, metric.dataset_digest) = (Some("d".into()), Some("1".into()));
    }
    Ok(runs)
}

fn made_from(tags: &std::collections::BTreeMap<String, String>, key: &str) -> String {
    tags.get(key).cloned().unwrap_or_default()
}

fn runs(edits: &mut Edits<'_>) {
    for (id, stored) in &edits.of.runs {
        let deleted = edits.of.experiments[&stored.run.experiment_id].lifecycle.is_deleted();
        // A run in a deleted experiment is always deleted, so its lifecycle is not edited.
        let fields = edits_of(&stored.run).into_iter().filter(|(path, _)| !(deleted && path == "lifecycle"));
        edits.each_of("run", id.as_str(), fields.collect(), |data, run| {
            data.runs.get_mut(id).unwrap().run = run
        });
        let source = made_from(&stored.run.tags, tag::SOURCE_RUN_ID);
        edits.add("run", &source, ("missing", ""), "removed", |data| drop(data.runs.remove(id)));
        edits.with(&[id.as_str(), &source]);
        edits.add("run", "copy", ("extra", ""), "added", |data| {
            let mut copy = stored.clone();
            copy.run.id = "copy".into();
            // The copy starts last, so that the original is paired first.
            copy.run.start_time = Some(i64::MAX);
            data.runs.insert(copy.run.id.clone(), copy);
        });
        for (key, points) in &stored.metrics {
            type Change = fn(&mut Vec<crate::entities::Point>, usize);
            let changes: [(&str, Change); 5] = [
                ("value", |all, at| all[at].value = 123.25),
                ("step", |all, at| all[at].step += 1_000),
                ("timestamp", |all, at| all[at].timestamp -= 1),
                ("removed", |all, at| {
                    all.remove(at);
                }),
                ("added", |all, at| all.insert(at, crate::entities::Point { value: 9.0, ..all[at] })),
            ];
            for at in 0..points.len() {
                for (name, change) in changes {
                    let what = format!("metric {key} {at} {name}");
                    edits.add("run", id.as_str(), ("differs", "metric "), &what, |data| {
                        change(data.runs.get_mut(id).unwrap().metrics.get_mut(key).unwrap(), at);
                    });
                }
            }
        }
    }
    for (run, traces) in &edits.of.links {
        let source = made_from(&edits.of.runs[run].run.tags, tag::SOURCE_RUN_ID);
        edits.add("trace", &source, ("differs", "linked traces"), "link removed", |data| {
            data.links.get_mut(run).unwrap().pop_first();
        });
        edits.add("trace", &source, ("differs", "linked traces"), "link added", |data| {
            let other = data.traces.keys().find(|id| !traces.contains(*id)).unwrap().clone();
            data.links.get_mut(run).unwrap().insert(other);
        });
    }
}

fn others(edits: &mut Edits<'_>) {
    for (id, experiment) in &edits.of.experiments {
        edits.each("experiment", id.as_str(), experiment, |data, new| {
            drop(data.experiments.insert(id.clone(), new))
        });
    }
    for (id, model) in &edits.of.models {
        edits.each("logged_model", id.as_str(), model, |data, new| drop(data.models.insert(id.clone(), new)));
        let source = made_from(&model.tags, tag::SOURCE_MODEL_ID);
        edits.add("logged_model", &source, ("missing", ""), "removed", |data| drop(data.models.remove(id)));
        edits
            .with(&[id.digits().as_str(), crate::entities::ModelId::from(source.as_str()).digits().as_str()]);
    }
    for (id, stored) in &edits.of.traces {
        edits.each("trace", id, &stored.trace, |data, new| data.traces.get_mut(id).unwrap().trace = new);
        edits.add("trace", id, ("missing", ""), "removed", |data| drop(data.traces.remove(id)));
        edits.with(&[id]);
        edits.add("trace", "tr-copy", ("extra", ""), "added", |data| {
            let mut copy = stored.clone();
            copy.trace.id = "tr-copy".into();
            data.traces.insert("tr-copy".into(), copy);
        });
        let spans = stored.spans.clone().unwrap();
        let parsed = spans.parse().unwrap();
        let json: Value = serde_json::from_slice(&spans.0).unwrap();
        let other = |whole: Value| {
            let edited = Spans(whole.to_string().into());
            edited.parse().is_ok_and(|edited| edited != parsed).then_some(edited)
        };
        let edited = super::edited::edits(&json).into_iter();
        let edited = edited.filter_map(|(path, tries)| Some((path, tries.into_iter().find_map(other)?)));
        edits.each_of("trace", id, edited.collect(), |data, new| {
            data.traces.get_mut(id).unwrap().spans = Some(new)
        });
        edits.add("trace", id, ("differs", "spans"), "spans removed", |data| {
            data.traces.get_mut(id).unwrap().spans = None
        });
    }
    for (id, stored) in &edits.of.datasets {
        edits.each("evaluation_dataset", id, &stored.dataset, |data, new| {
            data.datasets.get_mut(id).unwrap().dataset = new
        });
        for (key, record) in &stored.records {
            let fields =
                edits_of(record).into_iter().map(|(path, new)| (format!("record.{path}"), new)).collect();
            edits.each_of("evaluation_dataset", id, fields, |data, new| {
                data.datasets.get_mut(id).unwrap().records.insert(key.clone(), new);
            });
            edits.add("evaluation_dataset", id, ("differs", "record"), "record removed", |data| {
                data.datasets.get_mut(id).unwrap().records.remove(key);
            });
        }
        let source =
            stored.dataset.tags.get(tag::SOURCE_DATASET_ID).and_then(Value::as_str).unwrap_or_default();
        edits.add("evaluation_dataset", source, ("missing", ""), "removed", |data| {
            drop(data.datasets.remove(id))
        });
        edits.with(&[source]);
    }
    for (key, scorer) in &edits.of.scorers {
        let label = scorer.label();
        edits.each("scorer", &label, scorer, |data, new| drop(data.scorers.insert(key.clone(), new)));
        edits.add("scorer", &label, ("missing", ""), "removed", |data| drop(data.scorers.remove(key)));
        edits.add("scorer", "judge/9", ("extra", ""), "added", |data| {
            let new = crate::entities::Scorer { version: 9, ..scorer.clone() };
            data.scorers.insert((key.0.clone(), key.1.clone(), 9), new);
        });
    }
}

fn registry_and_files(edits: &mut Edits<'_>) {
    for (name, stored) in &edits.of.registered {
        let (kind, of_version) = (stored.model.kind().name(), stored.model.version_kind().name());
        edits.each(kind, name, &stored.model, |data, new| data.registered.get_mut(name).unwrap().model = new);
        edits.add(kind, name, ("missing", ""), "removed", |data| drop(data.registered.remove(name)));
        edits.with(&[&format!("{name}/")]);
        edits.add(kind, name, ("differs", "name"), "renamed", |data| {
            let mut stored = data.registered.remove(name).unwrap();
            stored.model.name = "renamed".into();
            stored.versions.values_mut().for_each(|version| version.name = "renamed".into());
            data.registered.insert("renamed".into(), stored);
        });
        for (number, version) in &stored.versions {
            let label = version.label();
            edits.each(of_version, &label, version, |data, new| {
                data.registered.get_mut(name).unwrap().versions.insert(*number, new);
            });
            edits.add(of_version, &label, ("missing", ""), "removed", |data| {
                data.registered.get_mut(name).unwrap().versions.remove(number);
            });
            edits.add(of_version, &format!("{name}/99"), ("extra", ""), "added", |data| {
                let new = crate::entities::ModelVersion { version: 99, ..version.clone() };
                data.registered.get_mut(name).unwrap().versions.insert(99, new);
            });
        }
    }
    for (root, files) in &edits.of.files {
        for (path, bytes) in files {
            type Change = fn(&mut Vec<u8>);
            let changes: [(&str, Change); 3] = [
                ("first byte flipped", |bytes| bytes[0] ^= 1),
                ("last byte flipped", |bytes| *bytes.last_mut().unwrap() ^= 1),
                ("shorter", |bytes| {
                    bytes.pop();
                }),
            ];
            for (what, change) in changes {
                edits.add("artifact", path, ("differs", ""), what, |data| {
                    let mut new = bytes.to_vec();
                    change(&mut new);
                    data.put_file(root, path, new);
                });
            }
            edits.add("artifact", path, ("missing", ""), "removed", |data| {
                drop(data.files.get_mut(root).unwrap().remove(path))
            });
            edits.add("artifact", "more", ("extra", ""), "added", |data| data.put_file(root, "more", "x"));
        }
    }
}

/// Compares the reported differences with the edit. Returns a description of the problem, if there is one.
fn problem(edit: &Edit, reported: &[Value]) -> Option<String> {
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let is_edit = |one: &&Value| {
        let ids = [text(one, "source_id"), text(one, "target_id")];
        let is_file = edit.kind == "artifact" && ids.iter().any(|id| id.ends_with(&format!("/{}", edit.id)));
        one["kind"] == edit.kind && (ids.contains(&edit.id) || is_file)
    };
    let is_field = |field: &Value| {
        let name = text(field, "field");
        name.starts_with(edit.field)
            || edit.field == "metric " && name.starts_with("latest metric")
            || edit.field == "latest metric" && name.starts_with("metric ")
    };
    let Some(found) = reported.iter().find(is_edit) else { return Some("not found".into()) };
    let fields = found["fields"].as_array().cloned().unwrap_or_default();
    if found["mark"] != edit.mark
        || !fields.iter().all(is_field)
        || (edit.mark == "differs" && fields.is_empty())
    {
        return Some(format!("reported as {found}"));
    }
    let follows = |one: &Value| edit.with.iter().any(|id| one.to_string().contains(id.as_str()));
    let more: Vec<_> = reported.iter().filter(|one| !is_edit(one) && !follows(one)).collect();
    (!more.is_empty()).then(|| format!("also reports {more:?}"))
}

#[test]
#[allow(clippy::print_stdout, reason = "the figures, with --nocapture")]
fn every_edit_of_a_migrated_target_is_found_and_nothing_else() {
    let world = World::new(full);
    world.import().outcome();
    assert_eq!(world.differences(), [""; 0]);
    let whole = world.target.data().clone();
    let mut edits = Edits { of: &whole, all: Vec::new(), exempt: 0 };
    runs(&mut edits);
    others(&mut edits);
    registry_and_files(&mut edits);
    let (mut wrong, exempt) = (Vec::new(), edits.exempt);
    let tried = edits.all.len();
    for edit in edits.all {
        *world.target.data() = edit.data.clone();
        world.validate_with(Faults::none(), Faults::none()).outcome();
        let report: Value = serde_json::from_slice(&std::fs::read(world.report()).unwrap()).unwrap();
        if let Some(words) = problem(&edit, report["differences"].as_array().unwrap()) {
            wrong.push(format!("{}: {words}", edit.what));
        }
    }
    println!("edits: {tried} tried, {} found, {exempt} of fields that are not compared", tried - wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
