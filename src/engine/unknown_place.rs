//! The errors for a text that names neither a server, a store nor a directory.

use crate::error::Error;
use crate::readers::SQLITE_SPELLING;
use crate::rest::Side;

const PLACES: &str = "give http://host:5000, the folder or database of a tracking server (./mlruns, \
                      sqlite:///mlflow.db), or a directory that `mlferry export` wrote";

/// The text without the quotes around it: a terminal adds them to a path that is dropped into it.
pub fn unquoted(text: &str) -> &str {
    let text = text.trim();
    let inner = |quote: char| text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote));
    inner('\'').or_else(|| inner('"')).unwrap_or(text)
}

/// An error for a text that MLflow or another tool would accept. `None` for every other text.
pub fn familiar(text: &str) -> Option<Error> {
    let (start, rest) = text.split_once(':').unwrap_or((text, ""));
    let dialect = start.split('+').next().unwrap_or(start).to_ascii_lowercase();
    // The text may contain a password.
    let cut = |what: &str| Error::usage(format!("{start}: is no address of {what}"));
    Some(match dialect.as_str() {
        "sqlite" => Error::usage(format!("{text} names no file")).hint(SQLITE_SPELLING),
        "postgresql" | "postgres" => cut("a database").hint("write postgresql://user@host:5432/database"),
        "mysql" | "mariadb" => cut("a database").hint("write mysql://user@host:3306/database"),
        "s3" | "gs" | "wasbs" | "abfss" => Error::usage(format!("{text} holds files, but no runs")).hint(
            "give the address of the tracking server, or its database: the files in the bucket are found from there",
        ),
        "databricks" | "databricks-uc" | "dbfs" => {
            Error::usage(format!("{text} is in Databricks, which mlferry cannot read"))
                .hint("export there with mlflow-export-import, and give mlferry the directory that it wrote")
        }
        drive if drive.len() == 1 && rest.starts_with(['\\', '/']) && !cfg!(windows) => {
            Error::usage(format!("{text} is a path of Windows"))
                .hint("give the path of the folder on this machine: in WSL it begins with /mnt/c/")
        }
        _ => return None,
    })
}

/// The error for a path at which nothing is.
pub fn missing(text: &str, side: Side) -> Error {
    let error = Error::usage(format!("{text} does not exist"));
    match side {
        Side::Source => error.hint(PLACES),
        Side::Target => error.hint(
            "a target is a server: give http://host:5000 or the ARN of an MLflow App; `mlferry export --output-dir` \
             writes a directory",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_other_tools_accept_gets_its_own_advice() {
        for (text, advice) in [
            ("sqlite:/mlflow.db", "sqlite:///mlflow.db"),
            ("sqlite:mlflow.db", "sqlite:///mlflow.db"),
            ("postgresql:mlflow", "postgresql://user@host"),
            ("mysql+pymysql:ada:secret@host", "mysql://user@host"),
            ("s3://bucket/mlruns", "address of the tracking server"),
            ("databricks://profile", "mlflow-export-import"),
            ("C:\\ada\\mlruns", "/mnt/c/"),
        ] {
            let error = familiar(text).unwrap();
            assert!(error.get_hint().unwrap().contains(advice), "{text}: {error}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        assert_eq!(["'a b'", " \"a\" ", "it's", "'"].map(unquoted), ["a b", "a", "it's", "'"]);
        for text in ["host:5000", "./mlruns", "mlruns"] {
            assert!(familiar(text).is_none(), "{text}");
        }
    }
}
