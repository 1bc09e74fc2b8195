//! The plan file. It contains the selection of the objects to migrate.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::explain::explain;
use super::{ExperimentSelection, PlannedTraces, SameNames, TimeRange, UnixMillis};
use crate::entities::{Experiment, RegisteredModel, RunId, Trace};
use crate::error::{Error, Result};

/// The plan file (TOML). A plan without a selection takes all objects. Any other plan takes the selected objects, and
/// the objects that a selected model version needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Names of experiments, with `*`, `?` and `{a,b}`. Every experiment that matches one of them is selected as a
    /// whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub globs: Vec<String>,
    /// Experiments selected by name, with their runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub experiments: Vec<PlannedExperiment>,
    /// Names of experiments that are never migrated, even if another rule selects them, with `*`, `?` and `{a,b}`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except_experiments: Vec<String>,
    /// Names of registered models, with `*`, `?` and `{a,b}`; `churn/3` is version 3 of churn.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
    /// Registered models with a selection of versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub model_versions: Vec<PlannedModel>,
    /// Names of prompts, in the same form as for registered models.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prompts: Vec<String>,
    /// Prompts with a selection of versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prompt_versions: Vec<PlannedModel>,
    /// Names of evaluation datasets, with `*`, `?` and `{a,b}`. The datasets of an experiment that is selected as a
    /// whole are included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub datasets: Vec<String>,
    /// Names of evaluation datasets that are not migrated, with `*`, `?` and `{a,b}`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except_datasets: Vec<String>,
    /// Do not migrate traces.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skip_traces: bool,
    /// The new name for each old name of an experiment.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rename: BTreeMap<String, String>,
    /// The new name for each old name of a registered model or prompt.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rename_models: BTreeMap<String, String>,
    /// A text before the name of each experiment on the target, unless `rename` has a name for it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub experiments_prefix: String,
    /// Add runs to experiments of the same name that hold runs of other sources.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub merge: bool,
    /// Append versions to a registered model or prompt of the target that has other versions with the same numbers.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub append_versions: bool,
    /// Do not migrate deleted experiments and deleted runs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skip_deleted: bool,
    /// Only runs that started at or after this time, and runs that a selected model version needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_start_time: Option<UnixMillis>,
    /// Only runs that started before this time, and runs that a selected model version needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs_until: Option<UnixMillis>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedExperiment {
    pub name: String,
    /// Only these runs. If absent, all runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs: Option<BTreeSet<RunId>>,
    /// All runs except these.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub except: BTreeSet<RunId>,
    #[serde(default, skip_serializing_if = "PlannedTraces::is_of_runs")]
    pub traces: PlannedTraces,
}

/// A registered model or prompt.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedModel {
    pub name: String,
    /// Only the versions with these numbers. If absent, all versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub versions: Option<BTreeSet<u64>>,
    /// All versions except these.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub except: BTreeSet<u64>,
}

/// The content of the file for a plan that takes everything. It is not empty, because an empty file could be a
/// truncated one.
const EVERYTHING: &str = "# Nothing is excluded: everything in the source is moved.\n";

impl Plan {
    pub fn parse(text: &str) -> Result<Self> {
        if text.trim().is_empty() {
            return Err(Error::usage("the plan is empty: the file may have been cut off")
                .hint("`mlferry plan --output FILE` writes a plan to start from"));
        }
        let plan: Self = toml::from_str(text).map_err(|e| explain(text, &e))?;
        plan.matcher()?;
        plan.window()?;
        Ok(plan)
    }

    /// The time range in which a run must have started.
    pub fn window(&self) -> Result<TimeRange> {
        TimeRange::new(self.run_start_time, self.runs_until)
    }

    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).map_err(|e| Error::permanent(format!("the plan cannot be written: {e}")))
    }

    /// The plan as the text of a file. The text is never empty.
    pub fn to_file(&self) -> Result<String> {
        let text = self.to_toml()?;
        Ok(if text.is_empty() { EVERYTHING.to_owned() } else { text })
    }

    /// The name of the experiment on the target.
    pub fn target_name<'a>(&'a self, experiment: &'a Experiment) -> Cow<'a, str> {
        match self.new_name(experiment) {
            Some(name) => Cow::Borrowed(name),
            None if self.experiments_prefix.is_empty() => Cow::Borrowed(&experiment.name),
            None => Cow::Owned(format!("{}{}", self.experiments_prefix, experiment.name)),
        }
    }

    /// The name for this experiment in `rename`, which has it under its name, or as `id:3`: two experiments of a
    /// folder may have one name.
    fn new_name(&self, experiment: &Experiment) -> Option<&str> {
        let by_id = || self.rename.get(&by_id(experiment));
        self.rename.get(&experiment.name).or_else(by_id).map(String::as_str)
    }

    /// True when the plan expects objects of other sources on the target.
    pub fn shares_target(&self) -> bool {
        self.same_names() != SameNames::default()
    }

    pub fn same_names(&self) -> SameNames {
        SameNames {
            prefix: self.experiments_prefix.clone(),
            merge: self.merge,
            append_versions: self.append_versions,
        }
    }

    pub fn target_model_name<'a>(&'a self, model: &'a RegisteredModel) -> &'a str {
        self.rename_models.get(&model.name).unwrap_or(&model.name)
    }

    /// True when the plan may take traces of this experiment.
    pub fn takes_traces(&self, choice: &ExperimentSelection) -> bool {
        let is_excluded = matches!(
            choice,
            ExperimentSelection::No | ExperimentSelection::Yes { traces: PlannedTraces::None, .. }
        );
        !self.skip_traces && !is_excluded
    }

    /// True when the plan takes this trace. A trace is taken together with the run that created it. A trace without a
    /// run is taken with the whole experiment, if the trace is within the time range.
    pub fn takes_trace(&self, choice: &ExperimentSelection, trace: &Trace) -> bool {
        let ExperimentSelection::Yes { only, traces, .. } = choice else { return false };
        let of_run = trace.source_run().map(|run| choice.takes(&run));
        let is_wanted = match (traces, of_run) {
            _ if !self.takes_traces(choice) => false,
            (_, Some(true)) => return true,
            (PlannedTraces::All, _) => true,
            (_, Some(false)) => false,
            (_, None) => only.is_none(),
        };
        is_wanted && self.window().is_ok_and(|window| window.takes(trace.request_time))
    }

    /// The glob that matches only this name.
    pub fn literal(name: &str) -> String {
        // `globset::escape` does not escape the backslash, which is special in a glob.
        let is_special = |c: char| matches!(c, '?' | '*' | '[' | ']' | '{' | '}' | '\\');
        // A name that ends in a slash and a number would also be read as a version, so the slash is quoted.
        let slash = version_of(name).map(|(before, _)| before.len());
        let quoted = |(at, c): (usize, char)| match is_special(c) || slash == Some(at) {
            true => format!("[{c}]"),
            false => c.to_string(),
        };
        name.char_indices().map(quoted).collect()
    }

    /// True when the plan takes every object of a source, also every trace and every deleted run.
    pub fn selects_all(&self) -> bool {
        let names = Self {
            rename: self.rename.clone(),
            rename_models: self.rename_models.clone(),
            experiments_prefix: self.experiments_prefix.clone(),
            merge: self.merge,
            append_versions: self.append_versions,
            ..Self::default()
        };
        *self == names
    }

    /// True when the plan names no objects.
    pub fn is_everything(&self) -> bool {
        self.globs.is_empty()
            && self.experiments.is_empty()
            && self.models.is_empty()
            && self.model_versions.is_empty()
            && self.prompts.is_empty()
            && self.prompt_versions.is_empty()
            && self.datasets.is_empty()
    }
}

/// The name of an experiment in a rename file that names it by its id.
pub fn by_id(experiment: &Experiment) -> String {
    format!("id:{}", experiment.id)
}

/// Splits a text such as `churn/3` into a name, or a glob of names, and a version number. MLflow writes versions in
/// this form, for example `models:/churn/3`.
pub(super) fn version_of(text: &str) -> Option<(&str, u64)> {
    let (name, number) = text.rsplit_once('/')?;
    let is_number = number.bytes().all(|b| b.is_ascii_digit()) && !name.is_empty();
    Some((name, number.parse().ok().filter(|_| is_number)?))
}

#[cfg(test)]
mod tests {
    use globset::Glob;
    use proptest::prelude::*;

    use super::*;
    use crate::entities::trace_key;

    proptest! {
        #[test]
        fn a_literal_matches_only_its_name(name in r"[a3\\*?{},!\[\]^/ -]{1,8}", other in r"[a3\\*?{},!\[\]^/ -]{1,8}") {
            let glob = Glob::new(&Plan::literal(&name)).unwrap().compile_matcher();
            prop_assert!(glob.is_match(&name));
            prop_assert_eq!(glob.is_match(&other), name == other);
            prop_assert!(version_of(&Plan::literal(&name)).is_none());
        }
    }

    #[test]
    fn a_plan_is_the_same_after_writing_and_reading() {
        let plan = Plan {
            experiments: vec![PlannedExperiment {
                name: "a/b \"c\"".into(),
                runs: Some(["r1".into()].into()),
                except: ["r2".into()].into(),
                traces: PlannedTraces::None,
            }],
            model_versions: vec![PlannedModel {
                name: "c".into(),
                versions: Some([3, 10].into()),
                except: [4].into(),
            }],
            prompt_versions: vec![PlannedModel { name: "p".into(), ..PlannedModel::default() }],
            rename: [("a".into(), "b".into())].into(),
            rename_models: [("m".into(), "n".into())].into(),
            experiments_prefix: "team/".into(),
            merge: true,
            append_versions: true,
            skip_deleted: true,
            run_start_time: Some(UnixMillis(1_714_521_600_000)),
            runs_until: Some(UnixMillis(1_714_521_600_001)),
            globs: vec!["x*".into()],
            except_experiments: vec!["xx".into()],
            models: vec!["m*".into()],
            prompts: vec!["p".into()],
            datasets: vec!["d".into()],
            except_datasets: vec!["e".into()],
            skip_traces: true,
        };
        assert_eq!(Plan::parse(&plan.to_file().unwrap()).unwrap(), plan);
        assert_eq!(Plan::parse(&Plan::default().to_file().unwrap()).unwrap(), Plan::default());
        assert!(Plan::parse(" \n").is_err(), "a file that was cut off");
        assert_eq!(Plan::parse("nonsense = 1").unwrap_err().exit_code(), 2);
    }

    #[test]
    fn a_prefix_is_for_experiments_without_another_name() {
        let plan = Plan {
            rename: [("a".into(), "b".into()), ("id:7".into(), "c".into())].into(),
            experiments_prefix: "team/".into(),
            ..Plan::default()
        };
        let named = |id: &str, name: &str| {
            let experiment = Experiment { id: id.into(), name: name.into(), ..Experiment::default() };
            plan.target_name(&experiment).into_owned()
        };
        assert_eq!([named("1", "a"), named("7", "d"), named("8", "d")], ["b", "c", "team/d"]);
    }

    #[test]
    fn times_in_a_plan_may_be_dates_texts_and_numbers() {
        for time in ["2024-05-01", "\"2024-05-01\"", "1714521600000", "2024-05-01T00:00:00Z"] {
            let plan = Plan::parse(&format!("run_start_time = {time}")).unwrap();
            assert_eq!(plan.run_start_time, Some(UnixMillis(1_714_521_600_000)), "{time}");
        }
        for wrong in ["runs_until = 5", "run_start_time = 2024-05-02\nruns_until = 2024-05-01"] {
            assert_eq!(Plan::parse(wrong).unwrap_err().exit_code(), 2, "{wrong}");
        }
    }

    #[test]
    fn a_plan_of_an_earlier_release_keeps_its_meaning() {
        let text = r#"
            models = ["churn", "fraud*"]
            skip_traces = true
            [[experiments]]
            name = "a"
            runs = ["r1"]
        "#;
        let plan = Plan::parse(text).unwrap();
        assert_eq!(plan.models, ["churn", "fraud*"]);
        let a = Experiment { name: "a".into(), ..Experiment::default() };
        let choice = plan.matcher().unwrap().choose(&a);
        assert!(choice.takes(&"r1".into()) && !choice.takes(&"r2".into()) && !plan.takes_traces(&choice));
        assert!(Plan::parse("[[experiments]]\nname = \"a\"\ntraces = \"some\"").is_err());
    }

    #[test]
    fn traces_are_taken_with_their_runs_unless_the_plan_has_another_rule() {
        let trace = |run: &str| Trace {
            metadata: [(trace_key::SOURCE_RUN.to_owned(), run.to_owned())].into(),
            request_time: Some(5),
            ..Trace::default()
        };
        let taken = |plan: &Plan, runs: Option<&str>, traces| {
            let only = runs.map(|run| BTreeSet::from([RunId::from(run)]));
            let (except, models) = (BTreeSet::new(), BTreeSet::new());
            let choice = ExperimentSelection::Yes { only, except, models, traces };
            ["r1", "r2", ""].map(|run| plan.takes_trace(&choice, &trace(run)))
        };
        use PlannedTraces::{All, None as Nothing, OfRuns};
        let plan = Plan::default();
        assert_eq!(taken(&plan, None, OfRuns), [true, true, true]);
        assert_eq!(taken(&plan, Some("r1"), OfRuns), [true, false, false]);
        assert_eq!(taken(&plan, Some("r1"), All), [true, true, true]);
        assert_eq!(taken(&plan, None, Nothing), [false, false, false]);
        let later = Plan { run_start_time: Some(UnixMillis(6)), ..Plan::default() };
        assert_eq!(taken(&later, Some("r1"), All), [true, false, false]);
        let without = Plan { skip_traces: true, ..Plan::default() };
        assert_eq!(taken(&without, None, All), [false, false, false]);
    }
}
