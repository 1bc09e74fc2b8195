use super::{Printer, format};
use crate::engine::{self, Counts, StateDir};
use crate::entities::Kind;
use crate::error::Result;

/// Maximum number of migrations that are listed, newest first.
const MAX_SHOWN: usize = 5;

pub fn status(state: &StateDir, printer: &Printer) -> Result<u8> {
    let (all, unreadable) = engine::status(state);
    for error in &unreadable {
        printer.problem(&format!("warning: {error}"));
        error.get_hint().into_iter().for_each(|hint| printer.problem(&format!("  hint: {hint}")));
    }
    if all.is_empty() && unreadable.is_empty() {
        printer.news("no migration has been started here");
    }
    for one in all.iter().take(MAX_SHOWN) {
        printer.object("status", one);
        let sum = |of: fn(&Counts) -> u64| one.counts.values().map(of).sum::<u64>();
        let state = match one.running {
            true => "running",
            false if sum(Counts::pending) > 0 => "stopped before the end",
            false if sum(|counts| counts.failed) > 0 => "not running, some items failed",
            false => "not running, nothing pending",
        };
        let unmatched = format::seconds(one.idle_seconds as f64);
        printer.result(&format!("{} from {} to {}", one.step.name(), one.source, one.target));
        printer.result(&format!("  {state}; last written {unmatched} ago"));
        let counted = Kind::ALL.into_iter().filter_map(|kind| Some((kind, one.counts.get(kind.plural())?)));
        for (kind, counts) in counted {
            printer.result(&format!(
                "  {:<20} {} of {} on the target, {} failed, {} pending",
                kind.title(),
                counts.done + counts.skipped,
                counts.planned,
                counts.failed,
                counts.pending()
            ));
        }
    }
    if all.len() > MAX_SHOWN {
        printer.news(&format!("and {} older ones", all.len() - MAX_SHOWN));
    }
    Ok(0)
}
