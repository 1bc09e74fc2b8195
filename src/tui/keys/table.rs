//! Every key of every screen. The first matching row wins.

use crossterm::event::KeyCode;

use super::{Action, Key, Row, when};
use crate::tui::model::Model;
use crate::tui::model::layer::Layer;

const fn key(code: KeyCode) -> Key {
    Key { code, ctrl: false }
}

const fn ch(c: char) -> Key {
    key(KeyCode::Char(c))
}

const fn ctrl(c: char) -> Key {
    Key { code: KeyCode::Char(c), ctrl: true }
}

const fn row(
    keys: &'static [Key],
    words: &'static str,
    action: Action,
    layers: &'static [Layer],
    when: fn(&Model) -> bool,
) -> Row {
    Row { keys, words, action, layers, when }
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
const APPS: &[Layer] = &[Layer::Apps];
const STORES: &[Layer] = &[Layer::Stores];
const LISTS: &[Layer] = &[Layer::Apps, Layer::Stores];
const NEW_APP: &[Layer] = &[Layer::NewApp];
const SCREENS: &[Layer] = &[Layer::Apps, Layer::Stores, Layer::Screen];
const FORM: &[Layer] = &[Layer::Field, Layer::Screen];
const OVER: &[Layer] = &[Layer::Picture, Layer::Detail, Layer::Help];
const EVERYWHERE: &[Layer] = &[
    Layer::Resume,
    Layer::Quit,
    Layer::Help,
    Layer::Ask,
    Layer::SameNames,
    Layer::Create,
    Layer::Confirm,
    Layer::Link,
    Layer::Picture,
    Layer::Detail,
    Layer::Filter,
    Layer::NewApp,
    Layer::Apps,
    Layer::Stores,
    Layer::Field,
    Layer::Screen,
];

pub const TABLE: &[Row] = &[
    // Dialogs.
    row(&[ENTER], "choose", Action::Accept, &[Layer::Resume, Layer::Quit], when::always),
    row(&[UP, ch('k'), BACK_TAB], "other answer", Action::Up, &[Layer::Resume, Layer::Quit], when::always),
    row(&[DOWN, ch('j'), TAB], "other answer", Action::Down, &[Layer::Resume, Layer::Quit], when::always),
    row(&[ESC], "keep going", Action::Cancel, &[Layer::Quit], when::always),
    row(&[ENTER], "confirm", Action::Accept, &[Layer::Ask], when::always),
    row(&[ESC], "cancel", Action::Cancel, &[Layer::Ask], when::always),
    row(&[ENTER, ch(' ')], "choose", Action::Accept, &[Layer::SameNames], when::always),
    row(&[UP, ch('k'), BACK_TAB], "move", Action::Up, &[Layer::SameNames], when::always),
    row(&[DOWN, ch('j'), TAB], "move", Action::Down, &[Layer::SameNames], when::always),
    row(&[ESC, ch('m')], "close", Action::Cancel, &[Layer::SameNames], when::always),
    row(&[ENTER], "create it", Action::Accept, &[Layer::Create], when::always),
    row(&[ESC], "cancel", Action::Cancel, &[Layer::Create], when::always),
    row(&[ENTER], "choose", Action::Accept, &[Layer::Confirm], when::always),
    row(&[UP, BACK_TAB], "other answer", Action::Up, &[Layer::Confirm], when::always),
    row(&[DOWN, TAB], "other answer", Action::Down, &[Layer::Confirm], when::always),
    row(&[ESC], "cancel", Action::Cancel, &[Layer::Confirm], when::always),
    row(&[ESC, ENTER], "close", Action::Cancel, &[Layer::Link], when::always),
    row(&[ESC, ch('?'), ch('q'), key(KeyCode::F(1))], "close", Action::Cancel, &[Layer::Help], when::always),
    row(&[ENTER], "draw the metric", Action::Draw, &[Layer::Detail], when::on_metric),
    row(&[ch('r')], "compare again", Action::RecheckOne, &[Layer::Detail], when::can_recheck_one),
    row(&[ch('i')], "import again", Action::ReimportOne, &[Layer::Detail], when::can_reimport_one),
    row(
        &[ESC, ENTER, ch('q'), key(KeyCode::Left), ch('h')],
        "close",
        Action::Cancel,
        &[Layer::Picture, Layer::Detail],
        when::always,
    ),
    // The main action of the screen.
    row(&[ENTER], "check", Action::Try, FORM, when::can_check),
    row(&[ENTER], "next step", Action::Next, FORM, when::may_enter_next),
    row(&[ENTER], "pre-flight", Action::Next, FORM, when::can_look_again),
    row(&[ENTER], "start", Action::Start, SCREEN, when::can_start),
    row(&[ENTER], "resume", Action::Start, SCREEN, when::can_continue),
    row(&[ENTER], "open", Action::Detail, SCREEN, when::has_difference),
    row(&[ch('n')], "next step", Action::Next, SCREEN, when::may_ask_for_next),
    row(&[key(KeyCode::Right), ch('l')], "open", Action::Open, SCREEN, when::can_unfold),
    row(&[key(KeyCode::Left), ch('h')], "close", Action::Close, SCREEN, when::has_diff_tree),
    row(&[ch('m')], "filter", Action::Marks, SCREEN, when::has_differences),
    row(&[ch('w')], "copy report", Action::Write, SCREEN, when::has_report),
    row(&[ch('r')], "try it again", Action::RetryOne, SCREEN, when::on_failure),
    row(&[ch('R')], "try all again", Action::RetryAll, SCREEN, when::can_retry_all),
    row(&[ch('R')], "retry at the end", Action::RetryAll, SCREEN, when::can_retry_later),
    row(&[ch('R')], "no retry at the end", Action::RetryAll, SCREEN, when::will_retry),
    row(&[ch('r')], "run again", Action::Again, SCREEN, when::can_run_again),
    row(&[ch('r')], "check again", Action::Recheck, SCREEN, when::can_recheck),
    row(&[ch('r')], "fetch again", Action::Refetch, SCREEN, when::can_refetch),
    // Stores.
    row(&[ENTER], "use it", Action::TakeStore, STORES, when::is_idle),
    row(&[ESC], "type an address", Action::LeaveStores, STORES, when::always),
    // Apps.
    row(&[key(KeyCode::F(2))], "SageMaker Apps", Action::Apps, FORM, when::can_list_apps),
    row(&[ENTER], "use it", Action::TakeApp, APPS, when::can_take_app),
    row(&[ENTER], "wait for it", Action::TakeApp, APPS, when::can_await_app),
    row(&[ch('n')], "new App", Action::NewApp, APPS, when::on_app_list),
    row(&[ch('o')], "open its UI", Action::OpenApp, APPS, when::can_take_app),
    row(&[ch('g')], "other region", Action::Region, APPS, when::on_app_list),
    row(&[ch('r')], "fetch again", Action::Apps, APPS, when::is_idle),
    row(&[ESC], "step back", Action::LeaveApps, APPS, when::always),
    row(&[ENTER], "create", Action::AskCreate, NEW_APP, when::is_idle),
    row(&[TAB, DOWN], "other field", Action::NextField, NEW_APP, when::always),
    row(&[BACK_TAB, UP], "other field", Action::PreviousField, NEW_APP, when::always),
    row(&[ESC], "cancel", Action::LeaveApps, NEW_APP, when::always),
    row(&[UP, ch('k')], "move", Action::Up, LISTS, when::has_choices),
    row(&[DOWN, ch('j')], "move", Action::Down, LISTS, when::has_choices),
    row(&[key(KeyCode::PageUp), ctrl('u')], "page", Action::PageUp, LISTS, when::has_choices),
    row(&[key(KeyCode::PageDown), ctrl('d')], "page", Action::PageDown, LISTS, when::has_choices),
    // Forms.
    row(&[TAB], "complete", Action::CompletePath, FIELD, when::can_complete),
    row(&[TAB, DOWN], "other field", Action::NextField, FIELD, when::has_other_fields),
    row(&[BACK_TAB, UP], "other field", Action::PreviousField, FIELD, when::has_other_fields),
    row(&[TAB, ch('e')], "edit", Action::EnterField, SCREEN, when::can_edit),
    row(&[key(KeyCode::F(2))], "stores here", Action::Stores, FORM, when::can_list_stores),
    row(&[ESC], "leave the field", Action::LeaveField, FIELD, when::always),
    row(&[TAB], "leave the field", Action::LeaveField, FIELD, when::on_connect),
    row(&[ch(' ')], "other route", Action::SwitchRoute, SCREEN, when::can_switch_route),
    // The tree.
    row(&[ch(' ')], "select", Action::Toggle, SCREEN, when::can_pick),
    row(&[ENTER, key(KeyCode::Right), ch('l')], "open", Action::Open, SCREEN, when::has_tree),
    row(&[key(KeyCode::Left), ch('h')], "close", Action::Close, SCREEN, when::has_tree),
    row(&[ch('/')], "filter", Action::Filter, SCREEN, when::has_tree),
    row(&[ch('a')], "all matching", Action::All, SCREEN, when::can_pick_matching),
    row(&[ch('a')], "all", Action::All, SCREEN, when::can_pick),
    row(&[ch('i')], "invert", Action::Invert, SCREEN, when::can_pick),
    row(&[ch('v')], "begin a range", Action::Range, SCREEN, when::can_begin_range),
    row(&[ch('v'), ESC], "no range", Action::Range, SCREEN, when::has_range),
    row(&[ch('o')], "order", Action::Sort, SCREEN, when::has_tree),
    row(&[ch('p'), TAB], "details", Action::ToggleDetails, SCREEN, when::has_tree),
    row(&[ch('J')], "scroll the details", Action::ScrollDetailsDown, SCREEN, when::has_details),
    row(&[ch('K')], "scroll the details", Action::ScrollDetailsUp, SCREEN, when::has_details),
    row(&[ch('b')], "stop measuring", Action::MeasureSizes, SCREEN, when::is_weighing),
    row(&[ch('b')], "sizes", Action::MeasureSizes, SCREEN, when::can_measure),
    row(&[ch('d')], "leave out deleted", Action::Deleted, SCREEN, when::takes_deleted),
    row(&[ch('d')], "include deleted", Action::Deleted, SCREEN, when::skips_deleted),
    row(&[ch('t')], "leave out traces", Action::Traces, SCREEN, when::takes_traces),
    row(&[ch('t')], "include traces", Action::Traces, SCREEN, when::skips_traces),
    row(&[ch('m')], "taken names", Action::SameNames, SCREEN, when::can_pick),
    row(&[ch('w')], "save plan", Action::SavePlan, SCREEN, when::has_tree),
    row(&[ch('L')], "load plan", Action::LoadPlan, SCREEN, when::can_pick),
    row(&[ENTER, DOWN], "keep the filter", Action::KeepFilter, &[Layer::Filter], when::always),
    row(&[ESC], "clear the filter", Action::ClearFilter, &[Layer::Filter], when::always),
    row(&[ESC], "clear the filter", Action::ClearFilter, SCREEN, when::has_filter),
    // Jobs.
    row(&[ch('p')], "pause", Action::Pause, SCREEN, when::can_pause),
    row(&[ch('p')], "resume", Action::Pause, SCREEN, when::is_paused),
    row(&[ch('s')], "stop after these items", Action::Stop, SCREEN, when::can_stop),
    row(&[ch('s')], "stop now", Action::Stop, SCREEN, when::can_stop_now),
    row(&[ch('x')], "files", Action::Artifacts, SCREEN, when::can_choose_artifacts),
    row(&[ch('f')], "failures", Action::Failures, SCREEN, when::has_work),
    row(&[ch('L')], "log", Action::Log, SCREEN, when::has_work),
    row(&[ch('v')], "levels of the log", Action::Severity, SCREEN, when::has_log),
    // Navigation.
    row(&[DOWN, ch('j')], "scroll", Action::Down, SCREEN, when::has_report_on_screen),
    row(&[UP, ch('k')], "scroll", Action::Up, SCREEN, when::has_report_on_screen),
    row(&[key(KeyCode::PageUp), ctrl('u')], "page", Action::PageUp, SCREEN, when::has_report_on_screen),
    row(&[key(KeyCode::PageDown), ctrl('d')], "page", Action::PageDown, SCREEN, when::has_report_on_screen),
    row(&[UP, ch('k')], "move", Action::Up, SCREEN, when::has_list),
    row(&[DOWN, ch('j')], "move", Action::Down, SCREEN, when::has_list),
    row(&[key(KeyCode::PageUp), ctrl('u')], "page", Action::PageUp, SCREEN, when::has_list),
    row(&[key(KeyCode::PageDown), ctrl('d')], "page", Action::PageDown, SCREEN, when::has_list),
    row(&[key(KeyCode::Home), ch('g')], "first, last", Action::Top, SCREEN, when::has_list),
    row(&[key(KeyCode::End), ch('G')], "first, last", Action::Bottom, SCREEN, when::has_list),
    row(&[UP, ch('k')], "scroll", Action::Up, OVER, when::always),
    row(&[DOWN, ch('j')], "scroll", Action::Down, OVER, when::always),
    row(&[key(KeyCode::PageUp), ctrl('u')], "page", Action::PageUp, OVER, when::always),
    row(&[key(KeyCode::PageDown), ctrl('d')], "page", Action::PageDown, OVER, when::always),
    row(&[ESC], "back a step", Action::Back, SCREEN, when::has_step_before),
    row(&[ch('c')], "copy the command", Action::ClipCommand, SCREENS, when::always),
    row(&[ch('y')], "copy current text", Action::ClipText, SCREENS, when::has_something_to_copy),
    row(DIGITS, "go to a step", Action::Go, SCREENS, when::always),
    row(&[ch('?'), key(KeyCode::F(1))], "help", Action::Help, SCREENS, when::always),
    row(&[key(KeyCode::F(1))], "help", Action::Help, FIELD, when::always),
    row(&[ch('q')], "quit", Action::Quit, SCREENS, when::always),
    row(&[ctrl('c')], "quit", Action::Interrupt, EVERYWHERE, when::has_no_job),
    row(&[ctrl('c')], "stop the job, again: at once", Action::Interrupt, EVERYWHERE, when::is_running),
    row(&[ctrl('z')], "suspend", Action::Suspend, EVERYWHERE, when::always),
    row(&[ctrl('l')], "draw again", Action::Redraw, EVERYWHERE, when::always),
];
