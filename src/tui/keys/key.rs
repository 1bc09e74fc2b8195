//! A key, and the keymap of a user.

use std::collections::HashMap;

use crossterm::event::KeyCode;

use crate::tui::theme::Glyphs;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    pub(super) code: KeyCode,
    pub(super) ctrl: bool,
}

impl Key {
    /// A text field would read this key as text.
    pub(super) fn is_typed(self) -> bool {
        matches!(self.code, KeyCode::Char(_)) && !self.ctrl
    }
}

/// The keys of each row of the table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keymap {
    /// By row number. Rows that are not listed use the keys of the table.
    pub(super) given: HashMap<usize, Vec<Key>>,
}

/// The name of a key on the screen: `Enter`, `↑`, `Ctrl-C`.
pub fn label(key: Key, glyphs: &Glyphs) -> String {
    match key.code {
        KeyCode::Enter => "Enter".into(),
        KeyCode::Esc => "Esc".into(),
        KeyCode::Tab => "Tab".into(),
        KeyCode::BackTab => "Shift-Tab".into(),
        KeyCode::Up => glyphs.up.into(),
        KeyCode::Down => glyphs.down.into(),
        KeyCode::Left => glyphs.left.into(),
        KeyCode::Right => glyphs.right.into(),
        KeyCode::PageUp => "PgUp".into(),
        KeyCode::PageDown => "PgDn".into(),
        KeyCode::Home => "Home".into(),
        KeyCode::End => "End".into(),
        KeyCode::F(n) => format!("F{n}"),
        KeyCode::Char(' ') => "Space".into(),
        KeyCode::Char(c) if key.ctrl => format!("Ctrl-{}", c.to_ascii_uppercase()),
        KeyCode::Char(c) => c.to_string(),
        _ => String::new(),
    }
}
