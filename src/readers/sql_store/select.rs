use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::value::Value;

/// The columns of every table of a database, as its catalogue names them. MLflow's schema has changed about 70 times,
/// so a query asks only for columns that exist.
#[derive(Clone, Debug, Default)]
pub struct Catalogue(pub BTreeMap<String, BTreeSet<String>>);

impl Catalogue {
    pub fn has_table(&self, table: &str) -> bool {
        self.0.contains_key(table)
    }

    pub fn has_column(&self, table: &str, column: &str) -> bool {
        self.0.get(table).is_some_and(|columns| columns.contains(column))
    }
}

/// One query. It is written for one table; rows of other tables are joined in this program, because one page of an
/// object needs many of them.
#[derive(Clone, Debug)]
pub struct Select {
    pub table: &'static str,
    /// A column that does not exist gives null.
    pub columns: &'static [&'static str],
    /// Whether equal rows are returned once.
    pub distinct: bool,
    /// Each column must have one of these values.
    pub filters: Vec<(&'static str, Vec<Value>)>,
    pub relations: Vec<Relation>,
    pub order: &'static [&'static str],
    pub limit: Option<usize>,
}

/// A condition about the rows of another table.
#[derive(Clone, Copy, Debug)]
pub struct Relation {
    /// Whether there must be such a row, or must not be one.
    pub exists: bool,
    pub table: &'static str,
    /// Columns of the queried table, and the columns of the other table that have the same values.
    pub columns: &'static [(&'static str, &'static str)],
}

/// How a database writes what differs from other databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// The character around a name.
    pub quote: char,
    /// Whether a backslash in a text has a meaning.
    pub escapes: bool,
}

impl Select {
    pub fn from(table: &'static str, columns: &'static [&'static str]) -> Self {
        Self {
            table,
            columns,
            distinct: false,
            filters: Vec::new(),
            relations: Vec::new(),
            order: &[],
            limit: None,
        }
    }

    #[must_use]
    pub fn distinct(self) -> Self {
        Self { distinct: true, ..self }
    }

    #[must_use]
    pub fn only(mut self, column: &'static str, values: Vec<Value>) -> Self {
        self.filters.push((column, values));
        self
    }

    /// Only rows that have a row in another table.
    #[must_use]
    pub fn with(mut self, table: &'static str, columns: &'static [(&'static str, &'static str)]) -> Self {
        self.relations.push(Relation { exists: true, table, columns });
        self
    }

    /// Only rows that have no row in another table.
    #[must_use]
    pub fn without(mut self, table: &'static str, columns: &'static [(&'static str, &'static str)]) -> Self {
        self.relations.push(Relation { exists: false, table, columns });
        self
    }

    #[must_use]
    pub fn order(self, order: &'static [&'static str]) -> Self {
        Self { order, ..self }
    }

    #[must_use]
    pub fn limit(self, limit: usize) -> Self {
        Self { limit: Some(limit), ..self }
    }

    /// The text of the query. `None` if it cannot have rows, or cannot be answered: its table, the column of a filter or
    /// a related table does not exist. Ids are part of the text, because one query names more of them than a database
    /// accepts as parameters.
    pub fn sql(&self, catalogue: &Catalogue, dialect: Dialect) -> Option<String> {
        if !catalogue.has_table(self.table) {
            return None;
        }
        let exists = |column: &str| catalogue.has_column(self.table, column);
        let name = |column: &str| dialect.name(column);
        let columns =
            self.columns.iter().map(|column| if exists(column) { name(column) } else { "NULL".into() });
        let columns: Vec<String> = columns.collect();
        let distinct = if self.distinct { "DISTINCT " } else { "" };
        let mut sql = format!("SELECT {distinct}{} FROM {}", columns.join(", "), name(self.table));
        let mut conditions = Vec::new();
        for (column, values) in &self.filters {
            if !exists(column) || values.is_empty() {
                return None;
            }
            let values: Vec<String> = values.iter().map(|value| dialect.literal(value)).collect();
            conditions.push(format!("{} IN ({})", name(column), values.join(", ")));
        }
        for relation in &self.relations {
            conditions.push(relation.sql(self.table, catalogue, dialect)?);
        }
        for (at, condition) in conditions.iter().enumerate() {
            let word = if at == 0 { "WHERE" } else { "AND" };
            let _ = write!(sql, " {word} {condition}");
        }
        let order: Vec<String> = self.order.iter().filter(|column| exists(column)).map(|c| name(c)).collect();
        if !order.is_empty() {
            let _ = write!(sql, " ORDER BY {}", order.join(", "));
        }
        if let Some(limit) = self.limit {
            let _ = write!(sql, " LIMIT {limit}");
        }
        Some(sql)
    }
}

impl Relation {
    /// `None` if one of the tables lacks a column.
    fn sql(&self, of: &str, catalogue: &Catalogue, dialect: Dialect) -> Option<String> {
        let other = dialect.name(self.table);
        let mut conditions = Vec::new();
        for (mine, theirs) in self.columns {
            if !catalogue.has_column(of, mine) || !catalogue.has_column(self.table, theirs) {
                return None;
            }
            let (mine, theirs) = (dialect.name(mine), dialect.name(theirs));
            conditions.push(format!("{other}.{theirs} = {}.{mine}", dialect.name(of)));
        }
        let word = if self.exists { "EXISTS" } else { "NOT EXISTS" };
        Some(format!("{word} (SELECT 1 FROM {other} WHERE {})", conditions.join(" AND ")))
    }
}

impl Dialect {
    /// A name of a table or a column in quotes.
    pub fn name(self, name: &str) -> String {
        format!("{0}{name}{0}", self.quote)
    }

    fn literal(self, value: &Value) -> String {
        match value {
            Value::Int(value) => value.to_string(),
            Value::Text(text) => {
                let text = text.replace('\'', "''");
                let text = if self.escapes { text.replace('\\', "\\\\") } else { text };
                format!("'{text}'")
            }
            // No filter uses other values.
            Value::Null | Value::Real(_) | Value::Bytes(_) => "NULL".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQLITE: Dialect = Dialect { quote: '"', escapes: false };
    const MYSQL: Dialect = Dialect { quote: '`', escapes: true };

    fn catalogue() -> Catalogue {
        let columns = ["run_uuid", "key", "value"].map(str::to_owned);
        Catalogue(BTreeMap::from([("tags".to_owned(), BTreeSet::from(columns))]))
    }

    #[test]
    fn a_query_names_only_columns_that_exist() {
        let select = Select::from("tags", &["key", "step"]).order(&["step", "key"]).limit(2);
        let expected = r#"SELECT "key", NULL FROM "tags" ORDER BY "key" LIMIT 2"#;
        assert_eq!(select.sql(&catalogue(), SQLITE).as_deref(), Some(expected));
        assert_eq!(Select::from("spans", &["content"]).sql(&catalogue(), SQLITE), None);
        assert_eq!(select.clone().only("step", vec![Value::Int(1)]).sql(&catalogue(), SQLITE), None);
        assert_eq!(select.only("key", Vec::new()).sql(&catalogue(), SQLITE), None);
    }

    #[test]
    fn a_query_asks_for_rows_without_a_parent() {
        let mut catalogue = catalogue();
        let orphans = Select::from("tags", &["key"]).without("runs", &[("run_uuid", "run_uuid")]);
        assert_eq!(orphans.sql(&catalogue, SQLITE), None, "there is no table of runs");
        catalogue.0.insert("runs".to_owned(), BTreeSet::from(["run_uuid".to_owned()]));
        let expected = r#"SELECT "key" FROM "tags" WHERE "key" IN ('a') AND NOT EXISTS (SELECT 1 FROM "runs" WHERE "runs"."run_uuid" = "tags"."run_uuid")"#;
        assert_eq!(orphans.only("key", vec!["a".into()]).sql(&catalogue, SQLITE).as_deref(), Some(expected));
    }

    #[test]
    fn no_value_ends_its_text() {
        let ids = vec![Value::from("a'); DROP TABLE tags; --"), Value::from("\\'"), Value::Int(3)];
        let select = Select::from("tags", &["key"]).only("run_uuid", ids);
        let start = "SELECT \"key\" FROM \"tags\" WHERE \"run_uuid\" IN ";
        let expected = format!("{start}('a''); DROP TABLE tags; --', '\\''', 3)");
        assert_eq!(select.sql(&catalogue(), SQLITE), Some(expected));
        assert!(
            select.sql(&catalogue(), MYSQL).unwrap().ends_with("('a''); DROP TABLE tags; --', '\\\\''', 3)")
        );
    }
}
