//! A lease that is stored on the target itself. It allows only one import at a time to write to the target. A lock file
//! is not enough: it does not cover other machines, or another spelling of the same address.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::StateDir;
use super::state::digest;
use crate::error::{Class, Error, Result};
use crate::writers::Writer;

/// How long a lease is valid, and how often it is renewed.
const LEASE_DURATION: Duration = Duration::from_secs(90);
const RENEWAL_INTERVAL: Duration = Duration::from_secs(20);
/// Two imports may take the lease at the same moment. Therefore both read the lease again after `FIRST_CHECK_DELAY`,
/// and a second time after `SECOND_CHECK_DELAY`.
const FIRST_CHECK_DELAY: Duration = Duration::from_millis(250);
const SECOND_CHECK_DELAY: Duration = Duration::from_secs(2);
/// If a lease expired more recently than this, the holder's clock may only be behind. The lease is then first watched
/// for a renewal.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(600);

/// The content of the tag that stores the lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Holder {
    owner: String,
    doing: String,
    host: String,
    process: u32,
    /// Identifies the machine since its last boot, together with the process namespace.
    machine: String,
    /// Identifies the lock file that the process holds.
    lock: String,
    /// Milliseconds since 1970, by the holder's clock.
    until: i64,
}

/// The store that keeps the lease.
#[async_trait]
pub(super) trait Keeper: Send + Sync {
    async fn lease(&self) -> Result<Option<String>>;
    async fn set_lease(&self, lease: Option<&str>) -> Result<()>;
}

#[async_trait]
impl Keeper for Arc<dyn Writer> {
    async fn lease(&self) -> Result<Option<String>> {
        self.as_ref().lease().await
    }

    async fn set_lease(&self, lease: Option<&str>) -> Result<()> {
        self.as_ref().set_lease(lease).await
    }
}

pub(super) struct Lease<K = Arc<dyn Writer>> {
    keeper: K,
    me: Holder,
    /// How long a lease that looks expired is watched.
    watched: Duration,
    is_held: AtomicBool,
}

impl<K: Keeper> Lease<K> {
    /// `location` is the target's address as the user has given it. This process holds the lock file of that address.
    pub fn new(keeper: K, state: &StateDir, location: &str, doing: String) -> Self {
        let (host, process) = (host(), std::process::id());
        let now = format!("{:?}", SystemTime::now());
        let machine = machine(&host);
        let lock = std::path::absolute(state.lock(location)).unwrap_or_else(|_| state.lock(location));
        let me = Holder {
            owner: digest(&[&machine, &process.to_string(), &now]),
            doing,
            host,
            process,
            lock: digest(&[&machine, &lock.to_string_lossy()]),
            machine,
            until: 0,
        };
        let watched = RENEWAL_INTERVAL + Duration::from_secs(5);
        Self { keeper, me, watched, is_held: AtomicBool::new(false) }
    }

    /// Takes the lease. Returns a note for the user when the target cannot store a lease. Returns an error of class
    /// `Locked` when another import holds the lease.
    pub async fn take(&self) -> Result<Option<String>> {
        let note = |e: &Error| {
            format!(
                "the target cannot store a lease ({e}): make sure that no other import writes to it at the same time"
            )
        };
        match self.keeper.lease().await {
            Err(e) if is_minor(&e) => return Ok(Some(note(&e))),
            Err(e) => return Err(e),
            Ok(text) => {
                if let Some(other) = self.other(text.as_deref())
                    && self.is_alive(&other).await?
                {
                    return Err(held_by(&other));
                }
            }
        }
        match self.renew().await {
            Err(e) if is_minor(&e) => return Ok(Some(note(&e))),
            other => other?,
        }
        tokio::time::sleep(FIRST_CHECK_DELAY).await;
        match self.other(self.keeper.lease().await?.as_deref()) {
            Some(other) => {
                self.is_held.store(false, Relaxed);
                Err(held_by(&other))
            }
            None => Ok(None),
        }
    }

    /// True when this text of a lease was written by this process. The text may have been read from the other end.
    pub fn is_mine(&self, text: &str) -> bool {
        let holder: Option<Holder> = serde_json::from_str(text).ok();
        self.is_held.load(Relaxed) && holder.is_some_and(|holder| holder.owner == self.me.owner)
    }

    /// Renews the lease as long as this future is awaited. Returns an error when another import has taken the lease.
    pub async fn renew_until_lost(&self) -> Error {
        let mut pause = SECOND_CHECK_DELAY;
        loop {
            tokio::time::sleep(pause).await;
            pause = RENEWAL_INTERVAL;
            if !self.is_held.load(Relaxed) {
                continue;
            }
            match self.keeper.lease().await {
                Ok(text) => {
                    if let Some(other) = self.other(text.as_deref()).filter(|other| other.until > now()) {
                        self.is_held.store(false, Relaxed);
                        return held_by(&other);
                    }
                    if let Err(e) = self.renew().await {
                        tracing::warn!("the lease was not renewed: {e}");
                    }
                }
                Err(e) => tracing::warn!("the lease was not renewed: {e}"),
            }
        }
    }

    /// Releases the lease, if this process still holds it. A second call does nothing.
    pub async fn release(&self) {
        if !self.is_held.swap(false, Relaxed) {
            return;
        }
        let released = match self.keeper.lease().await {
            Ok(text) if self.other(text.as_deref()).is_none() => self.keeper.set_lease(None).await,
            other => other.map(drop),
        };
        if let Err(e) = released {
            tracing::warn!("the lease was not released, it expires in {} s: {e}", LEASE_DURATION.as_secs());
        }
    }

    async fn renew(&self) -> Result<()> {
        let until = now() + i64::try_from(LEASE_DURATION.as_millis()).unwrap_or_default();
        let text = serde_json::to_string(&Holder { until, ..self.me.clone() })?;
        self.keeper.set_lease(Some(&text)).await?;
        self.is_held.store(true, Relaxed);
        Ok(())
    }

    /// The lease, if another process holds it. A text that cannot be parsed counts as no lease.
    fn other(&self, text: Option<&str>) -> Option<Holder> {
        let holder: Holder = serde_json::from_str(text?).ok()?;
        (holder.owner != self.me.owner).then_some(holder)
    }

    async fn is_alive(&self, other: &Holder) -> Result<bool> {
        if other.lock == self.me.lock {
            // This process holds that lock file now, so the other process has ended.
            return Ok(false);
        }
        if other.machine == self.me.machine && !lives(other.process) {
            return Ok(false);
        }
        let left = other.until - now();
        let skew = i64::try_from(MAX_CLOCK_SKEW.as_millis()).unwrap_or_default();
        if left > 0 || left < -skew {
            return Ok(left > 0);
        }
        tokio::time::sleep(self.watched).await;
        let seen = self.keeper.lease().await?;
        Ok(self.other(seen.as_deref()).is_some_and(|now| now != *other))
    }
}

/// True when the import can continue without a lease: the target refuses the request, or does not store the tag.
fn is_minor(error: &Error) -> bool {
    matches!(error.class(), Class::Permanent | Class::Forbidden | Class::NotFound)
}

fn held_by(other: &Holder) -> Error {
    let Holder { doing, host, process, .. } = other;
    let seconds = (other.until - now()).max(0) / 1_000;
    Error::new(
        Class::Locked,
        format!("another mlferry is writing to this target: {doing}, process {process} on {host}"),
    )
    .hint(format!(
        "wait for it, or stop it there; if it was killed, its lease on the target expires in {seconds} s"
    ))
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn host() -> String {
    let named = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let named =
        named.or_else(|| std::env::var("HOSTNAME").ok()).or_else(|| std::env::var("COMPUTERNAME").ok());
    named
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "another machine".into())
}

/// Identifies this machine. The digest includes the process namespace, because a container only sees its own processes.
fn machine(host: &str) -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let processes = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    digest(&[host, &boot, &processes.to_string_lossy()])
}

/// True when the process may still run on this machine. Without a way to check, the answer is true.
#[cfg(unix)]
fn lives(process: u32) -> bool {
    let id = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw);
    id.is_none_or(|id| rustix::process::test_kill_process(id) != Err(rustix::io::Errno::SRCH))
}

#[cfg(not(unix))]
fn lives(_process: u32) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// A lease tag, and the error class of a server that does not store one.
    #[derive(Clone, Default)]
    struct Tag(Arc<Mutex<Option<String>>>, Option<Class>);

    #[async_trait]
    impl Keeper for Tag {
        async fn lease(&self) -> Result<Option<String>> {
            Ok(self.0.lock().unwrap().clone())
        }

        async fn set_lease(&self, lease: Option<&str>) -> Result<()> {
            if let Some(class) = self.1 {
                return Err(Error::new(class, "no"));
            }
            *self.0.lock().unwrap() = lease.map(str::to_owned);
            Ok(())
        }
    }

    fn lease(tag: &Tag, state: &StateDir, location: &str) -> Lease<Tag> {
        let lease = Lease::new(tag.clone(), state, location, format!("import to {location}"));
        Lease { watched: Duration::from_millis(50), ..lease }
    }

    fn state() -> (tempfile::TempDir, StateDir) {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::at(folder.path().to_owned()).unwrap();
        (folder, state)
    }

    /// Stores the lease of another process.
    fn put(tag: &Tag, holder: &Holder) {
        *tag.0.lock().unwrap() = Some(serde_json::to_string(holder).unwrap());
    }

    #[tokio::test]
    async fn another_spelling_of_the_address_must_wait_for_the_lease() {
        let ((_folder, state), tag) = (state(), Tag::default());
        let (first, second) =
            (lease(&tag, &state, "http://127.0.0.1"), lease(&tag, &state, "http://localhost"));
        assert_eq!(first.take().await.unwrap(), None);
        let error = second.take().await.unwrap_err();
        assert_eq!((error.class(), error.exit_code()), (Class::Locked, 11));
        assert!(error.to_string().contains("import to http://127.0.0.1"), "{error}");
        second.release().await;
        assert!(tag.0.lock().unwrap().is_some(), "the second import does not hold the lease");
        first.release().await;
        assert_eq!(*tag.0.lock().unwrap(), None);
        assert_eq!(second.take().await.unwrap(), None);
    }

    #[tokio::test]
    async fn the_lease_of_an_ended_process_is_taken_over() {
        let ((_folder, state), tag) = (state(), Tag::default());
        let mine = lease(&tag, &state, "http://t");
        let until = now() + 80_000;
        // The first lease has the same lock file, which this process holds now. The second lease belongs to an ended
        // process on this machine.
        let ended = std::process::Command::new("true").spawn().map(|mut child| (child.id(), child.wait()));
        let gone = Holder { lock: "another".into(), process: ended.unwrap().0, ..mine.me.clone() };
        for other in [Holder { process: 1, ..mine.me.clone() }, gone] {
            put(&tag, &Holder { owner: "x".into(), until, ..other });
            assert_eq!(mine.take().await.unwrap(), None);
        }
        // The state of a process on another machine is unknown until its lease has expired and is not renewed.
        let far =
            Holder { owner: "x".into(), machine: "m".into(), lock: "l".into(), until, ..mine.me.clone() };
        put(&tag, &far);
        assert_eq!(mine.take().await.unwrap_err().class(), Class::Locked);
        put(&tag, &Holder { until: now() - 1_000, ..far.clone() });
        assert_eq!(mine.take().await.unwrap(), None);
        // The lease looks expired because the other clock is behind, but the other process still renews it.
        put(&tag, &Holder { until: now() - 30_000, ..far.clone() });
        let renews = async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            put(&tag, &Holder { until: now() - 29_000, ..far });
        };
        let (taken, ()) = futures::join!(mine.take(), renews);
        assert_eq!(taken.unwrap_err().class(), Class::Locked);
    }

    #[tokio::test]
    async fn of_two_imports_at_the_same_moment_one_continues() {
        let ((_folder, state), tag) = (state(), Tag::default());
        let (first, second) = (lease(&tag, &state, "http://a"), lease(&tag, &state, "http://b"));
        let (one, two) = futures::join!(first.take(), second.take());
        assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
        // An import that was suspended ends when another import has taken over the lease.
        let holder = if one.is_ok() { first } else { second };
        put(&tag, &Holder { owner: "x".into(), until: now() + 80_000, ..holder.me.clone() });
        assert_eq!(holder.renew_until_lost().await.class(), Class::Locked);
        holder.release().await;
        assert!(tag.0.lock().unwrap().is_some());
    }

    #[tokio::test]
    async fn a_target_that_cannot_store_a_lease_is_a_note_and_an_unreachable_target_an_error() {
        let (_folder, state) = state();
        for class in [Class::Forbidden, Class::Permanent, Class::NotFound] {
            let note = lease(&Tag(Arc::default(), Some(class)), &state, "http://t").take().await.unwrap();
            assert!(note.unwrap().contains("cannot store a lease"));
        }
        let gone = Tag(Arc::default(), Some(Class::Transient));
        assert!(lease(&gone, &state, "http://t").take().await.is_err());
    }
}
