//! Plans in files of the user's: saved for `--plan` or for another day, and loaded into the tree.

use std::path::{Path, PathBuf};

use super::effect::Effect;
use super::form::Field;
use super::model::{Model, Overlay, Question};
use super::tree::Tree;
use crate::entities::Plan;
use crate::error::Result;

pub fn ask(model: &mut Model, what: Question) {
    if what == Question::SavePlan
        && let Some(Err(why)) = model.selection.tree().map(plan_of)
    {
        model.notice = Some(why.into());
        return;
    }
    model.overlay = Some(Overlay::Ask(what, Field::new("plan.toml")));
}

pub fn save(model: &mut Model, to: &Field) -> Vec<Effect> {
    let plan = model.selection.tree().map(plan_of);
    match (named(model, to), plan) {
        (Some(to), Some(Ok(plan))) => vec![Effect::SavePlan { plan: Box::new(plan), to }],
        _ => Vec::new(),
    }
}

pub fn load(model: &mut Model, from: &Field) -> Vec<Effect> {
    named(model, from).map(Effect::ReadPlan).into_iter().collect()
}

fn named(model: &mut Model, path: &Field) -> Option<PathBuf> {
    let path = path.text().trim();
    if path.is_empty() {
        model.notice = Some("no file was named".into());
        return None;
    }
    Some(model.expand(path))
}

/// A plan made of a part of what there is would say that the rest is not wanted.
fn plan_of(tree: &Tree) -> Result<Plan, &'static str> {
    match tree.is_growing() {
        true => Err("what the source holds is still coming"),
        false => tree.plan().ok_or("nothing is selected"),
    }
}

/// The file has been read.
pub fn came(model: &mut Model, from: &Path, result: Result<Plan>) {
    let Some(tree) = model.selection.tree_mut() else {
        return;
    };
    model.notice = Some(match result {
        Err(error) => error.to_string(),
        Ok(plan) => {
            let missing = tree.adopt(&plan);
            let picked = format!("picked as {} says", from.display());
            match missing.as_slice() {
                [] => picked,
                [first, rest @ ..] => {
                    let others =
                        if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
                    format!("{picked}, but nothing here is called {first}{others}: the plan will be refused")
                }
            }
        }
    });
}
