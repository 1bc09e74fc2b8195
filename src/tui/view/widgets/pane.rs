//! The lower part of a job's screen. It shows one of: items in flight, failures, or the log.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::paint;
use crate::tui::model::Model;
use crate::tui::model::job::{Failed, JobState, Pane};
use crate::tui::model::log::Severity;
use crate::tui::text;
use crate::tui::update::scroll;

/// Minimum number of listed failures, even if the selected one is long.
const LISTED: usize = 2;

/// Below this height the reason of the selected failure gets all lines but one.
const LOW: u16 = 6;

/// `usual` is the name of the default pane, beside failures and log.
pub fn tabs(model: &Model, work: &JobState, usual: &str, width: u16) -> Line<'static> {
    let look = model.look;
    let rule = look.glyphs.rule;
    let mut spans = vec![Span::styled(rule.repeat(2), look.theme.dim)];
    let from = match model.log_from {
        Severity::Note => "",
        Severity::Warning => " from warnings on",
        Severity::Error => " of errors",
    };
    let tabs = [
        (Pane::InFlight, usual.to_owned()),
        (Pane::Failures, format!("f failures {}", text::number(work.failed().saturating_sub(work.mended)))),
        (Pane::Log, format!("L log {}{}", text::number(model.shown_log().len() as u64), from)),
    ];
    for (pane, words) in tabs {
        let style = if pane == work.pane { look.theme.selected } else { look.theme.dim };
        spans.push(Span::styled(format!(" {words} "), style));
        spans.push(Span::styled(rule.repeat(2), look.theme.dim));
    }
    let used: usize = spans.iter().map(Span::width).sum();
    let rest = usize::from(width).saturating_sub(used);
    spans.push(Span::styled(rule.repeat(rest), look.theme.dim));
    Line::from(spans)
}

pub fn in_flight(model: &Model, work: &JobState, frame: &mut Frame, area: Rect) {
    let (look, width) = (model.look, usize::from(area.width));
    let flights = work.in_flight();
    let height = usize::from(area.height);
    let top = scroll::offset(work.cursor, flights.len(), height);
    let lines = flights
        .into_iter()
        .skip(top)
        .take(height)
        .map(|flight| {
            let since = model.now.saturating_sub(flight.since).as_secs_f64();
            let kind = text::fit(&flight.kind.words().0, 18, look.glyphs.ellipsis);
            let time = text::right(&text::duration(since), 12);
            let name = text::fit(&flight.name, width.saturating_sub(33), look.glyphs.ellipsis);
            Line::from(vec![
                Span::styled(format!("  {kind} "), look.theme.dim),
                Span::raw(name),
                Span::styled(time, look.theme.dim),
            ])
        })
        .collect();
    paint::lines(frame, area, lines);
}

pub fn failures(model: &Model, work: &JobState, frame: &mut Frame, area: Rect) {
    if work.failures.is_empty() {
        let words = if work.mended > 0 { "  no failed items are left" } else { "  nothing has failed" };
        frame.render_widget(Line::styled(words, model.look.theme.dim), area);
        return;
    }
    // The selected failure is shown in full below the list.
    let chosen = work.failures.get(work.cursor);
    let mut below: Vec<Line> = chosen.map_or_else(Vec::new, |failed| whole(model, failed, area.width));
    let is_low = area.height < LOW;
    if is_low && !below.is_empty() {
        below.remove(0);
    }
    let listed_rows = if is_low { 1 } else { LISTED };
    below.truncate(usize::from(area.height).saturating_sub(listed_rows.min(work.failures.len())));
    let height = usize::from(area.height).saturating_sub(below.len()).max(1);
    let top = scroll::offset(work.cursor, work.failures.len(), height);
    let mut lines: Vec<Line> = work
        .failures
        .iter()
        .enumerate()
        .skip(top)
        .take(height)
        .map(|(index, failed)| failed_line(model, failed, index == work.cursor, area.width))
        .collect();
    lines.extend(below);
    paint::lines(frame, area, lines);
}

fn failed_line(model: &Model, failed: &Failed, chosen: bool, width: u16) -> Line<'static> {
    let look = model.look;
    let mark = if chosen { look.glyphs.current } else { " " };
    let item = match failed.experiment {
        Some(_) => text::count(failed.count, &failed.kind.words().0, failed.kind.words().1),
        None => format!("{} {}", failed.kind, failed.name),
    };
    let words = format!("{mark} {} {item}: {}", look.glyphs.bad, failed.reason);
    let words = text::fit(&words, usize::from(width), look.glyphs.ellipsis);
    match chosen {
        true => Line::styled(words, look.theme.selected),
        false => Line::raw(words),
    }
}

fn whole(model: &Model, failed: &Failed, width: u16) -> Vec<Line<'static>> {
    let (look, width) = (model.look, usize::from(width));
    let mut lines = vec![Line::default()];
    lines.extend(paint::item(look.glyphs.bad, &failed.reason, width, look.theme.bad));
    if failed.attempts > 1 {
        let words = format!("tried {} times, in this job and in earlier ones", text::number(failed.attempts));
        lines.extend(paint::item(" ", &words, width, look.theme.dim));
    }
    if let Some(hint) = &failed.hint {
        lines.extend(paint::hint(look, hint, width));
    }
    lines
}

/// The newest line is at the bottom until the user scrolls.
pub fn log(model: &Model, work: &JobState, frame: &mut Frame, area: Rect) {
    let shown = model.shown_log();
    if shown.is_empty() {
        frame.render_widget(
            Line::styled("  no lines yet: notes and warnings of a job come here", model.look.theme.dim),
            area,
        );
        return;
    }
    let (look, width) = (model.look, usize::from(area.width));
    let height = usize::from(area.height);
    let last = shown.len().saturating_sub(work.cursor);
    let first = last.saturating_sub(height);
    let lines = shown[first..last.max(height.min(shown.len()))]
        .iter()
        .map(|line| {
            let (glyph, style) = match line.severity {
                Severity::Note => (look.glyphs.dot, look.theme.dim),
                Severity::Warning => (look.glyphs.warn, look.theme.warn),
                Severity::Error => (look.glyphs.bad, look.theme.bad),
            };
            let lead = format!("{} {glyph} {:<8}", line.time, line.severity.word());
            let room = width.saturating_sub(text::width(&lead));
            Line::from(vec![
                Span::styled(lead, style),
                Span::raw(text::cut(&line.text, room, look.glyphs.ellipsis)),
            ])
        })
        .collect();
    paint::lines(frame, area, lines);
}
