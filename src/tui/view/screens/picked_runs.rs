//! The number of selected runs in words. The text says "all" only if no run is excluded.

use crate::plan::Plan;
use crate::tui::keys::has_traces;
use crate::tui::model::Model;
use crate::tui::model::estimate::picked_runs;
use crate::tui::source_tree::SourceTree;
use crate::tui::text;

/// The runs that are selected in the tree. `None` if no experiment is selected.
pub fn in_tree(model: &Model, tree: &SourceTree) -> Option<String> {
    let counted = tree.counted();
    if counted.experiments == 0 {
        return None;
    }
    let exact = picked_runs(model).filter(|_| counted.left > 0 && !tree.is_growing());
    let words = match (counted.runs, counted.more, exact) {
        (_, true, Some(runs)) => {
            let all = text::count(runs + counted.left, "run", "runs");
            format!("{} of {all}", text::number(runs))
        }
        (0, true, None) => all_but(counted.left, tree.skips_deleted()),
        (runs, true, None) => format!("{}+ runs", text::number(runs)),
        (runs, false, _) => text::count(runs, "run", "runs"),
    };
    Some(if tree.has_time_range() { format!("{words} within the time range") } else { words })
}

/// The traces that are included, as a suffix.
pub fn traces(model: &Model, tree: &SourceTree) -> &'static str {
    match (has_traces(model), tree.skips_traces()) {
        (false, _) => "",
        (true, false) => " and traces",
        (true, true) => " without traces",
    }
}

/// The runs that a plan names, while the contents of the source are not known.
pub fn in_plan(plan: &Plan) -> Option<String> {
    let named = &plan.experiments;
    if named.is_empty() && plan.globs.is_empty() {
        return None;
    }
    let only: usize =
        named.iter().filter_map(|one| Some(one.runs.as_ref()?.difference(&one.except).count())).sum();
    let left: usize = named.iter().filter(|one| one.runs.is_none()).map(|one| one.except.len()).sum();
    let is_listed = plan.globs.is_empty() && named.iter().all(|one| one.runs.is_some());
    let words = match (is_listed, only) {
        (true, only) => text::count(only as u64, "run", "runs"),
        (false, 0) => all_but(left as u64, plan.skip_deleted),
        (false, _) => "some of their runs".to_owned(),
    };
    let has_time_range = plan.run_start_time.is_some() || plan.runs_until.is_some();
    Some(if has_time_range { format!("{words} within the time range") } else { words })
}

/// The items that a plan excludes although it selects everything, as a suffix.
pub fn limits(plan: &Plan) -> String {
    let has_time_range = plan.run_start_time.is_some() || plan.runs_until.is_some();
    let limits = [
        (!plan.except_experiments.is_empty(), "the experiments that the plan excludes"),
        (!plan.except_datasets.is_empty(), "the datasets that the plan excludes"),
        (plan.skip_deleted, "deleted experiments and runs"),
        (plan.skip_traces, "traces"),
        (has_time_range, "runs outside the time range"),
    ];
    let limits: Vec<&str> =
        limits.into_iter().filter(|(is_set, _)| *is_set).map(|(_, words)| words).collect();
    if limits.is_empty() { String::new() } else { format!(" except {}", limits.join(", ")) }
}

fn all_but(left: u64, skips_deleted: bool) -> String {
    match (left, skips_deleted) {
        (0, false) => "all their runs".to_owned(),
        (0, true) => "all their runs except deleted ones".to_owned(),
        (left, false) => format!("all their runs except {}", text::number(left)),
        (left, true) => format!("all their runs except {} and deleted ones", text::number(left)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::PlannedExperiment;

    #[test]
    fn all_runs_are_promised_only_if_none_is_left_out() {
        let one = |runs: Option<&[&str]>, except: &[&str]| PlannedExperiment {
            name: "a".into(),
            runs: runs.map(|runs| runs.iter().map(|run| (*run).into()).collect()),
            except: except.iter().map(|run| (*run).into()).collect(),
            ..PlannedExperiment::default()
        };
        let words = |experiments, globs: &[&str], skip_deleted| {
            let globs = globs.iter().map(|glob| (*glob).to_owned()).collect();
            in_plan(&Plan { experiments, globs, skip_deleted, ..Plan::default() }).unwrap_or_default()
        };
        assert_eq!(words(vec![], &[], false), "");
        assert_eq!(words(vec![], &["*"], false), "all their runs");
        assert_eq!(words(vec![one(None, &["r"])], &["*"], false), "all their runs except 1");
        assert_eq!(words(vec![one(None, &["r"])], &[], true), "all their runs except 1 and deleted ones");
        assert_eq!(words(vec![one(Some(&["r", "s"]), &["s"])], &[], false), "1 run");
        assert_eq!(words(vec![one(Some(&["r"]), &[])], &["*"], false), "some of their runs");
        let plan = Plan { skip_traces: true, skip_deleted: true, ..Plan::default() };
        assert_eq!(limits(&plan), " except deleted experiments and runs, traces");
        assert_eq!(limits(&Plan::default()), "");
    }
}
