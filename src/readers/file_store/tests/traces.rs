//! Traces of both formats, registered models and prompts.

use serde_json::json;

use super::fixture::{EXPERIMENT, TestStore};
use crate::entities::Kind;
use crate::readers::Reader;

#[tokio::test]
async fn traces_of_both_formats_are_read() {
    let info = "client_request_id: c\nexecution_duration_ms: 1\nrequest_preview: '{\"x\": 1}'\n\
                request_time: '2026-11-26T11:59:56.642Z'\nresponse_preview: '2'\nstate: OK\n\
                trace_id: tr-1\ntrace_location:\n  mlflow_experiment:\n    experiment_id: '1'\n  type: \
                MLFLOW_EXPERIMENT\n";
    let assessment = "assessment_id: a-2\nassessment_name: n\ncreate_time: '2026-11-26T12:00:00Z'\nfeedback:\n  \
                      value: 3.0\nmetadata:\n  k: '1'\nsource:\n  source_id: me\n  source_type: HUMAN\n\
                      trace_id: tr-1\nvalid: true\n";
    let store = TestStore::new(&[
        ("1/meta.yaml", EXPERIMENT),
        ("1/traces/tr-1/trace_info.yaml", info),
        ("1/traces/tr-1/tags/mlflow.traceName", "f"),
        ("1/traces/tr-1/request_metadata/mlflow.trace_schema.version", "3"),
        ("1/traces/tr-1/assessments/a-2.yaml", assessment),
        ("1/traces/tr-1/assessments/a-1.yaml", &assessment.replace("a-2", "a-1").replace("3.0", "'012'")),
        ("1/traces/tr-1/assessments/a-3.yaml", "a: [1"),
        ("1/traces/tr-1/artifacts/traces.json", "{\"spans\": []}"),
        (
            "1/traces/b2/trace_info.yaml",
            "execution_time_ms: null\nexperiment_id: '1'\nrequest_id: b2\nstatus: IN_PROGRESS\ntimestamp_ms: 5\n",
        ),
        ("1/traces/c3/trace_info.yaml", ""),
        ("1/traces/d4/tags/x", "a folder without an info"),
    ]);
    let (traces, lost) = store.traces("1").await;
    let [old, new] = &traces[..] else { panic!("{traces:?}") };
    assert_eq!((old.request_time, old.duration, old.state.as_str()), (Some(5), None, "IN_PROGRESS"));
    assert_eq!((new.request_time, new.duration), (Some(1_795_694_396_642), Some(1)));
    assert_eq!((new.label(), new.request_preview.as_deref()), ("f", Some("{\"x\": 1}")));
    let ids: Vec<&str> = new.assessments.iter().map(|one| one.id()).collect();
    assert_eq!(ids, ["a-1", "a-2"]);
    let value = |index: usize| new.assessments[index].0["feedback"].clone();
    assert_eq!((value(0), value(1)), (json!({ "value": "012" }), json!({ "value": 3.0 })));
    let lost: Vec<&str> = lost.iter().map(|item| item.id.as_str()).collect();
    assert_eq!(lost, ["c3", "d4", "tr-1/assessments/a-3.yaml"]);
    let reader = store.reader();
    assert!(reader.spans(new).await.unwrap().is_some());
    assert_eq!(reader.spans(old).await.unwrap(), None);
    std::fs::remove_dir_all(store.root().join("1/traces/tr-1/artifacts")).unwrap();
    assert!(reader.spans(new).await.is_err(), "the spans of a finished trace are lost");
}

#[tokio::test]
async fn registered_models_have_versions_aliases_and_tags() {
    let version = |number: u64, stage: &str| {
        format!(
            "creation_timestamp: 5\ncurrent_stage: {stage}\ndescription: 'd'\nlast_updated_timestamp: 6\n\
             name: old\nrun_id: null\nsource: models:/m-1\nstatus: READY\nuser_id: null\nversion: {number}\n"
        )
    };
    let store = TestStore::new(&[
        ("models/a model/meta.yaml", "aliases: {}\ncreation_timestamp: 1\ndescription: null\nname: old\n"),
        ("models/a model/aliases/champion", "2"),
        ("models/a model/aliases/broken", "x"),
        ("models/a model/tags/k/x", "v"),
        ("models/a model/version-10/meta.yaml", &version(10, "None")),
        ("models/a model/version-2/meta.yaml", &version(2, "Production")),
        ("models/a model/version-2/tags/t", "1"),
        ("models/a model/version-3/meta.yaml", &version(3, "Deleted_Internal")),
        ("models/a model/version-4/meta.yaml", ""),
        ("models/greeting/meta.yaml", "name: greeting\n"),
        ("models/greeting/tags/mlflow.prompt.is_prompt", "true"),
        ("models/torn/meta.yaml", "a: 'b\n"),
    ]);
    let (models, lost) = store.registered().await;
    let [model, prompt] = &models[..] else { panic!("{models:?}") };
    assert_eq!(
        (model.name.as_str(), model.kind(), prompt.kind()),
        ("a model", Kind::RegisteredModel, Kind::Prompt)
    );
    assert_eq!(model.aliases, [("champion".to_owned(), 2)].into());
    assert_eq!(model.tags, [("k/x".to_owned(), "v".to_owned())].into());
    let versions = store.reader().model_versions(model).await.unwrap();
    let read: Vec<_> = versions.iter().map(|one| (one.version, one.stage.as_str(), one.tags.len())).collect();
    assert_eq!(read, [(2, "Production", 1), (10, "None", 0)]);
    assert_eq!(versions[0].name, "a model");
    let lost: Vec<_> = lost.iter().map(|item| (item.kind, item.id.as_str())).collect();
    let expected = [
        (Kind::RegisteredModel, "a model/aliases/broken"),
        (Kind::ModelVersion, "a model/4"),
        (Kind::RegisteredModel, "torn"),
    ];
    assert_eq!(lost, expected);
}
