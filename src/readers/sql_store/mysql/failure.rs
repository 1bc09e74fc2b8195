use mysql_async::{DriverError, Error as MysqlError, IoError};

use super::address::MysqlAddress;
use crate::error::{Class, Error};
use crate::tls;

const AGAIN: &str = "run the same command again: it continues";
const PASSWORD: &str = "set MLFERRY_SOURCE_PASSWORD or MYSQL_PWD";

/// No error means that the server did not answer in time.
pub fn of_connecting(error: Option<MysqlError>, address: &MysqlAddress) -> Error {
    let user = address.user();
    let Some(error) = error else {
        return Error::transient(format!("{address}: the server does not answer"))
            .hint("check host and port, and that the server is running");
    };
    if let Some(reason) = tls::trouble(&error) {
        return Error::permanent(format!("{address}: {reason}"))
            .hint("give its authority's certificate: ?ssl-mode=VERIFY_IDENTITY&ssl-ca=ca.pem")
            .caused_by(error);
    }
    match &error {
        // The numbers are in MySQL 8.4, "Server Error Message Reference".
        MysqlError::Server(server) => match server.code {
            1045 | 1698 => Error::new(
                Class::Auth,
                format!("{address}: the password for the user {user} is wrong or missing"),
            )
            .hint(PASSWORD)
            .caused_by(error),
            1044 => {
                Error::new(Class::Forbidden, format!("{address}: the user {user} may not use this database"))
                    .hint(grant(&address.database, user))
                    .caused_by(error)
            }
            1049 => Error::usage(format!("{address}: there is no such database"))
                .hint("list them: SHOW DATABASES")
                .caused_by(error),
            _ => explained(error, user).at(address),
        },
        MysqlError::Io(IoError::Tls(cause)) => Error::permanent(format!("{address}: TLS: {cause}"))
            .hint("give its authority's certificate: ?ssl-mode=VERIFY_IDENTITY&ssl-ca=ca.pem")
            .caused_by(error),
        MysqlError::Driver(DriverError::NoClientSslFlagFromServer) => {
            Error::permanent(format!("{address}: the server has no TLS"))
                .hint("without encryption: ?ssl-mode=DISABLED")
                .caused_by(error)
        }
        MysqlError::Driver(DriverError::CleartextPluginDisabled) => {
            Error::new(Class::Auth, format!("{address}: the server asks for the password itself"))
                .hint("with encryption, it is sent: ?ssl-mode=VERIFY_IDENTITY")
                .caused_by(error)
        }
        _ => explained(error, user).at(address),
    }
}

/// An error of the server or of the connection.
pub fn explained(error: MysqlError, user: &str) -> Error {
    let plain = match &error {
        MysqlError::Server(server) => {
            let text = format!("MySQL: {} ({})", server.message, server.code);
            match server.code {
                1142 | 1143 | 1370 => Error::new(Class::Forbidden, text).hint(grant("…", user)),
                1130 => {
                    Error::new(Class::Auth, text).hint("ask for a user who may connect from this machine")
                }
                // Too many connections, a shutdown, a lock, an interrupted query.
                1040 | 1053 | 1205 | 1213 | 1317 | 3024 => Error::transient(text).hint(AGAIN),
                _ if ends_connection(&error) => Error::transient(text).hint(AGAIN),
                _ => Error::permanent(text),
            }
        }
        MysqlError::Io(IoError::Io(cause)) => {
            let text = format!("MySQL: {cause}");
            Error::transient(text).hint("check host and port, and that the server is running; run the same command again: it continues")
        }
        MysqlError::Driver(DriverError::ConnectionClosed) => {
            Error::transient("the connection to MySQL was lost").hint(AGAIN)
        }
        _ => Error::permanent(format!("MySQL: {error}")),
    };
    plain.caused_by(error)
}

/// True if the server has ended the connection: by a command of another user, or after a time of silence.
pub fn ends_connection(error: &MysqlError) -> bool {
    matches!(error, MysqlError::Server(server) if matches!(server.code, 1053 | 1152 | 1158..=1161 | 1184 | 1927 | 4031))
}

fn grant(database: &str, user: &str) -> String {
    format!("let an administrator run: GRANT SELECT ON `{database}`.* TO '{user}'@'%'")
}
