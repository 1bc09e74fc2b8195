//! Reduces the plan to compare one item again: the comparison runs with the smallest plan that selects the item.

use std::collections::BTreeSet;

use super::{Difference, Mark};
use crate::entities::{Kind, RunId};
use crate::plan::{Plan, PlannedExperiment, PlannedTraces};

impl Difference {
    /// Returns the smallest part of `plan` that selects this item. Returns `None` for objects that only the target has
    /// and that are outside of any experiment, because only the whole plan finds them.
    pub fn plan_of(&self, plan: &Plan) -> Option<Plan> {
        let base = Plan {
            rename: plan.rename.clone(),
            rename_models: plan.rename_models.clone(),
            experiments_prefix: plan.experiments_prefix.clone(),
            merge: plan.merge,
            append_versions: plan.append_versions,
            skip_deleted: plan.skip_deleted,
            ..Plan::default()
        };
        let globs = |name: &str| vec![Plan::literal(name)];
        // A part is selected with its parent. The parent of a version that only the target has may have another name at
        // the source.
        let whole = self.whole().filter(|_| self.kind == Kind::Artifact || self.source_id.is_some());
        let (kind, id) = match whole {
            Some((kind, id)) => (kind, Some(id)),
            None => (self.kind, self.source_id.as_deref()),
        };
        let plan = match (kind, id) {
            (Kind::Run, Some(id)) => Plan { experiments: vec![self.runs(Some(Some(id)))], ..base },
            (Kind::Experiment | Kind::Run, _) => Plan { experiments: vec![self.runs(Some(None))], ..base },
            (Kind::LoggedModel | Kind::Scorer | Kind::Trace, _) => {
                Plan { experiments: vec![self.runs(None)], skip_traces: kind != Kind::Trace, ..base }
            }
            (Kind::RegisteredModel, Some(name)) => Plan { models: globs(name), ..base },
            (Kind::Prompt, Some(name)) => Plan { prompts: globs(name), ..base },
            (Kind::EvaluationDataset, Some(_)) => Plan { datasets: globs(&self.name), ..base },
            _ => return None,
        };
        let is_extra_experiment = self.kind == Kind::Experiment && self.mark == Mark::Extra;
        Some(plan).filter(|_| !is_extra_experiment)
    }

    /// True when `other` is a newer result of this item, or of a file or a version of it.
    pub fn covers(&self, other: &Self) -> bool {
        let is_same = |a: &Option<String>, b: &Option<String>| a.is_some() && a == b;
        let is_item = self.kind == other.kind
            && (is_same(&self.source_id, &other.source_id) || is_same(&self.target_id, &other.target_id));
        let is_part = self.source_id.as_deref().is_some_and(|id| other.whole() == Some((self.kind, id)));
        is_item || is_part
    }

    /// The kind and the id of the item's parent. The parent of a file is the run, logged model or trace at the source.
    /// The parent of a version is its model or prompt.
    pub fn whole(&self) -> Option<(Kind, &str)> {
        let id = self.id();
        match self.kind {
            Kind::Artifact => {
                let owner = id.split_once('/').map_or(id, |(owner, _)| owner);
                Some((owner_kind(owner), owner))
            }
            Kind::ModelVersion => Some((Kind::RegisteredModel, model_of(id))),
            Kind::PromptVersion => Some((Kind::Prompt, model_of(id))),
            _ => None,
        }
    }

    /// The path of a file below its parent. Empty where the list of files could not be read.
    pub fn path(&self) -> &str {
        self.id().split_once('/').map_or("", |(_, path)| path)
    }

    /// The source's id, or the target's id if only the target has the object.
    pub fn id(&self) -> &str {
        self.source_id.as_deref().or(self.target_id.as_deref()).unwrap_or_default()
    }

    /// The item's experiment: with one run (`Some(Some(id))`), without runs (`Some(None)`), or as a whole (`None`).
    fn runs(&self, run: Option<Option<&str>>) -> PlannedExperiment {
        PlannedExperiment {
            name: self.experiment.clone(),
            runs: run.map(|run| run.into_iter().map(RunId::from).collect()),
            except: BTreeSet::new(),
            traces: if run.is_some() { PlannedTraces::None } else { PlannedTraces::OfRuns },
        }
    }
}

/// The kind of the owner with this id. The prefix of the id shows whether it is a logged model or a trace.
fn owner_kind(id: &str) -> Kind {
    match id {
        id if id.starts_with("m-") => Kind::LoggedModel,
        id if id.starts_with("tr-") => Kind::Trace,
        _ => Kind::Run,
    }
}

/// The name in `name/number`.
fn model_of(label: &str) -> &str {
    label.rsplit_once('/').map_or(label, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_reduced_to_the_item() {
        let whole = Plan { rename: [("a".to_owned(), "b".to_owned())].into(), ..Plan::default() };
        let run = Difference::missing(Kind::Run, "r", "12").of_experiment("a");
        let plan = run.plan_of(&whole).unwrap();
        assert_eq!(plan.rename, whole.rename);
        assert_eq!(plan.experiments[0].runs, Some([RunId::from("12")].into()));
        let file = Difference::missing(Kind::Artifact, "r/model/a", "12/model/a").of_experiment("a");
        assert_eq!(file.plan_of(&whole), Some(plan));
        let file = Difference::missing(Kind::Artifact, "m/a", "m-12/a").of_experiment("a");
        assert_eq!(file.plan_of(&whole).unwrap().experiments[0].runs, None);
        let file = Difference::missing(Kind::Artifact, "t/a", "tr-12/a").of_experiment("a");
        assert!(!file.plan_of(&whole).unwrap().skip_traces);
        let file = Difference::extra(Kind::Artifact, "r/a", "12/a").of_experiment("a");
        assert_eq!(file.plan_of(&whole).unwrap().experiments[0].runs, Some([RunId::from("12")].into()));
        let version = Difference::missing(Kind::ModelVersion, "ch*rn/3", "ch*rn/3");
        assert_eq!(version.plan_of(&whole).unwrap().models, ["ch[*]rn"]);
        assert_eq!(Difference::extra(Kind::ModelVersion, "x/1", "x/1").plan_of(&whole), None);
        assert_eq!(Difference::extra(Kind::Experiment, "x", "9").of_experiment("x").plan_of(&whole), None);
        assert_eq!(Difference::extra(Kind::Prompt, "x", "x").plan_of(&whole), None);
    }

    #[test]
    fn a_result_covers_the_parts_of_its_item() {
        let run = Difference::missing(Kind::Run, "r", "12");
        assert!(run.covers(&Difference::pair(Kind::Run, "r", "12", "13", Vec::new())));
        assert!(run.covers(&Difference::missing(Kind::Artifact, "r/a", "12/a")));
        assert!(!run.covers(&Difference::missing(Kind::Artifact, "r/a", "123/a")));
        assert!(run.covers(&Difference::extra(Kind::Artifact, "r/a", "12/a")));
        assert!(!run.covers(&Difference::missing(Kind::Trace, "r", "12")));
        let model = Difference::missing(Kind::RegisteredModel, "churn", "churn");
        assert!(model.covers(&Difference::missing(Kind::ModelVersion, "churn/3", "churn/3")));
        assert!(!model.covers(&Difference::missing(Kind::PromptVersion, "churn/3", "churn/3")));
    }

    #[test]
    fn a_file_has_an_owner_and_a_path() {
        let file = Difference::missing(Kind::Artifact, "r/model/a", "12/model/a");
        assert_eq!((file.whole(), file.path()), (Some((Kind::Run, "12")), "model/a"));
        let list = Difference::missing(Kind::Artifact, "m/", "m-12/");
        assert_eq!((list.whole(), list.path()), (Some((Kind::LoggedModel, "m-12")), ""));
    }
}
