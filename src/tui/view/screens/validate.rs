//! Step 7: the comparison of both sides, and the differences.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;

use super::{counts, curve, detail, differences, totals, transfer};
use crate::engine::validate::{ArtifactCheck, Repair, Repairs, Totals};
use crate::engine::{Outcome, Step};
use crate::tui::keys::{self, Action};
use crate::tui::model::Model;
use crate::tui::model::job::{Pane, Phase};
use crate::tui::model::steps::StepStatus;
use crate::tui::text;
use crate::tui::view::widgets::{paint, pane};

/// From this width on, the command for all differences is named.
const WIDE: usize = 70;
/// Below this height no line is left empty.
const LOW: u16 = 15;
/// Minimum number of rows for the list of differences, as far as the counts can be shortened.
const LISTED: u16 = 8;

pub fn view(model: &Model, frame: &mut Frame, area: Rect) {
    let work = &model.validation.work;
    let about = format!("files (x changes it): {}", files(model.validation.artifacts));
    let mut lines = paint::short_heading(model, area.width, &about);
    if area.height < LOW {
        lines.truncate(1);
    }
    match &work.phase {
        Phase::Idle => {
            lines.push(Line::raw("Enter starts."));
            lines.push(Line::default());
            let about = "Both sides are read again and compared field by field. Neither is changed.";
            lines.extend(paint::wrapped(about, usize::from(area.width), model.look.theme.dim));
            paint::lines(frame, area, lines);
            return;
        }
        Phase::Starting | Phase::Running => {
            lines.extend(transfer::state(model, work, area.width));
            lines.extend(counts::table(model, &work.reading, area.width, area.height, lines.len()));
            lines.extend(transfer::speeds(model, work, area.width));
        }
        Phase::Ended(result) => match result.as_ref() {
            Err(_) => lines.extend(transfer::state(model, work, area.width)),
            Ok(outcome) => lines.extend(result_lines(model, outcome, area, lines.len())),
        },
    }
    lines.push(pane::tabs(model, work, &differences::heading(&model.validation), area.width));
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

/// The result of the comparison. The screen has already used `above` lines.
fn result_lines(model: &Model, outcome: &Outcome, area: Rect, above: usize) -> Vec<Line<'static>> {
    let width = usize::from(area.width);
    let is_stale = matches!(model.gate(Step::Validate), StepStatus::Stale(_));
    let verdict = match is_stale {
        true => transfer::outdated(model, width),
        false => summary(model, outcome.comparison.as_ref(), outcome.stopped, area.width),
    };
    let mut below = rechecked_note(model, outcome, area.width);
    below.extend(remarks(model, outcome, area.width));
    // The other reports are in the same directory.
    if let Some(file) = outcome.files.first() {
        let words = format!("report: {}", file.display());
        let words = text::cut(&words, width, model.look.glyphs.ellipsis);
        below.push(Line::styled(words, model.look.theme.dim));
    }
    let listed = if model.validation.found == 0 { 1 } else { LISTED };
    // One line is the heading of the list.
    let used = above + verdict.len() + below.len() + usize::from(listed) + 1;
    let room = usize::from(area.height).saturating_sub(used);
    let totals = outcome.comparison.clone().unwrap_or_default();
    [verdict, totals::table(model, &totals, width, room), below].concat()
}

fn files(check: ArtifactCheck) -> &'static str {
    match check {
        ArtifactCheck::None => "not compared",
        ArtifactCheck::Size => "by name and size",
        ArtifactCheck::Checksum => "by checksum, every byte is read",
    }
}

fn summary(model: &Model, totals: Option<&Totals>, stopped: bool, width: u16) -> Vec<Line<'static>> {
    let (look, width) = (model.look, usize::from(width));
    match totals {
        _ if stopped => paint::item(
            look.glyphs.warn,
            "stopped before the end. Enter compares again.",
            width,
            look.theme.warn,
        ),
        Some(totals) if !totals.differs() => {
            let words = "validated: no differences in anything compared. You are done: q quits.";
            paint::item(look.glyphs.ok, words, width, look.theme.ok)
        }
        _ => {
            let repairs = &model.validation.repairs;
            let import = match repairs.of(Repair::Possible) {
                0 => String::new(),
                _ => format!(", {} imports it again", keys::first_key(model, Action::ReimportOne)),
            };
            let words = format!("the sides differ: Enter opens one{import}.");
            let mut lines = paint::item(look.glyphs.bad, &words, width, look.theme.bad);
            let rest = correctable(repairs, width >= WIDE);
            lines.extend(rest.iter().flat_map(|words| paint::wrapped(words, width, look.theme.dim)));
            lines
        }
    }
}

/// How many differences another import can correct, and why the others remain. `None` if all of them are gone.
fn correctable(repairs: &Repairs, is_wide: bool) -> Option<String> {
    let remaining = repairs.remaining_in_short();
    let possible = repairs.of(Repair::Possible);
    let at_once = if is_wide && possible > 1 { " (all at once: import --update)" } else { "" };
    match (possible, remaining.as_str()) {
        (0, "") => None,
        (0, remaining) => Some(format!("An import can correct none of them: {remaining}.")),
        (_, "") => Some(format!("An import corrects all of them{at_once}.")),
        (possible, remaining) => {
            Some(format!("An import corrects {}{at_once}, but not {remaining}.", text::number(possible)))
        }
    }
}

/// One line with items that are neither byte for byte equal nor different. The report lists each with its reason.
fn remarks(model: &Model, outcome: &Outcome, width: u16) -> Option<Line<'static>> {
    let counted = [
        ("as the target has it", outcome.normalised.total()),
        ("not compared in this mode", outcome.not_compared.total()),
    ];
    let parts: Vec<String> = counted
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(words, count)| format!("{words}: {}", text::number(count)))
        .collect();
    let words = format!("{} (reasons in the report)", parts.join(", "));
    let words = text::cut(&words, usize::from(width), model.look.glyphs.ellipsis);
    (!parts.is_empty()).then(|| Line::styled(words, model.look.theme.dim))
}

/// Single items have changed since: the counts and the report still show the comparison.
fn rechecked_note(model: &Model, outcome: &Outcome, width: u16) -> Vec<Line<'static>> {
    if !model.validation.is_report_old {
        return Vec::new();
    }
    let now = match model.validation.mended {
        0 => "an item has changed".to_owned(),
        mended => {
            let what = text::count(mended, "difference is", "differences are");
            format!("{what} gone")
        }
    };
    let older = if outcome.files.is_empty() { "the counts are" } else { "counts and report are" };
    let writes = if outcome.files.is_empty() { "" } else { " and writes a new report" };
    let again = keys::key_on_screen(model, Action::Again)
        .map_or_else(String::new, |key| format!("; {key} compares everything again{writes}"));
    let words = format!("{now}, but {older} older than that{again}");
    paint::item(model.look.glyphs.ok, &words, usize::from(width), model.look.theme.ok)
}
