//! The seven steps, the status of each, and the reason why a step cannot be opened yet.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::paint;
use crate::engine::Step;
use crate::tui::model::Model;
use crate::tui::model::steps::StepStatus;
use crate::tui::text;

/// Width at the left of the screen.
pub const WIDTH: u16 = 30;
/// Height at the top of the screen.
pub const HEIGHT: u16 = 3;

pub fn above(model: &Model, frame: &mut Frame, area: Rect) {
    let width = usize::from(area.width);
    let named = steps_line(model, |_| true);
    let steps = match named.width() <= width {
        true => named,
        // All digits stay, but only the current step keeps its name.
        false => steps_line(model, |step| step == model.step),
    };
    let waiting = Step::ALL.into_iter().find_map(|step| match model.gate(step) {
        StepStatus::Blocked(why) | StepStatus::Stale(why) => {
            Some(format!(" {} {}: {why}", step as usize + 1, step.title()))
        }
        _ => None,
    });
    let lines = vec![
        steps,
        Line::styled(waiting.unwrap_or_default(), model.look.theme.dim),
        paint::rule(model.look, area.width),
    ];
    paint::lines(frame, area, lines);
}

fn steps_line(model: &Model, named: impl Fn(Step) -> bool) -> Line<'static> {
    let mut spans = vec![Span::raw(" ")];
    for step in Step::ALL {
        let gate = model.gate(step);
        let (glyph, style) = sign(model, &gate);
        let name = if named(step) { format!(" {}", short(step)) } else { String::new() };
        let label = format!("{glyph}{}{name}", step as usize + 1);
        if step == model.step {
            let here = format!("{}{label}", model.look.glyphs.current);
            spans.push(Span::styled(here, model.look.theme.selected));
        } else {
            spans.push(Span::styled(label, style));
        }
        spans.push(Span::raw("  "));
    }
    spans.pop();
    Line::from(spans)
}

/// Short names, because the long names do not fit side by side.
fn short(step: Step) -> &'static str {
    match step {
        Step::Check => "Check",
        Step::App => "App",
        Step::Connect => "Connect",
        Step::Plan => "Select",
        Step::Export => "Export",
        Step::Import => "Import",
        Step::Validate => "Validate",
    }
}

pub fn beside(model: &Model, frame: &mut Frame, area: Rect) {
    let (look, inner) = (model.look, usize::from(area.width.saturating_sub(2)));
    let mut lines = vec![Line::default()];
    for step in Step::ALL {
        let gate = model.gate(step);
        let (glyph, style) = sign(model, &gate);
        let is_here = step == model.step;
        let mark = if is_here { look.glyphs.current } else { " " };
        let title = format!(" {mark} {glyph} {} {}", step as usize + 1, step.title());
        let title_style = if is_here { look.theme.selected } else { style };
        lines.push(Line::styled(text::fit(&title, inner, look.glyphs.ellipsis), title_style));
        lines.extend(
            text::wrap(gate.word(), inner.saturating_sub(7))
                .into_iter()
                .take(2)
                .map(|word| Line::styled(format!("       {word}"), look.theme.dim)),
        );
        if area.height >= 30 {
            lines.push(Line::default());
        }
    }
    paint::lines(frame, area, lines);
    let upright = Rect { x: area.right() - 1, width: 1, ..area };
    let column = vec![Line::styled(look.glyphs.upright, look.theme.dim); usize::from(area.height)];
    paint::lines(frame, upright, column);
}

fn sign(model: &Model, gate: &StepStatus) -> (&'static str, Style) {
    let (glyphs, theme) = (model.look.glyphs, model.look.theme);
    match gate {
        StepStatus::Done => (glyphs.ok, theme.ok),
        StepStatus::Ready => (glyphs.ready, Style::new()),
        StepStatus::Running => (paint::spinner(model), theme.accent),
        StepStatus::Attention(_) => (glyphs.warn, theme.warn),
        StepStatus::Stale(_) => (glyphs.stale, theme.warn),
        StepStatus::Blocked(_) => (glyphs.blocked, theme.dim),
        StepStatus::NotNeeded => (glyphs.unneeded, theme.dim),
    }
}
