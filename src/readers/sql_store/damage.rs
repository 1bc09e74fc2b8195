//! Damage that no single query notices: lost tables, rows without their parents, and tables of a newer MLflow.

use futures::{StreamExt, TryStreamExt, stream};

use super::SqlStoreReader;
use super::schema::{NEWEST, Schema, is_of_mlflow};
use super::select::{Catalogue, Select};
use super::value::Value;
use crate::entities::{Count, Kind, Unreadable, Unsupported};
use crate::error::{Error, Result};

const MAX_CONCURRENT_QUERIES: usize = 4;
/// The rows of an unknown table are counted up to this number.
const MAX_COUNTED: u64 = 1_000_000;
/// With more points than this, a search for points without their run takes minutes.
const MAX_POINTS: u64 = 20_000_000;
/// The names in one message.
const MAX_NAMED: usize = 20;
const LOST_LATEST: &str = "the table latest_metrics is lost: the latest points were computed from all points";
const NO_RUN: &str = "the database has no row for their run";
const NO_EXPERIMENT: &str = "the database has no row for their experiment";
const NO_MODEL: &str = "the database has no row for their logged model";
const NO_TRACE: &str = "the database has no row for their trace";
const NO_REGISTERED_MODEL: &str = "the database has no row for their registered model";
const NO_DATASET: &str = "the database has no row for their evaluation dataset";

type Pairs = &'static [(&'static str, &'static str)];
const OF_RUN: Pairs = &[("run_uuid", "run_uuid")];
const OF_EXPERIMENT: Pairs = &[("experiment_id", "experiment_id")];
const OF_MODEL: Pairs = &[("model_id", "model_id")];
const OF_TRACE: Pairs = &[("request_id", "request_id")];
const BY_TRACE: Pairs = &[("trace_id", "request_id")];
const OF_NAME: Pairs = &[("name", "name")];
const OF_DATASET: Pairs = &[("dataset_id", "dataset_id")];

/// Rows without a parent: their name, their table, the table of their parents, the columns of both that are equal, and
/// the reason why they are not migrated. A database with MLflow's constraints has none, but a database that was edited
/// or restored in parts may have some. `inputs` and `entity_associations` have no constraints: MLflow itself leaves rows
/// there when it deletes a run for good.
const ORPHANS: [(&str, &str, &str, Pairs, &str); 23] = [
    ("runs without an experiment", "runs", "experiments", OF_EXPERIMENT, NO_EXPERIMENT),
    ("tags without an experiment", "experiment_tags", "experiments", OF_EXPERIMENT, NO_EXPERIMENT),
    ("params without a run", "params", "runs", OF_RUN, NO_RUN),
    ("tags without a run", "tags", "runs", OF_RUN, NO_RUN),
    ("latest metrics without a run", "latest_metrics", "runs", OF_RUN, NO_RUN),
    ("points of metrics without a run", "metrics", "runs", OF_RUN, NO_RUN),
    ("logged models without an experiment", "logged_models", "experiments", OF_EXPERIMENT, NO_EXPERIMENT),
    ("metrics without a logged model", "logged_model_metrics", "logged_models", OF_MODEL, NO_MODEL),
    ("params without a logged model", "logged_model_params", "logged_models", OF_MODEL, NO_MODEL),
    ("tags without a logged model", "logged_model_tags", "logged_models", OF_MODEL, NO_MODEL),
    ("traces without an experiment", "trace_info", "experiments", OF_EXPERIMENT, NO_EXPERIMENT),
    ("tags without a trace", "trace_tags", "trace_info", OF_TRACE, NO_TRACE),
    ("metadata without a trace", "trace_request_metadata", "trace_info", OF_TRACE, NO_TRACE),
    ("assessments without a trace", "assessments", "trace_info", BY_TRACE, NO_TRACE),
    ("spans without a trace", "spans", "trace_info", BY_TRACE, NO_TRACE),
    ("versions without a model", "model_versions", "registered_models", OF_NAME, NO_REGISTERED_MODEL),
    ("tags without a model", "registered_model_tags", "registered_models", OF_NAME, NO_REGISTERED_MODEL),
    (
        "aliases without a model",
        "registered_model_aliases",
        "registered_models",
        OF_NAME,
        NO_REGISTERED_MODEL,
    ),
    (
        "tags without a version",
        "model_version_tags",
        "model_versions",
        &[("name", "name"), ("version", "version")],
        "the database has no row for their version",
    ),
    (
        "records without a dataset",
        "evaluation_dataset_records",
        "evaluation_datasets",
        OF_DATASET,
        NO_DATASET,
    ),
    ("tags without a dataset", "evaluation_dataset_tags", "evaluation_datasets", OF_DATASET, NO_DATASET),
    (
        "versions without a scorer",
        "scorer_versions",
        "scorers",
        &[("scorer_id", "scorer_id")],
        "the database has no row for their scorer",
    ),
    ("scorers without an experiment", "scorers", "experiments", OF_EXPERIMENT, NO_EXPERIMENT),
];

impl SqlStoreReader {
    pub(super) async fn schema(&self) -> Result<&Schema> {
        let read = async {
            let schema = Schema::read(&*self.database).await?;
            if schema.lost_latest_metrics(self.database.catalogue()) {
                self.note(LOST_LATEST.to_owned());
            }
            Ok(schema)
        };
        self.schema.get_or_try_init(|| read).await
    }

    /// An item for each lost table and column: objects arrive without these data, so the migration is not complete.
    pub(super) async fn lost_tables(&self) -> Result<Vec<Unreadable>> {
        let lost = self.schema().await?.lost(self.database.catalogue());
        Ok(lost.into_iter().map(|(table, column)| lost_item(table, column)).collect())
    }

    /// Data of a newer MLflow, and rows that belong to nothing.
    pub(super) async fn unread_rows(&self) -> Result<Vec<Unsupported>> {
        let counted = ORPHANS.into_iter().map(|(title, table, parents, columns, reason)| async move {
            let select = Select::from(table, std::slice::from_ref(&columns[0].0)).without(parents, columns);
            let tally = match table == "metrics" && self.has_many_points().await? {
                // Those of `latest_metrics` show the same damage.
                true => Count::exactly(0),
                false => self.number_of(select).await?,
            };
            Ok::<_, Error>(Unsupported { title, tally, reason: reason.into() })
        });
        let counted: Vec<_> = counted.collect();
        let mut all: Vec<Unsupported> =
            stream::iter(counted).buffered(MAX_CONCURRENT_QUERIES).try_collect().await?;
        let lost_links = Select::from("inputs", &["input_uuid"])
            .only("source_type", vec![Value::from("DATASET")])
            .only("destination_type", vec![Value::from("RUN")])
            .with("runs", &[("destination_id", "run_uuid")])
            .without("datasets", &[("source_id", "dataset_uuid")]);
        all.push(Unsupported {
            title: "inputs without a dataset",
            tally: self.number_of(lost_links).await?,
            reason: "the database has no row for the dataset that the run used".into(),
        });
        all.extend(self.newer_data().await?);
        Ok(all)
    }

    async fn has_many_points(&self) -> Result<bool> {
        if !self.database.catalogue().has_table("latest_metrics") {
            return Ok(false);
        }
        Ok(self.database.count_table("metrics", MAX_POINTS).await? == MAX_POINTS)
    }

    /// The tables and columns of a revision that is newer than this program.
    async fn newer_data(&self) -> Result<Option<Unsupported>> {
        let Schema::Unknown(revision) = self.schema().await? else { return Ok(None) };
        let (tables, columns) = self.schema().await?.unknown(self.database.catalogue());
        let (mut rows, mut more) = (0, false);
        for table in &tables {
            let count = self.database.count_table(table, MAX_COUNTED).await?;
            rows += count;
            more |= count == MAX_COUNTED;
        }
        let mut names: Vec<String> = tables.iter().map(|&table| table.to_owned()).chain(columns).collect();
        let columns = names.len() - tables.len();
        let named = match names.len() {
            0 => "it has no unknown tables or columns".to_owned(),
            found => {
                names.truncate(MAX_NAMED);
                let others = found.checked_sub(MAX_NAMED).filter(|others| *others > 0);
                let others = others.map(|others| format!(" and {others} more")).unwrap_or_default();
                let tables = counted(tables.len() as u64, "table", "tables");
                let at_least = if more { "at least " } else { "" };
                let rows = counted(rows, "row", "rows");
                let columns = counted(columns as u64, "column", "columns");
                let names = names.join(", ");
                format!("{tables} with {at_least}{rows} and {columns} are not read: {names}{others}")
            }
        };
        Ok(Some(Unsupported {
            title: "data of a newer MLflow",
            tally: Count { more, ..if rows > 0 { Count::exactly(rows) } else { Count::unknown("not counted") } },
            reason: format!(
                "this database is of revision {revision}, which mlferry does not know (newer than {NEWEST}): {named}"
            )
            .into(),
        }))
    }
}

fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn lost_item(table: &str, column: Option<&str>) -> Unreadable {
    let part = column.map_or_else(|| table.to_owned(), |column| format!("{table}.{column}"));
    let form = if column.is_some() { "column" } else { "table" };
    Unreadable {
        kind: kind_of(table),
        id: format!("data in {part}"),
        reason: format!(
            "the database has no such {form}, although MLflow has it in this revision: restore it from a backup, or let this \
             user read it"
        ),
    }
}

/// The kind of the objects that lose data with a table.
fn kind_of(table: &str) -> Kind {
    match table {
        "experiments" | "experiment_tags" => Kind::Experiment,
        "registered_models" | "registered_model_tags" | "registered_model_aliases" => Kind::RegisteredModel,
        "model_versions" | "model_version_tags" => Kind::ModelVersion,
        "scorers" | "scorer_versions" => Kind::Scorer,
        "spans" | "assessments" | "entity_associations" => Kind::Trace,
        table if table.starts_with("trace_") => Kind::Trace,
        table if table.starts_with("logged_model") => Kind::LoggedModel,
        table if table.starts_with("evaluation_") => Kind::EvaluationDataset,
        _ => Kind::Run,
    }
}

/// # Errors
/// For a database of another program, or of MLflow's users, and for one that has lost its experiments or runs.
pub fn ensure_mlflow(catalogue: &Catalogue, location: &str) -> Result<()> {
    const NAME_IT: &str = "give the database that `mlflow server --backend-store-uri` names";
    let lost: Vec<&str> =
        ["experiments", "runs"].into_iter().filter(|table| !catalogue.has_table(table)).collect();
    if lost.is_empty() {
        return Ok(());
    }
    let is_auth = catalogue.has_table("users") && catalogue.has_table("alembic_version_auth");
    // Names such as `tags` are common; three tables are no coincidence.
    let left = catalogue.0.keys().filter(|table| *table != "alembic_version" && is_of_mlflow(table)).count();
    Err(match left {
        3.. => Error::permanent(format!("{location} has lost its table {}", lost.join(" and "))).hint(
            "restore it from a backup: without it, nothing says to which experiments the other data belong",
        ),
        _ if is_auth => {
            Error::usage(format!("{location} is the database of MLflow's users, not of experiments"))
                .hint(NAME_IT)
        }
        _ => Error::usage(format!("{location} has no tables of MLflow"))
            .hint(format!("{NAME_IT}, such as mlflow.db")),
    })
}
