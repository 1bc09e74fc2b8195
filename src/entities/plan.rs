//! What is to be moved: the plan file, and the choice it makes of each experiment and run.

use std::collections::{BTreeMap, BTreeSet};

use globset::{Glob, GlobSet, GlobSetBuilder};
use serde::{Deserialize, Serialize};

use super::{
    EvaluationDataset, Experiment, LoggedModel, ModelId, Moment, RegisteredModel, RunId, Trace, Window,
};
use crate::error::{Error, Result};

/// The plan file (TOML). One that chooses nothing takes everything; else what it chooses is taken, and what a chosen
/// model version needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Names with `*`, `?` and `{a,b}`: every experiment that matches one is chosen whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub globs: Vec<String>,
    /// Experiments chosen by name, with their runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub experiments: Vec<PlannedExperiment>,
    /// Names of registered models, with `*`, `?` and `{a,b}`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
    /// Names of prompts, with `*`, `?` and `{a,b}`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prompts: Vec<String>,
    /// Names of evaluation datasets, with `*`, `?` and `{a,b}`. Those of an experiment that is chosen whole go along.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub datasets: Vec<String>,
    /// Traces of what is chosen are left behind.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skip_traces: bool,
    /// Old experiment name to new one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rename: BTreeMap<String, String>,
    /// Old name of a registered model or prompt to new one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rename_models: BTreeMap<String, String>,
    /// Leave deleted experiments and deleted runs behind.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skip_deleted: bool,
    /// Only runs that started at or after this, and what a chosen model version needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_start_time: Option<Moment>,
    /// Only runs that started before this, and what a chosen model version needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs_until: Option<Moment>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedExperiment {
    pub name: String,
    /// Only these runs; absent means all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs: Option<BTreeSet<RunId>>,
    /// All but these runs.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub except: BTreeSet<RunId>,
}

/// What the plan says of one experiment.
#[derive(Clone, Debug, PartialEq)]
pub enum Choice {
    No,
    /// The experiment and the runs that [`takes`](Self::takes) accepts.
    Yes {
        only: Option<BTreeSet<RunId>>,
        except: BTreeSet<RunId>,
        /// Logged models that are taken whatever is said of runs.
        models: BTreeSet<ModelId>,
    },
}

impl Choice {
    /// Takes this run too.
    pub fn add(&mut self, run: RunId) {
        match self {
            Self::No => {
                *self =
                    Self::Yes { only: Some([run].into()), except: BTreeSet::new(), models: BTreeSet::new() };
            }
            Self::Yes { only, except, .. } => {
                except.remove(&run);
                if let Some(only) = only {
                    only.insert(run);
                }
            }
        }
    }

    /// Takes none of these runs.
    pub fn leave_out(&mut self, runs: impl IntoIterator<Item = RunId>) {
        if let Self::Yes { except, .. } = self {
            except.extend(runs);
        }
    }

    pub fn takes(&self, run: &RunId) -> bool {
        match self {
            Self::No => false,
            Self::Yes { only, except, .. } => {
                only.as_ref().is_none_or(|only| only.contains(run)) && !except.contains(run)
            }
        }
    }

    /// Takes this logged model too.
    pub fn add_model(&mut self, model: ModelId) {
        match self {
            Self::No => {
                let only = Some(BTreeSet::new());
                *self = Self::Yes { only, except: BTreeSet::new(), models: [model].into() };
            }
            Self::Yes { models, .. } => drop(models.insert(model)),
        }
    }

    /// A logged model goes with the run that made it; one that no run made goes with the whole experiment.
    pub fn takes_model(&self, model: &LoggedModel) -> bool {
        match (self, &model.source_run_id) {
            (Self::No, _) => false,
            (Self::Yes { models, .. }, _) if models.contains(&model.id) => true,
            (Self::Yes { .. }, Some(run)) => self.takes(run),
            (Self::Yes { only, .. }, None) => only.is_none(),
        }
    }
}

impl Plan {
    pub fn parse(text: &str) -> Result<Self> {
        let plan: Self = toml::from_str(text).map_err(|e| {
            Error::usage(e.to_string().trim_end())
                .hint("`mlferry plan --output FILE` writes a plan to start from")
        })?;
        plan.chooser()?;
        plan.window()?;
        Ok(plan)
    }

    /// When a run must have started.
    pub fn window(&self) -> Result<Window> {
        Window::new(self.run_start_time, self.runs_until)
    }

    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).map_err(|e| Error::permanent(format!("the plan cannot be written: {e}")))
    }

    /// The name on the target.
    pub fn target_name<'a>(&'a self, experiment: &'a Experiment) -> &'a str {
        self.rename.get(&experiment.name).unwrap_or(&experiment.name)
    }

    pub fn target_model_name<'a>(&'a self, model: &'a RegisteredModel) -> &'a str {
        self.rename_models.get(&model.name).unwrap_or(&model.name)
    }

    /// A trace goes with the run it was made in; one that no run made goes with the whole experiment, if the time
    /// window takes it.
    pub fn takes_trace(&self, choice: &Choice, trace: &Trace) -> bool {
        match (choice, trace.source_run()) {
            _ if self.skip_traces => false,
            (Choice::No, _) => false,
            (Choice::Yes { .. }, Some(run)) => choice.takes(&run),
            (Choice::Yes { only, .. }, None) => {
                only.is_none() && self.window().is_ok_and(|window| window.takes(trace.request_time))
            }
        }
    }

    /// The glob that fits this name and no other.
    pub fn literal(name: &str) -> String {
        // `globset::escape` leaves the backslash, which escapes in a glob.
        let is_special = |c: char| matches!(c, '?' | '*' | '[' | ']' | '{' | '}' | '\\');
        name.chars().map(|c| if is_special(c) { format!("[{c}]") } else { c.to_string() }).collect()
    }

    /// It chooses nothing, so it takes everything.
    pub fn is_everything(&self) -> bool {
        self.globs.is_empty()
            && self.experiments.is_empty()
            && self.models.is_empty()
            && self.prompts.is_empty()
            && self.datasets.is_empty()
    }

    /// Compiles the globs once; use the result for every experiment.
    pub fn chooser(&self) -> Result<Chooser<'_>> {
        Ok(Chooser {
            plan: self,
            globs: matcher("--experiments", &self.globs)?,
            models: matcher("--models", &self.models)?,
            prompts: matcher("--prompts", &self.prompts)?,
            datasets: matcher("--datasets", &self.datasets)?,
        })
    }
}

fn matcher(option: &str, globs: &[String]) -> Result<GlobSet> {
    let mut builder = GlobSetBuilder::new();
    for glob in globs {
        builder.add(Glob::new(glob).map_err(|e| {
            Error::usage(format!("{option} {glob:?}: {}", e.kind()))
                .hint("quote [ ] { } as [[] []] {{}}, or use *")
        })?);
    }
    builder.build().map_err(|e| Error::usage(e.to_string()))
}

pub struct Chooser<'a> {
    plan: &'a Plan,
    globs: GlobSet,
    models: GlobSet,
    prompts: GlobSet,
    datasets: GlobSet,
}

impl Chooser<'_> {
    pub fn choose(&self, experiment: &Experiment) -> Choice {
        let all = Choice::Yes { only: None, except: BTreeSet::new(), models: BTreeSet::new() };
        if self.plan.skip_deleted && experiment.lifecycle.is_deleted() {
            return Choice::No;
        }
        if self.plan.is_everything() {
            return all;
        }
        if let Some(named) = self.plan.experiments.iter().find(|named| named.name == experiment.name) {
            return Choice::Yes {
                only: named.runs.clone(),
                except: named.except.clone(),
                models: BTreeSet::new(),
            };
        }
        if self.globs.is_match(&experiment.name) { all } else { Choice::No }
    }

    pub fn takes_model(&self, model: &RegisteredModel) -> bool {
        let globs = if model.is_prompt() { &self.prompts } else { &self.models };
        self.plan.is_everything() || globs.is_match(&model.name)
    }

    /// By its own name, or because everything is taken.
    pub fn takes_dataset(&self, dataset: &EvaluationDataset) -> bool {
        self.plan.is_everything() || self.datasets.is_match(&dataset.name)
    }

    /// Globs of the plan that fit none of `datasets`.
    pub fn unmatched_datasets(&self, datasets: &[EvaluationDataset]) -> Vec<String> {
        let fits = |glob: &String| {
            let matcher = Glob::new(glob).map(|glob| glob.compile_matcher());
            matcher.is_ok_and(|matcher| datasets.iter().any(|dataset| matcher.is_match(&dataset.name)))
        };
        self.plan.datasets.iter().filter(|glob| !fits(glob)).cloned().collect()
    }

    /// Globs of the plan that fit none of `models`.
    pub fn unmatched_models(&self, models: &[RegisteredModel]) -> Vec<String> {
        let fits = |glob: &String, prompt: bool| {
            let matcher = Glob::new(glob).map(|glob| glob.compile_matcher());
            let mut names = models.iter().filter(|m| m.is_prompt() == prompt).map(|m| &m.name);
            matcher.is_ok_and(|matcher| names.any(|name| matcher.is_match(name)))
        };
        let models = self.plan.models.iter().filter(|glob| !fits(glob, false));
        let prompts = self.plan.prompts.iter().filter(|glob| !fits(glob, true));
        models.chain(prompts).cloned().collect()
    }

    /// Names and globs of the plan that fit none of `experiments`.
    pub fn unmatched<'a>(&self, experiments: impl Iterator<Item = &'a Experiment> + Clone) -> Vec<String> {
        let names = self.plan.experiments.iter().map(|named| &named.name);
        let missing = names.filter(|name| experiments.clone().all(|e| &e.name != *name)).cloned();
        let mut hit = vec![false; self.plan.globs.len()];
        for experiment in experiments.clone() {
            self.globs.matches(&experiment.name).into_iter().for_each(|index| hit[index] = true);
        }
        let idle = self.plan.globs.iter().zip(hit).filter(|(_, hit)| !hit).map(|(glob, _)| glob.clone());
        missing.chain(idle).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn experiment(name: &str) -> Experiment {
        Experiment { name: name.into(), ..Experiment::default() }
    }

    #[test]
    fn an_empty_plan_takes_everything() {
        let plan = Plan::default();
        assert!(plan.chooser().unwrap().choose(&experiment("any")).takes(&"r".into()));
    }

    #[test]
    fn globs_cross_slashes_and_name_what_they_miss() {
        let plan = Plan { globs: vec!["fraud*".into(), "gone".into()], ..Plan::default() };
        let chooser = plan.chooser().unwrap();
        assert_ne!(chooser.choose(&experiment("fraud/eu/日本")), Choice::No);
        assert_eq!(chooser.choose(&experiment("churn")), Choice::No);
        assert_eq!(chooser.unmatched([experiment("fraud/x")].iter()), ["gone"]);
    }

    #[test]
    fn models_and_prompts_are_chosen_apart() {
        let model = |name: &str| RegisteredModel { name: name.into(), ..RegisteredModel::default() };
        let tags = [(crate::entities::tag::IS_PROMPT.to_owned(), "true".to_owned())];
        let prompt = RegisteredModel { tags: tags.into(), ..model("m1") };
        let plan = Plan { models: vec!["m*".into(), "none".into()], ..Plan::default() };
        let chooser = plan.chooser().unwrap();
        assert!(chooser.takes_model(&model("m1")) && !chooser.takes_model(&prompt));
        assert_eq!(chooser.choose(&experiment("any")), Choice::No, "only models were asked for");
        assert_eq!(chooser.unmatched_models(&[model("m1")]), ["none"]);
        assert!(Plan::default().chooser().unwrap().takes_model(&prompt));
    }

    proptest! {
        #[test]
        fn a_literal_fits_its_name_alone(name in r"[a\\*?{},!\[\]^/ -]{1,8}", other in r"[a\\*?{},!\[\]^/ -]{1,8}") {
            let glob = Glob::new(&Plan::literal(&name)).unwrap().compile_matcher();
            prop_assert!(glob.is_match(&name));
            prop_assert_eq!(glob.is_match(&other), name == other);
        }
    }

    #[test]
    fn a_plan_survives_its_file() {
        let plan = Plan {
            experiments: vec![PlannedExperiment {
                name: "a/b \"c\"".into(),
                runs: Some(["r1".into()].into()),
                except: ["r2".into()].into(),
            }],
            rename: [("a".into(), "b".into())].into(),
            rename_models: [("m".into(), "n".into())].into(),
            skip_deleted: true,
            run_start_time: Some(Moment(1_714_521_600_000)),
            runs_until: Some(Moment(1_714_521_600_001)),
            globs: vec!["x*".into()],
            models: vec!["m*".into()],
            prompts: vec!["p".into()],
            datasets: vec!["d".into()],
            skip_traces: true,
        };
        assert_eq!(Plan::parse(&plan.to_toml().unwrap()).unwrap(), plan);
        assert_eq!(Plan::parse("nonsense = 1").unwrap_err().exit_code(), 2);
    }

    #[test]
    fn times_in_a_plan_may_be_dates_texts_and_numbers() {
        for time in ["2024-05-01", "\"2024-05-01\"", "1714521600000", "2024-05-01T00:00:00Z"] {
            let plan = Plan::parse(&format!("run_start_time = {time}")).unwrap();
            assert_eq!(plan.run_start_time, Some(Moment(1_714_521_600_000)), "{time}");
        }
        for wrong in ["runs_until = 5", "run_start_time = 2024-05-02\nruns_until = 2024-05-01"] {
            assert_eq!(Plan::parse(wrong).unwrap_err().exit_code(), 2, "{wrong}");
        }
    }

    #[test]
    fn what_is_left_out_may_be_needed_all_the_same() {
        let mut choice = Plan::default().chooser().unwrap().choose(&experiment("any"));
        choice.leave_out(["old".into(), "older".into()]);
        choice.add("older".into());
        assert_eq!(["old", "older", "new"].map(|run| choice.takes(&run.into())), [false, true, true]);
    }
}
