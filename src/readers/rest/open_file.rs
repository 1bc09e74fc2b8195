use std::io::ErrorKind;

use super::RestReader;
use crate::artifacts::{ByteStream, is_kept, proxied_path, proxied_url_path};
use crate::entities::{FileEntry, Owner};
use crate::error::{Class, Code, Error, Result};

/// A route by which the server returns a file.
enum FileRoute {
    /// The artifact proxy, with the path as its URL encodes it.
    Proxy(String),
    /// The owner's own route, for any store that the server itself can reach.
    Owner,
}

impl RestReader {
    /// Opens a file: from its store if this machine can reach it, otherwise through the server's routes, which support
    /// different names. If the store does not have or return the file, the server is tried next.
    pub(super) async fn open_file(&self, owner: Owner<'_>, file: &FileEntry) -> Result<ByteStream> {
        let refusal = match self.direct_root(&owner).await {
            None => None,
            Some(root) => match root.open(&file.path).await {
                Err(error) if may_be_elsewhere(&error) => Some(error),
                opened => return opened,
            },
        };
        let through_server = self.open_through_server(owner, file).await;
        match refusal {
            Some(error) => through_server.map_err(|second| {
                tracing::debug!("{error}; and through the server: {second}");
                error
            }),
            None => through_server,
        }
    }

    async fn open_through_server(&self, owner: Owner<'_>, file: &FileEntry) -> Result<ByteStream> {
        let mut first = None;
        for route in self.routes(owner, &file.path)? {
            let opened = match route {
                FileRoute::Proxy(path) => self.client.download_proxied(&path).await,
                FileRoute::Owner => self.client.download(owner, &file.path).await,
            };
            match opened {
                Err(error) if may_be_elsewhere(&error) => first = first.or(Some(error)),
                other => return other,
            }
        }
        Err(first.unwrap_or_else(|| Error::permanent(format!("the server has no route to {:?}", file.path))))
    }

    /// The routes that support this name, the better one first. The proxy streams the file. But for names beyond ASCII,
    /// the proxy of MLflow 3.10 answers 500, and the other route works.
    fn routes(&self, owner: Owner<'_>, path: &str) -> Result<Vec<FileRoute>> {
        let (can, mut routes) = (self.probe.capabilities, Vec::new());
        let by_owner = is_kept(can.paths, path);
        let root = proxied_path(owner.artifact_uri).filter(|_| can.artifact_proxy);
        let proxied = root.and_then(|root| proxied_url_path(can.paths, root, path).ok());
        routes.extend(proxied.map(FileRoute::Proxy));
        if by_owner.is_ok() {
            routes.push(FileRoute::Owner);
        }
        if !path.is_ascii() {
            routes.reverse();
        }
        if routes.is_empty() { by_owner.map(|()| routes) } else { Ok(routes) }
    }
}

/// True when another route may work: this one does not have the file, does not return it, or does not accept its name.
/// A path that is known not to be a file is not requested from a server, because the server could wait for it without
/// end.
pub(super) fn may_be_elsewhere(error: &Error) -> bool {
    let is_not_a_file =
        matches!(error.get_code(), Some(Code::Io(ErrorKind::IsADirectory | ErrorKind::Unsupported)));
    !is_not_a_file
        && matches!(error.class(), Class::NotFound | Class::Forbidden | Class::Auth | Class::Permanent)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use futures::TryStreamExt;
    use wiremock::matchers::{path, query_param};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;
    use crate::artifacts::ArtifactStores;
    use crate::entities::{ExperimentId, Kind};
    use crate::rest::{Access, Address, Capabilities, Client, Probe};

    /// "abc", as Python's gzip writes it.
    const ABC: [u8; 23] = [31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 75, 76, 74, 6, 0, 194, 65, 36, 53, 3, 0, 0, 0];
    const PROXY: &str = "/api/2.0/mlflow-artifacts/artifacts/1/r1/artifacts";

    async fn read(server: &MockServer, name: &str) -> Result<Vec<u8>> {
        let (address, _) = Address::parse(&server.uri()).unwrap();
        let client = Arc::new(Client::new(address, Access::default()).unwrap());
        let stores = Arc::new(ArtifactStores::new(Arc::clone(client.meter()), None));
        let capabilities = Capabilities { artifact_proxy: true, ..Capabilities::default() };
        let probe = Probe { version: None, capabilities, latency: Duration::ZERO, refused: Vec::new() };
        let source = RestReader::new(client, stores, probe);
        let experiment_id = ExperimentId::from("1");
        let artifact_uri = "mlflow-artifacts:/1/r1/artifacts";
        let owner =
            Owner { kind: Kind::Run, experiment_id: &experiment_id, id: "r1", artifact_uri, label: "" };
        let chunks: Vec<_> =
            source.open_file(owner, &FileEntry::new(name, None)).await?.try_collect().await?;
        Ok(chunks.concat())
    }

    async fn answers(server: &MockServer, at: &str, answer: ResponseTemplate) {
        Mock::given(path(at)).respond_with(answer).mount(server).await;
    }

    #[tokio::test]
    async fn a_gateway_that_packs_files_does_not_change_them() {
        let server = MockServer::start().await;
        let packed = ResponseTemplate::new(200).insert_header("content-encoding", "gzip").set_body_bytes(ABC);
        answers(&server, &format!("{PROXY}/x"), packed).await;
        assert_eq!(read(&server, "x").await.unwrap(), b"abc");
        let asked = &server.received_requests().await.unwrap()[0];
        assert_eq!(asked.headers["accept-encoding"], "identity", "the client requests no compression");
    }

    #[tokio::test]
    async fn a_file_that_one_route_lacks_is_read_through_another() {
        let server = MockServer::start().await;
        let text = |text: &str| ResponseTemplate::new(200).set_body_string(text);
        answers(&server, &format!("{PROXY}/Train%3Ax"), text("by the proxy")).await;
        Mock::given(path("/get-artifact"))
            .and(query_param("path", "y"))
            .respond_with(text("by the run"))
            .mount(&server)
            .await;
        assert_eq!(read(&server, "Train:x").await.unwrap(), b"by the proxy");
        assert_eq!(read(&server, "y").await.unwrap(), b"by the run", "the proxy does not have it");
        let asked = server.received_requests().await.unwrap().len();
        let error = read(&server, "a%20b").await.unwrap_err();
        assert!(error.to_string().contains("would read \"a%20b\" as \"a b\""), "{error}");
        assert_eq!(server.received_requests().await.unwrap().len(), asked, "no other file is requested");
    }
}
