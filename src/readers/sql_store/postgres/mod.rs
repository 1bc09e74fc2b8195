//! PostgreSQL. A few connections read one snapshot, as `pg_dump --jobs` does: the first one exports it, the others set
//! it.

mod address;
mod encryption;
mod failure;
mod password_file;
mod schema;
mod service_file;
mod session;
mod value;

use std::path::PathBuf;

use futures::future::join_all;
use secrecy::SecretString;

pub use self::address::PostgresAddress;
use self::session::Session;
use super::select::Dialect;
use super::server::{Login, ServerDatabase};
use crate::error::{Error, Result};

const CONNECTIONS: usize = 4;
const DIALECT: Dialect = Dialect { quote: '"', escapes: false };

pub type PostgresDatabase = ServerDatabase<Session>;

/// Opens the database and returns notes for the user. `login` completes the address.
///
/// # Errors
/// When the server cannot be reached or refuses the user, and when tables of MLflow cannot be read.
pub async fn open(
    address: &PostgresAddress,
    login: Login,
    variable: &(dyn Fn(&str) -> Option<String> + Sync),
) -> Result<(PostgresDatabase, Vec<String>)> {
    let home = variable("HOME").map(PathBuf::from);
    let mut address = address.clone().with_default_authorities(home.as_deref()).with_login(login)?;
    let filled = |name: &str| variable(name).filter(|value| !value.is_empty());
    let given = address.password.take().or_else(|| filled("PGPASSWORD").map(SecretString::from));
    let (password, note) = match given {
        Some(password) => (Some(password), None),
        None => password_file::read(&address, &filled),
    };
    address.password = password;
    let explained = |error: Error| match &note {
        Some(note) => error.and_then(note),
        None => error,
    };
    let (first, snapshot) = Session::first(&address).await.map_err(explained)?;
    let catalogue = schema::read(&first, &address).await?;
    let mut sessions = Vec::with_capacity(CONNECTIONS);
    if let Some(snapshot) = snapshot {
        let others = (1..CONNECTIONS).map(|_| Session::with_snapshot(&address, &snapshot));
        for session in join_all(others).await {
            match session {
                Ok(session) => sessions.push(session),
                // Such as the limit of connections of a role.
                Err(error) => tracing::warn!("{address}: reading with fewer connections: {error}"),
            }
        }
    }
    sessions.push(first);
    Ok((ServerDatabase::new(sessions, catalogue, DIALECT), note.into_iter().collect()))
}
