//! How many runs are in flight: what was begun comes to its end before more is begun, so that an interruption leaves
//! most runs finished, and the target never holds more than a few that are half written.

use std::sync::Arc;

use tokio::sync::{Mutex, watch};

use crate::writers::Writer;

/// Runs of a group for each request that the target takes at a time: enough that reading their histories together
/// pays, and that requests are in flight while some runs wait for theirs.
const PER_REQUEST: usize = 4;
/// No group is smaller, unless there are no more runs, and none is greater.
const SMALLEST: usize = 8;
const GREATEST: usize = 90;
/// Groups in flight, of all experiments together: while one writes the next one reads.
const GROUPS: usize = 2;

/// Places for runs in flight.
pub(super) struct Berths {
    taken: watch::Sender<usize>,
    /// Whoever waits for places waits in a row.
    turn: Mutex<()>,
}

/// One place. Dropping it gives it back.
pub(super) struct Berth(Arc<Berths>);

/// How many runs go together now.
pub(super) fn group_size(target: &dyn Writer) -> usize {
    match usize::try_from(target.traffic().concurrency) {
        Ok(0) | Err(_) => GREATEST,
        Ok(requests) => (requests * PER_REQUEST).clamp(SMALLEST, GREATEST),
    }
}

impl Berths {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { taken: watch::Sender::new(0), turn: Mutex::new(()) })
    }

    /// Waits for so many places. A group that is greater than all of them waits until none is taken.
    pub async fn take(self: &Arc<Self>, runs: usize, target: &dyn Writer) -> Vec<Berth> {
        let _turn = self.turn.lock().await;
        let fits = |taken: &usize| *taken == 0 || taken + runs <= GROUPS * group_size(target);
        // It only fails when the sender is gone, which `self` holds.
        _ = self.taken.subscribe().wait_for(fits).await;
        self.taken.send_modify(|taken| *taken += runs);
        (0..runs).map(|_| Berth(Arc::clone(self))).collect()
    }
}

impl Drop for Berth {
    fn drop(&mut self) {
        self.0.taken.send_modify(|taken| *taken -= 1);
    }
}
