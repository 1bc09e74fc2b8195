//! One line of progress beside a bar. Parts that do not fit are left out, the least important part first.

use crate::commands::format;
use crate::engine::ProgressSnapshot;
use crate::entities::Kind;
use crate::tui::terminal::columns;

const SEPARATOR: &str = " · ";
/// From this width of the terminal on, the bar is long.
const WIDE: usize = 100;

/// The importance of a part: the least important part is left out first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    Detail,
    Kind,
    Usual,
    Bytes,
    Time,
    Runs,
    Waiting,
}

/// The number of cells of the bar.
pub fn bar_width() -> usize {
    if columns() < WIDE { 10 } else { 20 }
}

/// The columns that are left in the terminal when `used` columns are taken.
pub fn room(used: usize) -> usize {
    columns().saturating_sub(used)
}

/// The progress of a job in at most `room` columns, with the time that it has taken.
pub fn progress(reading: &ProgressSnapshot, time: Option<String>, room: usize) -> String {
    let more = if reading.all_planned { "" } else { "+" };
    let mut parts: Vec<(Rank, String)> = time.into_iter().map(|time| (Rank::Time, time)).collect();
    if reading.waiting {
        parts.push((Rank::Waiting, "waiting for new credentials".to_owned()));
    }
    parts.extend(reading.troubles().map(|trouble| (Rank::Waiting, trouble)));
    for kind in Kind::ALL.into_iter().filter(|kind| kind.is_basic() || reading.of(*kind).planned > 0) {
        let (of, rank) = (
            reading.of(kind),
            match kind {
                Kind::Run => Rank::Runs,
                _ if kind.is_basic() => Rank::Usual,
                _ => Rank::Kind,
            },
        );
        parts.push((rank, format!("{} {}/{}{more}", kind.title(), of.finished(), of.planned)));
    }
    parts.push((Rank::Detail, format!("{} points", reading.points)));
    parts.push((Rank::Bytes, format::bytes(reading.bytes)));
    fit(parts, room)
}

/// Joins the parts that fit. Of two parts with the same rank the later one is left out.
pub fn fit(mut parts: Vec<(Rank, String)>, room: usize) -> String {
    loop {
        let words: Vec<&str> = parts.iter().map(|(_, words)| words.as_str()).collect();
        let line = words.join(SEPARATOR);
        let least = parts.iter().enumerate().rev().min_by_key(|(_, (rank, _))| *rank);
        match least {
            Some((at, _)) if parts.len() > 1 && line.chars().count() > room => drop(parts.remove(at)),
            _ => return line,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Counts;

    fn reading() -> ProgressSnapshot {
        let mut reading = ProgressSnapshot {
            points: 1_234_567,
            bytes: 12_345_678_901,
            all_planned: false,
            ..ProgressSnapshot::default()
        };
        for kind in Kind::ALL {
            reading.counts[kind.index()] = Counts { planned: 123_456, done: 12_345, ..Counts::default() };
        }
        reading
    }

    #[test]
    fn the_least_important_parts_are_left_out_first() {
        let all = progress(&reading(), None, 1_000);
        assert!(all.contains("traces 12345/123456+") && all.contains("1234567 points"), "{all}");
        // 80 columns less the step, the bar, the percentage and the time.
        let short = progress(&reading(), None, 50);
        assert_eq!(short, "runs 12345/123456+ · 12.35 GB");
        assert_eq!(
            progress(&reading(), None, 60),
            "experiments 12345/123456+ · runs 12345/123456+ · 12.35 GB"
        );
        for room in 20..300 {
            let line = progress(&reading(), None, room);
            assert!(line.starts_with("runs") || line.chars().count() <= room, "{room}: {line}");
            assert!(line.contains("runs 12345/123456+"), "{room}: {line}");
        }
        let waiting = progress(&ProgressSnapshot { waiting: true, ..reading() }, None, 50);
        assert_eq!(waiting, "waiting for new credentials · runs 12345/123456+");
    }
}
