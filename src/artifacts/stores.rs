use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;

use super::Digest;
use super::object_store::ObjectStoreBackend;
use super::root::ArtifactRoot;
use super::s3::{Broken, Limits, S3, UploadArgs};
use super::store::{LocalStore, Root, Store};
use crate::aws::Session;
use crate::entities::{Owner, S3Object};
use crate::error::{Class, Error, Result};
use crate::io::CredentialWait;
use crate::io::{ByteSource, Meter, Outage};

/// How a bucket, a container or the folders of this machine are read.
type StoreCell = Arc<OnceCell<Option<Arc<dyn Store>>>>;

/// The stores that hold the artifacts of one server, as far as this machine reaches them with credentials of its own.
/// What it cannot reach goes by way of the server.
pub struct ArtifactStores {
    meter: Arc<Meter>,
    /// The server's own session, where it has one: an App's. Else the default chain's.
    session: OnceCell<Session>,
    /// That session's, whether it is there yet or not.
    credential_wait: CredentialWait,
    s3: OnceCell<S3>,
    limits: Limits,
    /// How long a store is waited for when it goes away during work; with zero it is not.
    wait: Duration,
    args: Result<UploadArgs>,
    ways: Mutex<HashMap<String, StoreCell>>,
    /// Buckets that refuse to be written to.
    closed: Mutex<HashMap<String, Error>>,
    /// Pairs of buckets between which S3 may not copy for these credentials.
    apart: Mutex<HashSet<(String, String)>>,
    notes: Mutex<Notes>,
}

/// What a reader should know, each said once.
#[derive(Default)]
struct Notes {
    said: HashSet<String>,
    new: Vec<String>,
}

impl ArtifactStores {
    /// `meter` counts what goes to the server too.
    pub fn new(meter: Arc<Meter>, session: Option<Session>) -> Self {
        Self::with_limits(meter, session, Limits::default())
    }

    pub fn with_limits(meter: Arc<Meter>, session: Option<Session>, limits: Limits) -> Self {
        Self {
            meter,
            credential_wait: session
                .as_ref()
                .map(|session| session.credential_wait().clone())
                .unwrap_or_default(),
            session: OnceCell::new_with(session),
            s3: OnceCell::new(),
            limits,
            wait: Duration::ZERO,
            args: UploadArgs::from_env(),
            ways: Mutex::default(),
            closed: Mutex::default(),
            apart: Mutex::default(),
            notes: Mutex::default(),
        }
    }

    #[must_use]
    pub fn with_wait(self, wait: Duration) -> Self {
        Self { wait, ..self }
    }

    /// Who works with the stores: who waits when the credentials for S3 end, or a store goes away.
    pub fn credential_wait(&self) -> &CredentialWait {
        &self.credential_wait
    }

    /// # Errors
    /// When what the environment says of uploads cannot be followed.
    pub fn check_upload_args(&self) -> Result<()> {
        self.args.as_ref().map(drop).map_err(Error::clone)
    }

    /// The root of the owner's files, where this machine reads it by itself. Decided once for all that lies in one
    /// bucket, container or folder tree.
    pub async fn root(&self, owner: &Owner<'_>) -> Option<Root> {
        let place = ArtifactRoot::of(owner)?;
        let (prefix, object) = match &place {
            ArtifactRoot::S3(object) => (object.key.clone(), Some(object.clone())),
            ArtifactRoot::Remote { prefix, .. } => (prefix.clone(), None),
            ArtifactRoot::Folder(path) => (path.to_str()?.to_owned(), None),
        };
        let store = match &place {
            // Whether a folder is here is seen folder by folder.
            ArtifactRoot::Folder(path) => path.is_dir().then(|| Arc::new(LocalStore) as Arc<dyn Store>),
            _ => {
                let way = Arc::clone(lock(&self.ways).entry(place.container()).or_default());
                way.get_or_init(|| self.decide(&place, &prefix)).await.clone()
            }
        };
        let is_folder = matches!(place, ArtifactRoot::Folder(_));
        Some(Root { store: store?, container: place.container(), prefix, object, is_folder })
    }

    async fn decide(&self, place: &ArtifactRoot, prefix: &str) -> Option<Arc<dyn Store>> {
        let container = place.container();
        let opened = async {
            let store = self.open(place).await?;
            store.look(prefix).await.map(|()| store)
        };
        match opened.await {
            Ok(store) => {
                self.note(format!("artifacts in {container} are read straight from there"));
                Some(store)
            }
            Err(e) => {
                self.note(format!(
                    "artifacts in {container} come by way of their server, for this machine cannot read them: {e}"
                ));
                None
            }
        }
    }

    async fn open(&self, place: &ArtifactRoot) -> Result<Arc<dyn Store>> {
        Ok(match place {
            ArtifactRoot::S3(object) => Arc::new(self.s3().await?.bucket(&object.bucket).await?),
            ArtifactRoot::Remote { container, .. } => Arc::new(self.remote(container)?),
            ArtifactRoot::Folder(_) => Arc::new(LocalStore),
        })
    }

    fn remote(&self, container: &str) -> Result<ObjectStoreBackend> {
        let (credential_wait, meter) = (self.credential_wait.clone(), Arc::clone(&self.meter));
        let outage = Outage::new(container.to_owned(), self.wait, credential_wait, Arc::clone(&meter));
        ObjectStoreBackend::open(container, meter, outage)
    }

    async fn s3(&self) -> Result<&S3> {
        let open = || Session::open_under(None, self.credential_wait.clone());
        let session = self.session.get_or_try_init(open).await?;
        let s3 = || async { S3::new(session.clone(), Arc::clone(&self.meter), self.limits, self.wait) };
        Ok(self.s3.get_or_init(s3).await)
    }

    /// Writes a file to S3. A bucket that refuses these credentials is not asked again.
    pub async fn put(&self, to: &S3Object, size: Option<u64>, source: &dyn ByteSource) -> Result<(), Broken> {
        if let Some(refusal) = lock(&self.closed).get(&to.bucket) {
            return Err(refusal.clone().into());
        }
        let args = self.args.as_ref().map_err(Error::clone)?;
        let written = async {
            let bucket = self.s3().await?.bucket(&to.bucket).await?;
            bucket.put(&to.key, size, source, args).await
        };
        let written = written.await;
        if let Err(Broken::Store(e)) = &written
            && matches!(e.class(), Class::Forbidden | Class::Auth)
        {
            lock(&self.closed).insert(to.bucket.clone(), e.clone());
        }
        written
    }

    /// Has S3 copy a file, where the source lies in S3 and these credentials may. None: it has to go by this machine.
    pub async fn copy(&self, source: &dyn ByteSource, to: &S3Object) -> Result<Option<Digest>> {
        let Some(from) = source.in_s3().await else { return Ok(None) };
        let pair = (from.bucket.clone(), to.bucket.clone());
        if lock(&self.apart).contains(&pair) {
            return Ok(None);
        }
        let args = self.args.as_ref().map_err(Error::clone)?;
        let copied = async {
            let s3 = self.s3().await?;
            let (source, target) = (s3.bucket(&from.bucket).await?, s3.bucket(&to.bucket).await?);
            target.copy(&source, &from, &to.key, args).await
        };
        match copied.await {
            Ok(digest) => {
                self.note(format!("S3 itself copies artifacts from s3://{} to s3://{}", pair.0, pair.1));
                Ok(Some(digest))
            }
            Err(e) if matches!(e.class(), Class::Forbidden | Class::Auth | Class::Permanent) => {
                let (from, to) = &pair;
                self.note(format!("artifacts from s3://{from} to s3://{to} pass through this machine: {e}"));
                lock(&self.apart).insert(pair);
                Ok(None)
            }
            Err(e) => Err(e),
        }
    }

    /// What has become known since the last call.
    pub fn take_notes(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.notes).new)
    }

    /// Takes back what was begun and not finished: to be awaited when work has been broken off.
    pub async fn settle(&self) {
        if let Some(s3) = self.s3.get() {
            s3.settle().await;
        }
    }

    /// Says what a reader should know, once.
    pub fn note(&self, text: String) {
        let mut notes = lock(&self.notes);
        if notes.said.insert(text.clone()) {
            tracing::info!("{text}");
            notes.new.push(text);
        }
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
