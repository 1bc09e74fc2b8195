//! The conditions under which a key is active.

use crate::engine::{Readiness, Route, Step};
use crate::entities::Kind;
use crate::tui::model::apps::TargetInput;
use crate::tui::model::job::{JobState, Pane, Phase};
use crate::tui::model::steps::StepStatus;
use crate::tui::model::{CheckState, EndpointState, Loaded, Model};
use crate::tui::source_tree::SourceTree;

pub fn always(_: &Model) -> bool {
    true
}

pub fn is_running(model: &Model) -> bool {
    model.running().is_some()
}

pub fn has_no_job(model: &Model) -> bool {
    !is_running(model)
}

/// No job is running, not even for a single item.
pub fn is_idle(model: &Model) -> bool {
    has_no_job(model) && model.validation.pending.is_none() && model.import.retrying.is_none()
}

fn in_form(model: &Model) -> bool {
    model.asked_side().is_some()
}

/// Only the address of a server has a user name and a password beside it.
pub fn has_other_fields(model: &Model) -> bool {
    model.asked_side().is_some_and(|end| model.side(end).form.takes_login())
}

pub fn on_connect(model: &Model) -> bool {
    model.step == Step::Connect
}

pub fn can_list_apps(model: &Model) -> bool {
    model.step == Step::App && is_idle(model)
}

/// The list of Apps or stores has rows.
pub fn has_choices(model: &Model) -> bool {
    let has_apps = model.apps.way == TargetInput::List && !model.apps.rows().is_empty();
    has_apps || !model.stores.rows.is_empty()
}

pub fn can_list_stores(model: &Model) -> bool {
    model.step == Step::Check && is_idle(model) && !model.stores.rows.is_empty()
}

/// As in a shell. A path has no user name and password that the key could go to.
pub fn can_complete(model: &Model) -> bool {
    model.completion_request().is_some()
}

pub fn on_app_list(model: &Model) -> bool {
    is_idle(model) && model.apps.way == TargetInput::List
}

fn app_is(model: &Model, readiness: Readiness) -> bool {
    on_app_list(model) && model.apps.current().is_some_and(|app| app.readiness() == readiness)
}

pub fn can_take_app(model: &Model) -> bool {
    app_is(model, Readiness::Ready)
}

pub fn can_await_app(model: &Model) -> bool {
    app_is(model, Readiness::Working)
}

pub fn can_check(model: &Model) -> bool {
    let wanted = |seen: &CheckState| matches!(seen, CheckState::Unchecked | CheckState::Refused(_));
    is_idle(model) && model.asked_side().is_some_and(|end| wanted(&model.side(end).seen))
}

pub fn can_edit(model: &Model) -> bool {
    let has_field = in_form(model) || (on_connect(model) && model.route.by_directory);
    is_idle(model) && has_field
}

pub fn can_next(model: &Model) -> bool {
    model.returning.is_none() && model.next_step().is_ok()
}

/// If the next step is not available yet, the key shows the reason.
pub fn may_ask_for_next(model: &Model) -> bool {
    can_next(model) || has_tree(model)
}

/// Not in the tree, because Enter opens rows there.
pub fn may_enter_next(model: &Model) -> bool {
    model.step != Step::Plan && can_next(model)
}

/// The route was changed after the pre-flight.
pub fn can_look_again(model: &Model) -> bool {
    on_connect(model) && is_idle(model) && model.connection().is_ok() && model.is_preflight_due()
}

pub fn here(model: &Model, test: impl Fn(&JobState) -> bool) -> bool {
    model.work_here().is_some_and(test)
}

pub fn needs_work(model: &Model) -> bool {
    !(model.step == Step::Export && model.route() == Route::Direct)
}

pub fn has_work(model: &Model) -> bool {
    needs_work(model) && here(model, |work| !matches!(work.phase, Phase::Idle))
}

fn is_startable(model: &Model) -> bool {
    let is_stale = matches!(model.gate(model.step), StepStatus::Stale(_));
    let is_wanted = here(model, |work| is_stale || !work.is_finished());
    is_idle(model) && needs_work(model) && !can_next(model) && is_wanted
}

pub fn can_start(model: &Model) -> bool {
    is_startable(model) && !can_continue(model)
}

/// The job was stopped or ended early.
pub fn can_continue(model: &Model) -> bool {
    let has_begun = |work: &JobState| matches!(work.phase, Phase::Ended(_)) && !work.is_finished();
    is_startable(model) && here(model, has_begun)
}

pub fn can_run_again(model: &Model) -> bool {
    // A resumed session may include work that this wizard has not seen.
    let is_behind = model.step != Step::Validate && can_next(model);
    !can_start(model)
        && !on_failure(model)
        && is_idle(model)
        && needs_work(model)
        && here(model, |work| is_behind || work.is_finished())
}

/// The failed item at the cursor can be retried alone.
pub fn on_failure(model: &Model) -> bool {
    is_idle(model) && model.failure_at_cursor().is_some()
}

fn is_copying(model: &Model) -> bool {
    matches!(model.step, Step::Export | Step::Import)
}

pub fn can_retry_all(model: &Model) -> bool {
    let has_failed = |work: &JobState| work.is_finished() && !work.failures.is_empty();
    is_copying(model) && is_idle(model) && here(model, has_failed)
}

pub fn can_retry_later(model: &Model) -> bool {
    let has_failed = |work: &JobState| work.is_running() && !work.failures.is_empty();
    is_copying(model) && here(model, has_failed) && !will_retry(model)
}

pub fn will_retry(model: &Model) -> bool {
    here(model, |work| work.is_running() && work.again)
}

pub fn can_recheck(model: &Model) -> bool {
    let is_trying = model.source.is_trying() || model.target.is_trying();
    match model.step {
        Step::Connect => is_idle(model) && !is_trying && !model.preflight.is_running(),
        // On other screens Enter runs the check. After a successful check, this key checks again.
        Step::Check | Step::App => is_idle(model) && can_next(model),
        _ => false,
    }
}

pub fn can_refetch(model: &Model) -> bool {
    model.step == Step::Plan && matches!(model.selection.tree, Loaded::Failed(_)) && is_idle(model)
}

pub fn can_switch_route(model: &Model) -> bool {
    on_connect(model) && is_idle(model)
}

pub fn has_tree(model: &Model) -> bool {
    model.step == Step::Plan && model.selection.tree().is_some()
}

pub fn can_pick(model: &Model) -> bool {
    has_tree(model) && is_idle(model)
}

pub fn can_pick_matching(model: &Model) -> bool {
    can_pick(model) && has_filter(model)
}

pub fn has_range(model: &Model) -> bool {
    has_tree(model) && model.selection.tree().is_some_and(SourceTree::has_range)
}

pub fn can_begin_range(model: &Model) -> bool {
    can_pick(model) && !has_range(model)
}

pub fn has_details(model: &Model) -> bool {
    has_tree(model) && model.selection.details.open
}

pub fn is_weighing(model: &Model) -> bool {
    has_tree(model) && model.selection.size_scan.is_some()
}

/// The cursor is in an experiment.
pub fn can_measure(model: &Model) -> bool {
    has_tree(model) && model.selection.tree().is_some_and(SourceTree::is_in_experiment)
}

pub fn skips_deleted(model: &Model) -> bool {
    can_pick(model) && model.selection.tree().is_some_and(SourceTree::skips_deleted)
}

pub fn takes_deleted(model: &Model) -> bool {
    can_pick(model) && !skips_deleted(model)
}

/// The source has traces, according to the first check.
pub fn has_traces(model: &Model) -> bool {
    let kinds = model.source.report().map_or(&[][..], |report| &report.kinds);
    kinds.iter().any(|row| row.kind == Kind::Trace && row.tally.is_some())
}

pub fn skips_traces(model: &Model) -> bool {
    can_pick(model) && has_traces(model) && model.selection.tree().is_some_and(SourceTree::skips_traces)
}

pub fn takes_traces(model: &Model) -> bool {
    can_pick(model) && has_traces(model) && !skips_traces(model)
}

pub fn has_filter(model: &Model) -> bool {
    has_tree(model) && model.selection.tree().is_some_and(|tree| !tree.filter().is_empty())
}

pub fn can_pause(model: &Model) -> bool {
    here(model, |work| work.is_running() && !work.paused && work.stops == 0)
}

pub fn is_paused(model: &Model) -> bool {
    here(model, |work| work.is_running() && work.paused && work.stops == 0)
}

pub fn can_stop(model: &Model) -> bool {
    here(model, |work| work.is_running() && work.stops == 0)
}

pub fn can_stop_now(model: &Model) -> bool {
    here(model, |work| work.is_running() && work.stops > 0)
}

pub fn can_choose_artifacts(model: &Model) -> bool {
    model.step == Step::Validate && is_idle(model)
}

pub fn has_validated(model: &Model) -> bool {
    model.step == Step::Validate && here(model, JobState::is_finished)
}

pub fn has_differences(model: &Model) -> bool {
    model.step == Step::Validate && model.validation.found > 0
}

pub fn has_difference(model: &Model) -> bool {
    can_unfold(model) && !can_start(model)
}

/// The row at the cursor can be unfolded, or its details can be opened.
pub fn can_unfold(model: &Model) -> bool {
    let outline = &model.validation.outline;
    let is_closed = |node: usize| outline.can_open(node) && !outline.is_open(node);
    let opens = outline.current().is_some() || outline.row().is_some_and(|row| is_closed(row.node));
    has_diff_tree(model) && opens
}

/// Differences are listed as a foldable tree.
pub fn has_diff_tree(model: &Model) -> bool {
    let on_list = model.validation.work.pane == Pane::InFlight;
    model.step == Step::Validate && on_list && !model.validation.outline.rows().is_empty()
}

pub fn on_metric(model: &Model) -> bool {
    model.metric_at_cursor().is_some()
}

pub fn can_recheck_one(model: &Model) -> bool {
    is_idle(model) && model.can_recheck()
}

pub fn can_reimport_one(model: &Model) -> bool {
    is_idle(model) && model.can_reimport()
}

pub fn has_report(model: &Model) -> bool {
    has_validated(model) && model.validation.work.outcome().is_some_and(|outcome| !outcome.files.is_empty())
}

pub fn has_log(model: &Model) -> bool {
    has_work(model) && here(model, |work| work.pane == Pane::Log)
}

pub fn has_list(model: &Model) -> bool {
    has_tree(model) || has_work(model)
}

/// The check report of an end may be longer than the screen.
pub fn has_report_on_screen(model: &Model) -> bool {
    let is_refused = |end: &EndpointState| matches!(end.seen, CheckState::Refused(_));
    let has_refusal = is_refused(&model.source) || is_refused(&model.target);
    let has_lines = on_connect(model) && (has_refusal || !model.preflight.lines.is_empty());
    has_lines || model.asked_side().is_some_and(|end| model.side(end).report().is_some())
}

pub fn has_something_to_copy(model: &Model) -> bool {
    model.text_at_cursor().is_some()
}

pub fn has_step_before(model: &Model) -> bool {
    model.step != Step::Check
}
