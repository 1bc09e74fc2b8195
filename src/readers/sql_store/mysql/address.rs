use std::fmt;
use std::path::PathBuf;

use secrecy::SecretString;

use super::super::server::{Login, Place, ServerUrl};
use crate::error::{Error, Result};

const PORT: u16 = 3306;

/// A database of MySQL or MariaDB, and how to connect to it.
#[derive(Clone, Debug)]
pub struct MysqlAddress {
    pub place: Place,
    /// The user in the address. Every other one has a lower priority.
    pub user: Option<String>,
    default_user: Option<String>,
    default_password: Option<SecretString>,
    pub database: String,
    pub password: Option<SecretString>,
    pub tls: TlsMode,
    pub authorities: Option<PathBuf>,
}

/// `--ssl-mode` of MySQL's own clients (MySQL 8.4, "Command Options for Encrypted Connections").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsMode {
    Disabled,
    /// TLS if the server has it.
    Preferred,
    Required,
    /// The library cannot check the authority without the name, so `VERIFY_CA` is the same as `VERIFY_IDENTITY`.
    Verify,
}

impl MysqlAddress {
    /// # Errors
    /// [`Class::Usage`](crate::error::Class::Usage) for an address that cannot be read.
    pub fn parse(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let url = ServerUrl::parse(text)?;
        let filled = |name: &str| variable(name).filter(|value| !value.is_empty());
        let missing = |what: &str| {
            Error::usage(format!("the {what} is missing in the address of the database"))
                .hint("write mysql://user@host/database")
        };
        let place = match url.parameter(&["unix_socket", "socket"]) {
            Some(socket) => Place::Socket(socket.into()),
            None => Place::Tcp {
                host: url.host.as_deref().unwrap_or("localhost").to_ascii_lowercase(),
                port: url.port.unwrap_or(PORT),
            },
        };
        Ok(Self {
            place,
            user: url.user.clone(),
            default_user: filled("USER"),
            default_password: filled("MYSQL_PWD").map(SecretString::from),
            tls: TlsMode::of(&url)?,
            authorities: url.parameter(&["ssl_ca", "sslrootcert"]).map(PathBuf::from),
            database: url.database.ok_or_else(|| missing("database"))?,
            password: url.password,
        })
    }
}

impl MysqlAddress {
    /// Completes the login. The address has priority over `login`, and `login` over the variables of MySQL.
    ///
    /// # Errors
    /// [`Class::Usage`](crate::error::Class::Usage) if there is no user.
    pub fn with_login(mut self, login: Login) -> Result<Self> {
        let user = self.user.take().or(login.user).or(self.default_user.take());
        self.user = Some(user.ok_or_else(|| {
            Error::usage(format!("{self}: the user is missing")).hint("write mysql://user@host/database")
        })?);
        self.password = self.password.take().or(login.password).or(self.default_password.take());
        Ok(self)
    }

    pub fn user(&self) -> &str {
        self.user.as_deref().unwrap_or_default()
    }
}

impl TlsMode {
    /// From `ssl-mode`, or from the parameters of PyMySQL.
    fn of(url: &ServerUrl) -> Result<Self> {
        let is_true = |name: &str| {
            url.parameter(&[name]).is_some_and(|value| value.eq_ignore_ascii_case("true") || value == "1")
        };
        let Some(mode) = url.parameter(&["ssl_mode", "sslmode"]) else {
            return Ok(match () {
                () if is_true("ssl_disabled") => Self::Disabled,
                () if is_true("ssl_verify_cert") || is_true("ssl_verify_identity") => Self::Verify,
                () if url.parameter(&["ssl_ca"]).is_some() => Self::Verify,
                () if is_true("ssl") => Self::Required,
                () => Self::Preferred,
            });
        };
        Ok(match mode.to_ascii_uppercase().replace('-', "_").as_str() {
            "DISABLED" | "DISABLE" => Self::Disabled,
            "PREFERRED" | "PREFER" => Self::Preferred,
            "REQUIRED" | "REQUIRE" => Self::Required,
            "VERIFY_CA" | "VERIFY_IDENTITY" | "VERIFY_FULL" => Self::Verify,
            other => {
                return Err(Error::usage(format!("{other:?} is not an ssl-mode"))
                    .hint("ssl-mode is DISABLED, PREFERRED, REQUIRED, VERIFY_CA or VERIFY_IDENTITY"));
            }
        })
    }
}

/// Without user, password and driver: the same database has the same name for every user.
impl fmt::Display for MysqlAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Tcp { .. } => write!(f, "mysql://{}/{}", self.place, self.database),
            Place::Socket(_) => write!(f, "mysql:///{}?unix_socket={}", self.database, self.place),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    fn parse(text: &str) -> Result<MysqlAddress> {
        MysqlAddress::parse(text, &|name| (name == "MYSQL_PWD").then(|| "from env".to_owned()))
    }

    #[test]
    fn one_database_has_one_name() {
        for text in ["mysql://u:p@H/d", "mysql+pymysql://v@h:3306/d?charset=utf8mb4", "mariadb://u@h/d"] {
            assert_eq!(parse(text).unwrap().to_string(), "mysql://h:3306/d");
        }
        let socket = parse("mysql://u@localhost/d?unix_socket=/run/m.sock").unwrap();
        assert_eq!(socket.to_string(), "mysql:///d?unix_socket=/run/m.sock");
        let socket = socket.with_login(Login::default()).unwrap();
        assert_eq!(socket.password.unwrap().expose_secret(), "from env");
        assert_eq!(parse("mysql://u:p@h/d").unwrap().password.unwrap().expose_secret(), "p");
        assert_eq!(parse("mysql://u@h").unwrap_err().exit_code(), 2);
    }

    #[test]
    fn tls_is_set_as_in_other_clients() {
        for (parameters, expected) in [
            ("", TlsMode::Preferred),
            ("ssl-mode=DISABLED", TlsMode::Disabled),
            ("ssl_mode=required&ssl_ca=/ca.pem", TlsMode::Required),
            ("ssl_ca=/ca.pem", TlsMode::Verify),
            ("ssl_verify_identity=true", TlsMode::Verify),
            ("ssl=true", TlsMode::Required),
        ] {
            assert_eq!(parse(&format!("mysql://u@h/d?{parameters}")).unwrap().tls, expected, "{parameters}");
        }
        assert_eq!(parse("mysql://u@h/d?ssl-mode=maybe").unwrap_err().exit_code(), 2);
    }
}
