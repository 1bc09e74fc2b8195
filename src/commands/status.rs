use super::{Printer, format};
use crate::engine::{self, Counts, StateDir};
use crate::error::Result;

/// Migrations that are listed: the newest ones.
const SHOWN: usize = 5;

pub fn status(state: &StateDir, printer: &Printer) -> Result<u8> {
    let all = engine::status(state)?;
    if all.is_empty() {
        printer.news("no migration has been started here");
    }
    for one in all.iter().take(SHOWN) {
        printer.object("status", one);
        let sum = |of: fn(&Counts) -> u64| one.counts.values().map(of).sum::<u64>();
        let state = match one.running {
            true => "running",
            false if sum(Counts::pending) > 0 => "stopped before the end",
            false if sum(|counts| counts.failed) > 0 => "not running, some items failed",
            false => "not running, nothing pending",
        };
        let idle = format::seconds(one.idle_seconds as f64);
        printer.result(&format!(
            "{} {} → {}: {state}, last written {idle} ago",
            one.step.name(),
            one.source,
            one.target
        ));
        for (kind, counts) in &one.counts {
            printer.result(&format!(
                "  {kind:<12} {} of {} done, {} skipped, {} failed, {} pending",
                counts.done,
                counts.planned,
                counts.skipped,
                counts.failed,
                counts.pending()
            ));
        }
    }
    Ok(0)
}
