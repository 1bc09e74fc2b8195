//! Keys that the user has assigned to actions. They override the keys of the table.

use crossterm::event::KeyCode;

use super::{Action, Key, Keymap, Row, TABLE, spelling};
use crate::config::{Binding, did_you_mean};
use crate::error::{Error, Result};

/// These actions keep their keys: users expect the keys that leave a dialog or stop the work in their usual place, and
/// a step's number is always its key.
const FIXED: [Action; 4] = [Action::Accept, Action::Cancel, Action::Interrupt, Action::Go];

/// Texts on the screens name these keys: they keep working in addition to the assigned keys.
const NAMED_ON_SCREENS: [KeyCode; 5] =
    [KeyCode::Enter, KeyCode::Esc, KeyCode::Tab, KeyCode::F(1), KeyCode::F(2)];

/// Configurations may still contain these names: each with the present one.
const FORMER_NAMES: [(&str, &str); 5] = [
    ("closeup", "toggle_details"),
    ("closeup_up", "scroll_details_up"),
    ("closeup_down", "scroll_details_down"),
    ("weigh", "measure_sizes"),
    ("clip_this", "clip_text"),
];

impl Keymap {
    /// An error names the configuration line that is invalid.
    pub fn of(bindings: &[Binding]) -> Result<Self> {
        let mut keymap = Self::default();
        for binding in bindings {
            let action = action(binding)?;
            let keys: Vec<Key> = binding.keys.iter().map(|text| key(text, binding)).collect::<Result<_>>()?;
            let rows = TABLE.iter().enumerate().filter(|(_, row)| row.action == action);
            let given: Vec<_> = rows
                .map(|(index, row)| (index, allowed(row, &keys)))
                .filter(|(_, keys)| !keys.is_empty())
                .collect();
            if given.is_empty() {
                return Err(wrong(binding, "works while text is typed: a letter would be part of the text")
                    .hint("give it a key such as F5 or Ctrl-x"));
            }
            keymap.given.extend(given);
        }
        for binding in bindings {
            keymap.check(binding)?;
        }
        Ok(keymap)
    }

    pub fn keys(&self, row: usize) -> &[Key] {
        self.given.get(&row).map_or_else(|| TABLE.get(row).map_or(&[][..], |row| row.keys), Vec::as_slice)
    }

    /// The actions that accept other keys, each with its first assignable key.
    pub fn names(&self) -> Vec<(String, Option<String>)> {
        let mut names: Vec<(String, Option<String>)> = Vec::new();
        for (index, row) in TABLE.iter().enumerate().filter(|(_, row)| !FIXED.contains(&row.action)) {
            let name = name(row.action);
            let mut plain = self.keys(index).iter().filter(|key| !is_named(**key));
            let key = plain.next().copied().map(spelling::of);
            match names.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => *known = known.take().or(key),
                None => names.push((name, key)),
            }
        }
        names
    }

    /// Returns an error if another action of the same layer has one of the keys. Actions that share a key in the table
    /// are never available at the same time.
    fn check(&self, binding: &Binding) -> Result<()> {
        let action = action(binding)?;
        let rows = || TABLE.iter().enumerate();
        for (index, row) in rows().filter(|(_, row)| row.action == action) {
            let others = rows().filter(|(_, other)| {
                other.action != action && other.layers.iter().any(|layer| row.layers.contains(layer))
            });
            for (other_index, other) in others {
                let shared = self.keys(index).iter().find(|key| {
                    let is_usual = row.keys.contains(key) && other.keys.contains(key);
                    self.keys(other_index).contains(key) && !is_usual
                });
                if let Some(key) = shared {
                    let (key, other) = (spelling::of(*key), name(other.action));
                    return Err(wrong(binding, &format!("{key} is the key of {other} in the same place"))
                        .hint(format!("free there: {}", self.free(row).join(" "))));
                }
            }
        }
        Ok(())
    }

    /// Letters that no action in the layers of the row uses.
    fn free(&self, row: &Row) -> Vec<String> {
        let is_near = |other: &Row| other.layers.iter().any(|layer| row.layers.contains(layer));
        let near: Vec<usize> =
            TABLE.iter().enumerate().filter(|(_, other)| is_near(other)).map(|(index, _)| index).collect();
        ('a'..='z')
            .map(|c| Key { code: KeyCode::Char(c), ctrl: false })
            .filter(|key| !near.iter().any(|index| self.keys(*index).contains(key)))
            .map(spelling::of)
            .collect()
    }
}

/// The keys that this row accepts. The list is empty if none of them is usable: in a text field, a letter is part of
/// the text.
fn allowed(row: &Row, keys: &[Key]) -> Vec<Key> {
    let in_text = row.layers.iter().any(|layer| layer.takes_text());
    let mut allowed: Vec<Key> = keys.iter().copied().filter(|key| !in_text || !key.is_typed()).collect();
    if !allowed.is_empty() {
        allowed.extend(row.keys.iter().filter(|key| is_named(**key)));
    }
    allowed
}

fn is_named(key: Key) -> bool {
    NAMED_ON_SCREENS.contains(&key.code)
}

fn wrong(binding: &Binding, what: &str) -> Error {
    Error::usage(format!("{} {what}", binding.action)).at(&binding.place)
}

fn action(binding: &Binding) -> Result<Action> {
    let former = FORMER_NAMES.iter().find(|(former, _)| *former == binding.action);
    let current = former.map_or(binding.action.as_str(), |(_, current)| current);
    let found = TABLE.iter().map(|row| row.action).find(|action| name(*action) == current);
    match found {
        Some(action) if FIXED.contains(&action) => Err(wrong(binding, "keeps its keys")
            .hint("keys that leave a dialog, stop the job or go to a step cannot be changed")),
        Some(action) => Ok(action),
        None => {
            let names = Keymap::default().names();
            let names = names.iter().map(|(name, _)| name.as_str());
            Err(wrong(binding, "is not an action").hint(did_you_mean(&binding.action, names)))
        }
    }
}

fn key(text: &str, binding: &Binding) -> Result<Key> {
    let read = spelling::read(text);
    if read.is_some_and(is_named) {
        let what = format!("cannot have {text}, because texts on the screens name this key");
        return Err(wrong(binding, &what).hint("Enter, Esc, Tab, F1 and F2 keep their meaning"));
    }
    read.ok_or_else(|| {
        wrong(binding, &format!("cannot have the key {text:?}")).hint(format!(
            "a key is one letter or sign, Ctrl- and a letter, F1 to F12, or {}",
            spelling::names().join(", ")
        ))
    })
}

/// Converts `PageUp` to `page_up`.
pub fn name(action: Action) -> String {
    let mut name = String::new();
    for c in format!("{action:?}").chars() {
        if c.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.extend(c.to_lowercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::model::layer::Layer;

    fn of(lines: &[(&str, &str)]) -> Result<Keymap> {
        let binding = |(line, (action, key)): (usize, &(&str, &str))| Binding {
            action: (*action).to_owned(),
            keys: vec![(*key).to_owned()],
            place: format!("config.toml:{}", line + 1),
            line: line + 1,
        };
        Keymap::of(&lines.iter().enumerate().map(binding).collect::<Vec<_>>())
    }

    fn first(keymap: &Keymap, action: &str) -> String {
        keymap.names().into_iter().find(|(name, _)| name == action).unwrap().1.unwrap()
    }

    #[test]
    fn an_action_has_the_keys_it_is_given() {
        let keymap = of(&[("pause", "F9"), ("page_up", "Ctrl-b"), ("help", "H")]).unwrap();
        assert_eq!([first(&keymap, "pause"), first(&keymap, "page_up")], ["F9", "Ctrl-b"]);
        // In a text field a letter is text. Keys that texts on the screens name are kept.
        let keys = |layer: Layer| {
            let row = TABLE.iter().position(|row| row.action == Action::Help && row.layers.contains(&layer));
            keymap.keys(row.unwrap()).iter().copied().map(spelling::of).collect::<Vec<_>>()
        };
        assert_eq!(
            (keys(Layer::Screen), keys(Layer::Field)),
            (vec!["H".to_owned(), "F1".to_owned()], vec!["F1".to_owned()])
        );
    }

    #[test]
    fn the_example_with_its_defaults_changes_nothing() {
        for (name, key) in Keymap::default().names() {
            if let Some(key) = key {
                of(&[(&name, &key)]).unwrap();
            }
        }
    }

    #[test]
    fn a_former_name_of_an_action_is_accepted() {
        for (former, current) in FORMER_NAMES {
            assert_eq!(first(&of(&[(former, "F9")]).unwrap(), current), "F9");
        }
    }

    #[test]
    fn two_may_change_places() {
        let keymap = of(&[("suspend", "Ctrl-l"), ("redraw", "Ctrl-z")]).unwrap();
        assert_eq!([first(&keymap, "suspend"), first(&keymap, "redraw")], ["Ctrl-l", "Ctrl-z"]);
    }

    #[test]
    fn invalid_values_are_reported_with_their_line() {
        for (lines, message, hint) in [
            (&[("pause", "f")][..], "config.toml:1: pause f is the key of failures", "free there: "),
            (&[("log", "x"), ("pause", "x")], "config.toml:1: log x is the key of pause", "free there: "),
            (&[("pasue", "x")], "config.toml:1: pasue is not an action", "did you mean pause"),
            (&[("interrupt", "x")], "interrupt keeps its keys", ""),
            (&[("pause", "Enter")], "pause cannot have Enter", "keep their meaning"),
            (&[("leave_field", "x")], "leave_field works while text is typed", "F5"),
            (&[("pause", "Hyper-x")], "pause cannot have the key \"Hyper-x\"", "Ctrl- and a letter"),
        ] {
            let error = of(lines).unwrap_err();
            assert!(error.to_string().contains(message), "{error}");
            assert!(error.get_hint().unwrap_or_default().contains(hint), "{message}: {:?}", error.get_hint());
        }
    }
}
