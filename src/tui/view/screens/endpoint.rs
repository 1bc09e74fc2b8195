//! Steps 1 and 2: the address of an end, its login, and the result of the first check.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::engine::{CheckReport, Fidelity, Level, Side, Step};
use crate::entities::Count;
use crate::tui::model::form::Asked;
use crate::tui::model::job::ErrorText;
use crate::tui::model::stores::{FoundStore, StoreContents};
use crate::tui::model::{CheckState, EndpointState, Model};
use crate::tui::text;
use crate::tui::view::widgets::{fields, paint, store_contents};

/// Below this height, words that are not needed make room.
const LOW: u16 = 15;

pub fn view(model: &Model, frame: &mut Frame, area: Rect) {
    let end = if model.step == Step::Check { Side::Source } else { Side::Target };
    let side = model.side(end);
    let about = match end {
        Side::Source => "The contents of the source, and what will not arrive. It is only read.",
        Side::Target => "The server that receives everything.",
    };
    let mut head = paint::heading(model, area.width, about);
    if end == Side::Target {
        head.splice(2..2, choices(model));
    }
    // On a low screen the reason of a refusal is more important than the words about the step.
    let is_tight = area.height < LOW && matches!(side.seen, CheckState::Refused(_));
    if is_tight {
        head.truncate(1);
    }
    let taken = (head.len() as u16).min(area.height);
    paint::lines(frame, area, head);
    let mut rest = below(area, taken);
    let is_settled = side.report().is_some() && side.form.focus.is_none();
    let taken = match is_settled {
        true => {
            let lines = outcome_lines(model, side, rest.width);
            let taken = lines.len() as u16;
            paint::lines(frame, rest, lines);
            taken
        }
        false => fields::form(model, frame, rest, &side.form),
    };
    rest = below(rest, taken + u16::from(!is_tight));
    let lines = scrolled(model, found(model, side, rest), side.scroll, rest.height);
    paint::lines(frame, rest, lines);
}

fn below(area: Rect, rows: u16) -> Rect {
    let rows = rows.min(area.height);
    Rect { y: area.y + rows, height: area.height - rows, ..area }
}

fn choices(model: &Model) -> Vec<Line<'static>> {
    let (look, [chosen, other]) = (model.look, model.look.glyphs.radio);
    vec![
        Line::raw(format!("{chosen} a server by its address, typed here")),
        Line::styled(format!("{other} F2: a SageMaker MLflow App, existing or new"), look.theme.dim),
    ]
}

/// The form after a successful check: one line if an ARN fits.
fn outcome_lines(model: &Model, side: &EndpointState, width: u16) -> Vec<Line<'static>> {
    let user = match side.form.access().username {
        Some(user) => format!("  as {}", text::clean(&user)),
        None if side.form.access().token.is_some() => "  with a token".to_owned(),
        None => String::new(),
    };
    let title = Span::styled(format!("{:<8}", title(side.form.end)), model.look.theme.accent);
    let place = Span::raw(text::clean(&side.location()));
    let user = Span::styled(user, model.look.theme.dim);
    match title.width() + place.width() + user.width() > usize::from(width) {
        true => vec![Line::from(vec![title, user]), Line::from(place)],
        false => vec![Line::from(vec![title, place, user])],
    }
}

fn title(end: Side) -> &'static str {
    match end {
        Side::Source => "Source",
        Side::Target => "Target",
    }
}

fn found(model: &Model, side: &EndpointState, Rect { width, .. }: Rect) -> Vec<Line<'static>> {
    let (look, width) = (model.look, usize::from(width));
    match &side.seen {
        CheckState::Unchecked if side.form.field(Asked::Uri).text().is_empty() => {
            let path = if side.form.end == Side::Source { ", or a path (Tab completes it)" } else { "" };
            let words = format!("Type or paste the address{path}, then press Enter.");
            paint::wrapped(&words, width, look.theme.dim)
        }
        // The form already shows the problem.
        CheckState::Unchecked if side.form.trouble().is_some() => Vec::new(),
        CheckState::Unchecked => {
            let found = model.stores.find(side.form.uri()).filter(|_| side.form.end == Side::Source);
            let mut lines = found.map_or_else(Vec::new, |store| found_here(model, store, width));
            lines.push(Line::styled("Enter checks it.", look.theme.dim));
            lines
        }
        CheckState::Checking => vec![Line::from(vec![
            Span::styled(format!("{} ", paint::spinner(model)), look.theme.accent),
            Span::raw(format!("checking {} ", text::clean(&side.form.bare_uri()))),
        ])],
        CheckState::Refused(trouble) => refused(model, trouble, width),
        CheckState::Found(report) => {
            let mut lines = summary(model, report, width);
            lines.extend(findings(model, report, &[Level::Failure, Level::Warning], width));
            lines.extend(fidelity(model, report, width));
            lines.extend(findings(model, report, &[Level::Ok], width));
            lines
        }
    }
}

/// Why the field contains this text, although nobody has typed it.
fn found_here(model: &Model, store: &FoundStore, width: usize) -> Vec<Line<'static>> {
    if let StoreContents::Failed(trouble) = &store.contents {
        return refused(model, trouble, width);
    }
    let (glyph, style) = store_contents::mark(model, &store.contents);
    let words = format!("found here: {}", store_contents::words(&store.contents));
    paint::item(glyph, &words, width, style)
}

pub fn refused(model: &Model, trouble: &ErrorText, width: usize) -> Vec<Line<'static>> {
    let look = model.look;
    let mut lines = paint::item(look.glyphs.bad, &trouble.text, width, look.theme.bad);
    if let Some(hint) = &trouble.hint {
        lines.extend(paint::hint(look, hint, width));
    }
    lines
}

/// The type of the server, its latency, and the size of its contents.
pub fn summary(model: &Model, report: &CheckReport, width: usize) -> Vec<Line<'static>> {
    let look = model.look;
    let what = match (report.about.kind, report.about.version) {
        ("server", Some(version)) => format!("MLflow {version}"),
        ("server", None) => "an MLflow server of unknown version".to_owned(),
        ("archive", _) => "an export directory".to_owned(),
        (kind, _) => format!("a {kind}, read without its server"),
    };
    let latency = report.latency_ms.map(|ms| format!(", answers in {ms} ms")).unwrap_or_default();
    let mut lines = paint::item(look.glyphs.ok, &format!("{what}{latency}"), width, look.theme.ok);
    let deleted = match report.deleted_experiments {
        0 => String::new(),
        n => format!(" and {} deleted", text::number(n)),
    };
    let more = if report.more_runs { " or more" } else { "" };
    let holds = format!(
        "{}{deleted}, {}{more}",
        text::count(report.experiments, "experiment", "experiments"),
        text::count(report.runs, "run", "runs")
    );
    lines.extend(paint::item(look.glyphs.dot, &holds, width, Style::new()));
    lines
}

fn findings(model: &Model, report: &CheckReport, levels: &[Level], width: usize) -> Vec<Line<'static>> {
    let look = model.look;
    let mut lines = Vec::new();
    for wanted in levels {
        for finding in report.findings.iter().filter(|finding| finding.level == *wanted) {
            // The summary already shows this.
            let is_version =
                *wanted == Level::Ok && report.about.version.is_some() && finding.text.starts_with("MLflow ");
            if is_version {
                continue;
            }
            let (glyph, word, style) = paint::level(look, *wanted);
            lines.extend(paint::item(glyph, &format!("{word}: {}", finding.text), width, style));
            if let Some(hint) = &finding.hint {
                lines.extend(paint::hint(look, hint, width));
            }
        }
    }
    lines
}

/// Width of a count.
const COUNT: usize = 7;

/// The number of objects of each kind, and the part that reaches the target. Kinds without objects are omitted.
fn fidelity(model: &Model, report: &CheckReport, width: usize) -> Vec<Line<'static>> {
    let look = model.look;
    let kinds = report.kinds.iter().filter(|kind| kind.is_shown());
    let kinds = kinds.map(|kind| {
        (look.glyphs.ok, look.theme.ok, kind.kind.title(), many(&kind.tally), summed(&kind.fidelity))
    });
    let others = report.others.iter().filter(|other| other.tally.is_some()).map(|other| {
        let words = format!("cannot: {}", other.reason);
        (look.glyphs.warn, look.theme.warn, other.title, many(&other.tally), words)
    });
    let rows: Vec<_> = kinds.chain(others).collect();
    let titles = rows.iter().map(|(_, _, title, ..)| text::width(title)).max().unwrap_or_default();
    let room = width.saturating_sub(titles + COUNT + 5).max(1);
    let mut lines = Vec::new();
    for (glyph, style, title, count, words) in &rows {
        for (index, words) in text::wrap(words, room).into_iter().enumerate() {
            let (glyph, title, count) =
                if index == 0 { (*glyph, *title, count.as_str()) } else { (" ", "", "") };
            let lead = format!("{}{}  ", text::fit(title, titles, ""), text::right(count, COUNT + 1));
            lines.push(Line::from(vec![
                Span::styled(format!("{glyph} "), *style),
                Span::raw(lead),
                Span::styled(words, look.theme.dim),
            ]));
        }
    }
    lines
}

fn many(tally: &Count) -> String {
    let more = if tally.more { "+" } else { "" };
    tally.count.map_or_else(|| "?".to_owned(), |count| format!("{}{more}", text::number(count)))
}

/// Losses come before the details.
fn summed(fidelity: &Fidelity) -> String {
    let but = [
        ("but not", fidelity.cannot),
        ("as tags:", fidelity.kept_as_tags),
        ("rewritten:", fidelity.rewritten),
    ];
    let but = but.into_iter().filter(|(_, what)| !what.is_empty());
    let parts: Vec<String> = but.map(|(how, what)| format!("{how} {what}")).collect();
    match parts.is_empty() {
        true => format!("exactly: {}", fidelity.exactly),
        false => format!("exactly; {}", parts.join("; ")),
    }
}

/// The lines from `from` on that fit, and a count of the hidden lines below.
pub fn scrolled(model: &Model, lines: Vec<Line<'static>>, from: usize, height: u16) -> Vec<Line<'static>> {
    let (look, height) = (model.look, usize::from(height));
    if lines.len() <= height || height < 2 {
        return lines;
    }
    let from = from.min(lines.len() - height + 1);
    let more = lines.len() - from - (height - 1);
    let mut shown: Vec<Line> = lines.into_iter().skip(from).take(height - 1).collect();
    let words = match more {
        0 => format!("{} back", look.glyphs.up),
        _ => format!("{} {}", look.glyphs.down, text::count(more as u64, "more line", "more lines")),
    };
    shown.push(Line::styled(words, look.theme.dim));
    shown
}
