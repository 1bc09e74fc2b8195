use std::path::{Path, PathBuf};

use super::store_search::stores_in;
use super::{MysqlAddress, PostgresAddress, StoreLocation};
use crate::error::{Error, Result};

pub const SQLITE_SPELLING: &str =
    "write sqlite:///mlflow.db for a file here, or sqlite:////data/mlflow.db for an absolute path";

/// Reads a URI in SQLAlchemy's spelling, a `file:` URI or a path. `None` if the text names something else: a server,
/// or an export directory.
///
/// # Errors
/// When it names a store that cannot be read without its server, or a folder with several stores.
pub fn parse_store(text: &str) -> Result<Option<StoreLocation>> {
    let variable = |name: &str| std::env::var(name).ok();
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let (dialect, _driver) = scheme.split_once('+').unwrap_or((scheme, ""));
    match dialect.to_ascii_lowercase().as_str() {
        "sqlite" => sqlite_path(text, rest).map(StoreLocation::Sqlite).map(Some),
        "postgresql" | "postgres" => {
            let address = PostgresAddress::parse(text, &variable)?;
            Ok(Some(StoreLocation::Postgres(Box::new(address))))
        }
        "mysql" | "mariadb" => {
            Ok(Some(StoreLocation::Mysql(Box::new(MysqlAddress::parse(text, &variable)?))))
        }
        "mssql" => Err(Error::usage("mlferry does not read SQL Server without an MLflow server").hint(
            "start one and give its address: mlflow server --backend-store-uri mssql+pyodbc://… --port 5000",
        )),
        "" | "file" => store_at(&path_of(text)),
        _ => Ok(None),
    }
}

/// The store at a path, or the only one in a folder.
fn store_at(path: &Path) -> Result<Option<StoreLocation>> {
    let stores = stores_in(path);
    match stores.len() {
        0 | 1 => Ok(stores.into_iter().next()),
        _ => Err(Error::usage(format!("{} holds several stores: {}", path.display(), names_of(&stores)))
            .hint("give one of them; to move all, import them one after the other")),
    }
}

/// The locations of some stores, for a message.
pub fn names_of(stores: &[StoreLocation]) -> String {
    const MOST: usize = 5;
    let names: Vec<String> = stores.iter().take(MOST).map(StoreLocation::to_string).collect();
    let more = stores.len().saturating_sub(MOST);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", names.join(", "))
}

/// A path, or the path of a `file:` URI, in which parts may be percent-encoded.
fn path_of(text: &str) -> PathBuf {
    if text.starts_with("file:/")
        && let Some(path) = crate::artifacts::folder(text)
    {
        return path;
    }
    let path = text.strip_prefix("file://").or_else(|| text.strip_prefix("file:"));
    local_path(path.unwrap_or(text))
}

/// A path. A shell replaces `~` at its beginning, but not in quotes, and the wizard has no shell.
pub fn local_path(text: &str) -> PathBuf {
    let home = || directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_owned());
    let below = text.strip_prefix("~/").or_else(|| (text == "~").then_some(""));
    match below.and_then(|below| Some(home()?.join(below))) {
        Some(path) if !Path::new(text).exists() => path,
        _ => PathBuf::from(text),
    }
}

/// The path in SQLAlchemy's spelling: `sqlite:///relative.db`, `sqlite:////absolute.db`; parameters may follow.
fn sqlite_path(text: &str, rest: &str) -> Result<PathBuf> {
    let path = rest.split('?').next().unwrap_or(rest);
    let path = path.strip_prefix('/').filter(|path| !path.is_empty());
    // In memory, or a host.
    let path = path.filter(|path| *path != ":memory:");
    let path = path.ok_or_else(|| Error::usage(format!("{text} names no file")).hint(SQLITE_SPELLING))?;
    match Path::new(path).is_file() {
        true => Ok(PathBuf::from(path)),
        false if Path::new(&format!("/{path}")).is_file() => {
            Err(Error::usage(format!("there is no file {path} in this directory"))
                .hint(format!("write sqlite:////{path} for the file /{path}")))
        }
        false => Err(Error::usage(format!("there is no file {path}")).hint(SQLITE_SPELLING)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_are_known_in_every_spelling() {
        let file = tempfile::NamedTempFile::with_suffix(" b.db").unwrap();
        let path = file.path().to_str().unwrap();
        let sqlite = Some(StoreLocation::Sqlite(file.path().to_owned()));
        for text in [&format!("sqlite:///{path}"), &format!("sqlite+pysqlite:///{path}?timeout=5"), path] {
            assert_eq!(parse_store(text).unwrap(), sqlite, "{text}");
        }
        assert_eq!(parse_store(&format!("file://{}", path.replace(' ', "%20"))).unwrap(), sqlite);
        for other in ["http://host:5000", "arn:aws:sagemaker:x", "s3://bucket/x", "/not/there"] {
            assert_eq!(parse_store(other).unwrap(), None, "{other}");
        }
        for bad in
            ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:///gone.db", "mssql+pyodbc://u:p@h/db"]
        {
            let error = parse_store(bad).unwrap_err();
            assert!(error.get_hint().is_some() && !error.to_string().contains("u:p"), "{error}");
        }
    }
}
