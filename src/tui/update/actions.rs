//! The effect of each action.

use crossterm::event::{KeyCode, KeyEvent};

use super::apps;
use super::completion;
use super::consent;
use super::details;
use super::differences;
use super::plan_file;
use super::question;
use super::retry;
use super::same_names;
use super::scroll;
use super::sizes;
use super::steps;
use super::stores;
use crate::engine::validate::Format;
use crate::engine::{Session, Side, Step};
use crate::tui::command;
use crate::tui::effect::Effect;
use crate::tui::keys::Action;
use crate::tui::model::apps::TargetInput;
use crate::tui::model::form::Field;
use crate::tui::model::job::Pane;
use crate::tui::model::layer::Layer;
use crate::tui::model::question::{Question, State};
use crate::tui::model::{CheckState, Loaded, Model, Overlay, QuitChoice, Write};
use crate::tui::source_tree::{Item, SourceTree};

pub fn act(model: &mut Model, action: Action, key: KeyEvent) -> Vec<Effect> {
    match action {
        Action::Try | Action::Recheck => return recheck(model),
        Action::Next => return steps::go_next(model),
        Action::Start => return steps::start(model, true),
        Action::Again => return steps::start(model, false),
        Action::RetryOne => consent::ask(model, Write::Failed, false),
        Action::RetryAll => return retry::all(model),
        Action::Refetch => {
            model.selection.tree = Loaded::Nothing;
            return steps::fetch_holdings(model);
        }
        Action::NextField => turn_field(model, true),
        Action::PreviousField => turn_field(model, false),
        Action::EnterField => enter_field(model),
        Action::LeaveField => leave_field(model),
        Action::CompletePath => return completion::ask(model),
        Action::SwitchRoute => model.route.by_directory = !model.route.by_directory,
        Action::Toggle => {
            let was_range = model.selection.tree().is_some_and(SourceTree::has_range);
            on_tree(model, SourceTree::toggle);
            on_tree(model, |tree| tree.step(isize::from(!was_range)));
        }
        Action::Open if model.step == Step::Validate => differences::open(model),
        Action::Open => return open(model),
        Action::Close if model.step == Step::Validate => model.validation.outline.close(),
        Action::Close => on_tree(model, SourceTree::close),
        Action::All => on_tree(model, SourceTree::toggle_all),
        Action::Invert => on_tree(model, SourceTree::invert),
        Action::Range => on_tree(model, SourceTree::turn_range),
        Action::Sort => on_tree(model, SourceTree::turn_sort),
        Action::ToggleDetails => details::turn(model),
        Action::ScrollDetailsDown => details::scroll(model, 1),
        Action::ScrollDetailsUp => details::scroll(model, -1),
        Action::MeasureSizes => return sizes::turn(model),
        Action::SavePlan => plan_file::ask(model),
        Action::LoadPlan => question::open(model, Question::LoadPlan, "plan.toml"),
        Action::SameNames => same_names::open(model),
        Action::Deleted => on_tree(model, SourceTree::toggle_deleted),
        Action::Traces => on_tree(model, SourceTree::toggle_traces),
        Action::Filter => {
            let words = model.selection.tree().map_or("", SourceTree::filter);
            model.selection.filtering = Some(Field::new(words));
        }
        Action::KeepFilter => model.selection.filtering = None,
        Action::ClearFilter => {
            model.selection.filtering = None;
            on_tree(model, |tree| tree.set_filter(""));
        }
        Action::Stores => model.stores.is_open = true,
        Action::TakeStore => return stores::take(model),
        Action::LeaveStores => stores::leave(model),
        Action::Apps => return apps::list(model),
        Action::TakeApp => return apps::take(model),
        Action::NewApp => model.apps.way = TargetInput::New,
        Action::AskCreate => apps::ask(model),
        Action::Region => {
            let region = model.apps.region.clone().unwrap_or_default();
            question::open(model, Question::Region, &region);
        }
        Action::OpenApp => return apps::open(model),
        Action::LeaveApps => apps::leave(model),
        Action::Pause => return steps::pause(model),
        Action::Stop => return steps::stop(model),
        Action::Failures => turn_pane(model, Pane::Failures),
        Action::Log => turn_pane(model, Pane::Log),
        Action::Severity => {
            model.log_from = model.log_from.next();
            let step = model.step;
            model.work_mut(step).into_iter().for_each(|work| work.cursor = 0);
        }
        Action::Artifacts => model.validation.turn_artifacts(),
        Action::Marks => model.validation.turn_filter(),
        Action::Detail => differences::enter(model),
        Action::Draw => return differences::draw(model),
        Action::RecheckOne => return differences::recheck(model, false),
        Action::ReimportOne => consent::ask(model, Write::Difference, false),
        Action::Write => question::open(model, Question::Report, "mlferry-report.html"),
        Action::Accept => return accept(model),
        Action::Cancel => cancel(model),
        Action::Up => scroll::by(model, -1),
        Action::Down => scroll::by(model, 1),
        Action::PageUp => scroll::by(model, -scroll::page(model)),
        Action::PageDown => scroll::by(model, scroll::page(model)),
        Action::Top => scroll::by(model, isize::MIN),
        Action::Bottom => scroll::by(model, isize::MAX),
        Action::Back => return back(model),
        Action::Go => return go(model, key),
        Action::Help => model.overlay = Some(Overlay::Help(0)),
        Action::Interrupt if model.running().is_some() => return steps::stop(model),
        Action::Interrupt => return steps::quit(model),
        Action::ClipCommand => return clip(model, command::of(model).join(" ")),
        Action::ClipText => return model.text_at_cursor().map_or_else(Vec::new, |text| clip(model, text)),
        Action::Redraw => return vec![Effect::Redraw],
        Action::Suspend => return vec![Effect::Suspend],
        Action::Quit => return steps::ask_to_quit(model),
    }
    Vec::new()
}

fn recheck(model: &mut Model) -> Vec<Effect> {
    match model.asked_side() {
        Some(end) => steps::check(model, end),
        None => {
            let mut effects = steps::check(model, Side::Source);
            effects.extend(steps::check(model, Side::Target));
            effects
        }
    }
}

fn turn_field(model: &mut Model, forward: bool) {
    if model.layer() == Layer::NewApp {
        model.apps.form.turn(forward);
    }
    if let Some(end) = model.asked_side() {
        model.side_mut(end).form.turn(forward);
    }
}

fn enter_field(model: &mut Model) {
    match model.asked_side() {
        Some(end) => model.side_mut(end).form.turn(true),
        None => model.route.typing = true,
    }
}

fn leave_field(model: &mut Model) {
    model.route.typing = false;
    if let Some(end) = model.asked_side() {
        model.side_mut(end).form.focus = None;
    }
}

fn on_tree(model: &mut Model, change: impl FnOnce(&mut SourceTree)) {
    if let Some(tree) = model.selection.tree_mut() {
        change(tree);
    }
}

/// Opens the node at the cursor. Its contents are fetched the first time.
fn open(model: &mut Model) -> Vec<Effect> {
    let at = model.at(Side::Source);
    let Some(tree) = model.selection.tree_mut() else {
        return Vec::new();
    };
    if let Some((experiment, wanted)) = tree.ask_for_all() {
        return vec![Effect::MoreRuns { experiment, wanted }];
    }
    let Some(node) = tree.open() else {
        return Vec::new();
    };
    match &tree.nodes[node].item {
        Item::Experiment(one) => vec![Effect::LoadExperiment { at, experiment: Box::new(one.clone()) }],
        Item::Model(one) => vec![Effect::Versions { at, model: Box::new(one.clone()) }],
        Item::Dataset(_) => Vec::new(),
    }
}

/// Shows a pane, or returns to the default pane.
fn turn_pane(model: &mut Model, pane: Pane) {
    let step = model.step;
    if let Some(work) = model.work_mut(step) {
        work.pane = if work.pane == pane { Pane::InFlight } else { pane };
        work.cursor = 0;
    }
}

fn accept(model: &mut Model) -> Vec<Effect> {
    // This dialog closes on its own after the answer has worked.
    if matches!(model.overlay, Some(Overlay::Ask(_))) {
        return answer(model);
    }
    // This one has two settings.
    if let Some(Overlay::SameNames(choice)) = model.overlay {
        same_names::choose(model, choice);
        return Vec::new();
    }
    match model.overlay.take() {
        Some(Overlay::Resume(session, false)) => steps::resume_session(model, *session),
        Some(Overlay::Quit(choice)) => leave(model, choice),
        Some(Overlay::Confirm(write, true)) => agree(model, write),
        Some(Overlay::Confirm(_, false)) => Vec::new(),
        Some(Overlay::Create) => apps::create(model),
        // A new session: the old session stays on the disk until the new one replaces it.
        Some(
            Overlay::Ask(_)
            | Overlay::SameNames(_)
            | Overlay::Resume(..)
            | Overlay::Help(_)
            | Overlay::Link(_),
        )
        | None => {
            steps::focus(model);
            stores::search(model)
        }
    }
}

/// Carries out the answer that the user typed into a dialog.
fn answer(model: &mut Model) -> Vec<Effect> {
    let Some(Overlay::Ask(ask)) = &mut model.overlay else {
        return Vec::new();
    };
    if ask.state == State::Working {
        return Vec::new();
    }
    ask.state = State::Working;
    let (question, text) = (ask.question, ask.answer.text().trim().to_owned());
    let result = match question {
        Question::Prefix if text.is_empty() => Err("a prefix needs a text, for example team-a/".to_owned()),
        Question::Prefix => {
            same_names::set_prefix(model, &text);
            Ok(Vec::new())
        }
        _ if text.is_empty() && question != Question::Region => Err("no file was named".to_owned()),
        Question::Report => copy_report(model, &text),
        Question::SavePlan => plan_file::save(model, &text),
        Question::LoadPlan => Ok(vec![Effect::ReadPlan(model.expand(&text))]),
        Question::Region => apps::look_in(model, &text),
    };
    result.unwrap_or_else(|why| {
        question::failed(model, question, why);
        Vec::new()
    })
}

fn copy_report(model: &Model, to: &str) -> Result<Vec<Effect>, String> {
    let to = model.expand(to);
    match Format::of(&to) {
        Ok(format) => Ok(vec![Effect::Copy { from: model.places.report_as(format), to }]),
        Err(error) => Err(error.get_hint().unwrap_or_default().to_owned()),
    }
}

/// The user has answered the dialog with yes.
fn agree(model: &mut Model, write: Write) -> Vec<Effect> {
    match write {
        Write::Import => steps::start_at(model, Step::Import),
        Write::Failed => retry::one(model),
        Write::Difference => differences::recheck(model, true),
    }
}

fn leave(model: &mut Model, choice: QuitChoice) -> Vec<Effect> {
    if choice == QuitChoice::Stay {
        return Vec::new();
    }
    model.leaving = true;
    let mut effects = steps::stop(model);
    if choice == QuitChoice::Now
        && model.running().is_some_and(|step| model.work(step).is_some_and(|w| w.stops < 2))
    {
        effects.extend(steps::stop(model));
    }
    effects
}

/// The notice shows the copied text because the terminal does not report whether it accepted the text.
fn clip(model: &mut Model, text: String) -> Vec<Effect> {
    model.notice = Some(format!("to the clipboard: {text}"));
    vec![Effect::Clip(text)]
}

fn cancel(model: &mut Model) {
    match model.layer() {
        Layer::Picture => model.validation.picture = None,
        Layer::Detail => model.validation.detail = None,
        _ => model.overlay = None,
    }
}

fn back(model: &mut Model) -> Vec<Effect> {
    let before = |step: Step| Step::ALL[(step as usize).saturating_sub(1)];
    let mut step = before(model.step);
    if step == Step::Export && !model.route.by_directory {
        step = before(step);
    }
    steps::go(model, step)
}

fn go(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    let KeyCode::Char(digit) = key.code else {
        return Vec::new();
    };
    let step = digit.to_digit(10).and_then(|digit| Step::ALL.get((digit as usize).checked_sub(1)?));
    step.map_or_else(Vec::new, |step| steps::go(model, *step))
}

/// An earlier session is offered before any other question.
pub fn offer(model: &mut Model, session: Session) {
    model.overlay = Some(Overlay::Resume(Box::new(session), false));
}

/// If the source is given at the start, it is checked immediately. Otherwise the wizard looks for one.
pub fn start_job(model: &mut Model) -> Vec<Effect> {
    let has_source = !model.source.form.uri().is_empty();
    if has_source && matches!(model.source.seen, CheckState::Unchecked) {
        return steps::check(model, Side::Source);
    }
    stores::search(model)
}
