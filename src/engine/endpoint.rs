use std::path::PathBuf;
use std::sync::Arc;

use super::unknown_place;
use crate::artifacts::ArtifactStores;
use crate::aws::{Arn, Session, Signer};
use crate::error::{Error, Result};
use crate::readers::{
    ArchiveReader, Reader, RestReader, StoreLocation, StoreOptions, local_path, parse_store,
};
use crate::rest::probe;
use crate::rest::{Access, Address, Client, Probe, Side, connect};
use crate::writers::{IdMap, RestWriter, Writer};

/// One end of a migration that has been opened. A server has also been probed.
#[derive(Clone)]
pub enum Endpoint {
    Server(Server),
    Archive(PathBuf),
    /// The store of a tracking server, read without the server.
    Store(Store),
}

/// A file store or a database.
#[derive(Clone)]
pub struct Store {
    location: StoreLocation,
    reader: Arc<dyn Reader>,
}

impl Store {
    async fn open(location: StoreLocation, access: Access) -> Result<Self> {
        let Access { workspace, username, password, artifact_roots, .. } = access;
        let reader = location.open(StoreOptions { workspace, username, password, artifact_roots }).await?;
        Ok(Self { location, reader })
    }
}

/// A tracking server that has answered a request.
#[derive(Clone)]
pub struct Server {
    pub client: Arc<Client>,
    pub probe: Probe,
    /// The stores that hold the server's artifacts.
    pub stores: Arc<ArtifactStores>,
    /// The server's SageMaker resource. `None` for a self-managed server.
    pub managed: Option<Arc<Managed>>,
}

/// An MLflow App or a tracking server that SageMaker runs.
#[derive(Clone)]
pub struct Managed {
    pub arn: Arn,
    /// The session for the control plane and S3. MLflow calls may be signed with another role: see
    /// [`Session::with_assumed_role`].
    pub session: Session,
}

fn not_writable(store: &str) -> Error {
    Error::usage(format!("{store} cannot be written"))
        .hint("start a server for it and give its address: mlflow server --backend-store-uri …")
}

/// Opens `http(s)://…`, the ARN of managed MLflow, the store of a server, or an export directory. This function only
/// reads.
pub async fn open(text: &str, end: Side, access: Access) -> Result<Endpoint> {
    let text = unknown_place::unquoted(text);
    if text.is_empty() {
        return Err(Error::usage(format!("the {} is missing", end.name()))
            .hint(format!("give --{} http://host:5000, or the ARN of an MLflow App", end.name())));
    }
    if text.starts_with("arn:") {
        let arn = Arn::parse(text)?;
        let session = Session::open(Some(arn.region())).await?;
        let caller = session.clone().with_assumed_role().await?;
        return Ok(Endpoint::Server(open_managed(arn, session, caller, access).await?));
    }
    let lower = text.to_ascii_lowercase();
    if lower.starts_with("http://") || lower.starts_with("https://") {
        let (address, login) = Address::parse(text)?;
        let access = match access.aws_sigv4 {
            true => {
                let session = Session::open(None).await?;
                access.with_signer(Signer::for_gateway(session, address.host())?)
            }
            false => access.with_login(login),
        };
        let (client, probe) = connect(address, access).await?;
        let client = Arc::new(client);
        let stores = Arc::new(ArtifactStores::new(Arc::clone(client.meter()), None).with_wait(client.wait()));
        return Ok(Endpoint::Server(Server { client, probe, stores, managed: None }));
    }
    let store = match parse_store(text) {
        // It may not exist yet.
        Err(_) if end == Side::Target && lower.starts_with("sqlite:") => return Err(not_writable(text)),
        parsed => parsed?,
    };
    if let Some(location) = store {
        if end == Side::Target {
            return Err(not_writable(&location.to_string()));
        }
        return Store::open(location, access).await.map(Endpoint::Store);
    }
    let path = local_path(text.strip_prefix("file://").unwrap_or(text));
    if !path.exists() {
        if let Some(error) = unknown_place::familiar(text) {
            return Err(error);
        }
        // The address parser returns a clear error that does not contain credentials.
        if text.contains(['@', ':']) {
            Address::parse(text)?;
        }
        return Err(unknown_place::missing(text, end));
    }
    Ok(Endpoint::Archive(path))
}

/// The normalised form of `text`. It is equal to [`Endpoint::location`] of the open endpoint. This function sends no
/// request.
pub(super) fn location(text: &str) -> Result<String> {
    let text = unknown_place::unquoted(text);
    let lower = text.to_ascii_lowercase();
    if text.starts_with("arn:") {
        return Ok(Address::of(Arn::parse(text)?)?.to_string());
    }
    if lower.starts_with("http://") || lower.starts_with("https://") {
        return Ok(Address::parse(text)?.0.to_string());
    }
    if let Some(location) = parse_store(text)? {
        return Ok(location.to_string());
    }
    Ok(local_path(text.strip_prefix("file://").unwrap_or(text)).display().to_string())
}

/// Opens managed MLflow with existing sessions. The credentials of `caller` sign MLflow calls.
pub(super) async fn open_managed(
    arn: Arn,
    session: Session,
    caller: Session,
    access: Access,
) -> Result<Server> {
    let signer = Signer::new(session.clone(), caller, arn.clone());
    let client = Arc::new(Client::new(Address::of(arn.clone())?, access.with_signer(signer))?);
    let probe = probe(&client).await?;
    let stores =
        ArtifactStores::new(Arc::clone(client.meter()), Some(session.clone())).with_wait(client.wait());
    let stores = Arc::new(stores);
    Ok(Server { client, probe, stores, managed: Some(Arc::new(Managed { arn, session })) })
}

impl Endpoint {
    pub fn reader(&self) -> Result<Arc<dyn Reader>> {
        Ok(match self {
            Self::Server(server) => {
                let (client, stores) = (Arc::clone(&server.client), Arc::clone(&server.stores));
                Arc::new(RestReader::new(client, stores, server.probe.clone()))
            }
            Self::Archive(path) => Arc::new(ArchiveReader::open(path)?),
            Self::Store(store) => Arc::clone(&store.reader),
        })
    }

    /// Returns a writer for a server. Returns an error for a directory, because only the export step writes
    /// directories.
    pub fn writer(&self, ledger: Arc<dyn IdMap>, update: bool) -> Result<Arc<dyn Writer>> {
        match self {
            Self::Server(Server { client, probe, stores, .. }) => {
                stores.check_upload_args()?;
                let (client, stores) = (Arc::clone(client), Arc::clone(stores));
                Ok(Arc::new(RestWriter::new(client, stores, probe.capabilities, ledger, update)))
            }
            Self::Archive(path) => {
                Err(Error::usage(format!("{} is a directory, not a tracking server", path.display()))
                    .hint("use `mlferry export --output-dir` to write one"))
            }
            Self::Store(store) => {
                Err(Error::usage(format!("{} is a store, not a tracking server", store.location)))
            }
        }
    }

    /// The result of the first probe of the server. `None` for a directory or a store.
    pub fn probe(&self) -> Option<&Probe> {
        match self {
            Self::Server(server) => Some(&server.probe),
            Self::Archive(_) | Self::Store(_) => None,
        }
    }

    /// The location, without credentials.
    pub fn location(&self) -> String {
        match self {
            Self::Server(server) => server.client.address().to_string(),
            Self::Archive(path) => path.display().to_string(),
            Self::Store(store) => store.location.to_string(),
        }
    }
}
