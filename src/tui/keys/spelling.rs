//! The spelling of keys in a configuration: it is the same everywhere and does not depend on the terminal's glyphs.

use crossterm::event::KeyCode;

use super::Key;

const NAMED: [(&str, KeyCode); 13] = [
    ("Enter", KeyCode::Enter),
    ("Esc", KeyCode::Esc),
    ("Tab", KeyCode::Tab),
    ("Shift-Tab", KeyCode::BackTab),
    ("Space", KeyCode::Char(' ')),
    ("Up", KeyCode::Up),
    ("Down", KeyCode::Down),
    ("Left", KeyCode::Left),
    ("Right", KeyCode::Right),
    ("PgUp", KeyCode::PageUp),
    ("PgDn", KeyCode::PageDown),
    ("Home", KeyCode::Home),
    ("End", KeyCode::End),
];

pub fn names() -> [&'static str; 13] {
    NAMED.map(|(name, _)| name)
}

/// `x`, `Ctrl-x`, `F5`, `PgUp`.
pub fn of(key: Key) -> String {
    let named = NAMED.iter().find(|(_, code)| *code == key.code).map(|(name, _)| (*name).to_owned());
    match key.code {
        KeyCode::F(n) => format!("F{n}"),
        KeyCode::Char(c) if key.ctrl => format!("Ctrl-{c}"),
        KeyCode::Char(c) if c != ' ' => c.to_string(),
        _ => named.unwrap_or_default(),
    }
}

pub fn read(text: &str) -> Option<Key> {
    let key = |code| Some(Key { code, ctrl: false });
    let mut chars = text.chars();
    if let (Some(c), None) = (chars.next(), chars.next()) {
        return key(KeyCode::Char(c)).filter(|_| !c.is_control());
    }
    let lower = text.to_lowercase();
    if let Some((_, code)) = NAMED.iter().find(|(name, _)| name.to_lowercase() == lower) {
        return key(*code);
    }
    if let Some(rest) = lower.strip_prefix("ctrl-") {
        let mut chars = rest.chars();
        let code = chars.next().filter(char::is_ascii_lowercase).map(KeyCode::Char)?;
        return chars.next().is_none().then_some(Key { code, ctrl: true });
    }
    let number: u8 = lower.strip_prefix('f')?.parse().ok()?;
    (1..=12).contains(&number).then_some(Key { code: KeyCode::F(number), ctrl: false })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::keys::TABLE;

    #[test]
    fn every_key_of_the_table_can_be_written_and_read() {
        for key in TABLE.iter().flat_map(|row| row.keys) {
            assert_eq!(read(&of(*key)), Some(*key), "{}", of(*key));
        }
        assert_eq!(of(read("CTRL-X").unwrap()), "Ctrl-x");
        for none in ["", "F13", "Ctrl-", "Ctrl-1", "Ctrl-xy", "hyper", "\u{1}"] {
            assert_eq!(read(none), None, "{none}");
        }
    }
}
