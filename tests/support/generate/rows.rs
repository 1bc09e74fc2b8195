//! The SQLite database of a release. Its server has created the schema, and only the columns that exist in this schema
//! are written. Tables: `store/tracking/dbmodels/models.py` and `store/model_registry/dbmodels/models.py` of MLflow
//! 1.30.1 to 3.18.0.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::rows_others;
use super::shape::{Experiment, Input, Pairs, Point, Run, World};

pub type Row<'a> = Vec<(&'a str, Value)>;

/// A database with the columns of each table.
pub struct Database {
    connection: Connection,
    columns: HashMap<String, BTreeSet<String>>,
}

impl Database {
    pub fn open(path: &Path) -> Self {
        let connection = Connection::open(path).unwrap();
        connection.busy_timeout(std::time::Duration::from_secs(20)).unwrap();
        connection.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF").unwrap();
        let mut columns: HashMap<String, BTreeSet<String>> = HashMap::new();
        {
            let sql = "SELECT m.name, p.name FROM sqlite_master m, pragma_table_info(m.name) p WHERE m.type = 'table'";
            let mut all = connection.prepare(sql).unwrap();
            let rows = all.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
            for row in rows {
                let (table, column): (String, String) = row.unwrap();
                columns.entry(table).or_default().insert(column);
            }
        }
        Self { connection, columns }
    }

    /// Releases before 3.6 store spans only in files.
    pub fn keeps_spans(&self) -> bool {
        self.columns.get("spans").is_some_and(|columns| columns.contains("content"))
    }

    /// Writes nothing if the release has no such table.
    pub fn insert(&self, table: &str, row: Row<'_>) {
        let Some(known) = self.columns.get(table) else { return };
        let row: Row<'_> = row.into_iter().filter(|(column, _)| known.contains(*column)).collect();
        let columns: Vec<&str> = row.iter().map(|(column, _)| *column).collect();
        let marks = vec!["?"; row.len()].join(", ");
        let sql = format!("INSERT OR IGNORE INTO {table} ({}) VALUES ({marks})", columns.join(", "));
        let mut statement = self.connection.prepare_cached(&sql).unwrap();
        statement.execute(params_from_iter(row.into_iter().map(|(_, value)| value))).unwrap();
    }

    pub fn pairs(&self, table: &str, pairs: &Pairs, names: (&'static str, &'static str), rest: &Row<'_>) {
        for (key, value) in pairs {
            let mut row = vec![(names.0, text(key)), (names.1, text(value))];
            row.extend(rest.iter().cloned());
            self.insert(table, row);
        }
    }
}

pub fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

pub fn maybe(value: Option<&str>) -> Value {
    value.map_or(Value::Null, text)
}

/// Deletes all rows except those that a server needs to start.
pub fn empty(path: &Path) {
    let database = Database::open(path);
    let batch: String = database
        .columns
        .keys()
        .filter(|table| !["alembic_version", "workspaces", "sqlite_sequence"].contains(&table.as_str()))
        .map(|table| format!("DELETE FROM {table};"))
        .collect();
    database.connection.execute_batch(&format!("BEGIN; {batch} COMMIT")).unwrap();
    database.insert("experiments", experiment_row(0, "Default", false, Some(1)));
}

pub fn write(world: &World, path: &Path) {
    let database = Database::open(path);
    database.connection.execute_batch("BEGIN; DELETE FROM experiments").unwrap();
    for one in &world.experiments {
        experiment(&database, one);
    }
    rows_others::registry(&database, &world.registered);
    database.connection.execute_batch("COMMIT").unwrap();
}

fn experiment_row(id: i64, name: &str, is_deleted: bool, created: Option<i64>) -> Row<'static> {
    let created = created.map_or(Value::Null, Value::Integer);
    vec![
        ("experiment_id", Value::Integer(id)),
        ("name", text(name)),
        ("artifact_location", text(&format!("mlflow-artifacts:/{id}"))),
        ("lifecycle_stage", stage(is_deleted)),
        ("creation_time", created.clone()),
        ("last_update_time", created),
    ]
}

fn stage(is_deleted: bool) -> Value {
    text(if is_deleted { "deleted" } else { "active" })
}

fn experiment(database: &Database, one: &Experiment) {
    database.insert("experiments", experiment_row(one.id, &one.name, one.is_deleted, one.created));
    let id = vec![("experiment_id", Value::Integer(one.id))];
    database.pairs("experiment_tags", &one.tags, ("key", "value"), &id);
    for run in &one.runs {
        write_run(database, run, one.id);
    }
    rows_others::models(database, one);
    rows_others::traces(database, one);
}

fn write_run(database: &Database, run: &Run, experiment: i64) {
    let id = vec![("run_uuid", text(&run.id))];
    database.insert(
        "runs",
        vec![
            ("run_uuid", text(&run.id)),
            // Before 1.29 the column existed, but it was empty.
            ("name", if run.is_ancient { text("") } else { maybe(run.name.as_deref()) }),
            ("source_type", text("UNKNOWN")),
            ("source_name", text("")),
            ("entry_point_name", text("")),
            ("user_id", text(&run.user)),
            ("status", text(run.status)),
            ("start_time", Value::Integer(run.start)),
            ("end_time", run.end.map_or(Value::Null, Value::Integer)),
            ("source_version", text("")),
            ("lifecycle_stage", stage(run.is_deleted)),
            ("artifact_uri", text(&format!("mlflow-artifacts:/{experiment}/{}/artifacts", run.id))),
            ("experiment_id", Value::Integer(experiment)),
        ],
    );
    database.pairs("params", &run.params, ("key", "value"), &id);
    database.pairs("tags", &run.tags, ("key", "value"), &id);
    for (key, points) in &run.metrics {
        let mut latest: Option<&Point> = None;
        for point in points {
            database.insert("metrics", point_row(key, point, &id));
            latest = latest.filter(|other| order(other) >= order(point)).or(Some(point));
        }
        latest.iter().for_each(|point| database.insert("latest_metrics", point_row(key, point, &id)));
    }
    for input in &run.inputs {
        dataset_input(database, input, run, experiment);
    }
    let join = |kind: (&str, &str), model: &str, step: i64| {
        vec![
            ("input_uuid", text(&format!("{}{}", &model[2..18], &run.id[..16]))),
            ("source_type", text(kind.0)),
            ("source_id", text(&run.id)),
            ("destination_type", text(kind.1)),
            ("destination_id", text(model)),
            ("step", Value::Integer(step)),
        ]
    };
    for model in &run.models_in {
        database.insert("inputs", join(("RUN_INPUT", "MODEL_INPUT"), model, 0));
    }
    for (model, step) in &run.models_out {
        database.insert("inputs", join(("RUN_OUTPUT", "MODEL_OUTPUT"), model, *step));
    }
}

/// `SqlAlchemyStore._update_latest_metrics_if_necessary`: NaN is compared by its stored value, which is 0.
fn order(point: &Point) -> (i64, i64, u64) {
    let kept = finite(point.value);
    // The bits, in the order of the floats.
    let bits = kept.to_bits();
    let sortable = if kept.is_sign_negative() { !bits } else { bits | (1 << 63) };
    (point.step, point.timestamp, sortable)
}

/// The value that SQL stores save (`sanitize_metric_value`).
pub fn finite(value: f64) -> f64 {
    if value.is_nan() { 0.0 } else { value.clamp(f64::MIN, f64::MAX) + 0.0 }
}

fn point_row<'a>(key: &str, point: &Point, id: &Row<'a>) -> Row<'a> {
    let mut row = vec![
        ("key", text(key)),
        ("value", Value::Real(finite(point.value))),
        ("timestamp", Value::Integer(point.timestamp)),
        ("step", Value::Integer(point.step)),
        ("is_nan", Value::Integer(point.value.is_nan().into())),
    ];
    row.extend(id.iter().cloned());
    row
}

fn dataset_input(database: &Database, input: &Input, run: &Run, experiment: i64) {
    let one = &input.dataset;
    let id = format!("{experiment}-{}", one.digest);
    database.insert(
        "datasets",
        vec![
            ("dataset_uuid", text(&id)),
            ("experiment_id", Value::Integer(experiment)),
            ("name", text(&one.name)),
            ("digest", text(&one.digest)),
            ("dataset_source_type", text(&one.source_type)),
            ("dataset_source", text(&one.source)),
            ("dataset_schema", maybe(one.schema.as_deref())),
            ("dataset_profile", maybe(one.profile.as_deref())),
        ],
    );
    let input_id = format!("{}-{}", &run.id[..20], one.digest);
    database.insert(
        "inputs",
        vec![
            ("input_uuid", text(&input_id)),
            ("source_type", text("DATASET")),
            ("source_id", text(&id)),
            ("destination_type", text("RUN")),
            ("destination_id", text(&run.id)),
        ],
    );
    let of = vec![("input_uuid", text(&input_id))];
    database.pairs("input_tags", &input.tags, ("name", "value"), &of);
}
