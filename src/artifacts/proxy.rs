//! The place where the tracking server's artifact proxy keeps a run's files.

use crate::error::{Error, Result};
use crate::rest::{PathRules, encode_path};

/// The proxy's own path of an artifact root such as `mlflow-artifacts:/1/<run>/artifacts`. `None` for roots in other
/// stores, and for roots at another server (`mlflow-artifacts://host/…`).
pub fn proxied_path(artifact_uri: &str) -> Option<&str> {
    let rest = artifact_uri.strip_prefix("mlflow-artifacts:")?;
    let path = match rest.strip_prefix("//") {
        None => rest,
        Some(authority_and_path) if authority_and_path.starts_with('/') => authority_and_path,
        Some(_) => return None,
    };
    Some(path.trim_matches('/'))
}

/// The path of a file in the URL of the proxy.
///
/// # Errors
/// When the server would read the path as a different one.
pub fn proxied_url_path(rules: PathRules, root: &str, path: &str) -> Result<String> {
    let whole = format!("{root}/{path}");
    is_kept(rules, &whole)?;
    Ok(encode_path(&whole))
}

/// Returns an error for a path that the server's routes would read as a different one: the request would read or
/// overwrite another file. Such names are refused here, because the server would answer 200.
pub fn is_kept(rules: PathRules, path: &str) -> Result<()> {
    let why = match rules.used(path) {
        Some(used) if used == path => return Ok(()),
        Some(used) => format!("the server's routes would read {path:?} as {used:?}"),
        None => format!("the server's routes refuse the name {path:?}"),
    };
    Err(Error::permanent(why).hint(
        "give this machine access to the artifact store itself, or rename the file there, or copy it by hand",
    ))
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
        let spelled = |name: &str| proxied_url_path(PathRules::Escaped, "1/r", name);
        assert_eq!(spelled("a b/100%.txt").unwrap(), "1/r/a%20b/100%25.txt");
        // A scheme would become lower case, but after a root it is not a scheme.
        assert_eq!(spelled("Train:x").unwrap(), "1/r/Train%3Ax");
        assert!(is_kept(PathRules::Escaped, "Train:x").is_err());
        for name in ["a%20b", "p%41.txt", "x%2Fy", "folder%20x/inside", "a#b"] {
            assert!(spelled(name).is_err(), "{name}");
            assert!(proxied_url_path(PathRules::Literal, "1/r", name).is_ok(), "{name}");
        }
    }
}
