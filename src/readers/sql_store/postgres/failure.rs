use std::error::Error as StdError;
use std::io::ErrorKind;

use tokio_postgres::error::SqlState;

use super::address::PostgresAddress;
use crate::error::{Class, Error};
use crate::tls;

const AGAIN: &str = "run the same command again: it continues";
const PASSWORD: &str = "set MLFERRY_SOURCE_PASSWORD or PGPASSWORD, or add a line to ~/.pgpass";

/// Why a connection was not opened.
pub enum Connecting {
    /// Our own settings are wrong.
    Setup(Error),
    Failed(tokio_postgres::Error),
    Silent,
    #[cfg(not(unix))]
    NoSockets,
}

/// True if the same connection without TLS may be accepted.
pub fn may_be_about_tls(error: &Connecting) -> bool {
    let Connecting::Failed(error) = error else { return false };
    let is_refused = error.code() == Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION);
    is_refused || (error.code().is_none() && io_kind(error).is_none_or(|kind| kind == ErrorKind::InvalidData))
}

pub fn of_connecting(error: impl Into<Connecting>, address: &PostgresAddress) -> Error {
    let error = match error.into() {
        Connecting::Setup(error) => return error,
        Connecting::Silent => return Error::transient(format!("{address}: the server does not answer")),
        #[cfg(not(unix))]
        Connecting::NoSockets => return Error::usage("sockets of Unix do not exist on this system"),
        Connecting::Failed(error) => error,
    };
    if let Some(reason) = tls::trouble(&error) {
        return Error::permanent(format!("{address}: {reason}"))
            .hint("give its authority's certificate: ?sslmode=verify-full&sslrootcert=ca.pem")
            .caused_by(error);
    }
    let user = address.user();
    // The library has no code for it.
    let is_missing = StdError::source(&error).is_some_and(|cause| cause.to_string() == "password missing");
    let known = match error.code() {
        _ if is_missing => {
            Error::new(Class::Auth, format!("{address}: the user {user} needs a password")).hint(PASSWORD)
        }
        Some(code) if *code == SqlState::INVALID_PASSWORD => {
            let text = format!("{address}: the password for the user {user} is wrong or missing");
            Error::new(Class::Auth, text).hint(PASSWORD)
        }
        Some(code) if *code == SqlState::INVALID_CATALOG_NAME => {
            Error::usage(format!("{address}: there is no such database"))
                .hint(format!("list them: psql -l -U {user}"))
        }
        _ => return explained(error, user).at(address),
    };
    known.caused_by(error)
}

impl From<tokio_postgres::Error> for Connecting {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Failed(error)
    }
}

/// An error of the server or of the connection.
pub fn explained(error: tokio_postgres::Error, user: &str) -> Error {
    let Some(database) = error.as_db_error() else { return of_transport(error) };
    let text = format!("PostgreSQL: {} ({})", database.message(), database.code().code());
    let code = database.code().code();
    let plain = match code {
        // No privilege on a table or a schema.
        "42501" => Error::new(Class::Forbidden, text).hint(grant(user)),
        // The rules in pg_hba.conf, or a role that does not exist or may not sign in.
        "28000" => Error::new(Class::Auth, text)
            .hint("ask for a role that may connect from this machine (pg_hba.conf)"),
        // Limits of connections or memory, a shutdown or a start, a standby that ends long queries, and a lost
        // connection.
        _ if ["53", "57", "08", "40", "25P03"].iter().any(|class| code.starts_with(class)) => match code {
            "40001" => Error::transient(text).hint("set hot_standby_feedback = on, or read the primary"),
            _ => Error::transient(text).hint(AGAIN),
        },
        _ => Error::permanent(text),
    };
    plain.caused_by(error)
}

/// The right that a reader needs.
pub fn grant(user: &str) -> String {
    format!(
        "let the owner of the tables run: GRANT USAGE ON SCHEMA public TO \"{user}\"; \
         GRANT SELECT ON ALL TABLES IN SCHEMA public TO \"{user}\";"
    )
}

fn of_transport(error: tokio_postgres::Error) -> Error {
    let text = match error.source() {
        Some(cause) => format!("PostgreSQL: {error}: {cause}"),
        None => format!("PostgreSQL: {error}"),
    };
    let plain = match io_kind(&error) {
        _ if error.is_closed() => Error::transient("the connection to PostgreSQL was lost")
            .hint("run the same command again: it continues"),
        Some(ErrorKind::NotFound | ErrorKind::ConnectionRefused | ErrorKind::HostUnreachable) => {
            Error::transient(text).hint("check host and port, and that the server is running")
        }
        Some(_) => {
            Error::transient(text).hint("check host and port; run the same command again: it continues")
        }
        None if text.contains("does not support TLS") => {
            Error::permanent(text).hint("without encryption: ?sslmode=disable")
        }
        None if text.contains("timed out") || text.contains("timeout") => Error::transient(text),
        None => Error::permanent(text),
    };
    plain.caused_by(error)
}

fn io_kind(error: &tokio_postgres::Error) -> Option<ErrorKind> {
    let mut causes = std::iter::successors(StdError::source(error), |cause| (*cause).source());
    causes.find_map(|cause| cause.downcast_ref::<std::io::Error>()).map(std::io::Error::kind)
}
