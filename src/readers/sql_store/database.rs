use futures::StreamExt;
use futures::TryStreamExt;
use futures::stream::{self, BoxStream};

use super::select::{Catalogue, Dialect, Select};
use super::value::{Row, Value};
use crate::error::{Error, Result};

/// Ids in one query. More of them make the query slower than two queries.
pub const IDS_PER_QUERY: usize = 500;

/// A database that is only read, at one point in time.
pub trait Database: Send + Sync {
    fn catalogue(&self) -> &Catalogue;

    fn dialect(&self) -> Dialect;

    /// The error that ended the last connection. `None` while there is one.
    fn lost(&self) -> Option<Error>;

    /// The rows of a query, in batches. An error names the table.
    fn query(&self, sql: String, table: &str) -> BoxStream<'static, Result<Vec<Row>>>;
}

impl dyn Database + '_ {
    /// The rows of a query, in batches.
    pub fn rows(&self, select: Select) -> BoxStream<'static, Result<Vec<Row>>> {
        match select.sql(self.catalogue(), self.dialect()) {
            Some(sql) => self.query(sql, select.table),
            None => stream::empty().boxed(),
        }
    }

    /// All rows of a query, for tables that fit into memory.
    pub async fn all(&self, select: Select) -> Result<Vec<Row>> {
        self.rows(select).try_concat().await
    }

    /// All rows that have one of these values in `column`, for any number of values.
    pub async fn all_of(&self, select: Select, column: &'static str, values: Vec<Value>) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        for values in values.chunks(IDS_PER_QUERY) {
            rows.extend(self.all(select.clone().only(column, values.to_vec())).await?);
        }
        Ok(rows)
    }

    /// The number of rows of a query.
    pub async fn count(&self, select: Select) -> Result<u64> {
        match select.sql(self.catalogue(), self.dialect()) {
            Some(sql) => self.number(format!("SELECT count(*) FROM ({sql}) AS counted"), select.table).await,
            None => Ok(0),
        }
    }

    /// The number of rows of any table, up to `most`.
    pub async fn count_table(&self, table: &str, most: u64) -> Result<u64> {
        let name = self.dialect().name(table);
        let sql = format!("SELECT count(*) FROM (SELECT 1 FROM {name} LIMIT {most}) AS counted");
        self.number(sql, table).await
    }

    async fn number(&self, sql: String, table: &str) -> Result<u64> {
        let rows: Vec<Row> = self.query(sql, table).try_concat().await?;
        let count = rows.into_iter().next().map(Row::columns).map(|[count]| count.int()).transpose()?;
        Ok(count.flatten().unwrap_or_default().unsigned_abs())
    }
}
