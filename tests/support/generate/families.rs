//! Links between runs: parents, including deleted, later and missing ones.

use super::dice::Dice;
use super::shape::Experiment;

const NOWHERE: &str = "0123456789abcdef0123456789abcdef";

pub fn relate(dice: &mut Dice, experiments: &mut [Experiment]) {
    let ids: Vec<Vec<String>> =
        experiments.iter().map(|one| one.runs.iter().map(|run| run.id.clone()).collect()).collect();
    let everywhere: Vec<String> = ids.concat();
    for (experiment, own) in experiments.iter_mut().zip(&ids) {
        for (at, run) in experiment.runs.iter_mut().enumerate() {
            if dice.chance(25) {
                let parent = match dice.below(10) {
                    0 => NOWHERE,
                    1 => dice.pick(&everywhere),
                    2 => dice.pick(own),
                    // Only earlier runs, so that no run is its own ancestor.
                    _ if at > 0 => &own[dice.below(at)],
                    _ => continue,
                };
                run.tags.push(("mlflow.parentRunId".to_owned(), parent.to_owned()));
            }
            if dice.chance(8) {
                let other = dice.pick(&everywhere);
                run.params.push(("see run".to_owned(), format!("runs:/{other}/model")));
                run.tags.push(("best run".to_owned(), other.clone()));
            }
        }
    }
}
