//! Numbers and outcomes in words.

use crate::engine::validate::{Difference, Mark, Totals};
use crate::engine::{Counts, Fidelity, Outcome, ProgressSnapshot};
use crate::entities::{Count, Kind, one_line};

pub fn bytes(n: u64) -> String {
    humansize::format_size(n, humansize::DECIMAL)
}

pub fn seconds(seconds: f64) -> String {
    match seconds {
        s if s < 60.0 => format!("{s:.1} s"),
        s if s < 3_600.0 => format!("{:.0} min {:.0} s", (s / 60.0).floor(), s % 60.0),
        s => format!("{:.0} h {:.0} min", (s / 3_600.0).floor(), (s % 3_600.0) / 60.0),
    }
}

/// `1204`, `5000+`, `?`.
pub fn tally(tally: &Count) -> String {
    let more = if tally.more { "+" } else { "" };
    tally.count.map_or_else(|| "?".to_owned(), |count| format!("{count}{more}"))
}

/// What of a kind arrives and how, a line each.
pub fn arrives(survival: &Fidelity) -> Vec<String> {
    let parts = [
        ("exactly", survival.exactly),
        ("rewritten", survival.rewritten),
        ("kept as tags", survival.kept_as_tags),
        ("cannot", survival.cannot),
    ];
    let some = parts.into_iter().filter(|(_, what)| !what.is_empty());
    some.map(|(how, what)| format!("{how}: {what}")).collect()
}

/// One line on how far a job is.
pub fn progress(reading: &ProgressSnapshot) -> String {
    let more = if reading.all_planned { "" } else { "+" };
    let kinds = Kind::ALL.into_iter().filter(|kind| kind.is_basic() || reading.of(*kind).planned > 0);
    let kinds = kinds.map(|kind| {
        let of = reading.of(kind);
        format!("{} {}/{}{more}", kind.title(), of.ended(), of.planned)
    });
    let kinds: Vec<String> = kinds.collect();
    let mut waiting = if reading.waiting { "waiting for new credentials · " } else { "" }.to_owned();
    reading.troubles().for_each(|trouble| waiting += &format!("{trouble} · "));
    format!("{waiting}{} · {} points · {}", kinds.join(" · "), reading.points, bytes(reading.bytes))
}

/// The table at the end.
pub fn outcome(outcome: &Outcome) -> Vec<String> {
    let mut lines = vec![format!(
        "{:<20} {:>9} {:>9} {:>9} {:>9}",
        outcome.step.name(),
        "planned",
        "done",
        "skipped",
        "failed"
    )];
    for kind in Kind::ALL {
        let Counts { planned, done, failed, skipped } =
            outcome.counts.get(kind.plural()).copied().unwrap_or_default();
        if planned > 0 || kind.is_basic() {
            lines.push(format!("  {:<20} {planned:>9} {done:>9} {skipped:>9} {failed:>9}", kind.title()));
        }
    }
    lines.push(format!(
        "  {} metric points, {}, {} requests ({} retried), {}",
        outcome.points,
        bytes(outcome.bytes),
        outcome.requests,
        outcome.retries,
        seconds(outcome.seconds)
    ));
    lines.extend(outcome.comparison.as_ref().map(totals).unwrap_or_default());
    lines.extend(outcome.normalised.lines().map(|line| format!("  as the target has it: {line}")));
    lines.extend(outcome.not_compared.lines().map(|line| format!("  not compared: {line}")));
    lines.extend(outcome.files.iter().map(|file| format!("  written: {}", file.display())));
    lines
}

fn totals(totals: &Totals) -> Vec<String> {
    Kind::ALL
        .into_iter()
        .filter(|kind| totals.is_shown(*kind))
        .map(|kind| {
            let marks =
                Mark::ALL.map(|mark| format!("{} {} {}", mark.sign(), totals.of(kind, mark), mark.word()));
            format!("  {:<20} {}", kind.title(), marks.join("   "))
        })
        .collect()
}

/// A difference, and its first fields below it.
pub fn difference(difference: &Difference) -> Vec<String> {
    let Difference { kind, mark, experiment, name, fields, more_fields, .. } = difference;
    let id = difference.source_id.as_deref().or(difference.target_id.as_deref()).unwrap_or_default();
    let place = if experiment == name || experiment.is_empty() {
        String::new()
    } else {
        format!(" in {experiment:?}")
    };
    let mut lines = vec![format!("{} {kind} {name:?}{place} {} ({id})", mark.sign(), mark.word())];
    for field in fields.iter().take(5) {
        let side = |value: &Option<String>| value.as_deref().map_or_else(|| "(none)".to_owned(), shorten);
        lines.push(format!("    {}: {} → {}", field.field, side(&field.source), side(&field.target)));
    }
    let rest = fields.len().saturating_sub(5) + more_fields;
    if rest > 0 {
        lines.push(format!("    and {rest} more fields"));
    }
    lines.iter().map(|line| one_line(line).into_owned()).collect()
}

fn shorten(value: &str) -> String {
    match value.char_indices().nth(100) {
        Some((end, _)) => format!("{:?}…", &value[..end]),
        None => format!("{value:?}"),
    }
}
