//! Plans in files of the user: saved for `--plan` or for later use, and loaded into the tree.

use std::path::Path;

use super::question;
use crate::error::Result;
use crate::plan::Plan;
use crate::tui::effect::Effect;
use crate::tui::model::Model;
use crate::tui::model::question::Question;
use crate::tui::source_tree::SourceTree;

pub fn ask(model: &mut Model) {
    match model.selection.tree().map(plan_of) {
        Some(Err(why)) => model.notice = Some(why.into()),
        _ => question::open(model, Question::SavePlan, "plan.toml"),
    }
}

pub fn save(model: &Model, to: &str) -> Result<Vec<Effect>, String> {
    let plan = model.selection.tree().map_or(Err("there is nothing to select from"), plan_of)?;
    Ok(vec![Effect::SavePlan { plan: Box::new(plan), to: model.expand(to) }])
}

/// A plan from an incomplete tree would exclude the rest.
fn plan_of(tree: &SourceTree) -> Result<Plan, &'static str> {
    match tree.is_growing() {
        true => Err("the source is still loading"),
        false => tree.plan().ok_or("nothing is selected"),
    }
}

/// The file has been read.
pub fn on_loaded(model: &mut Model, from: &Path, result: Result<Plan>) {
    let plan = match result {
        Ok(plan) => plan,
        Err(error) => return question::failed(model, Question::LoadPlan, error.to_string()),
    };
    question::done(model, Question::LoadPlan);
    let Some(tree) = model.selection.tree_mut() else {
        return;
    };
    let missing = tree.apply_plan(&plan);
    let selected = format!("selected as in {}", from.display());
    model.notice = Some(match missing.as_slice() {
        [] => selected,
        [first, rest @ ..] => {
            let others = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
            format!("{selected}, but the source has no {first}{others}: the plan will be refused")
        }
    });
}
