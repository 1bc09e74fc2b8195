use std::fmt;

/// A place in S3: an object, or the prefix of several objects.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct S3Object {
    pub bucket: String,
    /// The key, as in the URI: it may begin and end with a slash, and contain empty parts.
    pub key: String,
}

impl S3Object {
    /// Reads `s3://bucket/key` as MLflow does (3.10, `store/artifact/s3_artifact_repo.py`, `parse_s3_uri`). Nothing is
    /// decoded. One slash separates the two, so `s3://b//k` and `s3://b/k` are different places. A query or fragment is
    /// not part of the key.
    pub fn parse(uri: &str) -> Option<Self> {
        let rest = uri.strip_prefix("s3://")?;
        let rest = rest.split(['?', '#']).next().unwrap_or(rest);
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        (!bucket.is_empty()).then(|| Self { bucket: bucket.to_owned(), key: key.to_owned() })
    }

    /// The object at `path` below this one, joined as `posixpath.join` does.
    #[must_use]
    pub fn below(&self, path: &str) -> Self {
        let slash = if self.key.is_empty() || self.key.ends_with('/') { "" } else { "/" };
        let key = format!("{}{slash}{path}", self.key);
        Self { bucket: self.bucket.clone(), key }
    }
}

impl fmt::Display for S3Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_is_a_bucket_and_a_key_taken_literally() {
        let root = S3Object::parse("s3://b/mlflow/1/r/artifacts/").unwrap();
        assert_eq!(root.below("a%20b/ü.txt").to_string(), "s3://b/mlflow/1/r/artifacts/a%20b/ü.txt");
        for (root, key) in [
            ("s3://b", "x"),
            ("s3://b/", "x"),
            ("s3://b//", "/x"),
            ("s3://b//a", "/a/x"),
            ("s3://b/a//c", "a//c/x"),
            ("s3://b/a//", "a//x"),
            ("s3://b/a;b/c#d", "a;b/c/x"),
            ("s3://b/a?d", "a/x"),
        ] {
            assert_eq!(S3Object::parse(root).unwrap().below("x").key, key, "{root}");
        }
        for other in ["s3://", "s3:///key", "gs://b/k", "mlflow-artifacts:/1", "/s3://b"] {
            assert_eq!(S3Object::parse(other), None, "{other}");
        }
    }
}
