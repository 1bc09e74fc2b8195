//! Small drawing helpers that every screen uses.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};

use crate::engine::Level;
use crate::tui::model::Model;
use crate::tui::text;
use crate::tui::theme::Look;

pub fn lines(frame: &mut Frame, area: Rect, lines: Vec<Line>) {
    frame.render_widget(Paragraph::new(lines), area);
}

/// The name of a screen and its purpose.
pub fn heading(model: &Model, width: u16, about: &str) -> Vec<Line<'static>> {
    let title = format!("{} {}", model.step as usize + 1, model.step.title());
    let mut lines = vec![Line::styled(title, model.look.theme.title)];
    lines.extend(wrapped(about, usize::from(width), model.look.theme.dim));
    lines.push(Line::default());
    lines
}

/// The same heading in one line, for screens that need their rows.
pub fn short_heading(model: &Model, width: u16, about: &str) -> Vec<Line<'static>> {
    let title = format!("{} {}  ", model.step as usize + 1, model.step.title());
    let room = usize::from(width).saturating_sub(text::width(&title));
    let about = text::cut(about, room, model.look.glyphs.ellipsis);
    let line = Line::from(vec![
        Span::styled(title, model.look.theme.title),
        Span::styled(about, model.look.theme.dim),
    ]);
    vec![line, Line::default()]
}

pub fn wrapped(words: &str, width: usize, style: Style) -> Vec<Line<'static>> {
    text::wrap(words, width).into_iter().map(|line| Line::styled(line, style)).collect()
}

/// `✓ words`, with further lines aligned under the words.
pub fn item(glyph: &'static str, words: &str, width: usize, style: Style) -> Vec<Line<'static>> {
    let indent = text::width(glyph) + 1;
    text::wrap(words, width.saturating_sub(indent))
        .into_iter()
        .enumerate()
        .map(|(index, line)| {
            let lead = match index {
                0 => format!("{glyph} "),
                _ => " ".repeat(indent),
            };
            Line::from(vec![Span::styled(lead, style), Span::raw(line)])
        })
        .collect()
}

/// `hint: words`, below the text that it refers to.
pub fn hint(look: Look, words: &str, width: usize) -> Vec<Line<'static>> {
    let words = format!("hint: {words}");
    text::wrap(&words, width.saturating_sub(2))
        .into_iter()
        .map(|line| Line::styled(format!("  {line}"), look.theme.dim))
        .collect()
}

pub fn level(look: Look, level: Level) -> (&'static str, &'static str, Style) {
    match level {
        Level::Ok => (look.glyphs.ok, "ok", look.theme.ok),
        Level::Warning => (look.glyphs.warn, "warning", look.theme.warn),
        Level::Failure => (look.glyphs.bad, "failure", look.theme.bad),
    }
}

pub fn spinner(model: &Model) -> &'static str {
    let frames = model.look.glyphs.spinner;
    let at = model.now.as_millis() / 120 % frames.len() as u128;
    frames[at as usize]
}

pub fn rule(look: Look, width: u16) -> Line<'static> {
    Line::styled(look.glyphs.rule.repeat(usize::from(width)), look.theme.dim)
}

/// A bar of `width` columns.
pub fn bar(look: Look, fraction: f64, width: usize) -> Line<'static> {
    let full = ((fraction.clamp(0.0, 1.0) * width as f64) as usize).min(width);
    Line::from(vec![
        Span::styled(look.glyphs.bar_full.repeat(full), look.theme.accent),
        Span::styled(look.glyphs.bar_empty.repeat(width - full), look.theme.dim),
    ])
}

/// Places the parts one after the other in at most `rows` lines of at most `width` columns.
pub fn flow(parts: impl IntoIterator<Item = Span<'static>>, width: usize, rows: usize) -> Vec<Line<'static>> {
    let mut lines: Vec<Line> = Vec::new();
    for part in parts {
        match lines.last_mut() {
            Some(line) if line.width() + 3 + part.width() <= width => {
                line.push_span(Span::raw("   "));
                line.push_span(part);
            }
            _ => lines.push(Line::from(part)),
        }
    }
    lines.truncate(rows);
    lines
}

/// Heights from 0 to 1, one column each.
pub fn sparkline(look: Look, heights: &[f64]) -> String {
    let signs = look.glyphs.spark;
    let sign =
        |height: &f64| signs[((height * (signs.len() - 1) as f64).round() as usize).min(signs.len() - 1)];
    heights.iter().map(sign).collect()
}

/// Draws an empty framed box in the middle of `area`. Returns its inner area.
pub fn card(model: &Model, frame: &mut Frame, area: Rect, title: &str, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    let place =
        Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    let block = Block::bordered()
        .border_set(model.look.glyphs.border)
        .border_style(model.look.theme.accent)
        .title(Span::styled(format!(" {title} "), model.look.theme.title));
    let inside = block.inner(place);
    // The border would move if the box cut a wide character in half.
    let margin = Rect {
        x: place.x.saturating_sub(1),
        width: (place.width + 2).min(area.right() - place.x.saturating_sub(1)),
        ..place
    };
    frame.render_widget(Clear, margin);
    frame.render_widget(block, place);
    Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside }
}
