//! Where the tracking server's artifact proxy keeps a run's files.

use percent_encoding::percent_decode_str;

use crate::error::{Error, Result};
use crate::rest::encode_path;

/// The proxy's own path of an artifact root such as `mlflow-artifacts:/1/<run>/artifacts`; `None` for roots in
/// other stores, and for a root at another server (`mlflow-artifacts://host/…`).
pub fn proxied_path(artifact_uri: &str) -> Option<&str> {
    let rest = artifact_uri.strip_prefix("mlflow-artifacts:")?;
    let path = match rest.strip_prefix("//") {
        None => rest,
        Some(authority_and_path) if authority_and_path.starts_with('/') => authority_and_path,
        Some(_) => return None,
    };
    Some(path.trim_matches('/'))
}

/// A file's path as the proxy's URL spells it. The server decodes a path until nothing changes any more (MLflow 2.9
/// to 3.10, `utils/uri.py`, `_decode`): a name such as `a%20b` cannot be said in any encoding, and asking for it
/// reads or overwrites `a b`. Such names are refused here rather than trusted to an answer of 200.
pub fn proxied_url_path(root: &str, path: &str) -> Result<String> {
    is_speakable(path)?;
    Ok(encode_path(&format!("{root}/{path}")))
}

/// An error for a path that the server's routes would take for another one.
pub fn is_speakable(path: &str) -> Result<()> {
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    if decoded == path {
        return Ok(());
    }
    Err(Error::permanent(format!(
        "{path:?} holds a %-sequence, which the server's routes decode: they would take it for {decoded:?}"
    ))
    .hint("rename it in the server's artifact store, or copy it by hand"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_roots_of_this_server_are_proxied() {
        assert_eq!(proxied_path("mlflow-artifacts:/1/r/artifacts"), Some("1/r/artifacts"));
        assert_eq!(proxied_path("mlflow-artifacts:///1/r/artifacts/"), Some("1/r/artifacts"));
        assert_eq!(proxied_path("mlflow-artifacts://other:5000/1/r"), None);
        assert_eq!(proxied_path("s3://bucket/1/r"), None);
    }

    #[test]
    fn names_that_the_server_would_change_are_refused() {
        assert_eq!(proxied_url_path("1/r", "a b/100%.txt").unwrap(), "1/r/a%20b/100%25.txt");
        for name in ["a%20b", "p%41.txt", "x%2Fy", "folder%20x/inside"] {
            assert!(proxied_url_path("1/r", name).is_err(), "{name}");
        }
    }
}
