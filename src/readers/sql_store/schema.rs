use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use super::database::Database;
use super::select::{Catalogue, Select};
use crate::error::Result;

/// The newest release whose schema is known.
pub const NEWEST: &str = "MLflow 3.18";
const TEXT: &str = include_str!("schema.txt");
/// Tables of MLflow's users, which may be in the same database (MLflow 3.18, `server/auth/db/models.py`), besides those
/// whose names end with `_permissions`.
const AUTH: [&str; 4] = ["alembic_version_auth", "users", "roles", "user_role_assignments"];
/// The tables that are read. `latest_metrics` is not among them: it can be computed from `metrics`.
const READ: [&str; 29] = [
    "assessments",
    "datasets",
    "entity_associations",
    "evaluation_dataset_records",
    "evaluation_dataset_tags",
    "evaluation_datasets",
    "experiment_tags",
    "experiments",
    "input_tags",
    "inputs",
    "logged_model_metrics",
    "logged_model_params",
    "logged_model_tags",
    "logged_models",
    "metrics",
    "model_version_tags",
    "model_versions",
    "params",
    "registered_model_aliases",
    "registered_model_tags",
    "registered_models",
    "runs",
    "scorer_versions",
    "scorers",
    "spans",
    "tags",
    "trace_info",
    "trace_request_metadata",
    "trace_tags",
];

static REVISIONS: LazyLock<Vec<Revision>> = LazyLock::new(|| parse(TEXT));

/// The columns of each table.
type Tables = BTreeMap<&'static str, BTreeSet<&'static str>>;

/// One step of the schema: MLflow's migrations form a single line.
struct Revision {
    id: &'static str,
    tables: Tables,
}

/// The schema that a database has according to its own table of revisions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schema {
    /// Databases before MLflow 1.0 name no revision. It is also lost if that table is.
    Unnamed,
    /// The position in the line of revisions.
    Known(usize),
    Unknown(String),
}

impl Schema {
    pub async fn read(database: &dyn Database) -> Result<Self> {
        let rows = database.all(Select::from("alembic_version", &["version_num"])).await?;
        let ids = rows.into_iter().map(|row| {
            let [id] = row.columns();
            id.string()
        });
        Ok(Self::of(&ids.collect::<Result<Vec<_>>>()?))
    }

    /// An upgrade that broke may leave two revisions.
    fn of(ids: &[String]) -> Self {
        let position = |id: &String| REVISIONS.iter().position(|revision| revision.id == *id);
        match ids.iter().find(|id| position(id).is_none()) {
            Some(unknown) => Self::Unknown(unknown.clone()),
            None => ids.iter().filter_map(position).max().map_or(Self::Unnamed, Self::Known),
        }
    }

    /// The tables and columns that the database should have. Without a revision, the tables that it has show the oldest
    /// schema that it can have.
    fn expected(&self, catalogue: &Catalogue) -> &'static Tables {
        let newest = REVISIONS.len() - 1;
        let at = match self {
            Self::Known(at) => *at,
            Self::Unknown(_) => newest,
            Self::Unnamed => {
                let first = |table: &str| REVISIONS.iter().position(|one| one.tables.contains_key(table));
                catalogue.0.keys().filter_map(|table| first(table)).max().unwrap_or_default()
            }
        };
        &REVISIONS[at.min(newest)].tables
    }

    /// True if the database has lost `latest_metrics`, whose rows can be computed.
    pub fn lost_latest_metrics(&self, catalogue: &Catalogue) -> bool {
        self.expected(catalogue).contains_key("latest_metrics") && !catalogue.has_table("latest_metrics")
    }

    /// The tables, and columns of the other tables, that are lost although the revision has them.
    pub fn lost(&self, catalogue: &Catalogue) -> Vec<(&'static str, Option<&'static str>)> {
        let expected = self.expected(catalogue);
        let mut lost = Vec::new();
        for (table, columns) in READ.iter().filter_map(|table| expected.get_key_value(*table)) {
            match catalogue.has_table(table) {
                false => lost.push((*table, None)),
                // A newer MLflow may have replaced a column on purpose.
                true if matches!(self, Self::Unknown(_)) => {}
                true => {
                    let missing = columns.iter().filter(|column| !catalogue.has_column(table, column));
                    lost.extend(missing.map(|column| (*table, Some(*column))));
                }
            }
        }
        lost
    }

    /// The tables of a newer schema, and its columns in tables that are read. Other programs may have tables in the
    /// same database, so a known schema has none.
    pub fn unknown<'a>(&self, catalogue: &'a Catalogue) -> (Vec<&'a str>, Vec<String>) {
        let (mut tables, mut columns) = (Vec::new(), Vec::new());
        if !matches!(self, Self::Unknown(_)) {
            return (tables, columns);
        }
        for (table, existing) in &catalogue.0 {
            let known: Vec<&BTreeSet<&str>> =
                REVISIONS.iter().filter_map(|one| one.tables.get(table.as_str())).collect();
            if known.is_empty() && !is_foreign(table) {
                tables.push(table.as_str());
            } else if READ.contains(&table.as_str()) {
                let is_known =
                    |column: &String| known.iter().any(|columns| columns.contains(column.as_str()));
                let unknown = existing.iter().filter(|column| !is_known(column));
                columns.extend(unknown.map(|column| format!("{table}.{column}")));
            }
        }
        (tables, columns)
    }
}

/// Tables of MLflow's users, of the database system, and of an upgrade that was interrupted.
fn is_foreign(table: &str) -> bool {
    AUTH.contains(&table)
        || table.ends_with("_permissions")
        || ["sqlite_", "_alembic_tmp_", "pg_"].iter().any(|start| table.starts_with(start))
}

/// True if any revision of MLflow has this table.
pub fn is_of_mlflow(table: &str) -> bool {
    REVISIONS.iter().any(|revision| revision.tables.contains_key(table))
}

fn parse(text: &'static str) -> Vec<Revision> {
    let mut revisions: Vec<Revision> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split(' ');
        match (words.next(), words.next(), revisions.last_mut()) {
            (Some("+"), Some(table), Some(now)) => now.tables.entry(table).or_default().extend(words),
            (Some("-"), Some(table), Some(now)) => {
                let columns = now.tables.entry(table).or_default();
                for column in words {
                    columns.remove(column);
                }
            }
            (Some(id), ..) => {
                let tables = revisions.last().map(|before| before.tables.clone()).unwrap_or_default();
                revisions.push(Revision { id, tables });
            }
            (None, ..) => {}
        }
    }
    revisions
}

#[cfg(test)]
pub fn tables_of(revision: &str) -> &'static BTreeMap<&'static str, BTreeSet<&'static str>> {
    &REVISIONS.iter().find(|one| one.id == revision).unwrap().tables
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue_of(revision: &str) -> Catalogue {
        let owned = |columns: &BTreeSet<&str>| columns.iter().map(|&column| column.to_owned()).collect();
        Catalogue(
            tables_of(revision).iter().map(|(&table, columns)| (table.to_owned(), owned(columns))).collect(),
        )
    }

    #[test]
    fn every_schema_is_whole_and_nothing_in_it_is_unknown() {
        assert_eq!(REVISIONS.len(), 71);
        for revision in REVISIONS.iter() {
            let (schema, catalogue) = (Schema::of(&[revision.id.to_owned()]), catalogue_of(revision.id));
            assert_eq!(schema.lost(&catalogue), [], "{}", revision.id);
            assert_eq!(Schema::Unnamed.lost(&catalogue), [], "{}", revision.id);
            let newer = Schema::of(&["0123456789ab".to_owned()]);
            assert_eq!(newer.unknown(&catalogue), (vec![], vec![]), "{}", revision.id);
        }
        for table in READ {
            assert!(is_of_mlflow(table), "{table}");
        }
    }

    #[test]
    fn lost_tables_and_columns_are_noticed() {
        let mut catalogue = catalogue_of("f4a9b2c7d1e6");
        catalogue.0.remove("params");
        catalogue.0.remove("latest_metrics");
        catalogue.0.get_mut("tags").unwrap().remove("value");
        let lost = [("params", None), ("tags", Some("value"))];
        assert_eq!(Schema::of(&["f4a9b2c7d1e6".to_owned()]).lost(&catalogue), lost);
        assert_eq!(Schema::Unnamed.lost(&catalogue), lost);
        // MLflow 1.2 has no table of latest metrics, and no registry.
        assert_eq!(Schema::of(&["7ac759974ad8".to_owned()]).lost(&catalogue_of("7ac759974ad8")), []);
    }

    #[test]
    fn tables_of_a_newer_mlflow_are_named() {
        let mut catalogue = catalogue_of("f4a9b2c7d1e6");
        for table in ["dag_run", "experiment_permissions", "users", "sqlite_sequence"] {
            catalogue.0.insert(table.to_owned(), BTreeSet::new());
        }
        catalogue.0.get_mut("runs").unwrap().insert("mood".to_owned());
        let newer = Schema::of(&["f4a9b2c7d1e6".to_owned(), "0123456789ab".to_owned()]);
        assert_eq!(newer.unknown(&catalogue), (vec!["dag_run"], vec!["runs.mood".to_owned()]));
        let known = Schema::of(&["f4a9b2c7d1e6".to_owned()]);
        assert_eq!(known.unknown(&catalogue), (vec![], vec![]), "other programs may have tables there");
    }
}
