//! Text fields, the login of a server among them.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::paint;
use crate::engine::End;
use crate::tui::form::{Asked, Field, Form};
use crate::tui::model::Model;
use crate::tui::text;

/// Columns of the labels.
const LABELS: u16 = 14;

/// One field over the whole of `area`.
pub fn text(model: &Model, frame: &mut Frame, area: Rect, field: &Field, focused: bool) {
    draw(model, frame, area, field, focused, false);
}

/// The form of one end. Gives the rows it took.
pub fn form(model: &Model, frame: &mut Frame, area: Rect, form: &Form) -> u16 {
    let mut top = area.y;
    for asked in Asked::ALL {
        if top >= area.bottom() {
            break;
        }
        let row = Rect { y: top, height: 1, ..area };
        let (label, placeholder) = words(form, asked);
        let focused = form.focus == Some(asked) && model.overlay.is_none();
        labelled(model, frame, row, label, form.field(asked), &placeholder, focused, asked == Asked::Secret);
        top += 1;
        if let Some(trouble) = form.trouble().filter(|_| asked == Asked::Uri && top < area.bottom()) {
            let room = usize::from(area.width.saturating_sub(LABELS + 2));
            let words = text::cut(&trouble, room, model.look.glyphs.ellipsis);
            let line = Line::styled(format!("{} {words}", model.look.glyphs.bad), model.look.theme.bad);
            let below =
                Rect { x: area.x + LABELS, y: top, width: area.width.saturating_sub(LABELS), height: 1 };
            frame.render_widget(line, below);
            top += 1;
        }
    }
    top - area.y
}

fn words(form: &Form, asked: Asked) -> (&'static str, String) {
    let environment = &form.environment;
    let given = "from the environment".to_owned();
    match (asked, form.end) {
        (Asked::Uri, End::Source) => ("Source", "http://host:5000 or an export directory".into()),
        (Asked::Uri, End::Target) => ("Target", "http://host:5000".into()),
        (Asked::User, _) if environment.username.is_some() => ("User name", given),
        (Asked::User, _) => ("User name", "none".into()),
        (Asked::Secret, _) if environment.password.is_some() || environment.token.is_some() => {
            ("Password", given)
        }
        (Asked::Secret, _) => ("Password", "none; without a user name it is a token".into()),
    }
}

#[allow(clippy::too_many_arguments, reason = "a row of a form is all of these, once")]
fn labelled(
    model: &Model,
    frame: &mut Frame,
    row: Rect,
    label: &str,
    field: &Field,
    placeholder: &str,
    focused: bool,
    secret: bool,
) {
    let look = model.look;
    let mark = if focused { look.glyphs.current } else { " " };
    let style = if focused { look.theme.accent } else { ratatui::style::Style::new() };
    let label = text::fit(&format!("{mark} {label}"), usize::from(LABELS), look.glyphs.ellipsis);
    frame.render_widget(Line::from(Span::styled(label, style)), row);
    let place = Rect { x: row.x + LABELS, width: row.width.saturating_sub(LABELS), ..row };
    if field.text().is_empty() {
        let room = usize::from(place.width);
        let words = text::cut(placeholder, room, look.glyphs.ellipsis);
        frame.render_widget(Line::styled(words, look.theme.dim), place);
        if focused {
            frame.set_cursor_position(Position::new(place.x, place.y));
        }
        return;
    }
    draw(model, frame, place, field, focused, secret);
}

fn draw(model: &Model, frame: &mut Frame, place: Rect, field: &Field, focused: bool, secret: bool) {
    let width = usize::from(place.width).max(1);
    let input = if secret {
        let dots = model.look.glyphs.mask.repeat(field.text().chars().count());
        tui_input::Input::new(dots).with_cursor(field.input.cursor())
    } else {
        field.input.clone()
    };
    let scroll = input.visual_scroll(width - 1);
    let shown = skip_columns(input.value(), scroll);
    paint::lines(frame, Rect { height: 1, ..place }, vec![Line::raw(text::clean(shown))]);
    if focused {
        let column = input.visual_cursor().saturating_sub(scroll).min(width - 1);
        frame.set_cursor_position(Position::new(place.x + column as u16, place.y));
    }
}

fn skip_columns(text: &str, columns: usize) -> &str {
    let mut skipped = 0;
    for (at, c) in text.char_indices() {
        if skipped >= columns {
            return &text[at..];
        }
        skipped += unicode_width::UnicodeWidthChar::width(c).unwrap_or(0);
    }
    if skipped >= columns && columns == 0 { text } else { "" }
}
