//! Reports when the work waits for new credentials, and when it continues automatically.

use futures::StreamExt;
use futures::stream::FuturesUnordered;

use crate::engine::Context;
use crate::io::CredentialWait;

/// Removes duplicate credential waits.
pub fn distinct(credential_waits: impl IntoIterator<Item = CredentialWait>) -> Vec<CredentialWait> {
    let mut all: Vec<CredentialWait> = Vec::new();
    for credential_wait in credential_waits {
        if !all.iter().any(|known| known.is_same(&credential_wait)) {
            all.push(credential_wait);
        }
    }
    all
}

/// Reports when the first of these credentials begins to wait, and when none of them waits any longer. Never returns.
pub async fn forward(credential_waits: &[CredentialWait], context: &Context) {
    let mut receivers: Vec<_> = credential_waits.iter().map(CredentialWait::waiting).collect();
    loop {
        let waits: Vec<Option<String>> =
            receivers.iter_mut().map(|receiver| receiver.borrow_and_update().clone()).collect();
        context.set_waiting(waits.into_iter().flatten().next()).await;
        let mut changes: FuturesUnordered<_> =
            receivers.iter_mut().map(|receiver| receiver.changed()).collect();
        // An error means that there are no more changes to report: a sender lives as long as the task that watches the
        // credentials.
        if !matches!(changes.next().await, Some(Ok(()))) {
            return std::future::pending().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::{mpsc, watch};
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::engine::{Event, Progress};

    #[tokio::test]
    async fn the_work_resumes_when_no_end_waits_for_credentials() {
        let (events, mut received) = mpsc::channel(9);
        let (_pause, paused) = watch::channel(false);
        let context =
            Context::new(events, Arc::new(Progress::default()), None, CancellationToken::new(), paused);
        let (source, target) = (CredentialWait::default(), CredentialWait::default());
        let credential_waits = distinct([source.clone(), target.clone(), source.clone()]);
        assert_eq!(credential_waits.len(), 2);
        let _works = credential_waits.iter().map(CredentialWait::work).collect::<Vec<_>>();
        let story = async {
            let first = source.begin("sign in");
            assert!(matches!(received.recv().await, Some(Event::Waiting { renew }) if renew == "sign in"));
            let second = target.begin("sign in");
            drop(first);
            for _ in 0..9 {
                tokio::task::yield_now().await;
            }
            assert!(received.try_recv().is_err(), "the other end still waits");
            drop(second);
            assert!(matches!(received.recv().await, Some(Event::Resumed)));
        };
        tokio::select! {
            () = forward(&credential_waits, &context) => {}
            () = story => {}
        }
    }
}
