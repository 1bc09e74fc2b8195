use std::path::PathBuf;

use percent_encoding::percent_decode_str;

use super::store::FOLDERS;
use crate::entities::{Owner, S3Object, is_plain_id};

/// An artifact root that this machine may be able to read without its server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArtifactRoot {
    S3(S3Object),
    /// Google Cloud Storage or Azure: the URI of the bucket or container, and the prefix in it.
    Remote {
        container: String,
        prefix: String,
    },
    /// A folder on this machine, if it exists.
    Folder(PathBuf),
}

const REMOTE: [&str; 5] = ["gs", "wasb", "wasbs", "abfs", "abfss"];

impl ArtifactRoot {
    /// `None` for roots that only a server can read, such as `mlflow-artifacts:` or `dbfs:`.
    pub fn of(owner: &Owner<'_>) -> Option<Self> {
        let uri = owner.artifact_uri;
        if let Some(object) = S3Object::parse(uri) {
            return Some(Self::S3(object));
        }
        if let Some((scheme, rest)) = uri.split_once("://").filter(|(scheme, _)| REMOTE.contains(scheme)) {
            // As in S3, a query or fragment is not part of the location.
            let rest = rest.split(['?', '#']).next().unwrap_or(rest);
            let (container, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            let (container, prefix) = (format!("{scheme}://{container}"), prefix.to_owned());
            return Some(Self::Remote { container, prefix });
        }
        folder(uri).filter(|folder| is_of(folder, owner)).map(Self::Folder)
    }

    /// The bucket or container, with its scheme. This machine can read either all of it or nothing.
    pub fn container(&self) -> String {
        match self {
            Self::S3(object) => format!("s3://{}", object.bucket),
            Self::Remote { container, .. } => container.clone(),
            Self::Folder(_) => FOLDERS.to_owned(),
        }
    }
}

/// The folder of a URI. MLflow decodes both `file:///a%20b` and `/a%20b` (3.10, `utils/file_utils.py`,
/// `local_file_uri_to_path`). A relative path is relative to the folder in which the server was started, so it gives no
/// folder here.
pub fn folder(uri: &str) -> Option<PathBuf> {
    let path = match uri.strip_prefix("file:") {
        None => PathBuf::from(percent_decode_str(uri).decode_utf8().ok()?.as_ref()),
        Some(_) => url::Url::parse(uri).ok()?.to_file_path().ok()?,
    };
    path.is_absolute().then_some(path)
}

/// True for a path that ends with the owner's own id. A server may name any path, so other paths are not accepted:
/// nothing else on this machine has that id as its name.
fn is_of(folder: &std::path::Path, owner: &Owner<'_>) -> bool {
    is_plain_id(owner.id) && folder.ends_with(PathBuf::from(owner.id).join("artifacts"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entities::{ExperimentId, Kind};

    fn of(artifact_uri: &str) -> Option<ArtifactRoot> {
        let experiment_id = ExperimentId::from("1");
        let owner =
            Owner { kind: Kind::Run, experiment_id: &experiment_id, id: "r1", artifact_uri, label: "" };
        ArtifactRoot::of(&owner)
    }

    #[test]
    fn roots_that_need_no_server_are_known() {
        let remote = |container: &str| {
            Some(ArtifactRoot::Remote {
                container: container.to_owned(),
                prefix: "m/1/r1/artifacts".to_owned(),
            })
        };
        assert_eq!(of("gs://b/m/1/r1/artifacts"), remote("gs://b"));
        let azure = "wasbs://c@a.blob.core.windows.net";
        assert_eq!(of(&format!("{azure}/m/1/r1/artifacts")), remote(azure));
        assert!(matches!(of("s3://b/m/1/r1/artifacts"), Some(ArtifactRoot::S3(_))));
        let folder = |path: &str| Some(ArtifactRoot::Folder(PathBuf::from(path)));
        assert_eq!(of("file:///a%20b/1/r1/artifacts"), folder("/a b/1/r1/artifacts"));
        assert_eq!(of("/data/mlruns/1/r1/artifacts"), folder("/data/mlruns/1/r1/artifacts"));
        assert_eq!(of("/a%20b/100%/r1/artifacts"), folder("/a b/100%/r1/artifacts"));
        assert_eq!(of("gs://b/m/1/r1/artifacts#fragment"), remote("gs://b"));
    }

    #[test]
    fn a_folder_that_is_not_the_owners_is_left_alone() {
        for uri in
            ["file:///root/.ssh", "/etc", "/x/other/artifacts", "/x/r1/artifacts/..", "mlruns/1/r1/artifacts"]
        {
            assert_eq!(of(uri), None, "{uri}");
        }
        for uri in
            ["mlflow-artifacts:/1/r1/artifacts", "dbfs:/x/r1/artifacts", "file://host/x/r1/artifacts", ""]
        {
            assert_eq!(of(uri), None, "{uri}");
        }
    }
}
