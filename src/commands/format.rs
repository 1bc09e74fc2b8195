//! Formats numbers and outcomes as text.

use crate::engine::validate::{Difference, Mark, Repair, Repairs, Totals};
use crate::engine::{Counts, Fidelity, Outcome, ProgressSnapshot, Step};
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
pub fn tally(count: &Count) -> String {
    let more = if count.more { "+" } else { "" };
    count.count.map_or_else(|| "?".to_owned(), |count| format!("{count}{more}"))
}

/// One line for each way in which items of a kind are migrated.
pub fn arrives(fidelity: &Fidelity) -> Vec<String> {
    let parts = [
        ("exactly", fidelity.exactly),
        ("rewritten", fidelity.rewritten),
        ("kept as tags", fidelity.kept_as_tags),
        ("cannot", fidelity.cannot),
    ];
    let present = parts.into_iter().filter(|(_, what)| !what.is_empty());
    present.map(|(how, what)| format!("{how}: {what}")).collect()
}

/// The progress of a job in one line.
pub fn progress(reading: &ProgressSnapshot) -> String {
    let more = if reading.all_planned { "" } else { "+" };
    let kinds = Kind::ALL.into_iter().filter(|kind| kind.is_basic() || reading.of(*kind).planned > 0);
    let kinds = kinds.map(|kind| {
        let of = reading.of(kind);
        format!("{} {}/{}{more}", kind.title(), of.finished(), of.planned)
    });
    let kinds: Vec<String> = kinds.collect();
    let mut waiting = if reading.waiting { "waiting for new credentials · " } else { "" }.to_owned();
    reading.troubles().for_each(|trouble| waiting += &format!("{trouble} · "));
    format!("{waiting}{} · {} points · {}", kinds.join(" · "), reading.points, bytes(reading.bytes))
}

/// The table at the end of a job.
pub fn outcome(outcome: &Outcome) -> Vec<String> {
    let mut lines = vec![format!(
        "{:<20} {:>9} {:>9} {:>13} {:>9}",
        outcome.step.name(),
        "planned",
        "done",
        // The only reason to skip an item.
        "already there",
        "failed"
    )];
    for kind in Kind::ALL {
        let Counts { planned, done, failed, skipped } =
            outcome.counts.get(kind.plural()).copied().unwrap_or_default();
        if planned > 0 || kind.is_basic() {
            lines.push(format!("  {:<20} {planned:>9} {done:>9} {skipped:>13} {failed:>9}", kind.title()));
        }
    }
    let compared = if outcome.step == Step::Validate { " of files compared" } else { "" };
    lines.push(format!(
        "  {} metric points, {}{compared}, {} requests ({} retried), {}",
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

/// The outcome and the next action in one line. Returns `None` if nothing failed and nothing was compared. `name_taken`
/// is the number of failures that the same command would meet again.
pub fn summary(outcome: &Outcome, name_taken: u64, is_demo: bool) -> Option<String> {
    if outcome.stopped {
        return Some(match outcome.step {
            _ if is_demo => "stopped".to_owned(),
            Step::Validate => "stopped: run the same command again to compare from the start".to_owned(),
            _ => "stopped: run the same command again to resume".to_owned(),
        });
    }
    let Some(totals) = &outcome.comparison else {
        let items = match outcome.failed() {
            0 => return None,
            1 => "1 item".to_owned(),
            failed => format!("{failed} items"),
        };
        let next = match (name_taken, outcome.failed().saturating_sub(name_taken)) {
            _ if is_demo => "",
            (0, _) => "; when the causes are gone, run the same command again",
            (_, 0) => {
                "; for names that are taken, add --experiments-prefix, --experiment-rename-file or --merge"
            }
            (_, _) => {
                "; when the causes are gone, run the same command again, for names that are taken with \
                 --experiments-prefix, --experiment-rename-file or --merge"
            }
        };
        return Some(format!("{items} failed, the reasons are above{next}"));
    };
    let differ = |kind: Kind| {
        let marks = Mark::ALL.into_iter().filter(|mark| *mark != Mark::Same);
        marks.map(|mark| totals.of(kind, mark)).sum::<u64>()
    };
    let kinds: Vec<(Kind, u64)> = Kind::ALL.map(|kind| (kind, differ(kind))).into();
    let all: u64 = kinds.iter().map(|(_, count)| count).sum();
    let differences = match all {
        0 => "no differences".to_owned(),
        1 => "1 difference".to_owned(),
        all => format!("{all} differences"),
    };
    let kinds: Vec<String> =
        kinds.iter().filter(|(_, count)| *count > 0).map(|(kind, count)| counted(*kind, *count)).collect();
    let kinds = if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) };
    let files: Vec<String> = outcome.files.iter().map(|file| file.display().to_string()).collect();
    let report = match (all, &files[..]) {
        (0, []) => String::new(),
        (_, []) if is_demo => String::new(),
        (_, []) => "; --report FILE writes all of them".to_owned(),
        (_, files) => format!("; see {}", files.join(", ")),
    };
    Some(format!("validated: {differences}{kinds}{report}"))
}

/// What another import can do about the differences. Returns `None` if there are none.
pub fn repairs(repairs: &Repairs) -> Option<String> {
    let (possible, remaining) = (repairs.of(Repair::Possible), repairs.remaining());
    match (possible, remaining.as_str()) {
        (0, "") => None,
        (0, remaining) => Some(format!("`import --update` corrects none of them: {remaining}")),
        (_, "") => Some("`import --update` may correct all of them".to_owned()),
        (possible, remaining) => {
            Some(format!("`import --update` may correct {possible}, but not {remaining}"))
        }
    }
}

/// `1 run`, `2 logged models`.
pub fn counted(kind: Kind, count: u64) -> String {
    match (count, kind.words()) {
        (1, (one, _)) => format!("1 {one}"),
        (count, (_, many)) => format!("{count} {many}"),
    }
}

/// `run "adam" (4f1c…)`: names are not unique, but ids are. An id that equals the name is not repeated.
pub fn item(kind: Kind, name: &str, id: &str) -> String {
    let kind = kind.words().0;
    match id == name || id.is_empty() {
        true => format!("{kind} {name:?}"),
        false => format!("{kind} {name:?} ({id})"),
    }
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

/// A difference, with its first fields below it.
pub fn difference(difference: &Difference) -> Vec<String> {
    let Difference { kind, mark, experiment, name, fields, more_fields, .. } = difference;
    let id = difference.source_id.as_deref().or(difference.target_id.as_deref()).unwrap_or_default();
    let place = if experiment == name || experiment.is_empty() {
        String::new()
    } else {
        format!(" in {experiment:?}")
    };
    let kind = kind.words().0;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(step: Step) -> Outcome {
        Outcome::new(step, &ProgressSnapshot::default(), 1.0)
    }

    #[test]
    fn the_last_line_shows_the_result_and_the_next_step() {
        let stopped = |step| Outcome { stopped: true, ..outcome(step) };
        let of = |outcome: &Outcome| summary(outcome, 0, false).unwrap_or_default();
        assert_eq!(of(&stopped(Step::Import)), "stopped: run the same command again to resume");
        assert!(of(&stopped(Step::Validate)).contains("from the start"));
        assert_eq!(summary(&stopped(Step::Export), 0, true).as_deref(), Some("stopped"));
        assert_eq!(summary(&outcome(Step::Import), 0, false), None);
        let mut failed = outcome(Step::Import);
        failed.counts.insert("runs", Counts { planned: 2, failed: 2, ..Counts::default() });
        assert!(
            of(&failed).starts_with("2 items failed") && of(&failed).ends_with("run the same command again")
        );
        let taken = |count| summary(&failed, count, false).unwrap_or_default();
        assert!(taken(2).contains("--merge") && !taken(2).contains("the same command"), "{}", taken(2));
        assert!(taken(1).contains("--merge") && taken(1).contains("the same command"), "{}", taken(1));

        let mut totals = Totals::default();
        totals.add(Kind::Run, Mark::Same);
        let same = Outcome { comparison: Some(totals.clone()), ..outcome(Step::Validate) };
        assert_eq!(of(&same), "validated: no differences");
        totals.add(Kind::Run, Mark::Differs);
        totals.add(Kind::LoggedModel, Mark::Missing);
        totals.add(Kind::LoggedModel, Mark::Extra);
        let differs = Outcome { comparison: Some(totals), ..same };
        let said = "validated: 3 differences (1 run, 2 logged models)";
        assert_eq!(of(&differs), format!("{said}; --report FILE writes all of them"));
        let reported = Outcome { files: vec!["report.html".into()], ..differs };
        assert_eq!(of(&reported), format!("{said}; see report.html"));
    }

    #[test]
    fn items_with_the_same_name_are_distinct() {
        assert_eq!(item(Kind::LoggedModel, "clf", "m-1"), "logged model \"clf\" (m-1)");
        assert_eq!(item(Kind::RegisteredModel, "churn", "churn"), "registered model \"churn\"");
    }

    #[test]
    fn differences_are_followed_by_what_an_import_can_do() {
        let mut found = Repairs::default();
        assert_eq!(repairs(&found), None);
        found.add(&Difference::extra(Kind::Run, "a", "1"));
        let only = "1 only on the target (an import deletes nothing; with --merge, objects of other sources do not count)";
        assert_eq!(repairs(&found), Some(format!("`import --update` corrects none of them: {only}")));
        found.add(&Difference::missing(Kind::Run, "b", "2"));
        assert_eq!(repairs(&found), Some(format!("`import --update` may correct 1, but not {only}")));
        found.remove(&Difference::extra(Kind::Run, "a", "1"));
        assert_eq!(repairs(&found).as_deref(), Some("`import --update` may correct all of them"));
    }
}
