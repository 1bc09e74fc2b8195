//! Two curves in one plot. It uses braille if colours can distinguish the curves, otherwise letters.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Chart, Dataset, GraphType};

use super::paint;
use crate::engine::validate::{Curve, Series};
use crate::tui::text;
use crate::tui::theme::{ASCII, Look};

type Bounds = [(f64, f64); 2];

/// The sign and style of one side.
pub struct Key {
    pub sign: &'static str,
    pub style: Style,
}

/// The keys of source and target.
pub fn keys(look: Look) -> [Key; 2] {
    let signs = if in_letters(look) { ["s", "t"] } else { ["⠤⠤", "⠤⠤"] };
    [Key { sign: signs[0], style: look.theme.accent }, Key { sign: signs[1], style: look.theme.warn }]
}

fn in_letters(look: Look) -> bool {
    look.glyphs == &ASCII || look.theme.accent.fg.is_none()
}

pub fn view(look: Look, frame: &mut Frame, area: Rect, curve: &Curve, [across, up]: Bounds) {
    let bounds = [widened(across), widened(up)];
    match in_letters(look) {
        true => letters(look, frame, area, curve, bounds, [across, up]),
        false => braille(look, frame, area, curve, bounds, [across, up]),
    }
}

/// Widens a range that contains only one value.
fn widened((low, high): (f64, f64)) -> (f64, f64) {
    match low == high {
        true => (low - low.abs().max(1.0) / 2.0, high + high.abs().max(1.0) / 2.0),
        false => (low, high),
    }
}

fn braille(look: Look, frame: &mut Frame, area: Rect, curve: &Curve, bounds: Bounds, ends: Bounds) {
    let points = |series: &Series| series.points.iter().map(|(x, y)| (*x as f64, *y)).collect::<Vec<_>>();
    let (source, target) = (points(&curve.source), points(&curve.target));
    let [source_key, target_key] = keys(look);
    let set = |points, style| {
        Dataset::default().marker(Marker::Braille).graph_type(GraphType::Line).style(style).data(points)
    };
    let axis = |(low, high): (f64, f64), labels: [String; 2]| {
        Axis::default().style(look.theme.dim).bounds([low, high]).labels(labels.map(Span::raw))
    };
    let chart = Chart::new(vec![set(&source, source_key.style), set(&target, target_key.style)])
        .legend_position(None)
        .x_axis(axis(bounds[0], [ends[0].0.to_string(), ends[0].1.to_string()]))
        .y_axis(axis(bounds[1], [number(ends[1].0), number(ends[1].1)]));
    frame.render_widget(chart, area);
}

/// `s` is the source, `t` the target, `=` both.
fn letters(look: Look, frame: &mut Frame, area: Rect, curve: &Curve, bounds: Bounds, ends: Bounds) {
    let labels = [number(ends[1].1), number(ends[1].0)];
    let beside = labels.iter().map(|label| text::width(label)).max().unwrap_or(0);
    let columns = usize::from(area.width).saturating_sub(beside + 1).max(1);
    let rows = usize::from(area.height).saturating_sub(1).max(1);
    let mut grid = vec![vec![' '; columns]; rows];
    for (series, letter, other) in [(&curve.source, 's', '\0'), (&curve.target, 't', 's')] {
        for (column, row) in cells(series, bounds, (columns, rows)) {
            let cell = &mut grid[rows - 1 - row][column];
            *cell = if *cell == other || *cell == '=' { '=' } else { letter };
        }
    }
    let mut lines: Vec<Line> = grid
        .into_iter()
        .enumerate()
        .map(|(row, cells)| {
            let label = match row {
                0 => labels[0].as_str(),
                row if row + 1 == rows => labels[1].as_str(),
                _ => "",
            };
            let cells: String = cells.into_iter().collect();
            Line::from(vec![
                Span::styled(format!("{label:>beside$}|"), look.theme.dim),
                Span::raw(cells.trim_end().to_owned()),
            ])
        })
        .collect();
    let (first, last) = (ends[0].0.to_string(), ends[0].1.to_string());
    let gap = columns.saturating_sub(first.len());
    lines.push(Line::styled(format!("{:>beside$} {first}{last:>gap$}", ""), look.theme.dim));
    paint::lines(frame, area, lines);
}

/// The cells on the line through the points, with each column once between two points.
fn cells(series: &Series, bounds: Bounds, (columns, rows): (usize, usize)) -> Vec<(usize, usize)> {
    let place = |at: f64, (low, high): (f64, f64), count: usize| {
        let part = (at / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0);
        ((part * (count - 1) as f64).round().max(0.0) as usize).min(count - 1)
    };
    let at = |(x, y): &(i64, f64)| (place(*x as f64, bounds[0], columns), place(*y, bounds[1], rows));
    let mut all: Vec<(usize, usize)> = series.points.iter().map(at).collect();
    let between: Vec<(usize, usize)> = all
        .windows(2)
        .flat_map(|ends| {
            let [(x, y), (to_x, to_y)] = [ends[0], ends[1]];
            let slope = (to_y as f64 - y as f64) / (to_x as f64 - x as f64).max(1.0);
            (x + 1..to_x)
                .map(move |column| (column, (y as f64 + slope * (column - x) as f64).round() as usize))
        })
        .collect();
    all.extend(between);
    all.sort_unstable();
    all.dedup();
    all
}

fn number(value: f64) -> String {
    let size = value.abs();
    match size != 0.0 && !(1e-3..1e6).contains(&size) {
        true => format!("{value:.2e}"),
        false => format!("{value:.4}").trim_end_matches('0').trim_end_matches('.').to_owned(),
    }
}
