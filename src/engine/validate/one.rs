//! One item again: the same work over the least plan that takes it.

use std::collections::BTreeSet;

use super::{Difference, Mark};
use crate::entities::{Kind, Plan, PlannedExperiment, PlannedTraces, RunId};

impl Difference {
    /// The least that `plan` can be cut down to so that it takes this item. None where only everything would: what
    /// only the target has, outside of any experiment.
    pub fn plan_of(&self, plan: &Plan) -> Option<Plan> {
        let base = Plan {
            rename: plan.rename.clone(),
            rename_models: plan.rename_models.clone(),
            skip_deleted: plan.skip_deleted,
            ..Plan::default()
        };
        let globs = |name: &str| vec![Plan::literal(name)];
        let plan = match (self.kind, &self.source_id) {
            (Kind::Run | Kind::Artifact, Some(id)) => {
                Plan { experiments: vec![self.runs(run_of(id))], ..base }
            }
            (Kind::Experiment | Kind::Run, _) => Plan { experiments: vec![self.runs(Some(None))], ..base },
            (Kind::LoggedModel | Kind::Scorer | Kind::Trace | Kind::Artifact, _) => {
                Plan { experiments: vec![self.runs(None)], skip_traces: self.kind != Kind::Trace, ..base }
            }
            (_, None) => return None,
            (Kind::RegisteredModel, Some(name)) => Plan { models: globs(name), ..base },
            (Kind::ModelVersion, Some(label)) => Plan { models: globs(model_of(label)), ..base },
            (Kind::Prompt, Some(name)) => Plan { prompts: globs(name), ..base },
            (Kind::PromptVersion, Some(label)) => Plan { prompts: globs(model_of(label)), ..base },
            (Kind::EvaluationDataset, Some(_)) => Plan { datasets: globs(&self.name), ..base },
        };
        let is_extra_experiment = self.kind == Kind::Experiment && self.mark == Mark::Extra;
        Some(plan).filter(|_| !is_extra_experiment)
    }

    /// `other` says how this item stands now, or a file of it.
    pub fn covers(&self, other: &Self) -> bool {
        let is_same = |a: &Option<String>, b: &Option<String>| a.is_some() && a == b;
        let is_item = self.kind == other.kind
            && (is_same(&self.source_id, &other.source_id) || is_same(&self.target_id, &other.target_id));
        let is_file = other.kind == Kind::Artifact
            && matches!(self.kind, Kind::Run | Kind::LoggedModel)
            && self
                .source_id
                .as_deref()
                .is_some_and(|id| other.source_id.as_deref().and_then(owner_of) == Some(id));
        is_item || is_file
    }

    /// The experiment with this run, with none (`Some(None)`), or whole.
    fn runs(&self, run: Option<Option<&str>>) -> PlannedExperiment {
        PlannedExperiment {
            name: self.experiment.clone(),
            runs: run.map(|run| run.into_iter().map(RunId::from).collect()),
            except: BTreeSet::new(),
            traces: if run.is_some() { PlannedTraces::None } else { PlannedTraces::OfRuns },
        }
    }
}

/// Of a run's own id, or of a file's. Files of logged models come with their experiment.
fn run_of(id: &str) -> Option<Option<&str>> {
    let id = owner_of(id).unwrap_or(id);
    let is_run = !id.starts_with("m-");
    is_run.then_some(Some(id))
}

/// Whose file it is.
fn owner_of(id: &str) -> Option<&str> {
    id.split_once('/').map(|(owner, _)| owner)
}

/// `name/number`.
fn model_of(label: &str) -> &str {
    label.rsplit_once('/').map_or(label, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_cut_down_to_the_item() {
        let whole = Plan { rename: [("a".to_owned(), "b".to_owned())].into(), ..Plan::default() };
        let run = Difference::missing(Kind::Run, "r", "12").of_experiment("a");
        let plan = run.plan_of(&whole).unwrap();
        assert_eq!(plan.rename, whole.rename);
        assert_eq!(plan.experiments[0].runs, Some([RunId::from("12")].into()));
        let file = Difference::missing(Kind::Artifact, "r/model/a", "12/model/a").of_experiment("a");
        assert_eq!(file.plan_of(&whole), Some(plan));
        let file = Difference::missing(Kind::Artifact, "m/a", "m-12/a").of_experiment("a");
        assert_eq!(file.plan_of(&whole).unwrap().experiments[0].runs, None);
        let version = Difference::missing(Kind::ModelVersion, "ch*rn/3", "ch*rn/3");
        assert_eq!(version.plan_of(&whole).unwrap().models, ["ch[*]rn"]);
        assert_eq!(Difference::extra(Kind::Experiment, "x", "9").of_experiment("x").plan_of(&whole), None);
        assert_eq!(Difference::extra(Kind::Prompt, "x", "x").plan_of(&whole), None);
    }

    #[test]
    fn a_run_covers_its_files() {
        let run = Difference::missing(Kind::Run, "r", "12");
        assert!(run.covers(&Difference::pair(Kind::Run, "r", "12", "13", Vec::new())));
        assert!(run.covers(&Difference::missing(Kind::Artifact, "r/a", "12/a")));
        assert!(!run.covers(&Difference::missing(Kind::Artifact, "r/a", "123/a")));
        assert!(!run.covers(&Difference::missing(Kind::Trace, "r", "12")));
    }
}
