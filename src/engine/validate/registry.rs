//! Registered models, prompts and their versions. They are compared after all runs and logged models, when the new ids
//! of these are known.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::PoisonError;

use futures::{StreamExt, TryStreamExt, stream};

use super::found::Found;
use super::pairs::{Pairs, any, tags};
use super::unread::whole_list;
use super::{Compare, Difference, FieldDifference, pairing};
use crate::engine::selection::choose::ChosenModel;
use crate::entities::{
    ExperimentId, Kind, ModelVersion, OwnedUri, RegisteredModel, RunId, VersionNumbers, tag,
};
use crate::error::Result;
use crate::readers::read_all;

/// The maximum number of models that are compared concurrently.
const MAX_CONCURRENT_MODELS: usize = 4;

const KEPT: &str = "other values of models that were on the target before their versions were appended";

impl Compare {
    /// Returns the known pairs. Must be called after all runs and logged models were compared.
    pub(super) fn pairs_of(
        &self,
        models: &[ChosenModel],
        experiments: HashMap<ExperimentId, ExperimentId>,
    ) -> Pairs {
        let runs = self.pairs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let new_name = |model: &RegisteredModel| self.plan.target_model_name(model).to_owned();
        let models =
            models.iter().map(|ChosenModel { model, .. }| (model.name.clone(), new_name(model))).collect();
        let checked_sources = self.target.about().capabilities.is_some_and(|can| can.checked_sources);
        let model_runs = self.model_runs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let shares_target = self.plan.shares_target();
        Pairs { runs, experiments, models, model_runs, checked_sources, shares_target, ..Pairs::default() }
    }

    pub(super) async fn registry(&self, models: Vec<ChosenModel>, pairs: &mut Pairs) -> Result<()> {
        let (all, unread) =
            read_all(whole_list(Kind::RegisteredModel, String::new(), self.target.registered_models()))
                .await?;
        self.unread(unread, false).await;
        let mut there = all;
        let partners = pairing::models(models.iter().map(|chosen| &chosen.model), &mut there, &self.plan);
        let both: Vec<_> = models.into_iter().zip(partners).collect();
        pairs.numbers = self.appended(&both).await;
        let pairs = &*pairs;
        for (chosen, _) in &both {
            self.context.plan(chosen.model.kind(), 1).await;
        }
        let chosen: BTreeSet<String> = both.iter().map(|(chosen, _)| chosen.model.name.clone()).collect();
        stream::iter(both)
            .map(Ok)
            .try_for_each_concurrent(MAX_CONCURRENT_MODELS, |(ours, theirs)| async move {
                self.model(&ours, theirs.as_ref(), pairs).await
            })
            .await?;
        // A duplicate of a selected model is always an extra object. Other models depend on the plan.
        let is_doubled = |model: &RegisteredModel| {
            model.tags.get(tag::SOURCE_REGISTERED_MODEL).is_some_and(|name| chosen.contains(name))
        };
        for model in there.iter().filter(|model| self.plan.is_everything() || is_doubled(model)) {
            let extra = Difference::extra(model.kind(), &model.name, &model.name);
            self.extra(extra, is_doubled(model)).await;
        }
        Ok(())
    }

    async fn model(
        &self,
        chosen: &ChosenModel,
        theirs: Option<&RegisteredModel>,
        pairs: &Pairs,
    ) -> Result<()> {
        if !self.context.may_go_on().await {
            return Ok(());
        }
        let ours = &chosen.model;
        let kind = ours.kind();
        let (mut versions, mut partners) = (self.versions(ours, true).await, BTreeMap::new());
        match theirs {
            None => self.found(Difference::missing(kind, &ours.name, &ours.name)).await,
            Some(theirs) => {
                let mut theirs = theirs.clone();
                match pairs.numbers.contains_key(&ours.name) {
                    // The target's model has its own versions, so only the aliases of the source are compared.
                    true => theirs.aliases.retain(|alias, _| ours.aliases.contains_key(alias)),
                    // Aliases of other versions on the target are not part of the plan.
                    false => theirs.aliases.retain(|_, number| chosen.versions.takes(number)),
                }
                let mut found = model_fields(ours, &theirs, pairs);
                if pairs.numbers.contains_key(&ours.name) && self.plan.shares_target() {
                    let all = found.differ.len();
                    // An import sets an alias that the target does not have.
                    found.differ.retain(|field| field.target.is_none() && field.field.starts_with("alias "));
                    let kept = (all - found.differ.len()) as u64;
                    if kept > 0 {
                        self.not_compared(kind, KEPT, "an import does not change them", kept);
                    }
                }
                found.value("name", self.plan.target_model_name(ours), &theirs.name);
                self.found(self.pair(kind, &ours.name, (&ours.name, &theirs.name), found)).await;
                partners = self.versions(&theirs, false).await;
            }
        }
        let kind = ours.version_kind();
        if pairs.numbers.contains_key(&ours.name) {
            partners = copies(&versions, partners, pairs);
        }
        versions.retain(|number, _| chosen.versions.takes(number));
        partners.retain(|number, _| chosen.versions.takes(number));
        let numbers: BTreeSet<u64> = versions.keys().chain(partners.keys()).copied().collect();
        self.context.plan(kind, versions.len()).await;
        for number in numbers {
            let difference = match (versions.get(&number), partners.get(&number)) {
                (Some(a), Some(b)) => {
                    let (from, to) = (a.label(), b.label());
                    self.pair(kind, &from, (&from, &to), version_fields(kind, a, b, pairs))
                }
                (Some(a), None) => Difference::missing(kind, &a.label(), &a.label()),
                (None, Some(b)) => {
                    let is_double = versions.values().any(|one| b.is_made_from(one));
                    self.extra(Difference::extra(kind, &b.label(), &b.label()), is_double).await;
                    continue;
                }
                (None, None) => continue,
            };
            self.found(difference).await;
        }
        Ok(())
    }

    /// The version numbers of the models whose versions were appended. If a side cannot return the versions of a model,
    /// this is reported when they are compared.
    async fn appended(
        &self,
        both: &[(ChosenModel, Option<RegisteredModel>)],
    ) -> HashMap<String, VersionNumbers> {
        let mut appended = HashMap::new();
        for (ChosenModel { model, .. }, theirs) in both {
            let Some(theirs) = theirs else { continue };
            let mut numbers = VersionNumbers::of(model, theirs);
            if !numbers.are_appended() {
                continue;
            }
            let versions = self.source.model_versions(model).await.unwrap_or_default();
            let partners = self.target.model_versions(theirs).await.unwrap_or_default();
            let partners = partners.into_iter().map(|version| (version.version, version)).collect();
            for version in versions {
                numbers.find(&version, &partners);
            }
            appended.insert(model.name.clone(), numbers);
        }
        appended
    }

    async fn versions(&self, of: &RegisteredModel, is_source: bool) -> BTreeMap<u64, ModelVersion> {
        let reader = if is_source { &self.source } else { &self.target };
        match reader.model_versions(of).await {
            Ok(versions) => versions.into_iter().map(|version| (version.version, version)).collect(),
            Err(error) => {
                let reason = Some(error.to_string());
                let (source, target) = if is_source { (reason, None) } else { (None, reason) };
                let field = FieldDifference { field: "reading its versions".to_owned(), source, target };
                self.context.plan(of.version_kind(), 1).await;
                self.found(Difference::unreadable(of.version_kind(), &of.name, &of.name, field)).await;
                BTreeMap::new()
            }
        }
    }
}

/// The copies of these versions in `theirs`, by their numbers on the source. The other versions in `theirs` come from
/// elsewhere.
fn copies(
    versions: &BTreeMap<u64, ModelVersion>,
    mut theirs: BTreeMap<u64, ModelVersion>,
    pairs: &Pairs,
) -> BTreeMap<u64, ModelVersion> {
    let copy = |(number, version): (&u64, &ModelVersion)| {
        let (_, new) = pairs.new_version(&version.name, *number);
        let existing = theirs.get(&new)?;
        // Versions before the first appended one keep their numbers. Equal ones may come from another source.
        let is_of_another = new != *number
            && existing.tags.contains_key(tag::SOURCE_VERSION)
            && !existing.is_made_from(version);
        if is_of_another { None } else { Some((*number, theirs.remove(&new)?)) }
    };
    versions.iter().filter_map(copy).collect()
}

fn model_fields(ours: &RegisteredModel, theirs: &RegisteredModel, pairs: &Pairs) -> Found {
    let mut found = Found::new(ours.kind());
    found.value("description", &ours.description, &theirs.description);
    tags(&mut found, &ours.tags, &theirs.tags, pairs);
    let aliases: BTreeSet<&String> = ours.aliases.keys().chain(theirs.aliases.keys()).collect();
    for alias in aliases.into_iter().filter(|alias| any(alias)) {
        let (number, theirs) = (ours.aliases.get(alias).copied(), theirs.aliases.get(alias).copied());
        let new = number.map(|number| pairs.new_version(&ours.name, number).1);
        if new != theirs {
            let text = number.zip(new).map(|(number, new)| match number == new {
                true => number.to_string(),
                false => format!("{number} (version {new} on the target)"),
            });
            found.unequal(format!("alias {alias}"), text, theirs.map(|number| number.to_string()), None);
        }
    }
    found
}

fn version_fields(kind: Kind, ours: &ModelVersion, theirs: &ModelVersion, pairs: &Pairs) -> Found {
    let mut found = Found::new(kind);
    let stage = |of: &ModelVersion| if of.stage.is_empty() { "None".to_owned() } else { of.stage.clone() };
    let run = |of: &ModelVersion| of.run_id.as_ref().map(ToString::to_string).filter(|id| !id.is_empty());
    found.value("description", &ours.description, &theirs.description);
    found.value("current_stage", stage(ours), stage(theirs));
    found.value("status", &ours.status, &theirs.status);
    let text = |of: &ModelVersion| run(of).unwrap_or_default();
    if !pairs.is_same_text("mlflow.run_id", &text(ours), &text(theirs)) {
        let given = given_run(theirs, pairs).map(RunId::to_string);
        found.unequal("run_id".to_owned(), run(ours), run(theirs), given.as_deref());
    }
    if !is_same_source(ours, theirs, pairs) {
        let made = Some(theirs.source.as_str()).filter(|_| is_resolved(ours, theirs, pairs));
        found.option("source", Some(&ours.source), Some(&theirs.source), made);
    }
    if !pairs.is_same_text("mlflow.run_link", &ours.run_link, &theirs.run_link) {
        found.value("run_link", &ours.run_link, &theirs.run_link);
    }
    tags(&mut found, &ours.tags, &theirs.tags, pairs);
    found
}

/// The run that a target assigns to a version that does not name a run. If the version is made from a logged model, it
/// is the run of that model. If the target checks sources, it may also be the run that owns the files. For a copy of a
/// version, the original is not looked up: any run is accepted, except the old id of a run that was moved.
fn given_run<'a>(theirs: &'a ModelVersion, pairs: &'a Pairs) -> Option<&'a RunId> {
    if let Some(model) = theirs.logged_model() {
        return pairs.model_runs.get(&model.digits());
    }
    let given = theirs.run_id.as_ref().filter(|_| pairs.checked_sources)?;
    let is_owner = OwnedUri::parse(&theirs.source).is_some_and(|uri| uri.owner == given.as_str());
    // The old id of a moved run is wrong. The id of a run that was never moved is accepted.
    let is_copied = theirs.copied_from().is_some() && !pairs.runs.contains_key(given);
    Some(given).filter(|_| is_owner || is_copied)
}

/// True when the source names a version by its alias, by its stage or as the latest, and the target names it by its
/// number.
fn is_resolved(ours: &ModelVersion, theirs: &ModelVersion, pairs: &Pairs) -> bool {
    let name = ours.source.strip_prefix("models:/").and_then(|rest| rest.split_once(['@', '/']));
    let new_name = |name: &str| pairs.models.get(name).map_or(name.to_owned(), String::clone);
    let copied = theirs.copied_from().map(|(name, _)| name.to_owned());
    pairs.checked_sources && ours.copied_from().is_none() && name.map(|(name, _)| new_name(name)) == copied
}

/// True when both sources have the same meaning: the same path below the same run or logged model, the same version of
/// another model, or equal texts.
fn is_same_source(ours: &ModelVersion, theirs: &ModelVersion, pairs: &Pairs) -> bool {
    if let (Some((name, number)), Some(copied)) = (ours.copied_from(), theirs.copied_from()) {
        return pairs.new_version(name, number) == copied;
    }
    match (OwnedUri::parse(&ours.source), OwnedUri::parse(&theirs.source)) {
        (Some(a), Some(b)) => {
            let is_same_path = (a.below, a.form) == (b.below, b.form);
            is_same_path && pairs.is_same_text("mlflow.run_id", a.owner, b.owner)
        }
        (None, None) => ours.source == theirs.source,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "0123456789abcdef0123456789abcdef";
    const NEW: &str = "ffffffffffffffffffffffffffffffff";

    fn pairs() -> Pairs {
        let runs = [(RunId::from(OLD), RunId::from(NEW))].into();
        Pairs { runs, experiments: [("1".into(), "7".into())].into(), ..Pairs::default() }
    }

    fn version() -> ModelVersion {
        ModelVersion {
            source: format!("s3://a/1/{OLD}/artifacts/model"),
            run_id: Some(OLD.into()),
            tags: [(tag::PROMPT_EXPERIMENTS.to_owned(), ",1,2,".to_owned())].into(),
            ..ModelVersion::default()
        }
    }

    #[test]
    fn a_version_with_new_ids_is_the_same() {
        let mut theirs = version();
        theirs.source = format!("mlflow-artifacts:/7/{NEW}/artifacts/model");
        theirs.run_id = Some(NEW.into());
        theirs.stage = "None".into();
        theirs.tags.insert(tag::PROMPT_EXPERIMENTS.into(), ",7,".into());
        assert_eq!(version_fields(Kind::ModelVersion, &version(), &theirs, &pairs()).differ, []);
    }

    fn differ(ours: &ModelVersion, theirs: &ModelVersion, pairs: &Pairs) -> Vec<String> {
        let found = version_fields(Kind::ModelVersion, ours, theirs, pairs).differ;
        found.into_iter().map(|one| one.field).collect()
    }

    #[test]
    fn a_target_that_checks_sources_assigns_a_run_to_a_version() {
        let (mut ours, mut theirs) = (version(), version());
        ours.run_id = None;
        theirs.source = format!("runs:/{NEW}/model");
        ours.source = format!("runs:/{OLD}/model");
        theirs.run_id = Some(NEW.into());
        let checked = Pairs { checked_sources: true, ..pairs() };
        assert_eq!(differ(&ours, &theirs, &checked), [""; 0]);
        assert_eq!(differ(&ours, &theirs, &pairs()), ["run_id"], "any other target does not");
        theirs.run_id = Some(OLD.into());
        assert_eq!(differ(&ours, &theirs, &checked), ["run_id"], "another run");
        (ours.source, theirs.source) = ("models:/a/1".into(), "models:/a/1".into());
        assert_eq!(differ(&ours, &theirs, &checked), ["run_id"], "a run that was not moved");
        theirs.run_id = Some(NEW.into());
        assert_eq!(differ(&ours, &theirs, &checked), [""; 0], "a copy");
        for resolved in ["models:/a@champion", "models:/a/Production", "models:/a/latest"] {
            ours.source = resolved.into();
            assert_eq!(differ(&ours, &theirs, &checked), [""; 0], "{resolved}");
            assert_eq!(differ(&ours, &theirs, &Pairs::default()), ["run_id", "source"], "{resolved}");
        }
        ours.source = "models:/b@champion".into();
        assert_eq!(differ(&ours, &theirs, &checked), ["source"], "another model");
    }

    #[test]
    fn every_target_assigns_the_run_of_the_logged_model_to_a_version() {
        let (mut ours, mut theirs) = (version(), version());
        (ours.run_id, theirs.run_id) = (None, Some(NEW.into()));
        (ours.source, theirs.source) = (format!("models:/m-{OLD}"), format!("models:/m-{NEW}"));
        let known = Pairs { model_runs: [(RunId::from(NEW), RunId::from(NEW))].into(), ..pairs() };
        assert_eq!(differ(&ours, &theirs, &known), [""; 0]);
        assert_eq!(differ(&ours, &theirs, &pairs()), ["run_id"], "the model has no run");
        theirs.run_id = Some(OLD.into());
        assert_eq!(differ(&ours, &theirs, &known), ["run_id"], "another run");
        theirs.run_id = None;
        assert_eq!(differ(&ours, &theirs, &known), [""; 0], "neither side has a run");
    }

    #[test]
    fn each_field_is_compared() {
        type Change = (&'static str, fn(&mut ModelVersion));
        let changes: [Change; 7] = [
            ("description", |v| v.description = "x".into()),
            ("current_stage", |v| v.stage = "Staging".into()),
            ("status", |v| v.status = "FAILED".into()),
            ("run_id", |v| v.run_id = None),
            ("source", |v| v.source.push('x')),
            ("run_link", |v| v.run_link = "x".into()),
            ("tag t", |v| drop(v.tags.insert("t".into(), "1".into()))),
        ];
        for (field, change) in changes {
            let (mut theirs, same) = (version(), Pairs::default());
            change(&mut theirs);
            assert_eq!(differ(&version(), &theirs, &same), [field]);
        }
        let model = RegisteredModel { aliases: [("a".into(), 1)].into(), ..RegisteredModel::default() };
        let other = RegisteredModel { aliases: [("a".into(), 2)].into(), ..RegisteredModel::default() };
        assert_eq!(model_fields(&model, &other, &pairs()).differ[0].field, "alias a");
    }
}
