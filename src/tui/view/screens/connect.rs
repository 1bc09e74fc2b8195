//! Step 3: both ends side by side, the results of the pre-flight, and the route of the data.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::endpoint;
use crate::engine::{self, Level, Side};
use crate::error::Class;
use crate::tui::model::preflight::State;
use crate::tui::model::{CheckState, EndpointState, Model};
use crate::tui::text;
use crate::tui::view::widgets::{fields, paint};

/// Maximum number of rows for the two columns: the content below them must stay visible.
const MAX_LINES: usize = 5;
/// Below this height each end gets two rows.
const MIN_HEIGHT: u16 = 15;

pub fn view(model: &Model, frame: &mut Frame, area: Rect) {
    let is_low = area.height < MIN_HEIGHT;
    let mut head = paint::short_heading(model, area.width, "tests both ends as the import will use them");
    head.truncate(if is_low { 1 } else { head.len() });
    let half = area.width.saturating_sub(3) / 2;
    let [source, target] = [&model.source, &model.target].map(|end| side(model, end, half));
    let rows = source.len().max(target.len()).min(if is_low { 2 } else { MAX_LINES });
    let lines = preflight(model, area.width);
    let directory = u16::from(model.route.by_directory);
    let mut routes = routes(model);
    if is_low {
        // The routes are clear without their heading.
        routes.remove(0);
    }
    let taken = head.len() as u16 + rows as u16 + 1 + routes.len() as u16 + directory;
    let shown = (lines.len() as u16 + 1).min(area.height.saturating_sub(taken));
    let [top, ends, found, route, directory] = Layout::vertical([
        Constraint::Length(head.len() as u16),
        Constraint::Length(rows as u16 + 1),
        Constraint::Length(shown),
        Constraint::Length(routes.len() as u16),
        Constraint::Length(directory),
    ])
    .areas(area);
    paint::lines(frame, top, head);
    let columns = [Constraint::Length(half), Constraint::Length(3), Constraint::Length(half)];
    let [left, gap, right] = Layout::horizontal(columns).areas(ends);
    paint::lines(frame, left, source);
    paint::lines(frame, right, target);
    let upright = Line::styled(format!(" {}", model.look.glyphs.upright), model.look.theme.dim);
    paint::lines(frame, gap, vec![upright; rows]);
    paint::lines(frame, found, endpoint::scrolled(model, lines, model.preflight.scroll, found.height));
    paint::lines(frame, route, routes);
    if model.route.by_directory {
        draw_directory(model, frame, directory);
    }
}

fn side(model: &Model, side: &EndpointState, width: u16) -> Vec<Line<'static>> {
    let (look, width) = (model.look, usize::from(width));
    let title = match side.form.end {
        Side::Source => "Source",
        Side::Target => "Target",
    };
    let mut lines = vec![Line::from(vec![
        Span::styled(format!("{title}  "), look.theme.title),
        Span::raw(text::cut(&side.location(), width.saturating_sub(8), look.glyphs.ellipsis)),
    ])];
    match &side.seen {
        CheckState::Unchecked => lines.push(Line::styled("not checked yet", look.theme.dim)),
        CheckState::Checking => lines.push(Line::from(vec![
            Span::styled(format!("{} ", paint::spinner(model)), look.theme.accent),
            Span::raw("checking"),
        ])),
        // The reason has its own lines below, in full width.
        CheckState::Refused(_) => {
            lines.extend(paint::item(look.glyphs.bad, "refused, see below", width, look.theme.bad))
        }
        CheckState::Found(report) => lines.extend(endpoint::summary(model, report, width)),
    }
    lines
}

/// The summary of the pre-flight, and each result line with a hint how to fix it.
fn preflight(model: &Model, width: u16) -> Vec<Line<'static>> {
    let (look, width) = (model.look, usize::from(width));
    if model.source.report().is_none() || model.target.report().is_none() {
        return [&model.source, &model.target]
            .into_iter()
            .flat_map(|end| refusal(model, end, width))
            .collect();
    }
    if let Err(why) = model.connection() {
        return unusable(model, &why, width);
    }
    let of = |level: Level| model.preflight.count(level);
    let (failures, warnings) = (of(Level::Failure), of(Level::Warning));
    let mut lines = match &model.preflight.state {
        State::Unchecked => return Vec::new(),
        State::Refused(trouble) => endpoint::refused(model, trouble, width),
        State::Running => vec![Line::from(vec![
            Span::styled(format!("{} ", paint::spinner(model)), look.theme.accent),
            Span::raw(format!("pre-flight: {} passed", text::count(of(Level::Ok) as u64, "check", "checks"))),
        ])],
        State::Done => {
            let words = format!(
                "Pre-flight: {} ok, {}, {}",
                of(Level::Ok),
                text::count(warnings as u64, "warning", "warnings"),
                text::count(failures as u64, "failure", "failures")
            );
            vec![Line::styled(words, look.theme.title)]
        }
    };
    for line in &model.preflight.lines {
        lines.extend(one(model, line, width));
    }
    lines
}

/// Why an end cannot be used, and how to change that.
fn refusal(model: &Model, end: &EndpointState, width: usize) -> Vec<Line<'static>> {
    let CheckState::Refused(trouble) = &end.seen else {
        return Vec::new();
    };
    let mut lines = endpoint::refused(model, trouble, width);
    if trouble.class == Class::Auth && !end.form.is_arn() {
        let step = if end.form.end == Side::Source { 1 } else { 2 };
        let words = format!("or type a user name and a password, or a token, in step {step}");
        lines.extend(paint::hint(model.look, &words, width));
    }
    lines
}

fn one(model: &Model, line: &engine::Line, width: usize) -> Vec<Line<'static>> {
    let look = model.look;
    let (glyph, _, style) = paint::level(look, line.finding.level);
    let words = format!("{} {}: {}", line.end.name(), line.check, line.finding.text);
    let mut lines = paint::item(glyph, &words, width, style);
    if let Some(hint) = &line.finding.hint {
        lines.extend(paint::hint(look, hint, width));
    }
    if let Some(statement) = &line.statement {
        let words = format!("missing in the policy: {statement}");
        lines.extend(paint::item(" ", &words, width, look.theme.dim));
    }
    lines
}

/// The two ends cannot be used together.
fn unusable(model: &Model, why: &str, width: usize) -> Vec<Line<'static>> {
    let look = model.look;
    let failure = model.target.report().and_then(|report| {
        let failure = report.findings.iter().find(|finding| finding.level == Level::Failure)?;
        failure.hint.clone()
    });
    let hint = failure.unwrap_or_else(|| "give another target in step 2".into());
    let mut lines = paint::item(look.glyphs.bad, why, width, look.theme.bad);
    lines.extend(paint::hint(look, &hint, width));
    lines
}

fn routes(model: &Model) -> Vec<Line<'static>> {
    let look = model.look;
    let choice = |chosen: bool, words: &str| {
        let (mark, radio) = match chosen {
            true => (look.glyphs.current, look.glyphs.radio[0]),
            false => (" ", look.glyphs.radio[1]),
        };
        let style = if chosen { look.theme.accent } else { Style::new() };
        Line::styled(format!("{mark} {radio} {words}"), style)
    };
    let by_directory = model.route.by_directory;
    vec![
        Line::styled("The route of the data", look.theme.title),
        choice(!by_directory, "direct: from the source to the target, no local copy"),
        choice(by_directory, "via directory: export to this machine, then import"),
    ]
}

fn draw_directory(model: &Model, frame: &mut Frame, area: Rect) {
    let look = model.look;
    let typing = model.route.typing;
    let style = if typing { look.theme.accent } else { Style::new() };
    frame.render_widget(Line::styled("      Directory", style), area);
    let place = Rect { x: area.x + 17, width: area.width.saturating_sub(17), ..area };
    if model.route.directory.text().is_empty() && !typing {
        frame.render_widget(Line::styled("none: press Tab to type one", look.theme.dim), place);
        return;
    }
    fields::text(frame, place, &model.route.directory, typing);
}
