use async_trait::async_trait;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, DriverError, OptsBuilder, SslOpts, Value as Cell};
use secrecy::ExposeSecret;
use tokio::time::timeout;

use super::super::server::{Connection, Place, Sink};
use super::super::value::{Row, Value};
use super::address::{MysqlAddress, TlsMode};
use super::failure::{explained, of_connecting};
use crate::error::{Error, Result};
use crate::limits::CONNECT_TIMEOUT;
use crate::tls::install_provider;

/// A strict mode would only concern writing; without `ANSI_QUOTES` and `NO_BACKSLASH_ESCAPES`, texts are written in
/// one way.
const SETTINGS: [&str; 4] = [
    "SET SESSION sql_mode = ''",
    "SET SESSION sql_select_limit = DEFAULT",
    "SET SESSION net_write_timeout = 3600",
    "SET SESSION wait_timeout = 86400",
];
/// The limit for one query, in MySQL and in MariaDB: each knows only its own.
const NO_LIMIT: [&str; 2] = ["SET SESSION max_execution_time = 0", "SET SESSION max_statement_time = 0"];
const BEGIN: [&str; 2] = [
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
];

/// The connection, within a transaction that only reads.
pub struct Session {
    connection: Conn,
    user: String,
    /// False after an error of the connection.
    is_usable: bool,
}

impl Session {
    pub async fn open(address: &MysqlAddress) -> Result<Self> {
        let connection = connect(address).await?;
        let mut session = Self { connection, user: address.user().to_owned(), is_usable: true };
        for sql in SETTINGS {
            session.execute(sql).await?;
        }
        for sql in NO_LIMIT {
            if let Err(error) = session.execute(sql).await {
                tracing::debug!("{sql}: {error}");
            }
        }
        for sql in BEGIN {
            session.execute(sql).await?;
        }
        Ok(session)
    }

    async fn execute(&mut self, sql: &str) -> Result<()> {
        self.connection.query_drop(sql).await.map_err(|e| explained(e, &self.user))
    }

    /// A small result of texts.
    pub async fn texts(&mut self, sql: &str) -> Result<Vec<Vec<String>>> {
        let rows: Vec<mysql_async::Row> =
            self.connection.query(sql).await.map_err(|e| explained(e, &self.user))?;
        let text = |cell| value(cell).and_then(Value::string);
        rows.into_iter().map(|row| row.unwrap_raw().into_iter().flatten().map(text).collect()).collect()
    }

    /// A prepared statement returns binary values, so numbers are exact.
    async fn pass_rows(&mut self, sql: &str, sink: &mut Sink) -> Result<(), ReadError> {
        let mut result = self.connection.exec_iter(sql, ()).await?;
        while let Some(row) = result.next().await? {
            // The protocol has no way to stop a result, except by ending the connection.
            if sink.is_needed() {
                let cells = row.unwrap_raw().into_iter().map(|cell| value(cell.unwrap_or(Cell::NULL)));
                let row = Row(cells.collect::<Result<_>>().map_err(ReadError::Own)?);
                sink.push(row).map_err(ReadError::Own)?;
            }
        }
        Ok(())
    }
}

enum ReadError {
    Own(Error),
    Server(mysql_async::Error),
}

impl From<mysql_async::Error> for ReadError {
    fn from(error: mysql_async::Error) -> Self {
        Self::Server(error)
    }
}

#[async_trait]
impl Connection for Session {
    async fn read(&mut self, sql: &str, sink: &mut Sink) -> Result<()> {
        self.pass_rows(sql, sink).await.map_err(|error| match error {
            ReadError::Own(error) => error,
            ReadError::Server(error) => {
                self.is_usable &= !error.is_fatal() && !super::failure::ends_connection(&error);
                explained(error, &self.user)
            }
        })
    }

    fn is_usable(&self) -> bool {
        self.is_usable
    }
}

async fn connect(address: &MysqlAddress) -> Result<Conn> {
    use mysql_async::Error::{Driver, Io};
    let is_socket = matches!(address.place, Place::Socket(_));
    if is_socket || address.tls == TlsMode::Disabled {
        return connect_with(address, None).await.map_err(|e| of_connecting(e, address));
    }
    install_provider();
    let verifies = address.tls == TlsMode::Verify;
    let mut tls = SslOpts::default().with_danger_accept_invalid_certs(!verifies);
    if let (true, Some(path)) = (verifies, &address.authorities) {
        tls = tls.with_root_certs(vec![path.clone().into()]).with_disable_built_in_roots(true);
    }
    match connect_with(address, Some(tls)).await {
        Err(Some(Driver(DriverError::NoClientSslFlagFromServer) | Io(mysql_async::IoError::Tls(_))))
            if address.tls == TlsMode::Preferred =>
        {
            connect_with(address, None).await
        }
        result => result,
    }
    .map_err(|e| of_connecting(e, address))
}

/// No error means that the server did not answer in time.
async fn connect_with(
    address: &MysqlAddress,
    tls: Option<SslOpts>,
) -> Result<Conn, Option<mysql_async::Error>> {
    let options = OptsBuilder::default()
        .user(Some(address.user()))
        .pass(address.password.as_ref().map(|password| password.expose_secret()))
        .db_name(Some(&address.database))
        // AWS and LDAP take the password itself, which only TLS protects.
        .enable_cleartext_plugin(matches!(address.tls, TlsMode::Required | TlsMode::Verify))
        // The library would change from TCP to a socket, which has other users.
        .prefer_socket(false)
        .ssl_opts(tls);
    let options = match &address.place {
        Place::Tcp { host, port } => options.ip_or_hostname(host).tcp_port(*port),
        Place::Socket(path) => options.socket(Some(path.to_string_lossy())),
    };
    match timeout(CONNECT_TIMEOUT, Conn::new(options)).await {
        Ok(connected) => connected.map_err(Some),
        Err(_) => Err(None),
    }
}

fn value(cell: Cell) -> Result<Value> {
    Ok(match cell {
        Cell::NULL => Value::Null,
        Cell::Int(value) => Value::Int(value),
        Cell::UInt(value) => {
            Value::Int(i64::try_from(value).map_err(|_| Error::permanent(format!("{value} is too large")))?)
        }
        Cell::Float(value) => Value::Real(value.into()),
        Cell::Double(value) => Value::Real(value),
        Cell::Bytes(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Value::Text(text),
            Err(error) => Value::Bytes(error.into_bytes()),
        },
        Cell::Date(..) | Cell::Time(..) => return Err(Error::permanent("times are not supported")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_exact() {
        assert_eq!(value(Cell::Int(i64::MIN)).unwrap(), Value::Int(i64::MIN));
        assert_eq!(value(Cell::Double(0.1 + 0.2)).unwrap(), Value::Real(0.1 + 0.2));
        assert_eq!(value(Cell::Bytes("ä\\'".into())).unwrap(), Value::from("ä\\'"));
        assert_eq!(value(Cell::Bytes(vec![0xff])).unwrap(), Value::Bytes(vec![0xff]));
        assert!(value(Cell::UInt(u64::MAX)).is_err());
    }
}
