use std::collections::HashSet;

use futures::TryStreamExt;

use crate::entities::{Choice, Experiment, Plan};
use crate::error::{Error, Result};
use crate::snapshot::Snapshot;

/// The experiments that the plan takes, and what it takes of each. A plan that names what is not there is refused
/// before anything is done.
pub async fn choose(source: &dyn Snapshot, plan: &Plan) -> Result<Vec<(Experiment, Choice)>> {
    let chooser = plan.chooser()?;
    let mut chosen = Vec::new();
    let mut pages = source.experiments();
    while let Some(page) = pages.try_next().await? {
        for experiment in page {
            match chooser.choose(&experiment) {
                Choice::No => {}
                choice => chosen.push((experiment, choice)),
            }
        }
    }
    // Only chosen ones can match a name or a glob.
    let unmatched = chooser.unmatched(chosen.iter().map(|(experiment, _)| experiment));
    if !unmatched.is_empty() {
        let names = unmatched.join(", ");
        return Err(Error::usage(format!("{} has no experiment {names}", source.about().location))
            .hint("`mlferry plan --source …` lists what there is; a name with a comma needs a plan file"));
    }
    let mut names = HashSet::new();
    for (experiment, _) in &chosen {
        let name = plan.target_name(experiment);
        if !names.insert(name) {
            return Err(Error::usage(format!("two experiments would be called {name:?} on the target"))
                .hint("give each a name of its own in --experiment-rename-file or the plan's [rename]"));
        }
    }
    Ok(chosen)
}
