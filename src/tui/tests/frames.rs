//! Frames as text.

use std::fmt::Write;

use crate::tui::model::Model;
use crate::tui::theme::{ASCII, Look, Theme};
use crate::tui::view::view;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (60, 18)];

/// Draws every size, and also a terminal without colours and Unicode. The text is the same in every theme with colours.
/// In the theme without colours, no cell has a colour.
pub fn pictured(name: &str, model: &mut Model) {
    let mut pictures = String::new();
    for (columns, rows) in SIZES {
        writeln!(pictures, "=== {columns}x{rows}\n{}", picture(model, columns, rows)).unwrap();
    }
    let look = model.look;
    let words = picture(model, 80, 24);
    for theme in [Theme::dark(), Theme::light(), Theme::sixteen()] {
        model.look = Look { theme, ..look };
        assert_eq!(picture(model, 80, 24), words, "{name}");
    }
    model.look = Look { theme: Theme::plain(), ..look };
    let (buffer, _) = drawn(model, 80, 24);
    let is_plain = |cell: &Cell| (cell.fg, cell.bg) == (Color::Reset, Color::Reset);
    assert!(buffer.content().iter().all(is_plain), "{name} has colours in the theme that has none");
    model.look = Look { theme: Theme::plain(), glyphs: &ASCII };
    writeln!(pictures, "=== 80x24 ASCII\n{}", picture(model, 80, 24)).unwrap();
    model.look = look;
    kept(name, &pictures);
}

/// Compares with the snapshot of this name in `snapshots`.
pub fn kept(name: &str, picture: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, picture));
}

pub fn picture(model: &mut Model, columns: u16, rows: u16) -> String {
    let (buffer, cursor) = drawn(model, columns, rows);
    let mut text = String::new();
    for y in 0..rows {
        let row: String = cells(&buffer, y).into_iter().map(|(symbol, _)| symbol).collect();
        writeln!(text, "{}", row.trim_end()).unwrap();
    }
    if let Some((x, y)) = cursor {
        write!(text, "cursor at {x},{y}").unwrap();
    }
    text
}

/// The parts of each line that are not plain, with their styles.
pub fn styles(model: &mut Model, columns: u16, rows: u16) -> String {
    let (buffer, _) = drawn(model, columns, rows);
    let mut text = String::new();
    for y in 0..rows {
        let mut parts: Vec<(Modifier, String)> = Vec::new();
        for (symbol, modifier) in cells(&buffer, y) {
            match parts.last_mut() {
                Some((last, part)) if *last == modifier => part.push_str(&symbol),
                _ => parts.push((modifier, symbol)),
            }
        }
        for (modifier, part) in parts.iter().filter(|(modifier, _)| !modifier.is_empty()) {
            writeln!(text, "{y:>2} {modifier:?}: {}", part.trim_end()).unwrap();
        }
    }
    text
}

pub fn drawn(model: &mut Model, columns: u16, rows: u16) -> (Buffer, Option<(u16, u16)>) {
    model.size = (columns, rows);
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    let mut is_shown = false;
    terminal
        .draw(|frame| {
            view(model, frame);
            is_shown = format!("{frame:?}").contains("cursor_position: Some");
        })
        .unwrap();
    let position = terminal.backend().cursor_position();
    let cursor = is_shown.then_some((position.x, position.y));
    (terminal.backend().buffer().clone(), cursor)
}

/// Symbols with their modifiers. A wide symbol hides the cell behind it.
fn cells(buffer: &Buffer, y: u16) -> Vec<(String, Modifier)> {
    let mut cells = Vec::new();
    let mut x = 0;
    while x < buffer.area.width {
        let cell = &buffer[(x, y)];
        cells.push((cell.symbol().to_owned(), cell.modifier));
        x += (cell.symbol().width() as u16).max(1);
    }
    cells
}
