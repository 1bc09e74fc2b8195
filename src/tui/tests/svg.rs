//! Frames as SVG: the pictures in the README, built from the same models as the snapshots.

use std::fmt::Write;
use std::path::Path;

use crate::tui::model::Model;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

use super::frames::drawn;

/// The pixels of a cell, and of the margin around the frame.
const CELL: (f64, f64) = (8.4, 18.0);
const MARGIN: f64 = 12.0;
const PAPER: &str = "#1d2129";
const INK: &str = "#d8dee9";

/// Compares with `docs/frames/NAME.svg`; `UPDATE_FRAMES=1 cargo test --lib frames` writes it.
pub fn framed(name: &str, model: &mut Model) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/frames/{name}.svg"));
    let (buffer, _) = drawn(model, 80, 24);
    let svg = svg(&buffer);
    if std::env::var_os("UPDATE_FRAMES").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, svg).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == svg, "{name}: `UPDATE_FRAMES=1 cargo test --lib frames` draws it again");
}

fn svg(buffer: &Buffer) -> String {
    let (columns, rows) = (f64::from(buffer.area.width), f64::from(buffer.area.height));
    let (width, height) = (columns * CELL.0 + 2.0 * MARGIN, rows * CELL.1 + 2.0 * MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"{PAPER}\"/>\n\
         <g font-family=\"ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace\" font-size=\"14\" fill=\"{INK}\" \
         xml:space=\"preserve\">\n"
    );
    for y in 0..buffer.area.height {
        row(&mut svg, buffer, y);
    }
    svg.push_str("</g>\n</svg>\n");
    svg
}

/// Writes the words of one style, each at its column and stretched to its width, because fonts differ.
fn row(svg: &mut String, buffer: &Buffer, y: u16) {
    let mut x = 0;
    while x < buffer.area.width {
        let first = &buffer[(x, y)];
        let (start, mut text) = (x, String::new());
        while x < buffer.area.width && look(&buffer[(x, y)]) == look(first) {
            let symbol = buffer[(x, y)].symbol();
            let is_blank = symbol == " ";
            // A space ends a word, except in reversed text, where its background must be drawn.
            if is_blank && !first.modifier.contains(Modifier::REVERSED) {
                x += u16::from(text.is_empty());
                break;
            }
            text.push_str(symbol);
            x += (symbol.width() as u16).max(1);
        }
        run(svg, first, &text, (start, x, y));
    }
}

fn look(cell: &Cell) -> (Color, Modifier) {
    (cell.fg, cell.modifier)
}

fn run(svg: &mut String, cell: &Cell, text: &str, (start, end, y): (u16, u16, u16)) {
    let is_reversed = cell.modifier.contains(Modifier::REVERSED);
    if text.trim().is_empty() && !is_reversed {
        return;
    }
    let (left, columns) = (MARGIN + f64::from(start) * CELL.0, f64::from(end - start) * CELL.0);
    let top = MARGIN + f64::from(y) * CELL.1;
    if is_reversed {
        writeln!(
            svg,
            "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{columns:.1}\" height=\"{}\" fill=\"{INK}\"/>",
            CELL.1
        )
        .unwrap();
    }
    let fill = if is_reversed { PAPER } else { colour(cell.fg) };
    let bold = if cell.modifier.contains(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" };
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;");
    writeln!(
        svg,
        "<text x=\"{left:.1}\" y=\"{:.1}\" textLength=\"{columns:.1}\" lengthAdjust=\"spacingAndGlyphs\" \
         fill=\"{fill}\"{bold}>{escaped}</text>",
        top + 14.0
    )
    .unwrap();
}

fn colour(colour: Color) -> &'static str {
    match colour {
        Color::Cyan => "#88c0d0",
        Color::Green => "#a3be8c",
        Color::Yellow => "#ebcb8b",
        Color::Red => "#e06c75",
        Color::DarkGray => "#8a93a5",
        _ => INK,
    }
}
