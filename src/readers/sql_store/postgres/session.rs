use async_trait::async_trait;
use futures::{TryStreamExt, pin_mut};
use secrecy::ExposeSecret;
use tokio::time::timeout;
use tokio_postgres::config::SslMode;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Config, NoTls, RowStream};

use super::super::server::{Connection, Place, Sink};
use super::address::{PostgresAddress, TlsMode};
use super::encryption::Encryption;
use super::failure::{self, explained};
use super::value::Cell;
use crate::error::Result;
use crate::limits::CONNECT_TIMEOUT;
use crate::readers::sql_store::value::Row;
use crate::tls::Check;

/// Nothing is written, no limit ends a long reading, and texts arrive as UTF-8. `extra_float_digits` is for numbers as
/// text, which a server before version 12 rounds.
const SETTINGS: &str = "SET default_transaction_read_only = on; SET statement_timeout = 0; SET lock_timeout = 0; \
    SET idle_in_transaction_session_timeout = 0; SET extra_float_digits = 3; SET client_encoding = 'UTF8'; \
    SET standard_conforming_strings = on";
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// A failed query ends a transaction, except after a savepoint.
const SAVEPOINT: &str = "SAVEPOINT mlferry";
const ROLLBACK: &str = "ROLLBACK TO SAVEPOINT mlferry";

/// A connection within a transaction that only reads.
pub struct Session {
    client: Client,
    user: String,
}

impl Session {
    /// Starts a snapshot and exports its name for other sessions. There is no name if the server cannot export one.
    pub async fn first(address: &PostgresAddress) -> Result<(Self, Option<String>)> {
        let session = Self::begin(address).await?;
        let snapshot = match session.texts("SELECT pg_export_snapshot()").await {
            Ok(rows) => rows.into_iter().flatten().next(),
            Err(error) => {
                tracing::warn!("{address}: reading with one connection: {error}");
                // The error has ended the transaction.
                session.execute("ROLLBACK", address).await?;
                session.execute(BEGIN, address).await?;
                None
            }
        };
        // A snapshot cannot be exported after a savepoint.
        session.execute(SAVEPOINT, address).await?;
        Ok((session, snapshot))
    }

    /// Reads the snapshot that another session has exported.
    pub async fn with_snapshot(address: &PostgresAddress, snapshot: &str) -> Result<Self> {
        let session = Self::begin(address).await?;
        session.execute(&format!("SET TRANSACTION SNAPSHOT '{snapshot}'"), address).await?;
        session.execute(SAVEPOINT, address).await?;
        Ok(session)
    }

    async fn begin(address: &PostgresAddress) -> Result<Self> {
        let session = Self { client: connect(address).await?, user: address.user().to_owned() };
        session.execute(SETTINGS, address).await?;
        session.execute(BEGIN, address).await?;
        Ok(session)
    }

    async fn execute(&self, sql: &str, address: &PostgresAddress) -> Result<()> {
        self.client.batch_execute(sql).await.map_err(|e| failure::of_connecting(e, address))
    }

    /// A small result of texts.
    pub async fn texts(&self, sql: &str) -> Result<Vec<Vec<String>>> {
        let mut all = Vec::new();
        let rows = self.rows(sql).await?;
        pin_mut!(rows);
        while let Some(row) = rows.try_next().await.map_err(|e| explained(e, &self.user))? {
            let Row(values) = Cell::row(&row)?;
            all.push(values.into_iter().map(|value| value.string()).collect::<Result<_>>()?);
        }
        Ok(all)
    }

    /// The values arrive in PostgreSQL's binary form, so numbers are exact.
    async fn rows(&self, sql: &str) -> Result<RowStream> {
        let none: [(&(dyn ToSql + Sync), Type); 0] = [];
        self.client.query_typed_raw(sql, none).await.map_err(|e| explained(e, &self.user))
    }

    async fn pass_rows(&self, sql: &str, sink: &mut Sink) -> Result<()> {
        let rows = self.rows(sql).await?;
        pin_mut!(rows);
        while let Some(row) = rows.try_next().await.map_err(|e| explained(e, &self.user))? {
            if sink.is_needed() {
                sink.push(Cell::row(&row)?)?;
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Connection for Session {
    async fn read(&mut self, sql: &str, sink: &mut Sink) -> Result<()> {
        let result = self.pass_rows(sql, sink).await;
        if result.is_err() && !self.client.is_closed() {
            // If this fails too, the connection is lost.
            let _ = self.client.batch_execute(ROLLBACK).await;
        }
        result
    }

    fn is_usable(&self) -> bool {
        !self.client.is_closed()
    }
}

async fn connect(address: &PostgresAddress) -> Result<Client> {
    let mode = match (&address.place, address.tls) {
        (Place::Socket(_), _) | (_, TlsMode::Disable) => SslMode::Disable,
        (_, TlsMode::Prefer) => SslMode::Prefer,
        (_, TlsMode::Require(_)) => SslMode::Require,
    };
    match connect_with(address, mode).await {
        // The server's rules can demand a connection without TLS.
        Err(error) if mode == SslMode::Prefer && failure::may_be_about_tls(&error) => {
            let plain = connect_with(address, SslMode::Disable).await;
            plain.map_err(|_| failure::of_connecting(error, address))
        }
        result => result.map_err(|e| failure::of_connecting(e, address)),
    }
}

async fn connect_with(address: &PostgresAddress, mode: SslMode) -> Result<Client, failure::Connecting> {
    let mut config = Config::new();
    config.user(address.user()).dbname(&address.database).ssl_mode(mode).connect_timeout(CONNECT_TIMEOUT);
    config.application_name("mlferry");
    match &address.place {
        Place::Tcp { host, port } => {
            config.host(host).port(*port);
        }
        #[cfg(unix)]
        Place::Socket(path) => {
            let port = path.extension().and_then(|port| port.to_str()?.parse().ok());
            config.host_path(path.parent().unwrap_or(path)).port(port.unwrap_or_default());
        }
        #[cfg(not(unix))]
        Place::Socket(_) => return Err(failure::Connecting::NoSockets),
    }
    if let Some(host_address) = address.host_address {
        config.hostaddr(host_address);
    }
    if let Some(password) = &address.password {
        config.password(password.expose_secret());
    }
    if let Some(options) = &address.options {
        config.options(options);
    }
    let check = match address.tls {
        TlsMode::Require(check) => check,
        TlsMode::Prefer | TlsMode::Disable => Check::Nothing,
    };
    let client = if mode == SslMode::Disable {
        let (client, connection) = limited(config.connect(NoTls)).await?;
        tokio::spawn(connection);
        client
    } else {
        let tls =
            Encryption::new(check, address.authorities.as_deref()).map_err(failure::Connecting::Setup)?;
        let (client, connection) = limited(config.connect(tls)).await?;
        tokio::spawn(connection);
        client
    };
    Ok(client)
}

/// The library limits only the connection itself, not the greeting of the server.
async fn limited<T>(
    connecting: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, failure::Connecting> {
    match timeout(2 * CONNECT_TIMEOUT, connecting).await {
        Ok(connected) => connected.map_err(failure::Connecting::Failed),
        Err(_) => Err(failure::Connecting::Silent),
    }
}
