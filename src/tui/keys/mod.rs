//! The one table of keys. It decides what a key does, what the footer shows and what the help lists: a key that works
//! is a key that is shown.

mod keymap;
mod spelling;
mod table;
mod when;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::model::apps::Way;
use super::model::{Model, Overlay};
use super::theme::Glyphs;
use crate::engine::Step;

pub use keymap::Keymap;
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
    Closeup,
    CloseupUp,
    CloseupDown,
    Weigh,
    SavePlan,
    LoadPlan,
    Deleted,
    Traces,
    Filter,
    KeepFilter,
    ClearFilter,
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
    ClipThis,
    Interrupt,
    Redraw,
    Suspend,
    Quit,
}

/// What takes the keys now, from the outermost on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    Resume,
    Quit,
    Help,
    /// A line of text is asked for: it swallows letters.
    Ask,
    /// Consent to a new App.
    Create,
    /// Consent to what is written to the target.
    Confirm,
    Link,
    /// A metric drawn.
    Picture,
    Detail,
    Filter,
    /// The form of a new App: it swallows letters.
    NewApp,
    /// The list of Apps, or the wait for one.
    Apps,
    /// A text field of the screen: it swallows letters.
    Field,
    Screen,
}

impl Layer {
    /// Letters are part of a text here.
    fn takes_text(self) -> bool {
        matches!(self, Self::Ask | Self::Filter | Self::NewApp | Self::Field)
    }
}

impl Model {
    pub fn layer(&self) -> Layer {
        match &self.overlay {
            Some(Overlay::Resume(..)) => Layer::Resume,
            Some(Overlay::Quit(_)) => Layer::Quit,
            Some(Overlay::Help(_)) => Layer::Help,
            Some(Overlay::Ask(..)) => Layer::Ask,
            Some(Overlay::Create) => Layer::Create,
            Some(Overlay::Confirm(..)) => Layer::Confirm,
            Some(Overlay::Link(_)) => Layer::Link,
            None => self.layer_of_screen(),
        }
    }

    fn layer_of_screen(&self) -> Layer {
        let has_focus = self.asked_side().is_some_and(|end| self.side(end).form.focus.is_some());
        match self.step {
            Step::Validate if self.validation.picture.is_some() => Layer::Picture,
            Step::Validate if self.validation.detail.is_some() => Layer::Detail,
            Step::App if self.apps.way == Way::New => Layer::NewApp,
            Step::App if self.apps.way != Way::Address => Layer::Apps,
            Step::Plan if self.selection.filtering.is_some() => Layer::Filter,
            Step::Connect if self.route.typing => Layer::Field,
            _ if has_focus => Layer::Field,
            _ => Layer::Screen,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    code: KeyCode,
    ctrl: bool,
}

impl Key {
    /// A text field would take it for text.
    fn is_typed(self) -> bool {
        matches!(self.code, KeyCode::Char(_)) && !self.ctrl
    }
}

/// Rows of the same words stand together in the footer.
pub struct Row {
    pub keys: &'static [Key],
    pub words: &'static str,
    pub action: Action,
    layers: &'static [Layer],
    when: fn(&Model) -> bool,
}

/// A row with the keys that it has for this user.
#[derive(Clone, Copy)]
pub struct Bound<'a> {
    pub keys: &'a [Key],
    pub words: &'static str,
    pub action: Action,
}

/// What this key does here, if anything.
pub fn find(model: &Model, event: KeyEvent) -> Option<Action> {
    let pressed = Key { code: event.code, ctrl: event.modifiers.contains(KeyModifiers::CONTROL) };
    // Alt and a letter is no letter.
    if event.modifiers.contains(KeyModifiers::ALT) {
        return None;
    }
    live(model).find(|bound| bound.keys.contains(&pressed)).map(|bound| bound.action)
}

/// The rows that work now.
pub fn live(model: &Model) -> impl Iterator<Item = Bound<'_>> {
    live_in(model, model.layer())
}

/// The rows that work when nothing lies over the screen.
pub fn live_on_screen(model: &Model) -> impl Iterator<Item = Bound<'_>> {
    live_in(model, model.layer_of_screen())
}

fn live_in(model: &Model, layer: Layer) -> impl Iterator<Item = Bound<'_>> {
    let live =
        TABLE.iter().enumerate().filter(move |(_, row)| row.layers.contains(&layer) && (row.when)(model));
    live.map(|(index, row)| Bound { keys: model.keymap.keys(index), words: row.words, action: row.action })
}

/// The first key that does this on the screen now, if one does.
pub fn key_on_screen(model: &Model, action: Action) -> Option<String> {
    let bound = live_on_screen(model).find(|bound| bound.action == action)?;
    bound.keys.first().map(|key| label(*key, model.look.glyphs))
}

/// `Enter`, `↑`, `^C`.
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
