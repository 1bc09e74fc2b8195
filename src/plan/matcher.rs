//! Decides for each object of a source whether a plan takes it.

use std::collections::{HashMap, HashSet};

use globset::GlobSet;

use super::glob::{matcher, unmatched};
use super::version_matcher::VersionsByModel;
use super::{ExperimentSelection, Plan, PlannedExperiment, Subset, VersionMatcher};
use crate::entities::{EvaluationDataset, Experiment, RegisteredModel};
use crate::error::Result;

/// A plan with its globs compiled.
pub struct PlanMatcher<'a> {
    plan: &'a Plan,
    /// A map by name, because a plan may name very many experiments.
    named: HashMap<&'a str, &'a PlannedExperiment>,
    globs: GlobSet,
    except_experiments: GlobSet,
    models: VersionsByModel<'a>,
    prompts: VersionsByModel<'a>,
    datasets: GlobSet,
    except_datasets: GlobSet,
}

impl Plan {
    /// Compiles the globs. Use the same result for every experiment.
    pub fn matcher(&self) -> Result<PlanMatcher<'_>> {
        PlanMatcher::new(self)
    }
}

impl<'a> PlanMatcher<'a> {
    pub(super) fn new(plan: &'a Plan) -> Result<Self> {
        Ok(Self {
            plan,
            // The first of two entries with the same name wins.
            named: plan.experiments.iter().rev().map(|named| (named.name.as_str(), named)).collect(),
            globs: matcher("--experiments", &plan.globs)?,
            except_experiments: matcher("--except-experiments", &plan.except_experiments)?,
            models: VersionsByModel::new("--models", &plan.models, &plan.model_versions)?,
            prompts: VersionsByModel::new("--prompts", &plan.prompts, &plan.prompt_versions)?,
            datasets: matcher("--datasets", &plan.datasets)?,
            except_datasets: matcher("--except-datasets", &plan.except_datasets)?,
        })
    }

    pub fn choose(&self, experiment: &Experiment) -> ExperimentSelection {
        if self.plan.skip_deleted && experiment.lifecycle.is_deleted() {
            return ExperimentSelection::No;
        }
        if self.except_experiments.is_match(&experiment.name) {
            return ExperimentSelection::No;
        }
        if self.plan.is_everything() {
            return ExperimentSelection::whole();
        }
        if let Some(named) = self.named.get(experiment.name.as_str()) {
            return ExperimentSelection::Yes {
                only: named.runs.clone(),
                except: named.except.clone(),
                models: Default::default(),
                traces: named.traces,
            };
        }
        if self.globs.is_match(&experiment.name) {
            ExperimentSelection::whole()
        } else {
            ExperimentSelection::No
        }
    }

    /// The versions of a registered model or prompt that are taken.
    pub fn versions(&self, of: &RegisteredModel) -> Subset<u64> {
        match self.plan.is_everything() {
            true => Subset::All,
            false => self.registry(of.is_prompt()).versions(&of.name),
        }
    }

    /// True when the plan selects single versions of this model.
    pub fn names_versions_of(&self, model: &RegisteredModel) -> bool {
        self.registry(model.is_prompt()).names_versions_of(&model.name)
    }

    fn registry(&self, of_prompts: bool) -> &VersionsByModel<'a> {
        if of_prompts { &self.prompts } else { &self.models }
    }

    /// True when the dataset is taken by its own name, or because the plan takes everything.
    pub fn takes_dataset(&self, dataset: &EvaluationDataset) -> bool {
        let is_taken = self.plan.is_everything() || self.datasets.is_match(&dataset.name);
        is_taken && !self.leaves_dataset(dataset)
    }

    /// True when the plan excludes the dataset, even if it takes the dataset's experiment.
    pub fn leaves_dataset(&self, dataset: &EvaluationDataset) -> bool {
        self.except_datasets.is_match(&dataset.name)
    }

    /// Globs of the plan that match none of `datasets`.
    pub fn unmatched_datasets(&self, datasets: &[EvaluationDataset]) -> Vec<String> {
        let names = || datasets.iter().map(|dataset| dataset.name.as_str());
        let mut globs = unmatched(&self.plan.datasets, &self.datasets, names());
        globs.extend(unmatched(&self.plan.except_datasets, &self.except_datasets, names()));
        globs
    }

    /// Names and globs of the plan that match none of `models`. `existing` holds the existing versions of the models
    /// for which the plan names single versions.
    pub fn unmatched_models(&self, models: &[RegisteredModel], existing: &VersionMatcher) -> Vec<String> {
        let of = |prompts: bool| models.iter().filter(move |model| model.is_prompt() == prompts);
        let mut unmatched = self.models.unmatched(of(false), existing);
        unmatched.extend(self.prompts.unmatched(of(true), existing));
        unmatched
    }

    /// Names and globs of the plan that match none of `experiments`, which are all experiments of the source. An
    /// experiment that the plan excludes still counts as a match for its name, but not for a glob that selects
    /// experiments.
    pub fn unmatched(&self, experiments: &[Experiment]) -> Vec<String> {
        let names = || experiments.iter().map(|one| one.name.as_str());
        let existing: HashSet<&str> = names().collect();
        let named = self.plan.experiments.iter().map(|named| &named.name);
        let missing = named.filter(|name| !existing.contains(name.as_str())).cloned();
        let is_chosen = |one: &&Experiment| self.choose(one) != ExperimentSelection::No;
        let chosen = experiments.iter().filter(is_chosen).map(|one| one.name.as_str());
        let idle_globs = unmatched(&self.plan.globs, &self.globs, chosen);
        let idle_excepts = unmatched(&self.plan.except_experiments, &self.except_experiments, names());
        missing.chain(idle_globs).chain(idle_excepts).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entities::tag;
    use crate::plan::PlannedModel;

    fn experiment(name: &str) -> Experiment {
        Experiment { name: name.into(), ..Experiment::default() }
    }

    fn model(name: &str) -> RegisteredModel {
        RegisteredModel { name: name.into(), ..RegisteredModel::default() }
    }

    #[test]
    fn an_empty_plan_takes_everything() {
        let plan = Plan::default();
        assert!(plan.matcher().unwrap().choose(&experiment("any")).takes(&"r".into()));
    }

    #[test]
    fn globs_match_slashes_and_unmatched_globs_are_reported() {
        let plan = Plan { globs: vec!["fraud*".into(), "gone".into()], ..Plan::default() };
        let matcher = plan.matcher().unwrap();
        assert_ne!(matcher.choose(&experiment("fraud/eu/日本")), ExperimentSelection::No);
        assert_eq!(matcher.choose(&experiment("churn")), ExperimentSelection::No);
        assert_eq!(matcher.unmatched(&[experiment("fraud/x")]), ["gone"]);
    }

    #[test]
    fn a_plan_may_select_everything_except_some_names() {
        let plan = Plan {
            globs: vec!["*".into()],
            except_experiments: vec!["old/*".into(), "gone".into()],
            experiments: vec![PlannedExperiment { name: "old/one".into(), ..Default::default() }],
            ..Plan::default()
        };
        let matcher = plan.matcher().unwrap();
        let taken = ["new", "old/one", "older"]
            .map(|name| matcher.choose(&experiment(name)) != ExperimentSelection::No);
        assert_eq!(taken, [true, false, true]);
        assert_eq!(matcher.unmatched(&[experiment("new"), experiment("old/one")]), ["gone"]);
        let alone = Plan { except_experiments: vec!["old".into()], ..Plan::default() };
        let matcher = alone.matcher().unwrap();
        assert_eq!(matcher.choose(&experiment("old")), ExperimentSelection::No);
        assert_eq!(
            matcher.choose(&experiment("new")),
            ExperimentSelection::whole(),
            "everything else is taken"
        );
    }

    #[test]
    fn models_and_prompts_are_selected_separately() {
        let tags = [(tag::IS_PROMPT.to_owned(), "true".to_owned())];
        let prompt = RegisteredModel { tags: tags.into(), ..model("m1") };
        let plan = Plan { models: vec!["m*".into(), "none".into()], ..Plan::default() };
        let matcher = plan.matcher().unwrap();
        assert_eq!((matcher.versions(&model("m1")), matcher.versions(&prompt)), (Subset::All, Subset::None));
        assert_eq!(matcher.choose(&experiment("any")), ExperimentSelection::No, "only models are selected");
        assert_eq!(matcher.unmatched_models(&[model("m1")], &VersionMatcher::new()), ["none"]);
        assert_eq!(Plan::default().matcher().unwrap().versions(&prompt), Subset::All);
    }

    #[test]
    fn a_number_after_a_name_is_a_version_and_may_be_a_name() {
        let globs = ["churn/3", "churn/7", "fraud*/1", "whole", "whole/2"];
        let plan = Plan { models: globs.map(str::to_owned).into(), ..Plan::default() };
        let matcher = plan.matcher().unwrap();
        assert_eq!(matcher.versions(&model("churn")), Subset::Only([3, 7].into()));
        assert_eq!(matcher.versions(&model("churn/3")), Subset::All, "MLflow takes such names before 3.11");
        assert_eq!(matcher.versions(&model("fraud/eu")), Subset::Only([1].into()));
        assert_eq!(matcher.versions(&model("whole")), Subset::All);
        assert_eq!(matcher.versions(&model("churned")), Subset::None);
        let models = [model("churn"), model("fraud.a"), model("whole")];
        assert!(models.iter().all(|model| matcher.names_versions_of(model)));
        let there = VersionMatcher::from([
            ("churn".into(), [1, 3].into()),
            ("fraud.a".into(), [2].into()),
            ("whole".into(), [1, 2].into()),
        ]);
        assert_eq!(matcher.unmatched_models(&models, &there), ["churn/7", "fraud*/1"]);
    }

    #[test]
    fn named_versions_take_precedence_over_globs_and_must_exist() {
        let named =
            PlannedModel { name: "churn".into(), versions: Some([3, 9].into()), ..Default::default() };
        let other = PlannedModel { name: "all/but".into(), except: [2].into(), ..Default::default() };
        let gone = PlannedModel { name: "gone".into(), versions: Some([1].into()), ..Default::default() };
        let plan = Plan {
            models: vec!["*".into(), "churn/4".into()],
            model_versions: vec![named, other, gone],
            ..Plan::default()
        };
        let matcher = plan.matcher().unwrap();
        assert_eq!(matcher.versions(&model("churn")), Subset::Only([3, 4, 9].into()));
        assert_eq!(matcher.versions(&model("all/but")), Subset::Except([2].into()));
        let models = [model("churn"), model("all/but")];
        let there = VersionMatcher::from([("churn".into(), [3, 4].into()), ("all/but".into(), [1].into())]);
        assert_eq!(matcher.unmatched_models(&models, &there), ["churn/9", "gone"]);
    }

    #[test]
    fn a_dataset_may_be_excluded_by_name() {
        let dataset = |name: &str| EvaluationDataset { name: name.into(), ..EvaluationDataset::default() };
        let plan = Plan { except_datasets: vec!["old*".into(), "none".into()], ..Plan::default() };
        let matcher = plan.matcher().unwrap();
        assert!(matcher.takes_dataset(&dataset("golden")) && !matcher.takes_dataset(&dataset("older")));
        assert_eq!(matcher.unmatched_datasets(&[dataset("older")]), ["none"]);
        assert_ne!(matcher.choose(&experiment("any")), ExperimentSelection::No, "everything else is taken");
    }
}
