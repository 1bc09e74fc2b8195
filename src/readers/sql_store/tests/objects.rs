use super::fixture::{NEWEST, TestDatabase};
use crate::entities::{Experiment, Trace, trace_key};
use crate::readers::{Reader, read_all};

#[tokio::test]
async fn the_number_of_a_deleted_last_version_is_known() {
    let database = TestDatabase::of(NEWEST);
    database.execute(
        "INSERT INTO registered_models (name, workspace) VALUES ('ends', 'default'), ('gap', 'default'), ('none', 'default');
         INSERT INTO model_versions (name, version, current_stage, workspace) VALUES ('ends', 1, 'None', 'default'),
             ('ends', 2, 'Deleted_Internal', 'default'), ('ends', 3, 'Deleted_Internal', 'default'),
             ('gap', 1, 'Deleted_Internal', 'default'), ('gap', 2, 'Production', 'default');",
    );
    let (models, _) = read_all(database.reader().registered_models()).await.unwrap();
    let numbers: Vec<_> = models.iter().map(|model| (model.name.as_str(), model.last_number)).collect();
    assert_eq!(numbers, [("ends", Some(3)), ("gap", None), ("none", None)]);
}

/// MLflow 3.13 and newer can move the spans of a trace to a file elsewhere; their rows stay, empty.
#[tokio::test]
async fn archived_spans_are_read_from_their_file() {
    let database = TestDatabase::of(NEWEST);
    let archive = database.folder().join("archive/tr-1/artifacts");
    let location = archive.display();
    database.execute(&format!(
        "INSERT INTO trace_info (request_id, experiment_id, timestamp_ms, status) VALUES ('tr-1', 1, 5, 'OK');
         INSERT INTO trace_tags (key, value, request_id) VALUES ('{}', '{}', 'tr-1'), ('{}', '{location}', 'tr-1');
         INSERT INTO spans (trace_id, span_id, content) VALUES ('tr-1', 'a', '');",
        trace_key::SPANS_LOCATION,
        trace_key::IN_ARCHIVE,
        trace_key::ARCHIVE_LOCATION
    ));
    let experiment = Experiment { id: "1".into(), ..Experiment::default() };
    let reader = database.reader();
    let traces: Vec<Trace> = read_all(reader.traces(&experiment)).await.unwrap().0;
    let lost = reader.spans(&traces[0]).await.unwrap_err();
    assert!(lost.to_string().contains("its archived spans"), "{lost}");
    std::fs::create_dir_all(&archive).unwrap();
    // One span with a name, in OTLP's form.
    let span = [&[0x0a, 16][..], &[7; 16], &[0x12, 8], &[1; 8], &[0x2a, 4], b"root"].concat();
    let nested = |bytes: Vec<u8>, tag: u8| [&[tag, bytes.len() as u8][..], &bytes].concat();
    std::fs::write(archive.join("traces.pb"), nested(nested(nested(span, 0x12), 0x12), 0x0a)).unwrap();
    let spans = database.reader().spans(&traces[0]).await.unwrap().unwrap().parse().unwrap();
    assert_eq!((spans.len(), spans[0].name.as_str(), spans[0].id.as_slice()), (1, "root", [1; 8].as_slice()));
}
