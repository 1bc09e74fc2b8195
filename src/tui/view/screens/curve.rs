//! A metric that differs: both sides in one plot, and a list of the points that differ.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::engine::validate::{Curve, Deviation};
use crate::tui::model::Model;
use crate::tui::model::validation::{Drawn, Picture};
use crate::tui::text;
use crate::tui::update::scroll;
use crate::tui::view::widgets::{paint, plot};

/// Widths of the step column and of the time column.
const STEP: usize = 12;
const TIME: usize = 16;

pub fn view(model: &Model, frame: &mut Frame, area: Rect, picture: &Picture) {
    let title = format!("metric {}", text::cut(&picture.metric, 40, model.look.glyphs.ellipsis));
    let inside = paint::card(model, frame, area, &title, area.width, area.height);
    let width = usize::from(inside.width);
    let dim = model.look.theme.dim;
    match &picture.drawn {
        Drawn::Fetching => {
            let words = format!("{} both histories are being read", paint::spinner(model));
            paint::lines(frame, inside, vec![Line::styled(words, dim)]);
        }
        Drawn::Failed(trouble) => {
            let look = model.look;
            let mut lines = paint::item(look.glyphs.bad, &trouble.text, width, look.theme.bad);
            lines.extend(trouble.hint.iter().flat_map(|hint| paint::hint(look, hint, width)));
            paint::lines(frame, inside, lines);
        }
        Drawn::Curve(curve) => draw(model, frame, inside, curve, picture.scroll),
    }
}

fn draw(model: &Model, frame: &mut Frame, area: Rect, curve: &Curve, scroll: usize) {
    let rows = curve.deviations.len() as u16 + 1 + u16::from(curve.more_deviations > 0);
    let [legend, plot, list] = Layout::vertical([
        Constraint::Length(2),
        Constraint::Fill(1),
        Constraint::Length(rows.min(area.height / 3).max(3)),
    ])
    .areas(area);
    paint::lines(frame, legend, legend_lines(model, curve, usize::from(area.width)));
    match curve.bounds() {
        Some(bounds) => plot::view(model.look, frame, plot, curve, bounds),
        None => {
            let words = "There is no point that can be drawn.";
            paint::lines(frame, plot, vec![Line::styled(words, model.look.theme.dim)]);
        }
    }
    paint::lines(frame, list, deviations(model, curve, scroll, usize::from(list.height)));
}

fn legend_lines(model: &Model, curve: &Curve, width: usize) -> Vec<Line<'static>> {
    let (look, [source, target]) = (model.look, plot::keys(model.look));
    let count = |n: usize| text::count(n as u64, "point", "points");
    let sides = Line::from(vec![
        Span::styled(source.sign, source.style),
        Span::raw(format!(" source, {}   ", count(curve.source.count))),
        Span::styled(target.sign, target.style),
        Span::raw(format!(" target, {}   ", count(curve.target.count))),
        Span::styled(format!("over {}", curve.axis), look.theme.dim),
    ]);
    let words = match curve.deviations.len() + curve.more_deviations {
        1 => "1 point differs".to_owned(),
        all => format!("{} points differ", text::number(all as u64)),
    };
    let mut notes = vec![words];
    if curve.is_thinned() {
        notes.push("each part of a long history is drawn as its least and its greatest value".to_owned());
    }
    match curve.source.not_drawn + curve.target.not_drawn {
        0 => {}
        hidden => notes.push(format!("{hidden} not drawn: not a number, or infinite")),
    }
    vec![sides, Line::styled(text::cut(&notes.join("; "), width, look.glyphs.ellipsis), look.theme.dim)]
}

fn deviations(model: &Model, curve: &Curve, scroll: usize, height: usize) -> Vec<Line<'static>> {
    let look = model.look;
    let head = format!("{:>STEP$}{:>TIME$}  {:<24}target", "step", "time (ms)", "source");
    let more = usize::from(curve.more_deviations > 0);
    let room = height.saturating_sub(1 + more).max(1);
    let top = scroll::offset(scroll, curve.deviations.len(), room);
    let mut lines = vec![Line::styled(head, look.theme.title)];
    lines.extend(
        curve
            .deviations
            .iter()
            .enumerate()
            .skip(top)
            .take(room)
            .map(|(at, point)| row(model, point, at == scroll)),
    );
    if more > 0 {
        let words =
            format!("  {} more; the report lists as many", text::number(curve.more_deviations as u64));
        lines.push(Line::styled(words, look.theme.dim));
    }
    lines
}

fn row(model: &Model, point: &Deviation, chosen: bool) -> Line<'static> {
    let look = model.look;
    let side =
        |value: &Option<String>| text::fit(value.as_deref().unwrap_or("(absent)"), 23, look.glyphs.ellipsis);
    let words = format!(
        "{:>STEP$}{:>TIME$}  {} {}",
        point.step,
        point.timestamp,
        side(&point.source),
        side(&point.target)
    );
    Line::styled(words, if chosen { look.theme.selected } else { Style::new() })
}
