//! Limits the runs in flight. Started runs are finished before more runs are started. Only a few runs on the target are
//! incomplete at any time, so an interruption leaves most runs complete.

use std::sync::Arc;

use tokio::sync::{Mutex, watch};

use crate::writers::Writer;

/// The number of runs in a group for each concurrent request that the target accepts. It is large enough to read the
/// histories together efficiently, and to keep requests in flight while some runs wait for their histories.
const PER_REQUEST: usize = 4;
/// The limits of a group's size. Only the last group may be smaller.
const MIN_RUNS: usize = 8;
const MAX_RUNS: usize = 90;
/// The maximum number of groups in flight, in all experiments together: while one group writes, the next one reads.
const GROUPS: usize = 2;

/// The slots for runs in flight.
pub(super) struct RunSlots {
    taken: watch::Sender<usize>,
    /// Held by the first waiting group, so that the groups take their slots in order.
    turn: Mutex<()>,
}

/// One slot. It is released when this value is dropped.
pub(super) struct RunSlot(Arc<RunSlots>);

/// The current size of a group of runs.
pub(super) fn group_size(target: &dyn Writer) -> usize {
    match usize::try_from(target.traffic().concurrency) {
        Ok(0) | Err(_) => MAX_RUNS,
        Ok(requests) => (requests * PER_REQUEST).clamp(MIN_RUNS, MAX_RUNS),
    }
}

impl RunSlots {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { taken: watch::Sender::new(0), turn: Mutex::new(()) })
    }

    /// Waits for this number of slots. A group that is larger than the limit waits until no slot is taken.
    pub async fn take(self: &Arc<Self>, runs: usize, target: &dyn Writer) -> Vec<RunSlot> {
        let _turn = self.turn.lock().await;
        let fits = |taken: &usize| *taken == 0 || taken + runs <= GROUPS * group_size(target);
        // This only fails when the sender is dropped, and `self` holds the sender.
        _ = self.taken.subscribe().wait_for(fits).await;
        self.taken.send_modify(|taken| *taken += runs);
        (0..runs).map(|_| RunSlot(Arc::clone(self))).collect()
    }
}

impl Drop for RunSlot {
    fn drop(&mut self) {
        self.0.taken.send_modify(|taken| *taken -= 1);
    }
}
