use async_trait::async_trait;
use futures::TryStreamExt;
use futures::stream::BoxStream;

use super::select::{Catalogue, Select};
use super::value::{Row, Value};
use crate::error::Result;

/// Ids in one query. More of them make the query slower than two queries.
pub const IDS_PER_QUERY: usize = 500;

/// A database that is only read, at one point in time.
#[async_trait]
pub trait Database: Send + Sync {
    fn catalogue(&self) -> &Catalogue;

    /// The rows of a query, in batches.
    fn rows(&self, select: Select) -> BoxStream<'static, Result<Vec<Row>>>;

    /// The number of rows of a table.
    async fn count(&self, table: &str) -> Result<u64>;
}

impl dyn Database + '_ {
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
}
