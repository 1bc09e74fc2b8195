//! Step 7: both sides compared, and where they differ.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{curve, detail, differences, transfer};
use crate::engine::Step;
use crate::engine::validate::{ArtifactCheck, Mark, Totals};
use crate::entities::Kind;
use crate::tui::gate::Gate;
use crate::tui::model::Model;
use crate::tui::text;
use crate::tui::widgets::{paint, pane};
use crate::tui::work::{Pane, Phase};

pub fn view(model: &Model, frame: &mut Frame, area: Rect) {
    let work = &model.validation.work;
    let about = format!("files: {} (x changes it)", files(model.validation.artifacts));
    let mut lines = paint::short_heading(model, area.width, &about);
    match &work.phase {
        Phase::Idle => {
            lines.push(Line::raw("Enter starts."));
            lines.push(Line::default());
            let about = "Both sides are read afresh and compared field by field. Neither is changed.";
            lines.extend(paint::wrapped(about, usize::from(area.width), model.look.theme.dim));
            paint::lines(frame, area, lines);
            return;
        }
        Phase::Starting | Phase::Running => {
            lines.extend(transfer::state(model, work, area.width));
            lines.extend(transfer::table(model, &work.reading));
            lines.extend(transfer::speeds(model, work, area.width));
        }
        Phase::Ended(result) => match result.as_ref() {
            Err(_) => lines.extend(transfer::state(model, work, area.width)),
            Ok(outcome) => {
                let is_stale = matches!(model.gate(Step::Validate), Gate::Stale(_));
                lines.extend(match is_stale {
                    true => transfer::outdated(model, usize::from(area.width)),
                    false => verdict(model, outcome.comparison.as_ref(), outcome.stopped, area.width),
                });
                let totals = outcome.comparison.clone().unwrap_or_default();
                lines.extend(table(model, &totals));
                lines.extend(mended(model, area.width));
                // The others stand beside it.
                if let Some(file) = outcome.files.first() {
                    let words = format!("report: {}", file.display());
                    let words = text::cut(&words, usize::from(area.width), model.look.glyphs.ellipsis);
                    lines.push(Line::styled(words, model.look.theme.dim));
                }
            }
        },
    }
    let usual = match model.validation.only {
        None => format!("differences {}", text::number(model.validation.found)),
        Some(only) => {
            format!("{} {} of {}", only.word(), model.validation.shown().len(), model.validation.found)
        }
    };
    lines.push(pane::tabs(model, work, &usual, area.width));
    let [top, rest] =
        Layout::vertical([Constraint::Length(lines.len() as u16), Constraint::Fill(1)]).areas(area);
    paint::lines(frame, top, lines);
    match work.pane {
        Pane::InFlight => differences::view(model, frame, rest),
        Pane::Failures => pane::failures(model, work, frame, rest),
        Pane::Log => pane::log(model, work, frame, rest),
    }
    if let (Some(at), Some(difference)) = (model.validation.detail, model.validation.current()) {
        detail::view(model, frame, area, difference, at);
    }
    if let Some(picture) = &model.validation.picture {
        curve::view(model, frame, area, picture);
    }
}

fn files(check: ArtifactCheck) -> &'static str {
    match check {
        ArtifactCheck::None => "not compared",
        ArtifactCheck::Size => "by name and size",
        ArtifactCheck::Checksum => "by checksum, every byte is read",
    }
}

fn verdict(model: &Model, totals: Option<&Totals>, stopped: bool, width: u16) -> Vec<Line<'static>> {
    let (look, width) = (model.look, usize::from(width));
    match totals {
        _ if stopped => paint::item(
            look.glyphs.warn,
            "stopped before the end. Enter compares again.",
            width,
            look.theme.warn,
        ),
        Some(totals) if !totals.differs() => {
            let words = "validated: both sides are the same. Nothing is left to do; q leaves.";
            paint::item(look.glyphs.ok, words, width, look.theme.ok)
        }
        _ => {
            let words = "the sides differ. Enter opens a difference; step 6 can be run again: it adds what is missing.";
            paint::item(look.glyphs.bad, words, width, look.theme.bad)
        }
    }
}

/// The counts are those of the comparison.
fn mended(model: &Model, width: u16) -> Vec<Line<'static>> {
    let look = model.look;
    match model.validation.mended {
        0 => Vec::new(),
        mended => {
            let words = format!(
                "{} no more; r compares everything again and writes the report anew",
                text::count(mended, "difference is there", "differences are there")
            );
            paint::item(look.glyphs.ok, &words, usize::from(width), look.theme.ok)
        }
    }
}

/// The widest title, and the columns of the marks: 77 in all.
const KIND_WIDTH: usize = 18;
const MARK_WIDTHS: [usize; 5] = [11, 11, 11, 12, 14];

fn table(model: &Model, totals: &Totals) -> Vec<Line<'static>> {
    let look = model.look;
    let heads = Mark::ALL.iter().zip(MARK_WIDTHS);
    let head: String =
        heads.map(|(mark, width)| text::right(&format!("{} {}", mark.sign(), mark.word()), width)).collect();
    let mut lines = vec![Line::styled(format!("{:<KIND_WIDTH$}{head}", ""), look.theme.dim)];
    for kind in Kind::ALL.into_iter().filter(|kind| totals.is_shown(*kind)) {
        let mut spans = vec![Span::raw(format!("{:<KIND_WIDTH$}", kind.title()))];
        for (mark, width) in Mark::ALL.into_iter().zip(MARK_WIDTHS) {
            let count = totals.of(kind, mark);
            let style = if mark != Mark::Same && count > 0 { look.theme.bad } else { Style::new() };
            spans.push(Span::styled(text::right(&text::number(count), width), style));
        }
        lines.push(Line::from(spans));
    }
    lines
}
