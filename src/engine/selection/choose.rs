use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};

use futures::{TryStreamExt, stream};

use crate::entities::{
    EvaluationDataset, Experiment, ExperimentId, Kind, ModelVersion, RegisteredModel, RunId, Unreadable,
};
use crate::error::{Error, Result};
use crate::plan::{ExperimentSelection, Plan, PlanMatcher, Subset, TimeRange, VersionMatcher, by_id};
use crate::readers::{Reader, read_all};

/// The maximum number of experiments whose runs are searched concurrently.
const MAX_CONCURRENT_EXPERIMENTS: usize = 8;

const SAME_EXPERIMENTS: &str = "give each its own name in --experiment-rename-file or the plan (as id:3, if both have one name), or make \
                                one of them with --merge";
const SAME_MODELS: &str = "give each its own name in --model-rename-file or the plan";

/// The objects of a source that a plan selects.
pub struct Chosen {
    /// Each experiment, with the selection of its runs.
    pub experiments: Vec<(Experiment, ExperimentSelection)>,
    /// Registered models and prompts.
    pub models: Vec<ChosenModel>,
    /// All experiments, registered models and prompts of the source. The plan may select only some of them.
    pub all: (Vec<Experiment>, Vec<RegisteredModel>),
    pub datasets: Vec<EvaluationDataset>,
    /// The runs, logged models, registered models and versions that the plan does not select but a selected version
    /// needs. The key is an id, a name or `name/number`. The value is the version that needs the object.
    pub needed: BTreeMap<String, String>,
    /// Notes for the user about this selection.
    pub notes: Vec<String>,
    /// The objects that the source cannot return and that the plan selects or may select.
    pub unread: Vec<Unreadable>,
}

/// A registered model or prompt with at least one selected version.
#[derive(Clone)]
pub struct ChosenModel {
    /// The model, with the aliases of the selected versions.
    pub model: RegisteredModel,
    pub versions: Subset<u64>,
}

impl ChosenModel {
    /// The selected versions, in ascending order.
    pub async fn versions(&self, source: &dyn Reader) -> Result<Vec<ModelVersion>> {
        let mut versions = source.model_versions(&self.model).await?;
        versions.retain(|version| self.versions.takes(&version.version));
        Ok(versions)
    }
}

/// Applies the plan to the source. Returns an error if the plan names an object that the source does not have.
pub async fn choose(source: &dyn Reader, plan: &Plan) -> Result<Chosen> {
    let matcher = plan.matcher()?;
    let (all, mut unread) = read_all(source.experiments()).await?;
    let (models, more) = read_all(source.registered_models()).await?;
    unread.extend(more);
    let numbers = numbers(source, &matcher, &models).await?;
    let mut unmatched = matcher.unmatched(&all);
    unmatched.extend(matcher.unmatched_models(&models, &numbers));
    let (mut datasets, more) = read_all(source.evaluation_datasets()).await?;
    unread.extend(more);
    unmatched.extend(matcher.unmatched_datasets(&datasets));
    if !unmatched.is_empty() {
        let names = unmatched.join(", ");
        if let Some(unreadable) = unread.into_iter().next() {
            return Err(Error::from(unreadable)
                .at(format!("{names} was not found, but not all objects of the source can be read")));
        }
        return Err(Error::usage(format!("{} has nothing called {names}", source.about().location))
            .hint(
                "`mlferry plan --source …` lists all objects; a plan file does not follow renames, and a name with a comma \
                 needs a plan file",
            ));
    }
    let unmatched = idle_renames(plan, &all, &models);
    if !unmatched.is_empty() && unread.is_empty() {
        let names = unmatched.join(", ");
        return Err(Error::usage(format!(
            "{} has nothing called {names} to rename",
            source.about().location
        ))
        .hint("a line of a rename file is the name at the source, a comma, and the new name"));
    }
    let everything = (all.clone(), models.clone());
    let mut experiments: Vec<_> = all.into_iter().map(|one| (matcher.choose(&one), one)).collect();
    let (window, mut needed, mut needed_unread) = (plan.window()?, BTreeMap::new(), Vec::new());
    leave_out(source, &window, &mut experiments).await?;
    let models = models.into_iter().map(|model| select_versions(&matcher, &numbers, model));
    let (mut models, left): (Vec<_>, Vec<_>) = models.partition(|one| one.versions != Subset::None);
    if !plan.is_everything() || !window.is_everything() {
        needed_unread = add_needed(source, &mut models, left, &mut experiments, &mut needed).await?;
    }
    for ChosenModel { model, versions } in &mut models {
        model.aliases.retain(|_, number| versions.takes(number));
    }
    let is_whole =
        |choice: &ExperimentSelection| matches!(choice, ExperimentSelection::Yes { only: None, .. });
    let whole = experiments.iter().filter(|(choice, _)| is_whole(choice));
    let whole: HashSet<&ExperimentId> = whole.map(|(_, one)| &one.id).collect();
    unread.retain(|unreadable| may_take(plan, &matcher, unreadable, !whole.is_empty()));
    unread.extend(needed_unread);
    let is_included = |of: &EvaluationDataset| {
        !matcher.leaves_dataset(of) && of.experiment_ids.iter().any(|id| whole.contains(id))
    };
    datasets.retain(|dataset| matcher.takes_dataset(dataset) || is_included(dataset));
    let experiments: Vec<_> = experiments
        .into_iter()
        .filter(|(c, _)| *c != ExperimentSelection::No)
        .map(|(c, one)| (one, c))
        .collect();
    if !plan.merge {
        let names = experiments.iter().map(|(one, _)| plan.target_name(one));
        unique(names, "experiments", SAME_EXPERIMENTS)?;
    }
    let names = models.iter().map(|one| Cow::Borrowed(plan.target_model_name(&one.model)));
    unique(names, "registered models", SAME_MODELS)?;
    let notes = models.iter().filter_map(|one| number_note(one, numbers.get(&one.model.name)?)).collect();
    Ok(Chosen { experiments, models, all: everything, datasets, needed, notes, unread })
}

/// The names that the plan renames although no object has them.
fn idle_renames(plan: &Plan, experiments: &[Experiment], models: &[RegisteredModel]) -> Vec<String> {
    let experiments: HashSet<String> =
        experiments.iter().flat_map(|one| [one.name.clone(), by_id(one)]).collect();
    let models: HashSet<String> = models.iter().map(|one| one.name.clone()).collect();
    let unmatched = |names: &HashSet<String>, name: &&String| !names.contains(*name);
    let of_experiments = plan.rename.keys().filter(|name| unmatched(&experiments, name));
    of_experiments.chain(plan.rename_models.keys().filter(|name| unmatched(&models, name))).cloned().collect()
}

/// Whether the plan may select an unreadable object, judged by its kind and its id only. Datasets are included with
/// experiments that are selected as a whole.
fn may_take(plan: &Plan, matcher: &PlanMatcher<'_>, unreadable: &Unreadable, any_whole: bool) -> bool {
    let is_open = |globs: &[String]| globs.iter().any(|glob| glob.contains(['*', '?', '[', '{']));
    let takes = |globs: &[String]| {
        let model = RegisteredModel { name: unreadable.id.clone(), ..RegisteredModel::default() };
        is_open(globs) || matcher.versions(&model) != Subset::None
    };
    let takes_version = |globs: &[String]| {
        let name = unreadable.id.rsplit_once('/').map_or(unreadable.id.as_str(), |(name, _)| name);
        let names =
            |glob: &String| glob == name || glob.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'));
        is_open(globs) || globs.iter().any(names)
    };
    plan.is_everything()
        || match unreadable.kind {
            Kind::Experiment => is_open(&plan.globs),
            Kind::RegisteredModel => takes(&plan.models),
            Kind::Prompt => is_open(&plan.prompts),
            Kind::ModelVersion => takes_version(&plan.models),
            Kind::PromptVersion => takes_version(&plan.prompts),
            Kind::EvaluationDataset => any_whole || is_open(&plan.datasets),
            _ => true,
        }
}

/// The existing versions of those models for which the plan names single versions.
async fn numbers(
    source: &dyn Reader,
    matcher: &PlanMatcher<'_>,
    models: &[RegisteredModel],
) -> Result<VersionMatcher> {
    let mut numbers = VersionMatcher::new();
    for model in models.iter().filter(|model| matcher.names_versions_of(model)) {
        let versions = match source.model_versions(model).await {
            // This error is reported when the model itself is moved.
            Err(error) if error.is_about_object() => Vec::new(),
            versions => versions?,
        };
        numbers.insert(model.name.clone(), versions.into_iter().map(|version| version.version).collect());
    }
    Ok(numbers)
}

fn select_versions(
    matcher: &PlanMatcher<'_>,
    numbers: &VersionMatcher,
    model: RegisteredModel,
) -> ChosenModel {
    let mut versions = matcher.versions(&model);
    let every: Option<Vec<u64>> = numbers.get(&model.name).map(|existing| existing.iter().copied().collect());
    // A model without any versions is selected when the plan selects all of its versions.
    versions.normalize(every.as_deref());
    ChosenModel { model, versions }
}

/// Returns a note when versions with lower numbers than the last selected version are not selected. A server only
/// assigns increasing numbers, so these versions can never be migrated to the same server later.
fn number_note(chosen: &ChosenModel, existing: &BTreeSet<u64>) -> Option<String> {
    let (taken, left): (Vec<u64>, Vec<u64>) =
        existing.iter().partition(|number| chosen.versions.takes(number));
    let last = taken.last()?;
    let lower: Vec<String> = left.iter().filter(|number| *number < last).map(u64::to_string).collect();
    let (kind, name) = (chosen.model.kind().words().0, &chosen.model.name);
    (!lower.is_empty()).then(|| {
        let numbers = lower.join(", ");
        format!(
            "{kind} {name}: version {last} keeps its number; {numbers}, not selected, cannot be migrated to the same \
             server later"
        )
    })
}

/// Converts the time window into ids of excluded runs, so that the selection alone decides. The window then also
/// applies to models and to the objects that they need.
async fn leave_out(
    source: &dyn Reader,
    window: &TimeRange,
    experiments: &mut [(ExperimentSelection, Experiment)],
) -> Result<()> {
    if window.is_everything() {
        return Ok(());
    }
    let chosen = experiments.iter_mut().filter(|(choice, _)| *choice != ExperimentSelection::No);
    stream::iter(chosen.map(Ok))
        .try_for_each_concurrent(MAX_CONCURRENT_EXPERIMENTS, |(choice, experiment)| async move {
            choice.leave_out(source.runs_outside(experiment, window).await?);
            Ok(())
        })
        .await
}

fn unique<'a>(names: impl Iterator<Item = Cow<'a, str>>, what: &str, hint: &str) -> Result<()> {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(name.clone()) {
            return Err(
                Error::usage(format!("two {what} would have the name {name:?} on the target")).hint(hint)
            );
        }
    }
    Ok(())
}

/// Adds the runs, logged models and registered models that the selected versions come from and that the plan does not
/// select. Returns the needed objects that cannot be read.
async fn add_needed(
    source: &dyn Reader,
    models: &mut Vec<ChosenModel>,
    mut left: Vec<ChosenModel>,
    experiments: &mut [(ExperimentSelection, Experiment)],
    needed: &mut BTreeMap<String, String>,
) -> Result<Vec<Unreadable>> {
    let (mut seen, mut unread) = (BTreeSet::new(), Vec::new());
    let mut lose = |kind: Kind, id: String, label: String, error: Error| {
        let reason = format!("version {label} needs it: {error}");
        unread.push(Unreadable { kind, id, reason });
    };
    let mut waiting: VecDeque<usize> = (0..models.len()).collect();
    while let Some(at) = waiting.pop_front() {
        if models[at].model.is_prompt() {
            continue;
        }
        let versions = match models[at].versions(source).await {
            // This error is reported when the model itself is moved.
            Err(error) if error.is_about_object() => continue,
            versions => versions?,
        };
        for version in versions {
            if let Some((original, id)) = add_original(models, &mut left, &version) {
                needed.insert(id, version.label());
                waiting.push_back(original);
            }
            let mut runs: Vec<RunId> = version.run_id.iter().cloned().collect();
            let logged = match version.logged_model().filter(|id| seen.insert(id.to_string())) {
                None => None,
                Some(id) => match source.logged_model(&id).await {
                    Err(error) if error.is_about_object() => {
                        lose(Kind::LoggedModel, id.to_string(), version.label(), error);
                        None
                    }
                    // If the logged model is deleted, the failure of its version is reported later.
                    logged => logged?.map(|logged| (id, logged)),
                },
            };
            if let Some((id, logged)) = logged {
                runs.extend(logged.source_run_id.clone());
                let choice = experiments.iter_mut().find(|(_, one)| one.id == logged.experiment_id);
                if let Some((choice, _)) = choice.filter(|(choice, _)| !choice.takes_model(&logged)) {
                    choice.add_model(id.clone());
                    needed.insert(id.to_string(), version.label());
                }
            }
            for id in runs {
                if !seen.insert(id.to_string()) {
                    continue;
                }
                let run = match source.run(&id).await {
                    Err(error) if error.is_about_object() => {
                        lose(Kind::Run, id.to_string(), version.label(), error);
                        continue;
                    }
                    run => run?,
                };
                let Some(run) = run else { continue };
                let choice = experiments.iter_mut().find(|(_, one)| one.id == run.experiment_id);
                if let Some((choice, _)) = choice.filter(|(choice, _)| !choice.takes(&id)) {
                    choice.add(id.clone());
                    needed.insert(id.to_string(), version.label());
                }
            }
        }
    }
    Ok(unread)
}

/// Selects the original of this copied version. If the plan selects no version of the original's model, the whole model
/// is added. Returns the index of the extended model, and the id of the added object.
fn add_original(
    models: &mut Vec<ChosenModel>,
    left: &mut Vec<ChosenModel>,
    copy: &ModelVersion,
) -> Option<(usize, String)> {
    let (name, number) = copy.copied_from()?;
    if let Some(at) = left.iter().position(|one| one.model.name == name) {
        models.push(ChosenModel { versions: Subset::All, ..left.swap_remove(at) });
        return Some((models.len() - 1, name.to_owned()));
    }
    let at = models.iter().position(|one| one.model.name == name && !one.versions.takes(&number))?;
    models[at].versions.set(&number, true);
    Some((at, format!("{name}/{number}")))
}
