//! The state change and the effects of each message. This module uses no clock, no files and no network.

pub mod actions;
pub mod apps;
pub mod completion;
pub mod consent;
pub mod details;
pub mod differences;
pub mod plan_file;
pub mod preflight;
pub mod question;
pub mod retry;
pub mod same_names;
pub mod scroll;
pub mod sizes;
pub mod steps;
pub mod stores;
use crossterm::event::KeyEvent;

use super::effect::{Effect, Msg};
use super::keys;
use super::model::job::Phase;
use super::model::layer::Layer;
use super::model::log::{LogLine, MAX_LINES, Severity};
use super::model::question::State;
use super::model::{CheckState, EndpointState, Loaded, Model, Needed, Overlay};
use super::source_tree::SourceTree;
use crate::engine::browse::Holdings;
use crate::engine::{CheckReport, Event, FailureCause, Outcome, Side, Step};
use crate::error::{Class, Result};
use crate::plan::Plan;

pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Key(key) => return on_key(model, key),
        Msg::Paste(text) => return on_paste(model, &text),
        Msg::Wheel(rows) => {
            scroll::by(model, rows);
            return follow(model);
        }
        Msg::Resize(columns, rows) => model.size = (columns, rows),
        Msg::Clock(now) => model.now = now,
        Msg::Checked { end, attempt, result } => return on_checked(model, end, attempt, result),
        Msg::StoresFound(found) => stores::on_found(model, found),
        Msg::StoreCounted { path, contents } => stores::on_counted(model, &path, contents),
        Msg::Completed { text, result } => completion::on_listed(model, &text, result),
        Msg::Preflight { attempt, line } => preflight::on_line(model, attempt, *line),
        Msg::PreflightFinished { attempt, result } => preflight::on_finished(model, attempt, result),
        Msg::SourcePage { of, result } => {
            on_holdings(model, &of, result);
            let mut effects = sizes::sample(model);
            effects.extend(steps::advance_when_loaded(model));
            return effects;
        }
        Msg::ExperimentPage { of, experiment, result } => {
            if model.selection.of == of
                && let Some(tree) = model.selection.tree_mut()
            {
                tree.on_contents(&experiment, result.map_err(|error| error.to_string()));
            }
        }
        Msg::Versions { of, model: name, result } => {
            if model.selection.of == of
                && let Some(tree) = model.selection.tree_mut()
            {
                tree.on_versions(&name, result.map_err(|error| error.to_string()));
            }
        }
        Msg::DetailsLoaded { of, subject, result } => return details::on_loaded(model, &of, subject, result),
        Msg::SizesMeasured { of, experiment, weights } => {
            sizes::on_measured(model, &of, &experiment, weights)
        }
        Msg::Sampled { of, sampled } => {
            if model.selection.of == of {
                model.selection.sampled = Some(sampled);
            }
        }
        Msg::PlanRead { from, result } => plan_file::on_loaded(model, &from, result),
        Msg::Apps(result) => apps::on_listed(model, result),
        Msg::AppProgress(news) => apps::on_progress(model, news),
        Msg::AppReady(result) => return apps::on_finished(model, result),
        Msg::AppLink(Ok(link)) => model.overlay = Some(Overlay::Link(link)),
        Msg::AppLink(Err(error)) => model.notice = Some(error.to_string()),
        Msg::Needed { of, plan, result } => on_needed(model, &of, &plan, result),
        Msg::CurveLoaded { source_id, metric, result } => {
            differences::drawn(model, &source_id, &metric, result)
        }
        Msg::Rechecked { difference, result } => differences::on_rechecked(model, &difference, result),
        Msg::Retried { failed, result } => retry::on_finished(model, &failed, result),
        Msg::JobStarted => {
            if let Some(work) = model.running().and_then(|step| model.work_mut(step)) {
                work.phase = Phase::Running;
            }
        }
        Msg::Sample(reading) => {
            let now = model.now;
            if let Some(work) = model.running().and_then(|step| model.work_mut(step)) {
                work.sample(now, *reading);
            }
        }
        Msg::JobEvent(event) => on_event(model, event),
        Msg::JobFinished(result) => return on_ended(model, result),
        Msg::Log(lines) => lines.into_iter().for_each(|line| note(model, line)),
        Msg::Notice(text) => model.notice = Some(text),
        Msg::Answered { question, result: Ok(text) } => {
            question::done(model, question);
            model.notice = Some(text);
        }
        Msg::Answered { question, result: Err(why) } => question::failed(model, question, why),
        Msg::HangUp => {
            model.leaving = true;
            if model.running().is_some() {
                return steps::stop(model);
            }
            let mut effects = steps::save_or_forget(model);
            effects.push(Effect::Quit(130));
            return effects;
        }
    }
    Vec::new()
}

fn on_key(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    match keys::find(model, key) {
        Some(action) => {
            model.notice = None;
            model.selection.wants_next = false;
            let mut effects = actions::act(model, action, key);
            effects.extend(follow(model));
            effects
        }
        // Typed text never agrees to anything by accident: see `consent`.
        None if matches!(model.layer(), Layer::Confirm | Layer::Create) => {
            model.overlay = None;
            Vec::new()
        }
        None => type_into(model, |field| field.key(key)),
    }
}

/// The requests for the new cursor position.
fn follow(model: &mut Model) -> Vec<Effect> {
    [reach(model), details::want(model)].into_iter().flatten().collect()
}

/// The request for the runs near the cursor.
fn reach(model: &mut Model) -> Option<Effect> {
    let tree = model.selection.tree_mut().filter(|_| model.step == Step::Plan)?;
    let (experiment, wanted) = tree.reach()?;
    Some(Effect::MoreRuns { experiment, wanted })
}

fn on_paste(model: &mut Model, text: &str) -> Vec<Effect> {
    type_into(model, |field| {
        field.paste(text);
        true
    })
}

/// Changes the text field that has the focus, if there is one. `change` returns whether the text has changed.
fn type_into(
    model: &mut Model,
    change: impl FnOnce(&mut crate::tui::model::form::Field) -> bool,
) -> Vec<Effect> {
    match model.layer() {
        Layer::Ask => {
            if let Some(Overlay::Ask(ask)) = &mut model.overlay
                && change(&mut ask.answer)
            {
                ask.state = State::Typing;
            }
        }
        Layer::NewApp => {
            change(model.apps.form.focused());
        }
        Layer::Filter => {
            if let Some(field) = &mut model.selection.filtering
                && change(field)
            {
                let words = field.text().to_owned();
                if let Some(tree) = model.selection.tree_mut() {
                    tree.set_filter(&words);
                }
                return follow(model);
            }
        }
        Layer::Field if model.step == Step::Connect => {
            change(&mut model.route.directory);
        }
        Layer::Field => {
            if let Some(end) = model.asked_side() {
                let side = model.side_mut(end);
                // A check result for the previous text is no longer valid.
                if side.form.focused().is_some_and(change) {
                    side.seen = CheckState::Unchecked;
                    side.attempt += 1;
                    model.notice = None;
                }
            }
        }
        _ => {}
    }
    Vec::new()
}

fn on_checked(model: &mut Model, end: Side, attempt: u64, result: Result<Box<CheckReport>>) -> Vec<Effect> {
    let side = model.side_mut(end);
    if side.attempt != attempt {
        return Vec::new();
    }
    match result {
        Ok(report) => {
            side.form.focus = None;
            side.scroll = 0;
            side.seen = CheckState::Found(report);
        }
        Err(error) => {
            ask_for_login(side, error.class());
            side.seen = CheckState::Refused(error.into());
        }
    }
    let mut effects = steps::resume_at_step(model);
    effects.extend(preflight::start(model));
    effects
}

/// If a server requires a login, the focus moves to the user field.
fn ask_for_login(side: &mut EndpointState, class: Class) {
    use super::model::form::Asked;
    if class == Class::Auth && side.form.focus == Some(Asked::Uri) {
        side.form.focus = Some(Asked::User);
    }
}

/// The first page creates the tree, and the other pages extend it. If a page fails, no selection is possible: a plan
/// from an incomplete tree would exclude the rest.
fn on_holdings(model: &mut Model, of: &str, result: Result<Holdings>) {
    if model.selection.of != of {
        return;
    }
    for lost in result.iter().flat_map(|holdings| &holdings.unreadable) {
        let text = format!("{} {} cannot be read: {}", lost.kind.words().0, lost.id, lost.reason);
        note(model, line(model, Severity::Warning, &text));
    }
    let is_growing = model.selection.tree().is_some_and(SourceTree::is_growing);
    match (result, model.selection.tree_mut()) {
        (Ok(holdings), Some(tree)) if is_growing => tree.extend(holdings),
        (Ok(holdings), _) => {
            model.selection.tree = Loaded::Tree(Box::new(SourceTree::new(holdings, &model.plan)));
        }
        (Err(error), _) => model.selection.tree = Loaded::Failed(error.into()),
    }
}

/// Answers for an older plan are ignored.
fn on_needed(model: &mut Model, of: &str, plan: &Plan, result: Result<Vec<(String, String)>>) {
    if model.source.location() != of || model.plan != *plan {
        return;
    }
    if let (Ok(needed), Some(tree)) = (&result, model.selection.tree_mut()) {
        tree.set_needed(needed.clone());
    }
    model.selection.needed = match result {
        Ok(needed) => Needed::Known(needed),
        Err(error) => Needed::Failed(error.to_string()),
    };
}

fn on_event(model: &mut Model, mut event: Event) {
    let now = model.now;
    // The options of the command line are keys here.
    if let Event::ItemFailed { cause: Some(FailureCause::NameTaken), hint, .. } = &mut event {
        *hint = Some(same_names::hint(model));
    }
    match &event {
        Event::Note { text } => note(model, line(model, Severity::Note, text)),
        // The experiment's own line has the reason.
        Event::ItemFailed { cause: Some(FailureCause::Experiment(_)), .. } => {}
        Event::ItemFailed { kind, name, reason, .. } => {
            note(model, line(model, Severity::Warning, &format!("{} {name}: {reason}", kind.words().0)))
        }
        Event::Difference(difference) => model.validation.add(difference.clone()),
        _ => {}
    }
    if let Some(work) = model.running().and_then(|step| model.work_mut(step)) {
        work.on_event(now, event);
    }
}

fn on_ended(model: &mut Model, result: Result<Outcome>) -> Vec<Effect> {
    let Some(step) = model.running() else {
        return Vec::new();
    };
    let is_finished = result.as_ref().is_ok_and(|outcome| !outcome.stopped);
    if let Some(work) = model.work_mut(step) {
        work.end(result);
    }
    if is_finished {
        model.stamp(step);
    }
    // The dialog asks how to leave a running job. The end of the job answers it.
    if model.leaving || matches!(model.overlay, Some(Overlay::Quit(_))) {
        return steps::quit(model);
    }
    let is_wanted = model.work(step).is_some_and(|work| work.again && work.failed() > 0);
    if is_finished && is_wanted {
        return steps::start_at(model, step);
    }
    vec![Effect::Save(Box::new(model.session()))]
}

fn line(model: &Model, severity: Severity, text: &str) -> LogLine {
    let seconds = model.now.as_secs();
    LogLine {
        time: format!("+{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60),
        severity,
        text: text.to_owned(),
    }
}

fn note(model: &mut Model, line: LogLine) {
    model.log.push(line);
    if model.log.len() > MAX_LINES {
        model.log.remove(0);
    }
}
