//! Reads files directly from their store, if this machine sees the same files there as the server.

use std::collections::HashSet;
use std::sync::PoisonError;

use futures::stream::{self, StreamExt, TryStreamExt};

use super::RestReader;
use super::open_file::may_be_elsewhere;
use crate::artifacts::Root;
use crate::entities::{FileEntry, Kind, Owner};
use crate::io::Pages;

impl RestReader {
    /// The root of the owner's files, if this machine can read it and it is the same root as the server's.
    pub(super) async fn direct_root(&self, owner: &Owner<'_>) -> Option<Root> {
        let is_by_server =
            self.by_server.lock().unwrap_or_else(PoisonError::into_inner).contains(owner.artifact_uri);
        if is_by_server { None } else { self.stores.root(owner).await }
    }

    /// The owner's files, as their store lists them. `None` when the server must be asked. An empty list is accepted
    /// only if the server lists nothing either: the same name may mean another place for the server (a custom endpoint,
    /// a container's file system). A folder on this machine must also have the same files as the server's list.
    pub(super) async fn listed_directly(&self, owner: Owner<'_>) -> Option<Pages<'static, FileEntry>> {
        if let Some(host) = other_proxy(owner.artifact_uri, &self.client.address().to_string()) {
            self.stores.note(format!(
                "artifacts that {host} serves are read from this server instead, which may have other files: compare a run in \
                 MLflow's own client"
            ));
        }
        let root = self.direct_root(&owner).await?;
        let (mut pages, mut first) = (root.files(), Vec::new());
        while first.is_empty() {
            match pages.try_next().await {
                Ok(Some(page)) => first = page,
                Ok(None) => break,
                Err(error) if may_be_elsewhere(&error) => {
                    tracing::info!("{}: {error}", owner.artifact_uri);
                    self.leave_to_server(&root, owner);
                    return None;
                }
                Err(error) => return Some(stream::once(async { Err(error) }).boxed()),
            }
        }
        if (first.is_empty() || root.folder().is_some()) && self.server_sees_more(&root, owner, &first).await
        {
            self.leave_to_server(&root, owner);
            return None;
        }
        Some(stream::once(async { Ok(first) }).chain(pages).boxed())
    }

    /// Whether the server lists a file at the top of the root that this machine does not see, or sees with another
    /// size. False if the server cannot list the root.
    async fn server_sees_more(&self, root: &Root, owner: Owner<'_>, seen: &[FileEntry]) -> bool {
        if !matches!(owner.kind, Kind::Run | Kind::LoggedModel) {
            return false;
        }
        let Ok((files, folders)) = self.client.list_artifacts(owner, "").await else { return false };
        let is_other = |listed: &FileEntry| match seen.iter().find(|seen| seen.path == listed.path) {
            None => true,
            Some(seen) => seen.size.zip(listed.size).is_some_and(|(seen, listed)| seen != listed),
        };
        let tops: HashSet<&str> = seen.iter().filter_map(|file| file.path.split('/').next()).collect();
        let is_missing = |folder: &String| {
            // Only a local folder can exist and be empty.
            !tops.contains(folder.as_str()) && !root.folder().is_some_and(|root| root.join(folder).is_dir())
        };
        files.iter().any(is_other) || folders.iter().any(is_missing)
    }

    fn leave_to_server(&self, root: &Root, owner: Owner<'_>) {
        self.by_server.lock().unwrap_or_else(PoisonError::into_inner).insert(owner.artifact_uri.to_owned());
        self.stores.note(format!(
            "this machine does not see the server's files in {}: such artifacts are read through the server",
            root.container()
        ));
    }
}

/// The host that an artifact root names as its proxy, if it is another host than this server's. A tracking server that
/// also serves artifacts uses its own store for any host name (MLflow 3.10, `server/handlers.py`,
/// `_is_servable_proxied_run_artifact_root`), while MLflow's client connects to that host.
fn other_proxy<'a>(root: &'a str, address: &str) -> Option<&'a str> {
    let (scheme, rest) = root.split_once("://")?;
    let host = rest.split('/').next().filter(|host| !host.is_empty())?;
    let own_host = address.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or(rest));
    (matches!(scheme, "mlflow-artifacts" | "http" | "https") && own_host != Some(host)).then_some(host)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;
    use std::time::Duration;

    use serde_json::{Value, json};
    use wiremock::matchers::path;
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;
    use crate::artifacts::ArtifactStores;
    use crate::entities::ExperimentId;
    use crate::rest::{Access, Address, Capabilities, Client, Probe};

    /// The files that are read from the folder `<dir>/r1/artifacts` when a server lists it as `listed`. `None` if the
    /// server is asked for them.
    async fn read(dir: &Path, listed: ResponseTemplate) -> Option<Vec<String>> {
        let server = MockServer::start().await;
        Mock::given(path("/api/2.0/mlflow/artifacts/list")).respond_with(listed).mount(&server).await;
        let (address, _) = Address::parse(&server.uri()).unwrap();
        let client = Arc::new(Client::new(address, Access::default()).unwrap());
        let stores = Arc::new(ArtifactStores::new(Arc::clone(client.meter()), None));
        let (capabilities, latency) = (Capabilities::default(), Duration::ZERO);
        let source = RestReader::new(
            client,
            stores,
            Probe { version: None, capabilities, latency, refused: Vec::new() },
        );
        let (experiment_id, root) = (ExperimentId::from("1"), dir.join("r1/artifacts"));
        let (kind, id, label) = (Kind::Run, "r1", "");
        let owner =
            Owner { kind, experiment_id: &experiment_id, id, artifact_uri: root.to_str().unwrap(), label };
        let Some(pages) = source.listed_directly(owner).await else {
            assert!(source.direct_root(&owner).await.is_none(), "files are not opened there either");
            assert!(source.stores.take_notes().concat().contains("does not see"));
            return None;
        };
        let files: Vec<FileEntry> = pages.try_concat().await.unwrap();
        Some(files.into_iter().map(|file| file.path).collect())
    }

    fn list(files: Value) -> ResponseTemplate {
        ResponseTemplate::new(200).set_body_json(json!({ "files": files }))
    }

    #[test]
    fn a_root_at_another_proxy_is_recognized() {
        let of = |root: &str| other_proxy(root, "http://ours:5000/prefix").map(str::to_owned);
        assert_eq!(of("mlflow-artifacts://files:5500/1/r/artifacts").as_deref(), Some("files:5500"));
        for root in ["mlflow-artifacts:/1/r", "mlflow-artifacts://ours:5000/1/r", "s3://b/1", "/data/1"] {
            assert_eq!(of(root), None, "{root}");
        }
    }

    #[tokio::test]
    async fn a_local_folder_is_read_only_if_the_server_lists_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("r1/artifacts");
        std::fs::create_dir_all(root.join("hollow")).unwrap();
        let nothing = || Some(Vec::new());
        assert_eq!(read(dir.path(), list(json!([]))).await, nothing());
        assert_eq!(read(dir.path(), list(json!([{ "path": "hollow", "is_dir": true }]))).await, nothing());
        assert_eq!(read(dir.path(), list(json!([{ "path": "models", "is_dir": true }]))).await, None);
        assert_eq!(read(dir.path(), list(json!([{ "path": "x", "file_size": "3" }]))).await, None);

        std::fs::write(root.join("x"), b"xyz").unwrap();
        let same = json!({ "path": "x", "file_size": "3" });
        let ours = || Some(vec!["x".to_owned()]);
        assert_eq!(read(dir.path(), list(json!([same]))).await, ours());
        assert_eq!(read(dir.path(), list(json!([{ "path": "x", "file_size": "4" }]))).await, None, "stale");
        assert_eq!(read(dir.path(), list(json!([same, { "path": "y" }]))).await, None, "a copy with less");
        assert_eq!(read(dir.path(), list(json!([]))).await, ours(), "written after the server looked");
        let missing = json!({ "error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no run" });
        assert_eq!(read(dir.path(), ResponseTemplate::new(404).set_body_json(missing)).await, ours());
    }
}
