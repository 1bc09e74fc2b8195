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

/// The store for a bucket or a container, or the reason why this machine cannot read it.
type StoreCell = Arc<OnceCell<Result<Arc<dyn Store>>>>;

/// The stores that hold the artifacts of one server, if this machine can read them with its own credentials. All other
/// files are read and written through the server.
pub struct ArtifactStores {
    meter: Arc<Meter>,
    /// The session of the server if it has one, as an App does. Otherwise a session of the default chain.
    session: OnceCell<Session>,
    /// The wait of that session. It exists before the session does.
    credential_wait: CredentialWait,
    s3: OnceCell<S3>,
    limits: Limits,
    /// How long a job waits for a store that becomes unreachable. Zero means no wait.
    wait: Duration,
    args: Result<UploadArgs>,
    stores: Mutex<HashMap<String, StoreCell>>,
    /// Buckets that refuse writes.
    closed: Mutex<HashMap<String, Error>>,
    /// Pairs of buckets between which these credentials cannot copy.
    uncopyable: Mutex<HashSet<(String, String)>>,
    notes: Mutex<Notes>,
}

/// Notes for the user. Each one is reported once.
#[derive(Default)]
struct Notes {
    reported: HashSet<String>,
    new: Vec<String>,
}

impl ArtifactStores {
    /// `meter` also counts the traffic to the server.
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
            stores: Mutex::default(),
            closed: Mutex::default(),
            uncopyable: Mutex::default(),
            notes: Mutex::default(),
        }
    }

    #[must_use]
    pub fn with_wait(self, wait: Duration) -> Self {
        Self { wait, ..self }
    }

    /// The wait of the jobs that use the stores: for new S3 credentials, or for an unreachable store.
    pub fn credential_wait(&self) -> &CredentialWait {
        &self.credential_wait
    }

    /// # Errors
    /// When the upload arguments in the environment are invalid.
    pub fn check_upload_args(&self) -> Result<()> {
        self.args.as_ref().map(drop).map_err(Error::clone)
    }

    /// The root of the owner's files, if this machine can read it without the server. This is decided once for each
    /// bucket, container or folder tree.
    pub async fn root(&self, owner: &Owner<'_>) -> Option<Root> {
        let place = ArtifactRoot::of(owner)?;
        match self.decided(&place).await {
            Ok(root) => root,
            Err(e) => {
                self.note(format!(
                    "artifacts in {} are read through their server, because this machine cannot read them: {e}",
                    place.container()
                ));
                None
            }
        }
    }

    /// The root of the owner's files in an object store, for an owner without a server.
    ///
    /// # Errors
    /// When this machine cannot read the bucket or container.
    pub async fn remote_root(&self, owner: &Owner<'_>) -> Result<Root> {
        let unknown = || Error::permanent(format!("{} is not a location of files", owner.artifact_uri));
        let place = ArtifactRoot::of(owner).ok_or_else(unknown)?;
        self.decided(&place).await?.ok_or_else(unknown)
    }

    /// `None` for a folder that does not exist.
    async fn decided(&self, place: &ArtifactRoot) -> Result<Option<Root>> {
        let (prefix, object) = match place {
            ArtifactRoot::S3(object) => (object.key.clone(), Some(object.clone())),
            ArtifactRoot::Remote { prefix, .. } => (prefix.clone(), None),
            // Each folder is checked alone: one may exist here and another may not.
            ArtifactRoot::Folder(path) => return Ok(path.is_dir().then(|| Root::of_folder(path))),
        };
        let container = place.container();
        let cell = Arc::clone(lock(&self.stores).entry(container.clone()).or_default());
        let store = cell.get_or_init(|| self.decide(place, &prefix)).await.clone()?;
        Ok(Some(Root { store, container, prefix, object, is_folder: false }))
    }

    async fn decide(&self, place: &ArtifactRoot, prefix: &str) -> Result<Arc<dyn Store>> {
        let store = self.open(place).await?;
        store.probe(prefix).await?;
        self.note(format!("artifacts in {} are read directly from there", place.container()));
        Ok(store)
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

    /// Writes a file to S3. A bucket that has refused these credentials gets no further request.
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

    /// Copies a file within S3, if the source is in S3 and these credentials may copy it. `None` when the bytes have to
    /// pass through this machine.
    pub async fn copy(&self, source: &dyn ByteSource, to: &S3Object) -> Result<Option<Digest>> {
        let Some(from) = source.in_s3().await else { return Ok(None) };
        let pair = (from.bucket.clone(), to.bucket.clone());
        if lock(&self.uncopyable).contains(&pair) {
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
                lock(&self.uncopyable).insert(pair);
                Ok(None)
            }
            Err(e) => Err(e),
        }
    }

    /// The new notes since the last call.
    pub fn take_notes(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.notes).new)
    }

    /// Waits until unfinished uploads are aborted. Call it after an interruption.
    pub async fn abort_unfinished(&self) {
        if let Some(s3) = self.s3.get() {
            s3.abort_unfinished().await;
        }
    }

    /// Adds a note for the user, unless it was reported before.
    pub fn note(&self, text: String) {
        let mut notes = lock(&self.notes);
        if notes.reported.insert(text.clone()) {
            tracing::info!("{text}");
            notes.new.push(text);
        }
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
