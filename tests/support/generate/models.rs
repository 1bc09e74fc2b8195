//! Generates logged models of MLflow 3, and links them to the runs that created or used them.

use std::collections::BTreeSet;

use super::dice::Dice;
use super::shape::{Experiment, LoggedModel, Pairs, Point, Run};
use super::{runs, words};

const LONG_AGO: i64 = 1_612_325_106_789;

pub fn add(dice: &mut Dice, experiments: &mut [Experiment]) {
    for experiment in experiments.iter_mut() {
        // No route returns the models of a deleted experiment.
        if experiment.is_deleted || dice.chance(50) {
            continue;
        }
        experiment.models = (0..dice.count(4, 30)).map(|_| model(dice, &experiment.runs)).collect();
        let ids: Vec<String> = experiment.models.iter().map(|model| model.id.clone()).collect();
        for run in experiment.runs.iter_mut().filter(|_| !ids.is_empty()) {
            if dice.chance(20) {
                run.models_in.push(dice.pick(&ids).clone());
            }
            if dice.chance(20) {
                run.models_out.push((dice.pick(&ids).clone(), dice.range(-3, 1000)));
            }
        }
    }
}

fn model(dice: &mut Dice, runs: &[Run]) -> LoggedModel {
    let run = (!runs.is_empty() && dice.chance(80)).then(|| dice.pick(runs));
    let some = |dice: &mut Dice, few, many, longest| -> Pairs {
        let count = dice.count(few, many);
        words::keys(dice, count).into_iter().map(|key| (key, words::value(dice, longest))).collect()
    };
    let name = words::title(dice).replace(['/', ':', '.', '%', '"', '\''], "-");
    LoggedModel {
        id: format!("m-{}", dice.hex(32)),
        name: name.chars().take(60).collect(),
        model_type: (*dice.pick(&["", "pyfunc", "agent", "größe"])).to_owned(),
        status: *dice.pick(&[2, 2, 2, 1, 3]),
        created: LONG_AGO + dice.range(0, 1_000_000_000),
        run: run.map(|run| run.id.clone()),
        params: some(dice, 4, 120, 250),
        tags: some(dice, 3, 20, 5000),
        metrics: run.map(|run| points(dice, run)).unwrap_or_default(),
        files: runs::files(dice),
    }
}

/// Some points of the run, but none that share a step and a time: the model keeps only one of such points.
fn points(dice: &mut Dice, run: &Run) -> Vec<(String, String, Point)> {
    let mut all = Vec::new();
    for (key, history) in &run.metrics {
        let mut seen = BTreeSet::new();
        let is_alone = |point: &&Point| {
            history.iter().filter(|one| (one.step, one.timestamp) == (point.step, point.timestamp)).count()
                == 1
        };
        for point in history.iter().take(50).filter(is_alone).filter(|_| dice.chance(50)).collect::<Vec<_>>()
        {
            if seen.insert((point.step, point.timestamp)) {
                all.push((run.id.clone(), key.clone(), *point));
            }
        }
    }
    all
}
