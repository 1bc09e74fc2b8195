//! Work that waits for new credentials says so, and goes on by itself.

use futures::StreamExt;
use futures::stream::FuturesUnordered;

use super::Context;
use crate::aws::Vigil;

/// Each once.
pub fn distinct(vigils: impl IntoIterator<Item = Vigil>) -> Vec<Vigil> {
    let mut all: Vec<Vigil> = Vec::new();
    for vigil in vigils {
        if !all.iter().any(|known| known.is_same(&vigil)) {
            all.push(vigil);
        }
    }
    all
}

/// Tells when the first of them begins to wait, and when none waits any more. Never ends.
pub async fn keep(vigils: &[Vigil], context: &Context) {
    let mut news: Vec<_> = vigils.iter().map(Vigil::waiting).collect();
    loop {
        let waits: Vec<Option<String>> =
            news.iter_mut().map(|news| news.borrow_and_update().clone()).collect();
        context.waits_for(waits.into_iter().flatten().next()).await;
        let mut changes: FuturesUnordered<_> = news.iter_mut().map(|news| news.changed()).collect();
        // Else there is nobody to hear of: the senders live as long as their vigils.
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
    async fn the_work_goes_on_when_the_last_has_its_credentials() {
        let (events, mut told) = mpsc::channel(9);
        let (_pause, paused) = watch::channel(false);
        let context =
            Context::new(events, Arc::new(Progress::default()), None, CancellationToken::new(), paused);
        let (source, target) = (Vigil::default(), Vigil::default());
        let vigils = distinct([source.clone(), target.clone(), source.clone()]);
        assert_eq!(vigils.len(), 2);
        let _works = vigils.iter().map(Vigil::work).collect::<Vec<_>>();
        let story = async {
            let first = source.begin("sign in");
            assert!(matches!(told.recv().await, Some(Event::Waiting { renew }) if renew == "sign in"));
            let second = target.begin("sign in");
            drop(first);
            for _ in 0..9 {
                tokio::task::yield_now().await;
            }
            assert!(told.try_recv().is_err(), "the other end waits still");
            drop(second);
            assert!(matches!(told.recv().await, Some(Event::Resumed)));
        };
        tokio::select! {
            () = keep(&vigils, &context) => {}
            () = story => {}
        }
    }
}
