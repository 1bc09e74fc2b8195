//! Registered models, prompts and their versions. They come last: by now it is known which run became which.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::PoisonError;

use futures::{StreamExt, TryStreamExt, stream};

use super::pairs::{Pairs, map, tags, value};
use super::{Compare, Difference, FieldDifference};
use crate::engine::choose::ChosenModel;
use crate::entities::{ExperimentId, ModelVersion, OwnedUri, RegisteredModel};
use crate::error::Result;
use crate::snapshot::read_all;

/// Models that are compared side by side.
const MODELS_AT_ONCE: usize = 4;

impl Compare {
    /// What is known of partners once all runs and logged models are compared.
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
        Pairs { runs, experiments, models, checked_sources }
    }

    pub(super) async fn registry(&self, models: Vec<ChosenModel>, pairs: &Pairs) -> Result<()> {
        let (all, unread) = read_all(self.target.registered_models()).await?;
        self.unread(unread, false).await;
        let mut there: BTreeMap<String, RegisteredModel> =
            all.into_iter().map(|model| (model.name.clone(), model)).collect();
        let both: Vec<_> = models
            .into_iter()
            .map(|chosen| {
                let partner = there.remove(self.plan.target_model_name(&chosen.model));
                (chosen, partner)
            })
            .collect();
        for (chosen, _) in &both {
            self.context.plan(chosen.model.kind(), 1).await;
        }
        stream::iter(both)
            .map(Ok)
            .try_for_each_concurrent(MODELS_AT_ONCE, |(ours, theirs)| async move {
                self.model(&ours, theirs.as_ref(), pairs).await
            })
            .await?;
        if self.plan.is_everything() {
            for model in there.values() {
                self.context.plan(model.kind(), 1).await;
                self.found(Difference::extra(model.kind(), &model.name, &model.name)).await;
            }
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
                // What else the target has of it is nobody's business.
                let mut theirs = theirs.clone();
                theirs.aliases.retain(|_, number| chosen.versions.takes(number));
                let fields = model_fields(ours, &theirs, pairs);
                self.found(Difference::pair(kind, &ours.name, &ours.name, &theirs.name, fields)).await;
                partners = self.versions(&theirs, false).await;
            }
        }
        let kind = ours.version_kind();
        versions.retain(|number, _| chosen.versions.takes(number));
        partners.retain(|number, _| chosen.versions.takes(number));
        let numbers: BTreeSet<u64> = versions.keys().chain(partners.keys()).copied().collect();
        self.context.plan(kind, numbers.len()).await;
        for number in numbers {
            let difference = match (versions.remove(&number), partners.remove(&number)) {
                (Some(a), Some(b)) => {
                    let (from, to) = (a.label(), b.label());
                    Difference::pair(kind, &from, &from, &to, version_fields(&a, &b, pairs))
                }
                (Some(a), None) => Difference::missing(kind, &a.label(), &a.label()),
                (None, Some(b)) => Difference::extra(kind, &b.label(), &b.label()),
                (None, None) => continue,
            };
            self.found(difference).await;
        }
        Ok(())
    }

    async fn versions(&self, of: &RegisteredModel, is_source: bool) -> BTreeMap<u64, ModelVersion> {
        let snapshot = if is_source { &self.source } else { &self.target };
        match snapshot.model_versions(of).await {
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

fn model_fields(ours: &RegisteredModel, theirs: &RegisteredModel, pairs: &Pairs) -> Vec<FieldDifference> {
    let mut differ = Vec::new();
    value(&mut differ, "description", &ours.description, &theirs.description);
    tags(&mut differ, &ours.tags, &theirs.tags, pairs);
    let aliases = |model: &RegisteredModel| {
        model.aliases.iter().map(|(alias, n)| (alias.clone(), n.to_string())).collect::<BTreeMap<_, _>>()
    };
    map(&mut differ, "alias", &aliases(ours), &aliases(theirs), |_, a, b| a == b);
    differ
}

fn version_fields(ours: &ModelVersion, theirs: &ModelVersion, pairs: &Pairs) -> Vec<FieldDifference> {
    let mut differ = Vec::new();
    let stage = |of: &ModelVersion| if of.stage.is_empty() { "None".to_owned() } else { of.stage.clone() };
    let run = |of: &ModelVersion| of.run_id.as_ref().map(ToString::to_string).unwrap_or_default();
    value(&mut differ, "description", &ours.description, &theirs.description);
    value(&mut differ, "current_stage", &stage(ours), &stage(theirs));
    value(&mut differ, "status", &ours.status, &theirs.status);
    let is_given = pairs.checked_sources && is_given_its_run(ours, theirs);
    if !is_given && !pairs.is_same_text("mlflow.run_id", &run(ours), &run(theirs)) {
        value(&mut differ, "run_id", &run(ours), &run(theirs));
    }
    if !is_same_source(ours, theirs, pairs) {
        value(&mut differ, "source", &ours.source, &theirs.source);
    }
    if !pairs.is_same_text("mlflow.run_link", &ours.run_link, &theirs.run_link) {
        value(&mut differ, "run_link", &ours.run_link, &theirs.run_link);
    }
    tags(&mut differ, &ours.tags, &theirs.tags, pairs);
    differ
}

/// A version that names no run has the one that its files are of, or that of the version that it is a copy of: a
/// target that checks sources takes no other (MLflow 3.17, `server/handlers.py`,
/// `_resolve_registered_model_source_lineage`).
fn is_given_its_run(ours: &ModelVersion, theirs: &ModelVersion) -> bool {
    let owner = OwnedUri::parse(&theirs.source).map(|uri| uri.owner);
    let is_owner = theirs.run_id.as_ref().is_some_and(|run| owner == Some(run.as_str()));
    ours.run_id.is_none() && (is_owner || theirs.copied_from().is_some())
}

/// The same place below runs that are partners, the same version of another model, or the same text.
fn is_same_source(ours: &ModelVersion, theirs: &ModelVersion, pairs: &Pairs) -> bool {
    if let (Some((name, number)), Some(copied)) = (ours.copied_from(), theirs.copied_from()) {
        return (pairs.models.get(name).map_or(name, String::as_str), number) == copied;
    }
    match (OwnedUri::parse(&ours.source), OwnedUri::parse(&theirs.source)) {
        (Some(a), Some(b)) => {
            let same_place = (a.below, a.form) == (b.below, b.form);
            same_place && pairs.is_same_text("mlflow.run_id", a.owner, b.owner)
        }
        (None, None) => ours.source == theirs.source,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entities::{RunId, tag};

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
    fn a_version_below_the_partner_of_its_run_is_the_same() {
        let mut theirs = version();
        theirs.source = format!("mlflow-artifacts:/7/{NEW}/artifacts/model");
        theirs.run_id = Some(NEW.into());
        theirs.stage = "None".into();
        theirs.tags.insert(tag::PROMPT_EXPERIMENTS.into(), ",7,".into());
        assert_eq!(version_fields(&version(), &theirs, &pairs()), []);
    }

    #[test]
    fn a_target_that_checks_sources_gives_a_version_its_run() {
        let (mut ours, mut theirs) = (version(), version());
        ours.run_id = None;
        theirs.source = format!("runs:/{NEW}/model");
        ours.source = format!("runs:/{OLD}/model");
        theirs.run_id = Some(NEW.into());
        let checked = Pairs { checked_sources: true, ..pairs() };
        assert_eq!(version_fields(&ours, &theirs, &checked), []);
        assert_eq!(version_fields(&ours, &theirs, &pairs())[0].field, "run_id", "any other target does not");
        theirs.run_id = Some(OLD.into());
        assert_eq!(version_fields(&ours, &theirs, &checked)[0].field, "run_id", "another run");
        (ours.source, theirs.source) = ("models:/a/1".into(), "models:/a/1".into());
        assert_eq!(version_fields(&ours, &theirs, &checked), [], "a copy");
    }

    #[test]
    fn each_field_is_looked_at() {
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
            let found: Vec<String> =
                version_fields(&version(), &theirs, &same).into_iter().map(|d| d.field).collect();
            assert_eq!(found, [field]);
        }
        let model = RegisteredModel { aliases: [("a".into(), 1)].into(), ..RegisteredModel::default() };
        let other = RegisteredModel { aliases: [("a".into(), 2)].into(), ..RegisteredModel::default() };
        assert_eq!(model_fields(&model, &other, &pairs())[0].field, "alias a");
    }
}
