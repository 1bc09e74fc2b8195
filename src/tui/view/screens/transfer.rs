//! Steps 5 and 6: a running copy job, and its result.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::select::needed_by;
use super::{counts, endpoint, picked_runs};
use crate::engine::{Outcome, ProgressSnapshot, Step};
use crate::entities::Kind;
use crate::tui::model::job::{JobState, Pane, Phase};
use crate::tui::model::rates;
use crate::tui::model::steps::StepStatus;
use crate::tui::model::{Model, Needed};
use crate::tui::source_tree::SourceTree;
use crate::tui::text;
use crate::tui::update::same_names;
use crate::tui::view::widgets::{paint, pane};

/// Below this height no line is left empty, and failures and the log get the lines of the speeds.
const LOW: u16 = 15;

pub fn view(model: &Model, frame: &mut Frame, area: Rect) {
    let Some(work) = model.work_here() else { return };
    let mut lines = paint::short_heading(model, area.width, &about(model));
    if area.height < LOW {
        lines.truncate(1);
    }
    if model.gate(model.step) == StepStatus::NotNeeded {
        let words = "Not needed: the data goes directly to the target (step 3 decides).";
        lines.extend(paint::item(
            model.look.glyphs.unneeded,
            words,
            usize::from(area.width),
            model.look.theme.dim,
        ));
        paint::lines(frame, area, lines);
        return;
    }
    if matches!(work.phase, Phase::Idle) {
        lines.extend(before(model, area.width));
        paint::lines(frame, area, lines);
        return;
    }
    lines.extend(state(model, work, area.width));
    // A job that failed before it began has no counts.
    if work.trouble().is_none() || work.reading != ProgressSnapshot::default() {
        lines.extend(counts::table(model, &work.reading, area.width, area.height, lines.len()));
        // On a low screen the reason of a failure is more important than the speed.
        if area.height >= LOW || work.pane == Pane::InFlight {
            lines.extend(speeds(model, work, area.width));
        }
    }
    let usual = match work.is_running() {
        true => format!("in flight {}", work.in_flight_count()),
        false => "notes, files".to_owned(),
    };
    lines.push(pane::tabs(model, work, &usual, area.width));
    let [top, rest] =
        Layout::vertical([Constraint::Length(lines.len() as u16), Constraint::Fill(1)]).areas(area);
    paint::lines(frame, top, lines);
    match work.pane {
        Pane::InFlight if work.outcome().is_some() => {
            paint::lines(frame, rest, not_migrated(model, work, rest.width))
        }
        Pane::InFlight => pane::in_flight(model, work, frame, rest),
        Pane::Failures => pane::failures(model, work, frame, rest),
        Pane::Log => pane::log(model, work, frame, rest),
    }
}

fn about(model: &Model) -> String {
    let arrow = model.look.glyphs.arrow;
    let (source, target) = (model.source.location(), model.target.location());
    let directory = model.directory().display().to_string();
    match (model.step, model.route.by_directory) {
        (Step::Export, _) => format!("{source} {arrow} {directory}"),
        (_, true) => format!("{directory} {arrow} {target}"),
        (_, false) => format!("{source} {arrow} {target}"),
    }
}

fn before(model: &Model, width: u16) -> Vec<Line<'static>> {
    let width = usize::from(width);
    let what = match model.plan.is_everything() {
        true => format!("everything in the source{}", picked_runs::limits(&model.plan)),
        false => format!("the selection: {}", picked(model)),
    };
    let promises = match model.step {
        Step::Export => {
            "Items that are already in the directory are not fetched again. The source is only read."
        }
        _ => "Items on the target are not written again. The source is only read.",
    };
    let mut lines = match model.gate(model.step) {
        StepStatus::Done => paint::item(
            model.look.glyphs.ok,
            "Done in an earlier session. r runs it again.",
            width,
            model.look.theme.ok,
        ),
        _ => paint::wrapped(&format!("Enter starts: {what}."), width, Style::new()),
    };
    lines.extend(needed(model, width));
    if model.step == Step::Import {
        let words = format!("Names: {}.", model.same_names().sentence());
        lines.extend(paint::wrapped(&words, width, Style::new()));
    }
    lines.push(Line::default());
    lines.extend(paint::wrapped(promises, width, model.look.theme.dim));
    lines
}

/// The counts of the tree, or the counts of the plan from an earlier session.
fn picked(model: &Model) -> String {
    let plan = &model.plan;
    let named = |globs: &[String], named: usize| {
        (!globs.iter().any(|glob| glob == "*")).then_some(globs.len() + named)
    };
    let by_plan = [
        (Kind::Experiment, named(&plan.globs, plan.experiments.len())),
        (Kind::RegisteredModel, named(&plan.models, plan.model_versions.len())),
        (Kind::Prompt, named(&plan.prompts, plan.prompt_versions.len())),
        (Kind::EvaluationDataset, named(&plan.datasets, 0)),
    ];
    let tree = model.selection.tree().map(SourceTree::counted);
    let words = |(kind, by_plan): (Kind, Option<usize>)| {
        let words = kind.words();
        match (tree.map(|counted| counted.of(kind)), by_plan) {
            (Some(0), _) | (None, Some(0)) => None,
            (Some(count), _) => Some(text::count(count, &words.0, words.1)),
            (None, Some(count)) => Some(text::count(count as u64, &words.0, words.1)),
            (None, None) => Some(format!("all {}", words.1)),
        }
    };
    let runs = match model.selection.tree() {
        Some(tree) => picked_runs::in_tree(model, tree),
        None => picked_runs::in_plan(plan),
    };
    let mut parts: Vec<String> = by_plan.into_iter().filter_map(words).collect();
    // After the experiments, which come first.
    if let Some(runs) = runs {
        parts.insert(parts.len().min(1), runs);
    }
    parts.join(", ")
}

/// Maximum number of lines for included items. More lines would hide other information.
const NEEDED: usize = 5;

fn needed(model: &Model, width: usize) -> Vec<Line<'static>> {
    let look = model.look;
    match &model.selection.needed {
        Needed::Unasked => Vec::new(),
        Needed::Asked => vec![Line::styled(
            format!("{} looking for items that model versions need", paint::spinner(model)),
            look.theme.dim,
        )],
        Needed::Failed(reason) => {
            let words = format!("the items that model versions need are not known: {reason}");
            paint::item(look.glyphs.warn, &words, width, look.theme.warn)
        }
        Needed::Known(needed) if needed.is_empty() => Vec::new(),
        Needed::Known(needed) => {
            let items = text::count(needed.len() as u64, "item", "items");
            let mut lines = vec![Line::raw(format!("Also included, though not selected: {items}"))];
            for (id, version) in needed.iter().take(NEEDED) {
                let words = format!("{id} {}", needed_by(version));
                lines.push(Line::raw(text::cut(
                    &format!("{} {words}", look.glyphs.dot),
                    width,
                    look.glyphs.ellipsis,
                )));
            }
            if needed.len() > NEEDED {
                let more = text::number((needed.len() - NEEDED) as u64);
                lines.push(Line::styled(format!("{} and {more} more", look.glyphs.ellipsis), look.theme.dim));
            }
            lines
        }
    }
}

/// The progress bar while the job runs, then its result.
pub fn state(model: &Model, work: &JobState, width: u16) -> Vec<Line<'static>> {
    let columns = usize::from(width);
    if let StepStatus::Stale(_) = model.gate(work.step) {
        return outdated(model, columns);
    }
    match &work.phase {
        Phase::Idle => Vec::new(),
        Phase::Starting => vec![
            Line::styled(format!("{} opening both ends", paint::spinner(model)), model.look.theme.accent),
            Line::default(),
        ],
        Phase::Running => running(model, work, columns),
        Phase::Ended(result) => match result.as_ref() {
            Err(trouble) => {
                let mut lines = endpoint::refused(model, trouble, columns);
                lines.push(Line::styled(
                    "Enter tries again; finished items are not repeated.",
                    model.look.theme.title,
                ));
                lines
            }
            Ok(outcome) => result_lines(model, work, outcome, columns),
        },
    }
}

fn running(model: &Model, work: &JobState, width: usize) -> Vec<Line<'static>> {
    let look = model.look;
    let fraction = work.reading.fraction();
    // Rounded down: only a finished job shows 100 %.
    let percent = format!(" {:>3} %", (fraction * 100.0) as u64);
    let elapsed = model.now.saturating_sub(work.started).as_secs_f64();
    let remaining = remaining(model, work).unwrap_or_else(|| look.glyphs.dash.to_owned());
    let mut bar = paint::bar(look, fraction, width.saturating_sub(text::width(&percent)));
    bar.push_span(Span::raw(percent));
    let (word, style) = match (work.stops, work.paused) {
        (0, _) if work.waiting.is_some() => ("waiting for new credentials", look.theme.warn),
        (0, _) if work.reading.servers.iter().any(|server| server.is_gone()) => {
            ("waiting for a server", look.theme.warn)
        }
        (0, false) => ("running", look.theme.accent),
        (0, true) => ("paused", look.theme.warn),
        (1, _) if model.leaving => ("finishing items, then leaving", look.theme.warn),
        (1, _) => ("stopping: finishing items in flight", look.theme.warn),
        _ => ("stopping now", look.theme.warn),
    };
    let now = format!("{} {word}  ", paint::spinner(model));
    let time = text::duration(elapsed);
    let room = width.saturating_sub(text::width(&now) + text::width(&time));
    let counting = if work.reading.all_planned { "" } else { ", still counting" };
    let to_go = match work.stops {
        0 if text::width(&remaining) + text::width(counting) + "   to go".len() <= room => {
            format!("  {remaining} to go{counting}")
        }
        0 => format!("  {remaining} to go"),
        _ => String::new(),
    };
    let mut lines = vec![
        bar,
        Line::from(vec![
            Span::styled(now, style),
            Span::raw(time),
            Span::styled(text::cut(&to_go, room, look.glyphs.ellipsis), look.theme.dim),
        ]),
    ];
    if work.again {
        lines.push(Line::styled("Failed items are retried at the end.", look.theme.warn));
    }
    for trouble in work.reading.troubles() {
        lines.extend(paint::wrapped(&format!("{trouble}."), width, look.theme.warn));
    }
    if let Some(renew) = &work.waiting {
        lines.extend(paint::hint(look, &format!("{renew}; the job then resumes"), width));
    }
    lines
}

/// The content below belongs to an earlier selection.
pub fn outdated(model: &Model, width: usize) -> Vec<Line<'static>> {
    let words = "The inputs have changed since this step was done. Enter runs it again with the new inputs.";
    paint::item(model.look.glyphs.stale, words, width, model.look.theme.warn)
}

/// Exact once everything is counted. Before that, estimated from the number of runs that the source reported.
fn remaining(model: &Model, work: &JobState) -> Option<String> {
    if let Some(seconds) = work.rates.remaining() {
        return Some(text::duration(seconds));
    }
    let pending = model.expected_runs()?.checked_sub(rates::runs(&work.reading))?;
    let speed = work.rates.per_second(rates::runs);
    (speed > 0.0 && pending > 0).then(|| format!("about {}", text::duration(pending as f64 / speed)))
}

fn result_lines(model: &Model, work: &JobState, outcome: &Outcome, width: usize) -> Vec<Line<'static>> {
    let look = model.look;
    let mended = |mended: u64| match mended {
        0 => String::new(),
        some => format!(", and {} moved since", text::number(some)),
    };
    let took = text::duration(outcome.seconds);
    let (glyph, words, style) = match (outcome.stopped, work.left()) {
        (true, _) => (
            look.glyphs.warn,
            format!("stopped after {took}. Enter resumes where it was stopped."),
            look.theme.warn,
        ),
        (_, 0) if work.mended > 0 => (
            look.glyphs.ok,
            format!("finished in {took}: all items that failed at first were moved later."),
            look.theme.ok,
        ),
        (_, 0) => (look.glyphs.ok, format!("finished in {took}: nothing failed."), look.theme.ok),
        (_, n) => (
            look.glyphs.warn,
            format!(
                "finished in {took}, but {} failed{}. f shows why, {}.",
                text::count(outcome.failed(), "item", "items"),
                mended(work.mended),
                ways_out(model, work, n)
            ),
            look.theme.warn,
        ),
    };
    let mut lines = paint::item(glyph, &words, width, style);
    if let Some(what) = &work.retrying {
        let words = format!("{} {what} is being retried", paint::spinner(model));
        lines.push(Line::styled(text::cut(&words, width, look.glyphs.ellipsis), look.theme.accent));
    }
    let next = match (outcome.stopped, outcome.step) {
        (true, _) => return lines,
        (_, Step::Export) => "Next: 6 Import (Enter)",
        _ => "Next: 7 Validation (Enter) compares both sides",
    };
    lines.push(Line::styled(next, look.theme.title));
    lines
}

/// The keys that help after failures. Trying again does not help if the target has the names from another source.
fn ways_out(model: &Model, work: &JobState, left: u64) -> String {
    let again = format!("R tries {} again", if left == 1 { "it" } else { "them" });
    let names =
        || format!("{} in step 4 chooses what to do about names that are taken", same_names::key(model));
    match work.groups.name_taken() {
        0 => again,
        taken if taken >= left => names(),
        _ => format!("{again}, {}", names()),
    }
}

/// The messages and files of the job besides its counts.
fn not_migrated(model: &Model, work: &JobState, width: u16) -> Vec<Line<'static>> {
    let (look, width) = (model.look, usize::from(width));
    let Some(outcome) = work.outcome() else {
        return Vec::new();
    };
    let mut lines = Vec::new();
    for file in &outcome.files {
        let words = format!("old and new ids: {}", file.display());
        lines.extend(paint::item(look.glyphs.dot, &words, width, look.theme.dim));
    }
    for note in &outcome.notes {
        lines.extend(paint::item(look.glyphs.warn, note, width, look.theme.warn));
    }
    lines
}

pub fn speeds(model: &Model, work: &JobState, width: u16) -> Vec<Line<'static>> {
    let (look, reading) = (model.look, &work.reading);
    let dot = look.glyphs.dot;
    let mut requests = format!(
        "{}, {}",
        text::count(reading.requests, "request", "requests"),
        text::count(reading.retries, "retry", "retries")
    );
    let words = if work.is_running() {
        requests.push_str(&format!(", at most {} at once", reading.concurrency));
        let per_second = |of: fn(&ProgressSnapshot) -> u64| work.rates.per_second(of);
        format!(
            "{:.1} runs/s {dot} {} points/s {dot} {}/s",
            per_second(rates::runs),
            text::number(per_second(|r| r.points) as u64),
            text::bytes(per_second(|r| r.bytes) as u64),
        )
    } else {
        format!(
            "{} {dot} {}",
            text::count(reading.points, "metric point", "metric points"),
            text::bytes(reading.bytes)
        )
    };
    let mut lines = [words, requests].map(|words| Line::styled(words, look.theme.dim));
    if work.is_running() {
        let room = usize::from(width).saturating_sub(lines[0].width() + 2);
        let spark = paint::sparkline(look, &work.history.heights(room));
        lines[0].push_span(Span::styled(format!("  {spark}"), look.theme.accent));
    }
    lines.into()
}
