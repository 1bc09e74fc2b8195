//! MySQL and MariaDB. A snapshot cannot be shared, so one connection reads everything.

mod address;
mod failure;
mod schema;
mod session;

pub use self::address::MysqlAddress;
use self::session::Session;
use super::select::Dialect;
use super::server::{Login, ServerDatabase};
use crate::error::Result;

/// The mode `ANSI_QUOTES`, and one without escapes, are switched off: see [`Session`].
const DIALECT: Dialect = Dialect { quote: '`', escapes: true };

pub type MysqlDatabase = ServerDatabase<Session>;

/// Opens the database and returns notes for the user. `login` completes the address.
///
/// # Errors
/// When the server cannot be reached or refuses the user.
pub async fn open(address: &MysqlAddress, login: Login) -> Result<(MysqlDatabase, Vec<String>)> {
    let address = address.clone().with_login(login)?;
    let mut session = Session::open(&address).await?;
    let (catalogue, notes) = schema::read(&mut session, &address).await?;
    Ok((ServerDatabase::new(vec![session], catalogue, DIALECT), notes))
}
