//! Sizes of runs: measured run by run on request, and estimated from a sample for all runs.

use std::collections::HashMap;

use crate::engine::Side;
use crate::engine::browse::ArtifactSize;
use crate::entities::{ExperimentId, RunId};
use crate::tui::effect::Effect;
use crate::tui::model::Model;
use crate::tui::model::sizes::SizeScan;
use crate::tui::text;

/// Number of experiments in the sample.
const MAX_SAMPLED: usize = 12;

/// Measures the runs of the experiment at the cursor, or stops the scan.
pub fn turn(model: &mut Model) -> Vec<Effect> {
    if model.selection.size_scan.take().is_some() {
        return vec![Effect::StopMeasuring];
    }
    let Some((experiment, runs)) = model.selection.tree().and_then(|tree| tree.unmeasured()) else {
        return Vec::new();
    };
    if runs.is_empty() {
        model.notice = Some("all loaded runs have been measured; open an experiment to load more".into());
        return Vec::new();
    }
    let (total, of) = (runs.len(), experiment.clone());
    model.selection.size_scan = Some(SizeScan { experiment: of, done: 0, total, trouble: None });
    vec![Effect::MeasureSizes { at: model.at(Side::Source), experiment, runs }]
}

/// Some runs have been measured, or cannot be measured.
pub fn on_measured(
    model: &mut Model,
    of: &str,
    experiment: &ExperimentId,
    results: Vec<(RunId, Result<ArtifactSize, String>)>,
) {
    if model.selection.of != of {
        return;
    }
    // Results of a stopped scan may still arrive.
    let is_current = |size_scan: &&mut SizeScan| size_scan.experiment == *experiment;
    if let Some(size_scan) = model.selection.size_scan.as_mut().filter(is_current) {
        size_scan.done += results.len();
        let reason = results.iter().find_map(|(_, result)| result.as_ref().err());
        size_scan.trouble = size_scan.trouble.take().or_else(|| reason.cloned());
    }
    let weights: HashMap<_, _> =
        results.into_iter().filter_map(|(run, weight)| Some((run, weight.ok()?))).collect();
    if let Some(tree) = model.selection.tree_mut() {
        tree.measured(experiment, &weights);
    }
    let is_over = |size_scan: &mut SizeScan| size_scan.done >= size_scan.total;
    if let Some(SizeScan { total, trouble, .. }) = model.selection.size_scan.take_if(is_over) {
        let words = text::count(total as u64, "run was measured", "runs were measured");
        model.notice = Some(match trouble {
            None => format!("{words}; o puts the largest first"),
            Some(reason) => format!("{words}, some could not be measured: {reason}"),
        });
    }
}

/// After the whole tree has arrived, a few runs are sampled to estimate the rest.
pub fn sample(model: &Model) -> Vec<Effect> {
    let tree = model.selection.tree().filter(|tree| !tree.is_growing());
    let experiments = tree.map(|tree| tree.sample_experiments(MAX_SAMPLED)).unwrap_or_default();
    match experiments.is_empty() {
        true => Vec::new(),
        false => vec![Effect::Sample { at: model.at(Side::Source), experiments }],
    }
}
