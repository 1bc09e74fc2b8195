//! Where the tracking server's artifact proxy keeps a run's files.

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

/// A file's path as the proxy's URL spells it. The server decodes a path twice (MLflow 2.9 to 3.18: the web server,
/// then `validate_path_is_safe`), so that a `%` has to be encoded twice to stay one.
pub fn proxied_url_path(root: &str, path: &str) -> String {
    encode_path(&format!("{root}/{}", path.replace('%', "%25")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_roots_of_this_server_are_proxied() {
        assert_eq!(
            proxied_path("mlflow-artifacts:/1/r/artifacts"),
            Some("1/r/artifacts")
        );
        assert_eq!(
            proxied_path("mlflow-artifacts:///1/r/artifacts/"),
            Some("1/r/artifacts")
        );
        assert_eq!(proxied_path("mlflow-artifacts://other:5000/1/r"), None);
        assert_eq!(proxied_path("s3://bucket/1/r"), None);
    }

    #[test]
    fn a_percent_sign_is_encoded_twice() {
        assert_eq!(proxied_url_path("1/r", "a b/100%.txt"), "1/r/a%20b/100%2525.txt");
    }
}
