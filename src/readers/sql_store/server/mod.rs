//! Databases behind a server. Connections are few and a reader has many lists open at once, each of which may be read
//! slowly while other queries are needed. So a connection is never held for a consumer: see [`Sink`].

mod row_file;
mod sink;
mod url;

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::sync::Semaphore;

pub use self::sink::Sink;
pub use self::url::{Login, Place, ServerUrl};
use super::database::Database;
use super::select::{Catalogue, Dialect};
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
}

impl<C: Connection> Pool<C> {
    /// `None` while a connection may be left: one that is in use counts until its query fails.
    fn lost(&self) -> Option<Error> {
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let is_left = left.0 > idle.len() || idle.iter().any(C::is_usable);
        (!is_left).then(|| left.1.clone().unwrap_or_else(connection_lost))
    }

    async fn read(&self, sql: &str, sink: &mut Sink) -> Result<()> {
        let Ok(permit) = self.free.acquire().await else {
            let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
            return Err(left.1.clone().unwrap_or_else(connection_lost));
        };
        let connection = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        // There is a connection for each permit.
        let mut connection = connection.ok_or_else(connection_lost)?;
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

fn connection_lost() -> Error {
    Error::transient("the connection to the database is lost")
        .hint("run the same command again: it continues")
}

impl<C: Connection> Database for ServerDatabase<C> {
    fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    fn dialect(&self) -> Dialect {
        self.dialect
    }

    fn lost(&self) -> Option<Error> {
        self.pool.lost()
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
