use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use bytes::{BufMut, Bytes, BytesMut};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};

use super::grouped::Grouped;
use super::select::Select;
use super::trace_columns;
use super::value::{Row, Value};
use super::{SqlStoreReader, ids, number, readable};
use crate::entities::{
    Assessment, Experiment, ExperimentId, FileEntry, Kind, Owner, Readable, RunId, SPANS_FILE, Spans, Trace,
    TraceLinks, trace_key,
};
use crate::error::{Class, Error, Result};
use crate::io::Pages;
use crate::readers::store_artifacts::no_own_folder;
use crate::rest::archived_spans;

const PER_PAGE: usize = 200;
/// The spans of an archived trace (MLflow 3.18, `tracing/otel/otel_archival.py`, `TRACE_ARCHIVAL_FILENAME`).
const ARCHIVE_FILE: &str = "traces.pb";
const ASSESSMENTS: [&str; 16] = [
    "trace_id",
    // Again, because the first column is the owner.
    "trace_id",
    "assessment_id",
    "name",
    "assessment_type",
    "value",
    "error",
    "created_timestamp",
    "last_updated_timestamp",
    "source_type",
    "source_id",
    "span_id",
    "rationale",
    "overrides",
    "valid",
    "assessment_metadata",
];

/// What other tables have about the traces of one page.
struct Parts {
    tags: Grouped<(String, String)>,
    metadata: Grouped<(String, String)>,
    assessments: Grouped<Assessment>,
    prompts: Grouped<String>,
}

impl SqlStoreReader {
    pub(super) fn every_trace<'a>(&'a self, experiment: &'a Experiment) -> Pages<'a, Readable<Trace>> {
        let select = Select::from("trace_info", &trace_columns::COLUMNS);
        let select =
            select.only("experiment_id", number(&experiment.id)).order(&["timestamp_ms", "request_id"]);
        let of = (Kind::Trace, format!("experiment {}", experiment.id));
        self.list(of, select, PER_PAGE, |rows| self.traces_of_rows(rows))
    }

    async fn traces_of_rows(&self, rows: Vec<Row>) -> Result<Vec<Readable<Trace>>> {
        let (database, ids) = (&*self.database, ids(&rows));
        let pairs = |table| Select::from(table, &["request_id", "key", "value"]);
        let prompts = Select::from("entity_associations", &["source_id", "destination_id"])
            .only("source_type", vec!["trace".into()])
            .only("destination_type", vec!["prompt_version".into()]);
        let prompt = |row: Row| {
            let [version] = row.columns();
            version.string()
        };
        let (tags, metadata, assessments, prompts) = futures::try_join!(
            Grouped::pairs(database, pairs("trace_tags"), ids.clone()),
            Grouped::pairs(database, pairs("trace_request_metadata"), ids.clone()),
            Grouped::read(database, Select::from("assessments", &ASSESSMENTS), ids.clone(), assessment),
            Grouped::read(database, prompts, ids.clone(), prompt),
        )?;
        let mut parts = Parts { tags, metadata, assessments, prompts };
        Ok(rows.into_iter().map(|row| trace(row, &mut parts)).collect())
    }

    /// The spans of a trace, in the form of the file `traces.json`. They are rows since MLflow 3.6; a tag says where
    /// they are.
    pub(super) async fn spans_of(&self, trace: &Trace) -> Result<Option<Spans>> {
        if trace.has_stored_spans() {
            return self.stored_spans(trace).await;
        }
        if let Some(archive) = trace.archive() {
            let bytes = self.whole_file(archive, ARCHIVE_FILE).await;
            return bytes
                .and_then(|bytes| archived_spans(&bytes))
                .map(Some)
                .map_err(|e| e.at("its archived spans"));
        }
        let read = self.whole_file(trace.owner(), SPANS_FILE).await;
        match read.and_then(|text| Spans::of_file(text.freeze())) {
            Ok(spans) => Ok(Some(spans)),
            Err(e) if e.class() == Class::NotFound && trace.is_unfinished() => Ok(None),
            // MLflow 3.3 to 3.5 writes rows as well, but reads the file.
            Err(e) => match self.stored_spans(trace).await? {
                None => Err(e.at("its spans")),
                spans => Ok(spans),
            },
        }
    }

    async fn whole_file(&self, owner: Owner<'_>, name: &str) -> Result<BytesMut> {
        self.artifacts.open(owner, no_own_folder, &FileEntry::new(name, None)).await?.try_collect().await
    }

    async fn stored_spans(&self, trace: &Trace) -> Result<Option<Spans>> {
        let select =
            Select::from("spans", &["content"]).only("trace_id", vec![Value::from(trace.id.as_str())]);
        let rows = self.database.all(select.order(&["start_time_unix_nano", "span_id"])).await?;
        let contents = rows.into_iter().map(|row| {
            let [content] = row.columns();
            content.string()
        });
        let contents: Vec<String> = contents.collect::<Result<_>>()?;
        // Archived spans leave empty rows (MLflow 3.13).
        let is_whole = !contents.is_empty() && contents.iter().all(|content| !content.is_empty());
        Ok(is_whole.then(|| Spans(file_of(&contents))))
    }

    /// The links from runs of the experiment to traces of the experiments in `of` (MLflow 3.3 on).
    pub(super) fn links_of<'a>(
        &'a self,
        experiment: &'a Experiment,
        of: &'a [ExperimentId],
    ) -> Pages<'a, TraceLinks> {
        if !self.database.catalogue().has_table("entity_associations") {
            return stream::empty().boxed();
        }
        let select = Select::from("runs", &["run_uuid"]).only("experiment_id", number(&experiment.id));
        self.database.rows(select).and_then(move |rows| self.links_of_runs(ids(&rows), of)).boxed()
    }

    async fn links_of_runs(&self, runs: Vec<Value>, of: &[ExperimentId]) -> Result<Vec<TraceLinks>> {
        let select = Select::from("entity_associations", &["destination_id", "source_id"])
            .only("source_type", vec!["trace".into()])
            .only("destination_type", vec!["run".into()]);
        let trace_id = |row: Row| {
            let [id] = row.columns();
            id.string()
        };
        let mut links = Grouped::read(&*self.database, select, runs.clone(), trace_id).await?;
        let linked: HashSet<&String> = links.values().collect();
        let linked = linked.into_iter().map(|id| Value::from(id.as_str())).collect();
        let known = self.known_traces(linked, of).await?;
        let mut all = Vec::new();
        for run in runs {
            let run = run.string()?;
            let is_linked = |id: &String| known.get(id).is_some_and(|source| source.as_deref() != Some(&run));
            let trace_ids: Vec<String> = links.take(&run)?.into_iter().filter(is_linked).collect();
            if !trace_ids.is_empty() {
                all.push(TraceLinks { run_id: RunId::from(run), trace_ids });
            }
        }
        Ok(all)
    }

    /// Those of these traces that are in the experiments, each with the run in which it was created.
    async fn known_traces(
        &self,
        traces: Vec<Value>,
        of: &[ExperimentId],
    ) -> Result<HashMap<String, Option<String>>> {
        let select = Select::from("trace_info", &["request_id"])
            .only("experiment_id", of.iter().flat_map(number).collect());
        let rows = self.database.all_of(select, "request_id", traces).await?;
        let select = Select::from("trace_request_metadata", &["request_id", "key", "value"]);
        let select = select.only("key", vec![trace_key::SOURCE_RUN.into()]);
        let mut sources = Grouped::pairs(&*self.database, select, ids(&rows)).await?;
        let mut known = HashMap::new();
        for row in rows {
            let [id] = row.columns();
            let id = id.string()?;
            let source = sources.take(&id)?.into_iter().next().map(|(_, run)| run);
            known.insert(id, source);
        }
        Ok(known)
    }
}

fn trace(row: Row, parts: &mut Parts) -> Readable<Trace> {
    let id = row.0.first().cloned().unwrap_or(Value::Null);
    let read = || {
        let key = id.clone().string()?;
        let metadata: BTreeMap<String, String> = parts.metadata.collect(&key)?;
        let mut assessments = parts.assessments.take(&key)?;
        assessments.sort_by(|a, b| (a.create_time(), a.id()).cmp(&(b.create_time(), b.id())));
        let trace = Trace {
            tags: parts.tags.collect(&key)?,
            metadata,
            assessments,
            linked_prompts: parts.prompts.collect::<BTreeSet<String>>(&key)?,
            ..Trace::default()
        };
        trace_columns::fill(trace, row)
    };
    let trace = read();
    readable(Kind::Trace, &id, trace)
}

/// The assessment in the form of the REST API (MLflow 3.18, `protos/assessments.proto`).
fn assessment(row: Row) -> Result<Assessment> {
    let [
        trace_id,
        id,
        name,
        form,
        value,
        error,
        created,
        updated,
        source_type,
        source_id,
        span_id,
        rationale,
        overrides,
        valid,
        metadata,
    ] = row.columns();
    let mut fields = Map::new();
    let mut put = |key: &str, value: Option<Json>| {
        if let Some(value) = value {
            fields.insert(key.to_owned(), value);
        }
    };
    put("trace_id", trace_id.text()?.map(Json::from));
    put("assessment_id", id.text()?.map(Json::from));
    put("assessment_name", name.text()?.map(Json::from));
    put("source", Some(json!({ "source_type": source_type.string()?, "source_id": source_id.string()? })));
    put("create_time", created.int()?.map(time).transpose()?);
    put("last_update_time", updated.int()?.map(time).transpose()?);
    match form.string()?.as_str() {
        "expectation" => put("expectation", Some(expectation(&value.string()?)?)),
        _ => {
            let (value, error) = (parsed(value)?, parsed(error)?);
            let mut feedback = Map::new();
            feedback.extend(value.map(|value| ("value".to_owned(), value)));
            feedback.extend(error.map(|error| ("error".to_owned(), error)));
            put("feedback", Some(feedback.into()));
        }
    }
    put("rationale", rationale.text()?.map(Json::from));
    put("metadata", parsed(metadata)?);
    put("span_id", span_id.text()?.map(Json::from));
    put("overrides", overrides.text()?.map(Json::from));
    put("valid", Some(valid.is_true().into()));
    Ok(Assessment(fields))
}

/// A list or an object is sent as text (MLflow 3.18, `entities/assessment.py`, `ExpectationValue.to_proto`).
fn expectation(text: &str) -> Result<Json> {
    Ok(match serde_json::from_str(text)? {
        Json::Array(_) | Json::Object(_) => {
            json!({ "serialized_value": { "serialization_format": "JSON_FORMAT", "value": text } })
        }
        value => json!({ "value": value }),
    })
}

fn parsed(value: Value) -> Result<Option<Json>> {
    let text = value.text()?.filter(|text| !text.is_empty());
    Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
}

/// The text of a time in protobuf's JSON: a whole second has no fraction.
fn time(milliseconds: i64) -> Result<Json> {
    let time = Timestamp::from_millisecond(milliseconds);
    let time = time.map_err(|e| Error::permanent(format!("{milliseconds} is not a time: {e}")))?;
    Ok(if milliseconds % 1000 == 0 { format!("{time:.0}") } else { format!("{time:.3}") }.into())
}

fn file_of(spans: &[String]) -> Bytes {
    let mut text = BytesMut::new();
    text.put_slice(b"{\"spans\": [");
    for (at, span) in spans.iter().enumerate() {
        if at > 0 {
            text.put_slice(b", ");
        }
        text.put_slice(span.as_bytes());
    }
    text.put_slice(b"]}");
    text.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_a_server_writes_them() {
        assert_eq!(time(1_700_000_000_000).unwrap(), "2023-11-14T22:13:20Z");
        assert_eq!(time(1_700_000_000_010).unwrap(), "2023-11-14T22:13:20.010Z");
    }
}
