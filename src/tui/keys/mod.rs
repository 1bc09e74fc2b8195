//! The only table of keys. It defines the action of each key, the footer and the help: every key that works is also
//! shown.

mod key;
mod keymap;
mod spelling;
mod table;
mod when;

use crossterm::event::{KeyEvent, KeyModifiers};

use super::model::Model;
use super::model::layer::Layer;

pub use key::{Key, Keymap, label};
pub use table::TABLE;
pub use when::has_traces;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Try,
    Next,
    Start,
    Again,
    RetryOne,
    RetryAll,
    NextField,
    PreviousField,
    EnterField,
    CompletePath,
    LeaveField,
    SwitchRoute,
    Recheck,
    Refetch,
    Toggle,
    Open,
    Close,
    All,
    Invert,
    Range,
    Sort,
    ToggleDetails,
    ScrollDetailsUp,
    ScrollDetailsDown,
    MeasureSizes,
    SavePlan,
    LoadPlan,
    SameNames,
    Deleted,
    Traces,
    Filter,
    KeepFilter,
    ClearFilter,
    Stores,
    TakeStore,
    LeaveStores,
    Apps,
    TakeApp,
    NewApp,
    AskCreate,
    OpenApp,
    Region,
    LeaveApps,
    Pause,
    Stop,
    Failures,
    Log,
    Severity,
    Artifacts,
    Marks,
    Detail,
    Draw,
    RecheckOne,
    ReimportOne,
    Write,
    Accept,
    Cancel,
    Up,
    Down,
    PageUp,
    PageDown,
    Top,
    Bottom,
    Back,
    Go,
    Help,
    ClipCommand,
    ClipText,
    Interrupt,
    Redraw,
    Suspend,
    Quit,
}

/// Rows with the same words share one place in the footer.
pub struct Row {
    pub keys: &'static [Key],
    pub words: &'static str,
    pub action: Action,
    layers: &'static [Layer],
    when: fn(&Model) -> bool,
}

/// A row with the keys that this user has for it.
#[derive(Clone, Copy)]
pub struct Bound<'a> {
    pub keys: &'a [Key],
    pub words: &'static str,
    pub action: Action,
}

/// The action of this key on the current screen, if it has one.
pub fn find(model: &Model, event: KeyEvent) -> Option<Action> {
    let pressed = Key { code: event.code, ctrl: event.modifiers.contains(KeyModifiers::CONTROL) };
    // Alt with a letter does not count as a letter.
    if event.modifiers.contains(KeyModifiers::ALT) {
        return None;
    }
    live(model).find(|bound| bound.keys.contains(&pressed)).map(|bound| bound.action)
}

/// The rows that are active now.
pub fn live(model: &Model) -> impl Iterator<Item = Bound<'_>> {
    live_in(model, model.layer())
}

/// The rows that are active when no dialog covers the screen.
pub fn live_on_screen(model: &Model) -> impl Iterator<Item = Bound<'_>> {
    live_in(model, model.layer_of_screen())
}

fn live_in(model: &Model, layer: Layer) -> impl Iterator<Item = Bound<'_>> {
    let live =
        TABLE.iter().enumerate().filter(move |(_, row)| row.layers.contains(&layer) && (row.when)(model));
    live.map(|(index, row)| Bound { keys: model.keymap.keys(index), words: row.words, action: row.action })
}

/// The first key for this action on the current screen, if there is one.
pub fn key_on_screen(model: &Model, action: Action) -> Option<String> {
    let bound = live_on_screen(model).find(|bound| bound.action == action)?;
    bound.keys.first().map(|key| label(*key, model.look.glyphs))
}

/// The first key for this action, on any screen.
pub fn first_key(model: &Model, action: Action) -> String {
    let row = TABLE.iter().position(|row| row.action == action);
    let key = row.and_then(|row| model.keymap.keys(row).first().copied());
    key.map_or_else(String::new, |key| label(key, model.look.glyphs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_stay_out_of_text_fields() {
        for row in TABLE {
            let in_text = row.layers.iter().any(|layer| layer.takes_text());
            assert!(!in_text || !row.keys.iter().any(|key| key.is_typed()), "{}", row.words);
        }
    }
}
