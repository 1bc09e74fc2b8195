//! Navigation between steps: the effects of opening a step, and leaving and resuming the wizard.

use super::consent;
use super::preflight;
use crate::engine::validate::Format;
use crate::engine::{Route, Session, Side, Step};
use crate::plan::Plan;
use crate::tui::effect::{Effect, Job};
use crate::tui::model::form::Asked;
use crate::tui::model::job::JobState;
use crate::tui::model::steps::StepStatus;
use crate::tui::model::{CheckState, Loaded, Model, Needed, Overlay, QuitChoice, Write};
use crate::tui::source_tree::SourceTree;

pub fn go_next(model: &mut Model) -> Vec<Effect> {
    if model.step == Step::Connect && model.is_preflight_due() {
        return preflight::start(model);
    }
    model.selection.wants_next =
        model.step == Step::Plan && model.selection.tree().is_some_and(SourceTree::is_growing);
    match model.next_step() {
        Err(why) => {
            model.notice = Some(why);
            Vec::new()
        }
        Ok(step) => {
            if matches!(model.step, Step::Connect | Step::Plan) {
                model.stamp(model.step);
            }
            go(model, step)
        }
    }
}

/// After each page: opens the next step if the user is waiting for the last page and has done nothing else since.
pub fn advance_when_loaded(model: &mut Model) -> Vec<Effect> {
    let is_whole = model.selection.tree().is_some_and(|tree| !tree.is_growing());
    if !model.selection.wants_next || !is_whole || model.step != Step::Plan {
        return Vec::new();
    }
    model.notice = None;
    go_next(model)
}

/// Stores the selection of the tree as the plan. Leaving the step also confirms changes that the user made after
/// an earlier confirmation.
fn finish_plan(model: &mut Model) -> Vec<Effect> {
    if model.step != Step::Plan || model.gate(Step::Plan) != StepStatus::Done || model.running().is_some() {
        return Vec::new();
    }
    // While pages are still missing, the plan is not changed, so that their items are not excluded.
    match model.selection.tree().filter(|tree| !tree.is_growing()).map(SourceTree::plan) {
        None => Vec::new(),
        Some(None) => {
            model.completed.forget(Step::Plan);
            Vec::new()
        }
        Some(Some(plan)) => {
            model.plan = plan.clone();
            vec![Effect::WritePlan(Box::new(plan))]
        }
    }
}

/// Versions of models that were selected one by one may need further items.
fn ask_for_needed(model: &mut Model) -> Vec<Effect> {
    if model.plan.models.is_empty() && model.plan.model_versions.is_empty() {
        model.selection.needed = Needed::Unasked;
        return Vec::new();
    }
    model.selection.needed = Needed::Asked;
    vec![Effect::Needed { at: model.at(Side::Source), plan: Box::new(model.plan.clone()) }]
}

/// Opens the screen of a step and starts the requests that it needs.
pub fn go(model: &mut Model, step: Step) -> Vec<Effect> {
    let mut effects = finish_plan(model);
    let gate = model.gate(step);
    if let StepStatus::Blocked(why) = gate {
        model.notice = Some(format!("{} {}: {why}", step as usize + 1, step.title()));
        return effects;
    }
    model.step = step;
    model.notice = None;
    model.route.typing = false;
    model.stores.is_open = false;
    model.selection.filtering = None;
    model.validation.detail = None;
    model.validation.picture = None;
    focus(model);
    match step {
        Step::Connect if gate != StepStatus::Done && model.running().is_none() => {
            effects.extend(check(model, Side::Source));
            effects.extend(check(model, Side::Target));
        }
        Step::Connect if model.is_preflight_due() => effects.extend(preflight::start(model)),
        Step::Plan => effects.extend(fetch_holdings(model)),
        Step::Export | Step::Import if model.running().is_none() => effects.extend(ask_for_needed(model)),
        _ => {}
    }
    effects.push(Effect::Save(Box::new(model.session())));
    effects
}

/// The address field gets the focus if the screen needs an address.
pub fn focus(model: &mut Model) {
    let is_idle = model.running().is_none();
    if let Some(end) = model.asked_side() {
        let side = model.side_mut(end);
        let wanted = is_idle && !matches!(side.seen, CheckState::Found(_));
        side.form.focus = wanted.then_some(Asked::Uri);
    }
}

pub fn check(model: &mut Model, end: Side) -> Vec<Effect> {
    let side = model.side_mut(end);
    side.form.split_login();
    if side.form.uri().is_empty() {
        let store = if end == Side::Source { " or ./mlruns" } else { "" };
        model.notice = Some(format!("the {} is missing: give http://host:5000{store}", end.name()));
        return Vec::new();
    }
    if let Some(trouble) = side.form.trouble() {
        model.notice = Some(trouble);
        return Vec::new();
    }
    side.seen = CheckState::Checking;
    side.attempt += 1;
    let attempt = side.attempt;
    model.notice = None;
    vec![Effect::Check { at: model.at(end), attempt }]
}

pub fn fetch_holdings(model: &mut Model) -> Vec<Effect> {
    let source = model.source.location();
    let is_there = matches!(model.selection.tree, Loaded::Tree(_) | Loaded::Loading);
    if is_there && model.selection.of == source {
        return Vec::new();
    }
    // A plan names objects of its source.
    if !model.selection.of.is_empty() && model.selection.of != source && model.plan != Plan::default() {
        model.plan = Plan::default();
        model.notice = Some("the source has changed: the selection starts again with everything".to_owned());
    }
    model.selection.start(source);
    vec![Effect::LoadSource(model.at(Side::Source))]
}

/// Starts the job of the current step. A job that writes to the target needs consent first. See [`consent::ask`].
pub fn start(model: &mut Model, agreed: bool) -> Vec<Effect> {
    if model.step == Step::Import && !matches!(model.gate(Step::Import), StepStatus::Blocked(_)) {
        consent::ask(model, Write::Import, agreed);
        return Vec::new();
    }
    start_at(model, model.step)
}

pub fn start_at(model: &mut Model, step: Step) -> Vec<Effect> {
    if let Some(busy) = model.running() {
        model.notice = Some(format!("{} is still running", busy.title()));
        return Vec::new();
    }
    if let StepStatus::Blocked(why) = model.gate(step) {
        model.notice = Some(why.into());
        return Vec::new();
    }
    let (target, plan) = (model.at(Side::Target), model.plan.clone());
    let job = match step {
        Step::Export => Job::Export { source: model.at(Side::Source), output_dir: model.directory(), plan },
        Step::Import => Job::Import { source: model.import_source(), target, plan, update: false },
        Step::Validate => Job::Validate {
            source: model.at(Side::Source),
            target,
            plan,
            artifacts: model.validation.artifacts,
            reports: Format::ALL.map(|format| model.places.report_as(format)).into(),
        },
        _ => return Vec::new(),
    };
    let now = model.now;
    model.notice = None;
    // The results of later steps depend on this step and are no longer valid.
    model.completed.forget_from(step);
    for later in Step::ALL.into_iter().filter(|later| *later > step) {
        if let Some(work) = model.work_mut(later) {
            *work = JobState::new(later);
        }
    }
    match step {
        Step::Validate => model.validation.start(now),
        _ => model.work_mut(step).into_iter().for_each(|work| work.start(now)),
    }
    vec![Effect::Start(Box::new(job)), Effect::Save(Box::new(model.session()))]
}

pub fn stop(model: &mut Model) -> Vec<Effect> {
    let Some(work) = model.running().and_then(|step| model.work_mut(step)) else {
        return Vec::new();
    };
    work.stops = work.stops.saturating_add(1);
    vec![Effect::Stop]
}

pub fn pause(model: &mut Model) -> Vec<Effect> {
    let Some(work) = model.running().and_then(|step| model.work_mut(step)) else {
        return Vec::new();
    };
    work.paused = !work.paused;
    vec![Effect::Pause(work.paused)]
}

/// Leaves the wizard. If a job is running, asks how to leave.
pub fn ask_to_quit(model: &mut Model) -> Vec<Effect> {
    if model.running().is_some() {
        model.overlay = Some(Overlay::Quit(QuitChoice::Stay));
        return Vec::new();
    }
    let pending = model.validation.pending.as_ref().map(|pending| &pending.name);
    if let Some(name) = pending.or(model.import.retrying.as_ref()) {
        model.notice = Some(format!("{name} is still running; Ctrl-C quits at once"));
        return Vec::new();
    }
    quit(model)
}

pub fn quit(model: &Model) -> Vec<Effect> {
    let mut effects = save_or_forget(model);
    effects.push(Effect::Quit(exit_code(model)));
    effects
}

/// Stores the session for the next start, or deletes it after a validation without differences.
pub fn save_or_forget(model: &Model) -> Vec<Effect> {
    match model.overlay {
        // The user has not answered, so the next start asks again.
        Some(Overlay::Resume(..)) => Vec::new(),
        _ if is_proven(model) => vec![Effect::Forget],
        _ => vec![Effect::Save(Box::new(model.session()))],
    }
}

/// The validation found no differences, so there is nothing to continue.
fn is_proven(model: &Model) -> bool {
    model.gate(Step::Validate) == StepStatus::Done && model.validation.work.exit_code() == Some(0)
}

/// The exit code of the last job.
fn exit_code(model: &Model) -> u8 {
    let works = [&model.validation.work, &model.import, &model.export];
    works.into_iter().find_map(|work| work.exit_code()).unwrap_or(0)
}

/// Resumes a session. Both ends are checked again first.
pub fn resume_session(model: &mut Model, session: Session) -> Vec<Effect> {
    model.source.form.set_uri(&session.source);
    model.target.form.set_uri(&session.target);
    if let Route::Directory(path) = &session.route {
        model.route.by_directory = true;
        model.route.directory = crate::tui::model::form::Field::new(&path.display().to_string());
    }
    model.plan = session.plan;
    model.returning = Some(session.step);
    model.step = match session.step {
        Step::Check | Step::App => Step::Check,
        _ => Step::Connect,
    };
    let mut effects = check(model, Side::Source);
    if !model.target.form.uri().is_empty() {
        effects.extend(check(model, Side::Target));
    }
    if !model.source.is_trying() {
        model.returning = None;
        model.step = Step::Check;
        focus(model);
    }
    effects
}

/// Both ends have answered. Returns to the step where the user left, or to the nearest step that is possible.
pub fn resume_at_step(model: &mut Model) -> Vec<Effect> {
    if model.source.is_trying() || model.target.is_trying() {
        return Vec::new();
    }
    let Some(step) = model.returning.take() else {
        return Vec::new();
    };
    if model.connection().is_ok() && step > Step::Connect {
        let by_directory = model.route.by_directory;
        let is_stamped = |done: Step| match done {
            Step::Connect => true,
            Step::Export => by_directory && done < step,
            _ => done < step,
        };
        for done in [Step::Connect, Step::Plan, Step::Export, Step::Import] {
            if is_stamped(done) {
                model.stamp(done);
            }
        }
        return go(model, step);
    }
    let reached = [Step::Check, Step::App, Step::Connect]
        .into_iter()
        .find(|step| model.gate(*step) != StepStatus::Done)
        .unwrap_or(Step::Connect)
        .min(step);
    model.step = reached;
    focus(model);
    if reached != step {
        model.notice =
            Some(format!("fix this to resume the session at step {} {}", step as usize + 1, step.title()));
    }
    Vec::new()
}
