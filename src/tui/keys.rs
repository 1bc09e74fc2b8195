//! The one table of keys. It decides what a key does, what the footer shows and what the help lists: a key that works
//! is a key that is shown.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::flow;
use super::model::{Loaded, Model, Overlay, Seen};
use super::theme::Glyphs;
use super::work::{Pane, Work};
use crate::engine::{Route, Step};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Try,
    Next,
    Finish,
    Start,
    Again,
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
    Deleted,
    Filter,
    KeepFilter,
    ClearFilter,
    Pause,
    Stop,
    Failures,
    Log,
    Artifacts,
    Marks,
    Detail,
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
    Prompt,
    Detail,
    Filter,
    /// A text field of the screen: it swallows letters.
    Field,
    Screen,
}

impl Model {
    pub fn layer(&self) -> Layer {
        match &self.overlay {
            Some(Overlay::Resume(..)) => Layer::Resume,
            Some(Overlay::Quit(_)) => Layer::Quit,
            Some(Overlay::Help(_)) => Layer::Help,
            Some(Overlay::Prompt(_)) => Layer::Prompt,
            None => self.layer_of_screen(),
        }
    }

    fn layer_of_screen(&self) -> Layer {
        let has_focus = self
            .asked_side()
            .is_some_and(|end| self.side(end).form.focus.is_some());
        match self.step {
            Step::Validate if self.validation.detail.is_some() => Layer::Detail,
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

const fn key(code: KeyCode) -> Key {
    Key { code, ctrl: false }
}

const fn ch(c: char) -> Key {
    key(KeyCode::Char(c))
}

const fn ctrl(c: char) -> Key {
    Key {
        code: KeyCode::Char(c),
        ctrl: true,
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

const fn row(
    keys: &'static [Key],
    words: &'static str,
    action: Action,
    layers: &'static [Layer],
    when: fn(&Model) -> bool,
) -> Row {
    Row {
        keys,
        words,
        action,
        layers,
        when,
    }
}

const ENTER: Key = key(KeyCode::Enter);
const ESC: Key = key(KeyCode::Esc);
const TAB: Key = key(KeyCode::Tab);
const BACK_TAB: Key = key(KeyCode::BackTab);
const UP: Key = key(KeyCode::Up);
const DOWN: Key = key(KeyCode::Down);
const DIGITS: &[Key] = &[ch('1'), ch('2'), ch('3'), ch('4'), ch('5'), ch('6'), ch('7')];

const SCREEN: &[Layer] = &[Layer::Screen];
const FIELD: &[Layer] = &[Layer::Field];
const FORM: &[Layer] = &[Layer::Field, Layer::Screen];
const OVER: &[Layer] = &[Layer::Detail, Layer::Help];
const EVERYWHERE: &[Layer] = &[
    Layer::Resume,
    Layer::Quit,
    Layer::Help,
    Layer::Prompt,
    Layer::Detail,
    Layer::Filter,
    Layer::Field,
    Layer::Screen,
];

pub const TABLE: &[Row] = &[
    // Dialogs.
    row(
        &[ENTER],
        "choose",
        Action::Accept,
        &[Layer::Resume, Layer::Quit],
        always,
    ),
    row(
        &[UP, ch('k'), BACK_TAB],
        "other answer",
        Action::Up,
        &[Layer::Resume, Layer::Quit],
        always,
    ),
    row(
        &[DOWN, ch('j'), TAB],
        "other answer",
        Action::Down,
        &[Layer::Resume, Layer::Quit],
        always,
    ),
    row(&[ESC], "keep going", Action::Cancel, &[Layer::Quit], always),
    row(&[ENTER], "write", Action::Accept, &[Layer::Prompt], always),
    row(&[ESC], "cancel", Action::Cancel, &[Layer::Prompt], always),
    row(
        &[ESC, ch('?'), ch('q'), key(KeyCode::F(1))],
        "close",
        Action::Cancel,
        &[Layer::Help],
        always,
    ),
    row(
        &[ESC, ENTER, ch('q'), key(KeyCode::Left), ch('h')],
        "close",
        Action::Cancel,
        &[Layer::Detail],
        always,
    ),
    // What the screen waits for.
    row(&[ENTER], "try it", Action::Try, FORM, can_try),
    row(&[ENTER], "next step", Action::Next, FORM, may_enter_next),
    row(&[ENTER], "start", Action::Start, SCREEN, can_start),
    row(&[ENTER], "open", Action::Detail, SCREEN, has_difference),
    row(
        &[ch('f')],
        "finish and leave",
        Action::Finish,
        SCREEN,
        has_validated,
    ),
    row(&[ch('n')], "next step", Action::Next, SCREEN, can_next),
    row(&[ch('r')], "run again", Action::Again, SCREEN, can_run_again),
    row(&[ch('r')], "check again", Action::Recheck, SCREEN, can_recheck),
    row(&[ch('r')], "fetch again", Action::Refetch, SCREEN, can_refetch),
    // Forms.
    row(&[TAB, DOWN], "next field", Action::NextField, FIELD, in_form),
    row(
        &[BACK_TAB, UP],
        "field before",
        Action::PreviousField,
        FIELD,
        in_form,
    ),
    row(&[TAB, ch('e')], "edit", Action::EnterField, SCREEN, can_edit),
    row(&[ESC], "leave the field", Action::LeaveField, FIELD, always),
    row(&[TAB], "leave the field", Action::LeaveField, FIELD, on_connect),
    row(
        &[ch(' '), UP, DOWN, ch('j'), ch('k')],
        "other route",
        Action::SwitchRoute,
        SCREEN,
        can_switch_route,
    ),
    // The tree.
    row(&[ch(' ')], "pick", Action::Toggle, SCREEN, can_pick),
    row(
        &[ENTER, key(KeyCode::Right), ch('l')],
        "open",
        Action::Open,
        SCREEN,
        has_tree,
    ),
    row(
        &[key(KeyCode::Left), ch('h')],
        "close",
        Action::Close,
        SCREEN,
        has_tree,
    ),
    row(&[ch('/')], "filter", Action::Filter, SCREEN, has_tree),
    row(&[ch('a')], "all", Action::All, SCREEN, can_pick),
    row(&[ch('i')], "invert", Action::Invert, SCREEN, can_pick),
    row(
        &[ch('d')],
        "leave out deleted",
        Action::Deleted,
        SCREEN,
        takes_deleted,
    ),
    row(
        &[ch('d')],
        "take deleted along",
        Action::Deleted,
        SCREEN,
        skips_deleted,
    ),
    row(
        &[ENTER, DOWN],
        "keep the filter",
        Action::KeepFilter,
        &[Layer::Filter],
        always,
    ),
    row(
        &[ESC],
        "clear the filter",
        Action::ClearFilter,
        &[Layer::Filter],
        always,
    ),
    row(
        &[ESC],
        "clear the filter",
        Action::ClearFilter,
        SCREEN,
        has_filter,
    ),
    // Jobs.
    row(&[ch('p')], "pause", Action::Pause, SCREEN, can_pause),
    row(&[ch('p')], "resume", Action::Pause, SCREEN, is_paused),
    row(
        &[ch('s')],
        "stop: finish what runs",
        Action::Stop,
        SCREEN,
        can_stop,
    ),
    row(&[ch('s')], "stop now", Action::Stop, SCREEN, can_stop_now),
    row(
        &[ch('c')],
        "how files are compared",
        Action::Artifacts,
        SCREEN,
        can_choose_artifacts,
    ),
    row(&[ch('m')], "other marks", Action::Marks, SCREEN, has_differences),
    row(&[ch('w')], "copy the report", Action::Write, SCREEN, has_report),
    row(&[ch('F')], "failures", Action::Failures, SCREEN, has_work),
    row(&[ch('L')], "log", Action::Log, SCREEN, has_work),
    // Moving about.
    row(&[UP, ch('k')], "move", Action::Up, SCREEN, has_list),
    row(&[DOWN, ch('j')], "move", Action::Down, SCREEN, has_list),
    row(
        &[key(KeyCode::PageUp), ctrl('u'), ctrl('b')],
        "page",
        Action::PageUp,
        SCREEN,
        has_list,
    ),
    row(
        &[key(KeyCode::PageDown), ctrl('d'), ctrl('f')],
        "page",
        Action::PageDown,
        SCREEN,
        has_list,
    ),
    row(
        &[key(KeyCode::Home), ch('g')],
        "first, last",
        Action::Top,
        SCREEN,
        has_list,
    ),
    row(
        &[key(KeyCode::End), ch('G')],
        "first, last",
        Action::Bottom,
        SCREEN,
        has_list,
    ),
    row(&[UP, ch('k')], "scroll", Action::Up, OVER, always),
    row(&[DOWN, ch('j')], "scroll", Action::Down, OVER, always),
    row(
        &[key(KeyCode::PageUp), ctrl('u'), ctrl('b')],
        "page",
        Action::PageUp,
        OVER,
        always,
    ),
    row(
        &[key(KeyCode::PageDown), ctrl('d'), ctrl('f')],
        "page",
        Action::PageDown,
        OVER,
        always,
    ),
    row(&[ESC], "step before", Action::Back, SCREEN, has_step_before),
    row(DIGITS, "go to a step", Action::Go, SCREEN, always),
    row(
        &[ch('?'), key(KeyCode::F(1))],
        "help",
        Action::Help,
        SCREEN,
        always,
    ),
    row(&[key(KeyCode::F(1))], "help", Action::Help, FIELD, always),
    row(&[ch('q')], "quit", Action::Quit, SCREEN, always),
    row(&[ctrl('c')], "quit", Action::Interrupt, EVERYWHERE, is_idle),
    row(
        &[ctrl('c')],
        "stop the job, again: at once",
        Action::Interrupt,
        EVERYWHERE,
        is_running,
    ),
    row(&[ctrl('z')], "suspend", Action::Suspend, EVERYWHERE, always),
    row(&[ctrl('l')], "draw anew", Action::Redraw, EVERYWHERE, always),
];

/// What this key does here, if anything.
pub fn find(model: &Model, event: KeyEvent) -> Option<Action> {
    let pressed = Key {
        code: event.code,
        ctrl: event.modifiers.contains(KeyModifiers::CONTROL),
    };
    // Alt and a letter is no letter.
    if event.modifiers.contains(KeyModifiers::ALT) {
        return None;
    }
    live(model)
        .find(|row| row.keys.contains(&pressed))
        .map(|row| row.action)
}

/// The rows that work now.
pub fn live(model: &Model) -> impl Iterator<Item = &'static Row> {
    live_in(model, model.layer())
}

/// The rows that work when nothing lies over the screen.
pub fn live_on_screen(model: &Model) -> impl Iterator<Item = &'static Row> {
    live_in(model, model.layer_of_screen())
}

fn live_in(model: &Model, layer: Layer) -> impl Iterator<Item = &'static Row> {
    TABLE
        .iter()
        .filter(move |row| row.layers.contains(&layer) && (row.when)(model))
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

fn always(_: &Model) -> bool {
    true
}

fn is_running(model: &Model) -> bool {
    model.running().is_some()
}

fn is_idle(model: &Model) -> bool {
    !is_running(model)
}

fn in_form(model: &Model) -> bool {
    model.asked_side().is_some()
}

fn on_connect(model: &Model) -> bool {
    model.step == Step::Connect
}

fn can_try(model: &Model) -> bool {
    let wanted = |seen: &Seen| matches!(seen, Seen::Untried | Seen::Refused(_));
    is_idle(model)
        && model
            .asked_side()
            .is_some_and(|end| wanted(&model.side(end).seen))
}

fn can_edit(model: &Model) -> bool {
    let has_field = in_form(model) || (on_connect(model) && model.route.by_directory);
    is_idle(model) && has_field
}

fn can_next(model: &Model) -> bool {
    model.returning.is_none() && flow::next(model).is_ok()
}

/// Enter opens things in the tree.
fn may_enter_next(model: &Model) -> bool {
    model.step != Step::Plan && can_next(model)
}

fn here(model: &Model, test: impl Fn(&Work) -> bool) -> bool {
    model.work_here().is_some_and(test)
}

fn needs_work(model: &Model) -> bool {
    !(model.step == Step::Export && model.route() == Route::Direct)
}

fn has_work(model: &Model) -> bool {
    model.work_here().is_some() && needs_work(model)
}

fn can_start(model: &Model) -> bool {
    is_idle(model) && needs_work(model) && !can_next(model) && here(model, |work| !work.is_finished())
}

fn can_run_again(model: &Model) -> bool {
    // A session that was taken up knows of work that this wizard has not seen.
    let is_behind = model.step != Step::Validate && can_next(model);
    is_idle(model) && needs_work(model) && here(model, |work| is_behind || work.is_finished())
}

fn can_recheck(model: &Model) -> bool {
    let is_trying = model.source.is_trying() || model.target.is_trying();
    match model.step {
        Step::Connect => is_idle(model) && !is_trying,
        // Elsewhere Enter tries; once it was found this looks again.
        Step::Check | Step::App => is_idle(model) && can_next(model),
        _ => false,
    }
}

fn can_refetch(model: &Model) -> bool {
    model.step == Step::Plan && matches!(model.selection.tree, Loaded::Failed(_)) && is_idle(model)
}

fn can_switch_route(model: &Model) -> bool {
    on_connect(model) && is_idle(model)
}

fn has_tree(model: &Model) -> bool {
    model.step == Step::Plan && model.selection.tree().is_some()
}

fn can_pick(model: &Model) -> bool {
    has_tree(model) && is_idle(model)
}

fn skips_deleted(model: &Model) -> bool {
    can_pick(model)
        && model
            .selection
            .tree()
            .is_some_and(super::tree::Tree::skips_deleted)
}

fn takes_deleted(model: &Model) -> bool {
    can_pick(model) && !skips_deleted(model)
}

fn has_filter(model: &Model) -> bool {
    has_tree(model)
        && model
            .selection
            .tree()
            .is_some_and(|tree| !tree.filter().is_empty())
}

fn can_pause(model: &Model) -> bool {
    here(model, |work| work.is_running() && !work.paused && work.stops == 0)
}

fn is_paused(model: &Model) -> bool {
    here(model, |work| work.is_running() && work.paused && work.stops == 0)
}

fn can_stop(model: &Model) -> bool {
    here(model, |work| work.is_running() && work.stops == 0)
}

fn can_stop_now(model: &Model) -> bool {
    here(model, |work| work.is_running() && work.stops > 0)
}

fn can_choose_artifacts(model: &Model) -> bool {
    model.step == Step::Validate && is_idle(model)
}

fn has_validated(model: &Model) -> bool {
    model.step == Step::Validate && here(model, Work::is_finished)
}

fn has_differences(model: &Model) -> bool {
    model.step == Step::Validate && model.validation.found > 0
}

fn has_difference(model: &Model) -> bool {
    let on_list = model.validation.work.pane == Pane::InFlight;
    model.step == Step::Validate && on_list && model.validation.current().is_some()
}

fn has_report(model: &Model) -> bool {
    has_validated(model)
        && model
            .validation
            .work
            .outcome()
            .is_some_and(|outcome| !outcome.files.is_empty())
}

fn has_list(model: &Model) -> bool {
    has_tree(model) || has_work(model)
}

fn has_step_before(model: &Model) -> bool {
    model.step != Step::Check
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_stay_out_of_text_fields() {
        let is_typed = |key: &Key| matches!(key.code, KeyCode::Char(_)) && !key.ctrl;
        for row in TABLE {
            let in_text = [Layer::Field, Layer::Filter, Layer::Prompt]
                .iter()
                .any(|layer| row.layers.contains(layer));
            assert!(!in_text || !row.keys.iter().any(is_typed), "{}", row.words);
        }
    }
}
