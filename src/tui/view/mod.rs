//! The frame around every screen:
//!
//! ```text
//! mlferry   source → target          title
//! ✓1 Check  ▶2 App  ·3 Connect …     steps (at the left from 100 columns on)
//! ──────────────────────────────
//! the screen
//! notice
//! $ mlferry check --source …         the command that does the same
//! Enter check  ? help  q quit        keys
//! ```

pub mod screens;
pub mod widgets;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};

use self::widgets::{dialog, footer, help, paint, stepper};
use super::command;
use super::model::{Model, Overlay};
use super::text;

/// Below this size the screen is not readable.
const MIN_SIZE: (u16, u16) = (60, 18);
/// From this width on the steps are at the left.
const MIN_WIDE: u16 = 100;
/// From this height on the footer has two lines.
const MIN_TALL: u16 = 30;

pub fn view(model: &Model, frame: &mut Frame) {
    let area = frame.area();
    if area.width < MIN_SIZE.0 || area.height < MIN_SIZE.1 {
        too_small(model, frame, area);
        return;
    }
    let keys = if area.height >= MIN_TALL { 2 } else { 1 };
    let command = command_lines(model, usize::from(area.width));
    let [title, middle, notice, below, footer] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(1),
        Constraint::Length(command.len() as u16),
        Constraint::Length(keys),
    ])
    .areas(area);
    draw_title(model, frame, title);
    let body = if area.width >= MIN_WIDE {
        let [steps, body] =
            Layout::horizontal([Constraint::Length(stepper::WIDTH), Constraint::Fill(1)]).areas(middle);
        stepper::beside(model, frame, steps);
        body
    } else {
        let [steps, body] =
            Layout::vertical([Constraint::Length(stepper::HEIGHT), Constraint::Fill(1)]).areas(middle);
        stepper::above(model, frame, steps);
        body
    };
    let body = Rect { x: body.x + 1, width: body.width.saturating_sub(2), ..body };
    screens::view(model, frame, body);
    draw_notice(model, frame, notice);
    paint::lines(frame, below, command);
    footer::view(model, frame, footer);
    match &model.overlay {
        None => {}
        Some(Overlay::Resume(session, start_over)) => {
            dialog::resume(model, frame, area, session, *start_over)
        }
        Some(Overlay::Quit(parting)) => dialog::quit(model, frame, area, *parting),
        Some(Overlay::Ask(ask)) => dialog::ask(model, frame, area, ask),
        Some(Overlay::SameNames(choice)) => dialog::same_names(model, frame, area, *choice),
        Some(Overlay::Confirm(write, agreed)) => dialog::confirm(model, frame, area, *write, *agreed),
        Some(Overlay::Create) => dialog::create(model, frame, area),
        Some(Overlay::Link(link)) => dialog::link(model, frame, area, link),
        Some(Overlay::Help(top)) => help::view(model, frame, area, *top),
    }
}

fn draw_title(model: &Model, frame: &mut Frame, area: Rect) {
    let (look, width) = (model.look, usize::from(area.width));
    let ends = match (model.source.location(), model.target.location()) {
        (source, _) if source.is_empty() => "move an MLflow tracking server".to_owned(),
        (source, target) if target.is_empty() => source,
        (source, target) => format!("{source} {} {target}", look.glyphs.arrow),
    };
    let busy = model
        .running()
        .map(|step| format!("{} {} {} ", paint::spinner(model), step as usize + 1, step.title()))
        .unwrap_or_default();
    let room = width.saturating_sub(10 + text::width(&busy));
    let line = Line::from(vec![
        Span::styled(" mlferry  ", look.theme.title),
        Span::raw(text::fit(&ends, room, look.glyphs.ellipsis)),
        Span::styled(busy, look.theme.accent),
    ]);
    frame.render_widget(line, area);
}

fn draw_notice(model: &Model, frame: &mut Frame, area: Rect) {
    let Some(notice) = &model.notice else { return };
    let look = model.look;
    let room = usize::from(area.width).saturating_sub(4);
    let line = Line::from(vec![
        Span::styled(format!(" {} ", look.glyphs.warn), look.theme.warn),
        Span::styled(text::cut(notice, room, look.glyphs.ellipsis), look.theme.warn),
    ]);
    frame.render_widget(line, area);
}

/// The command is shown in full on as many lines as it needs, because an incomplete command is useless.
fn command_lines(model: &Model, width: usize) -> Vec<Line<'static>> {
    let room = width.saturating_sub(6);
    let mut lines: Vec<String> = Vec::new();
    // A long value such as an ARN gets its own line.
    let parts = command::of(model).into_iter().flat_map(|part| match part.split_once(' ') {
        Some((option, value)) if text::width(&part) > room && option.starts_with("--") => {
            vec![option.to_owned(), value.to_owned()]
        }
        _ => vec![part],
    });
    for part in parts {
        match lines.last_mut() {
            Some(line) if text::width(line) + 1 + text::width(&part) <= room => {
                line.push(' ');
                line.push_str(&part);
            }
            _ => lines.push(part),
        }
    }
    let last = lines.len().saturating_sub(1);
    let lines = lines.into_iter().enumerate().map(|(index, words)| {
        let more = if index == last { "" } else { " \\" };
        let lead = match index {
            0 => " $ ",
            _ if text::width(&words) > room - 1 => " ",
            _ => "     ",
        };
        let room = width.saturating_sub(lead.len() + more.len());
        let words = text::cut(&words, room, model.look.glyphs.ellipsis);
        Line::styled(format!("{lead}{words}{more}"), model.look.theme.dim)
    });
    lines.collect()
}

fn too_small(model: &Model, frame: &mut Frame, area: Rect) {
    let lines = [
        format!("mlferry needs {}x{}", MIN_SIZE.0, MIN_SIZE.1),
        format!("this is {}x{}", area.width, area.height),
        match model.running() {
            Some(step) => format!("{} is still running", step.title()),
            None => "enlarge the window".to_owned(),
        },
    ];
    paint::lines(frame, area, lines.into_iter().map(Line::from).collect());
}
