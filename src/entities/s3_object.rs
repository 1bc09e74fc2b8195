use std::fmt;

/// A place in S3: an object, or the prefix under which objects lie.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct S3Object {
    pub bucket: String,
    /// Without a slash in front.
    pub key: String,
}

impl S3Object {
    /// Reads `s3://bucket/key` as MLflow does (3.10, `store/artifact/s3_artifact_repo.py`): nothing in it is decoded.
    pub fn parse(uri: &str) -> Option<Self> {
        let rest = uri.strip_prefix("s3://")?;
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        (!bucket.is_empty())
            .then(|| Self { bucket: bucket.to_owned(), key: key.trim_matches('/').to_owned() })
    }

    /// What lies at `path` below this.
    #[must_use]
    pub fn below(&self, path: &str) -> Self {
        let key = if self.key.is_empty() { path.to_owned() } else { format!("{}/{path}", self.key) };
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
        assert_eq!(S3Object::parse("s3://b").unwrap().below("x").key, "x");
        for other in ["s3://", "s3:///key", "gs://b/k", "mlflow-artifacts:/1", "/s3://b"] {
            assert_eq!(S3Object::parse(other), None, "{other}");
        }
    }
}
