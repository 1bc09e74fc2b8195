//! Text fields, and the login form of a server.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::Line;
use tui_input::Input;

use super::paint;
use crate::engine::Side;
use crate::tui::model::Model;
use crate::tui::model::completion::CompletionState;
use crate::tui::model::form::{Asked, Field, Form};
use crate::tui::text;

/// Width of the labels.
const LABELS: u16 = 14;

/// One field in the whole `area`.
pub fn text(frame: &mut Frame, area: Rect, field: &Field, focused: bool) {
    draw(frame, area, &field.input, focused);
}

/// The form of one end. Returns the number of rows it used.
pub fn form(model: &Model, frame: &mut Frame, area: Rect, form: &Form) -> u16 {
    let mut top = area.y;
    for asked in Asked::ALL {
        if top >= area.bottom() {
            break;
        }
        row(model, frame, Rect { y: top, height: 1, ..area }, form, asked);
        top += 1;
        if let Some(trouble) = form.trouble().filter(|_| asked == Asked::Uri && top < area.bottom()) {
            let room = usize::from(area.width.saturating_sub(LABELS + 2));
            let words = text::cut(&trouble, room, model.look.glyphs.ellipsis);
            let line = Line::styled(format!("{} {words}", model.look.glyphs.bad), model.look.theme.bad);
            frame.render_widget(line, beside_label(Rect { y: top, height: 1, ..area }));
            top += 1;
        }
        if let Some(line) =
            completion(model, form, area.width).filter(|_| asked == Asked::Uri && top < area.bottom())
        {
            frame.render_widget(line, beside_label(Rect { y: top, height: 1, ..area }));
            top += 1;
        }
    }
    top - area.y
}

/// The names that the typed path may go on with.
fn completion(model: &Model, form: &Form, width: u16) -> Option<Line<'static>> {
    let state = model.completion().filter(|_| form.end == Side::Source)?;
    let words = match state {
        CompletionState::Reading => format!("{} reading the folder", paint::spinner(model)),
        CompletionState::Known(names) if names.is_empty() => {
            "no folder or database begins like this".to_owned()
        }
        CompletionState::Known(names) => names.join("  "),
        CompletionState::Failed(why) => why.clone(),
    };
    let words = text::cut(&words, usize::from(width.saturating_sub(LABELS)), model.look.glyphs.ellipsis);
    Some(Line::styled(words, model.look.theme.dim))
}

fn beside_label(row: Rect) -> Rect {
    Rect { x: row.x + LABELS, width: row.width.saturating_sub(LABELS), ..row }
}

fn row(model: &Model, frame: &mut Frame, row: Rect, form: &Form, asked: Asked) {
    let look = model.look;
    let focused = form.focus == Some(asked) && model.overlay.is_none();
    let (label, placeholder) = words(form, asked);
    let (mark, style) = match focused {
        true => (look.glyphs.current, look.theme.accent),
        false => (" ", Style::new()),
    };
    frame.render_widget(Line::styled(format!("{mark} {label}"), style), row);
    let place = beside_label(row);
    let field = form.field(asked);
    if field.text().is_empty() {
        let words = text::cut(&placeholder, usize::from(place.width), look.glyphs.ellipsis);
        frame.render_widget(Line::styled(words, look.theme.dim), place);
    }
    let input = match asked {
        Asked::Secret => {
            let dots = look.glyphs.mask.repeat(field.text().chars().count());
            Input::new(dots).with_cursor(field.input.cursor())
        }
        _ => field.input.clone(),
    };
    draw(frame, place, &input, focused);
}

fn words(form: &Form, asked: Asked) -> (&'static str, String) {
    let environment = &form.environment;
    let given = "from the environment".to_owned();
    match (asked, form.end) {
        (Asked::Uri, Side::Source) => {
            ("Source", "http://host:5000, ./mlruns, mlflow.db, an ARN or an export".into())
        }
        (Asked::Uri, Side::Target) => ("Target", "http://host:5000 or the ARN of an MLflow App".into()),
        (Asked::User, _) if form.is_arn() => ("User name", "none: AWS credentials sign in".into()),
        (Asked::User, _) if !form.takes_login() => {
            ("User name", "none: a folder or file needs no sign-in".into())
        }
        (Asked::Secret, _) if !form.takes_login() => ("Password", "none".into()),
        (Asked::User, _) if environment.username.is_some() => ("User name", given),
        (Asked::User, _) => ("User name", "none".into()),
        (Asked::Secret, _) if environment.password.is_some() || environment.token.is_some() => {
            ("Password", given)
        }
        (Asked::Secret, _) => ("Password", "none; without a user name it is a token".into()),
    }
}

fn draw(frame: &mut Frame, place: Rect, input: &Input, focused: bool) {
    let width = usize::from(place.width).max(1);
    let scroll = input.visual_scroll(width - 1);
    let shown = text::cut(skip_columns(input.value(), scroll), width, "");
    if !shown.is_empty() {
        frame.render_widget(Line::raw(shown), Rect { height: 1, ..place });
    }
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
