//! Databases behind a server. Connections are few and a reader has many lists open at once, each of which may be read
//! slowly while other queries are needed. So a connection is never held for a consumer: see [`Sink`].

mod row_file;
mod sink;
mod url;

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use tokio::sync::Semaphore;

pub use self::sink::Sink;
pub use self::url::{Login, Place, ServerUrl};
use super::database::Database;
use super::select::{Catalogue, Dialect, Select};
use super::value::Row;
use crate::error::{Error, Result};

/// A connection with an open transaction that reads one snapshot.
#[async_trait]
pub trait Connection: Send + 'static {
    /// Passes all rows of a query to the sink.
    async fn read(&mut self, sql: &str, sink: &mut Sink) -> Result<()>;

    /// False after the connection is lost, and with it the transaction.
    fn is_usable(&self) -> bool;
}

pub struct ServerDatabase<C> {
    catalogue: Catalogue,
    dialect: Dialect,
    pool: Arc<Pool<C>>,
}

/// All connections. They read the same snapshot, so a lost one cannot be replaced.
struct Pool<C> {
    idle: Mutex<Vec<C>>,
    free: Semaphore,
    /// The number of connections, and the error that ended the last one.
    left: Mutex<(usize, Option<Error>)>,
}

impl<C: Connection> ServerDatabase<C> {
    pub fn new(connections: Vec<C>, catalogue: Catalogue, dialect: Dialect) -> Self {
        let left = Mutex::new((connections.len(), None));
        let free = Semaphore::new(connections.len());
        Self { catalogue, dialect, pool: Arc::new(Pool { idle: Mutex::new(connections), free, left }) }
    }

    fn query(&self, sql: String, table: &str) -> BoxStream<'static, Result<Vec<Row>>> {
        let (pool, (mut sink, receiver)) = (Arc::clone(&self.pool), Sink::new());
        let place = format!("table {table}");
        tokio::spawn(async move {
            let result = pool.read(&sql, &mut sink).await;
            sink.finish(result.map_err(|e| e.at(place))).await;
        });
        stream::unfold(receiver, |mut receiver| async { Some((receiver.recv().await?, receiver)) }).boxed()
    }
}

impl<C: Connection> Pool<C> {
    async fn read(&self, sql: &str, sink: &mut Sink) -> Result<()> {
        let lost = || Error::transient("the connection to the database is lost");
        let Ok(permit) = self.free.acquire().await else {
            let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
            return Err(left.1.clone().unwrap_or_else(lost));
        };
        let connection = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        // There is a connection for each permit.
        let mut connection = connection.ok_or_else(lost)?;
        let result = connection.read(sql, sink).await;
        if connection.is_usable() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            return result;
        }
        permit.forget();
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        *left = (left.0.saturating_sub(1), result.as_ref().err().cloned());
        if left.0 == 0 {
            self.free.close();
        }
        result
    }
}

#[async_trait]
impl<C: Connection> Database for ServerDatabase<C> {
    fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    fn rows(&self, select: Select) -> BoxStream<'static, Result<Vec<Row>>> {
        match select.sql(&self.catalogue, self.dialect) {
            Some(sql) => self.query(sql, select.table),
            None => stream::empty().boxed(),
        }
    }

    async fn count(&self, table: &str) -> Result<u64> {
        if !self.catalogue.has_table(table) {
            return Ok(0);
        }
        let sql = format!("SELECT count(*) FROM {0}{table}{0}", self.dialect.quote);
        let rows: Vec<Row> = self.query(sql, table).try_concat().await?;
        let count = rows.into_iter().next().map(Row::columns).map(|[count]| count.int()).transpose()?;
        Ok(count.flatten().unwrap_or_default().unsigned_abs())
    }
}
