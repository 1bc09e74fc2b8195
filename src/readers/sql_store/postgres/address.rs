use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::super::server::{Login, Place, ServerUrl};
use super::service_file;
use crate::error::{Error, Result};
use crate::tls::Check;

const PORT: u16 = 5432;
/// Where servers of Debian and of a plain build put their socket.
const SOCKETS: [&str; 2] = ["/var/run/postgresql", "/tmp"];

/// A database, and how to connect to it. It is read from a URL and, like in programs that use libpq, from the
/// environment and a service file (PostgreSQL 18, "libpq: Environment Variables").
#[derive(Clone, Debug)]
pub struct PostgresAddress {
    pub place: Place,
    /// The address to connect to, if the host is used only to check the certificate.
    pub host_address: Option<std::net::IpAddr>,
    /// The user in the address. Every other one has a lower priority.
    pub user: Option<String>,
    default_user: Option<String>,
    pub database: String,
    pub password: Option<SecretString>,
    pub tls: TlsMode,
    pub authorities: Option<PathBuf>,
    /// Settings of the session, such as `-csearch_path=mlflow`.
    pub options: Option<String>,
}

/// `sslmode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsMode {
    Disable,
    /// TLS if the server has it: `prefer`, and `allow`, which starts without it.
    Prefer,
    Require(Check),
}

impl PostgresAddress {
    /// # Errors
    /// [`Class::Usage`](crate::error::Class::Usage) for an address that cannot be read.
    pub fn parse(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let url = ServerUrl::parse(text)?;
        let filled = |name: &str| variable(name).filter(|value| !value.is_empty());
        let service = url.parameter(&["service"]).map(str::to_owned).or_else(|| filled("PGSERVICE"));
        let service = match service {
            Some(name) => service_file::read(&name, &filled)?,
            None => Vec::new(),
        };
        let get = |name: &str, variable: &str| {
            let from_url = url.parameter(&[name]).map(str::to_owned);
            let in_service =
                || service.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
            from_url.or_else(in_service).or_else(|| filled(variable))
        };
        let default_user = get("user", "PGUSER").or_else(|| filled("USER"));
        let user = url.user.clone();
        let database = url.database.clone().or_else(|| get("dbname", "PGDATABASE"));
        let database = database.or_else(|| user.clone()).or_else(|| default_user.clone());
        let database = database.ok_or_else(|| Error::usage("the name of the database is missing"))?;
        let host = url.host.clone().or_else(|| get("host", "PGHOST"));
        let port = get("port", "PGPORT").map(|port| port.parse()).transpose();
        let port = port.map_err(|_| Error::usage("the port of the database is not a number"))?;
        let port = url.port.or(port).unwrap_or(PORT);
        let host_address = get("hostaddr", "PGHOSTADDR").map(|address| address.parse()).transpose();
        let mode = get("sslmode", "PGSSLMODE");
        let authorities = get("sslrootcert", "PGSSLROOTCERT")
            .or_else(|| url.parameter(&["sslrootcert"]).map(str::to_owned));
        // `system` names the system's authorities; they sign for everyone, so the name is checked.
        let of_system = authorities.as_deref() == Some("system");
        let authorities = authorities.filter(|_| !of_system).map(PathBuf::from);
        let tls = match mode {
            Some(mode) => TlsMode::parse(&mode, authorities.is_some())?,
            None if of_system => TlsMode::Require(Check::Host),
            None => TlsMode::Prefer,
        };
        Ok(Self {
            place: place(host, port),
            host_address: host_address.map_err(|_| Error::usage("hostaddr is not an IP address"))?,
            database,
            password: url.password.clone().or_else(|| get("password", "").map(SecretString::from)),
            user,
            default_user,
            tls,
            authorities,
            options: get("options", "PGOPTIONS"),
        })
    }

    /// Completes the login. The address has priority over `login`, and `login` over the variables of PostgreSQL.
    ///
    /// # Errors
    /// [`Class::Usage`](crate::error::Class::Usage) if there is no user.
    pub fn with_login(mut self, login: Login) -> Result<Self> {
        let user = self.user.take().or(login.user).or(self.default_user.take());
        self.user = Some(user.ok_or_else(|| {
            Error::usage(format!("{self}: the user is missing")).hint("write postgresql://user@host/database")
        })?);
        self.password = self.password.take().or(login.password);
        Ok(self)
    }

    pub fn user(&self) -> &str {
        self.user.as_deref().unwrap_or_default()
    }

    /// The certificates to trust: `~/.postgresql/root.crt` by default.
    pub fn with_default_authorities(mut self, home: Option<&Path>) -> Self {
        if let (None, TlsMode::Require(_), Some(home)) = (&self.authorities, self.tls, home) {
            self.authorities = Some(home.join(".postgresql/root.crt")).filter(|path| path.is_file());
        }
        self
    }
}

fn place(host: Option<String>, port: u16) -> Place {
    let socket = |folder: &str| Path::new(folder).join(format!(".s.PGSQL.{port}"));
    match host {
        Some(folder) if folder.starts_with('/') => Place::Socket(socket(&folder)),
        Some(host) => Place::Tcp { host: host.to_ascii_lowercase(), port },
        None => SOCKETS
            .into_iter()
            .map(socket)
            .find(|socket| socket.exists())
            .map_or_else(|| Place::Tcp { host: "localhost".to_owned(), port }, Place::Socket),
    }
}

impl TlsMode {
    /// With a file of authorities, `require` checks them like `verify-ca`, as libpq does.
    fn parse(mode: &str, has_authorities: bool) -> Result<Self> {
        Ok(match mode {
            "disable" => Self::Disable,
            "allow" | "prefer" => Self::Prefer,
            "require" if has_authorities => Self::Require(Check::Authority),
            "require" => Self::Require(Check::Nothing),
            "verify-ca" => Self::Require(Check::Authority),
            "verify-full" => Self::Require(Check::Host),
            other => {
                return Err(Error::usage(format!("{other:?} is not an sslmode"))
                    .hint("sslmode is disable, allow, prefer, require, verify-ca or verify-full"));
            }
        })
    }
}

/// Without user, password and driver: the same database has the same name for every user.
impl fmt::Display for PostgresAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Tcp { .. } => write!(f, "postgresql://{}/{}", self.place, self.database)?,
            Place::Socket(path) => {
                let folder = path.parent().unwrap_or(Path::new("/")).display();
                write!(f, "postgresql:///{}?host={folder}", self.database)?;
                if let Some(port) = path.extension().filter(|port| *port != "5432") {
                    write!(f, "&port={}", port.display())?;
                }
            }
        }
        // Another schema is another store.
        match search_path(self.options.as_deref().unwrap_or_default()) {
            Some(path) => write!(f, "#{path}"),
            None => Ok(()),
        }
    }
}

fn search_path(options: &str) -> Option<&str> {
    options.split_whitespace().find_map(|word| word.trim_start_matches("-c").strip_prefix("search_path="))
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    fn parse(text: &str, set: &[(&str, &str)]) -> Result<PostgresAddress> {
        let get =
            |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        PostgresAddress::parse(text, &get)
    }

    #[test]
    fn one_database_has_one_name() {
        for text in [
            "postgresql://ann:secret@db.example:5432/mlflow",
            "postgres://DB.example/mlflow",
            "postgresql+psycopg2://bob:other@db.example/mlflow?sslmode=require",
        ] {
            assert_eq!(
                parse(text, &[("USER", "me")]).unwrap().to_string(),
                "postgresql://db.example:5432/mlflow"
            );
        }
        let schema = parse("postgresql://u@h/d?options=-csearch_path%3Dml", &[]).unwrap();
        assert_eq!(schema.to_string(), "postgresql://h:5432/d#ml");
        let socket = parse("postgresql://u@/d?host=/run/pg&port=5433", &[]).unwrap();
        assert_eq!(socket.to_string(), "postgresql:///d?host=/run/pg&port=5433");
    }

    #[test]
    fn the_environment_completes_an_address() {
        let set = [
            ("PGHOST", "h"),
            ("PGPORT", "7"),
            ("PGUSER", "u"),
            ("PGDATABASE", "d"),
            ("PGSSLMODE", "verify-full"),
        ];
        let address = parse("postgresql://", &set).unwrap();
        assert_eq!(address.to_string(), "postgresql://h:7/d");
        assert_eq!(address.tls, TlsMode::Require(Check::Host));
        let address = parse("postgresql://ann:p%40@x/y?sslmode=disable", &set).unwrap();
        assert_eq!((address.to_string().as_str(), address.tls), ("postgresql://x:7/y", TlsMode::Disable));
        assert_eq!(address.password.unwrap().expose_secret(), "p@");
        let user = |login: Login| parse("postgresql://h/d", &set).unwrap().with_login(login).unwrap().user;
        let given = Login { user: Some("given".to_owned()), password: None };
        assert_eq!((user(Login::default()).as_deref(), user(given).as_deref()), (Some("u"), Some("given")));
        let nobody = parse("postgresql://h/d", &[]).unwrap().with_login(Login::default());
        assert_eq!(nobody.unwrap_err().exit_code(), 2);
        assert_eq!(parse("postgresql://u@h/d?sslmode=yes", &[]).unwrap_err().exit_code(), 2);
    }
}
