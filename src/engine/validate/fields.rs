//! Experiments and runs, field by field.

use std::collections::{BTreeMap, BTreeSet};

use super::found::Found;
use super::references::{Reference, compare_text};
use crate::entities::{DatasetInput, Experiment, Kind, Lifecycle, Run, tag};

/// The differences found so far, and the references that can only be checked when all pairs of runs are known.
pub struct Fields {
    pub found: Found,
    pub references: Vec<Reference>,
}

impl Fields {
    fn new(kind: Kind) -> Self {
        Self { found: Found::new(kind), references: Vec::new() }
    }

    /// Compares two maps. If `strict` is true, a value that names a moved run must contain its new id. Otherwise the
    /// value may keep the old id.
    fn map(
        &mut self,
        of: &str,
        source: &BTreeMap<String, String>,
        target: &BTreeMap<String, String>,
        strict: bool,
    ) {
        let keys: BTreeSet<&String> =
            source.keys().chain(target.keys()).filter(|key| !tag::is_ours(key)).collect();
        for key in keys {
            let field = format!("{of} {key}");
            let (ours, theirs) = (source.get(key), target.get(key));
            let ids = match ours.zip(theirs) {
                Some((ours, theirs)) => compare_text(key, ours, theirs),
                None => Err(()),
            };
            match ids {
                Ok(ids) if ids.is_empty() => {}
                Ok(ids) => self.references.push(Reference {
                    field,
                    source: ours.cloned().unwrap_or_default(),
                    target: theirs.cloned().unwrap_or_default(),
                    ids,
                    strict,
                }),
                Err(()) => self.found.unequal(field, ours.cloned(), theirs.cloned(), None),
            }
        }
    }

    fn datasets(&mut self, source: &[DatasetInput], target: &[DatasetInput]) {
        let key = |d: &DatasetInput| (d.name.clone(), d.digest.clone());
        let text = |d: &DatasetInput| format!("{d:?}");
        let by_key = |all: &[DatasetInput]| all.iter().map(|d| (key(d), text(d))).collect::<BTreeMap<_, _>>();
        let (source, target) = (by_key(source), by_key(target));
        let keys = source.keys().chain(target.keys().filter(|key| !source.contains_key(*key)));
        for key in keys {
            let (ours, theirs) = (source.get(key), target.get(key));
            if ours != theirs {
                let field = format!("dataset {} {}", key.0, key.1);
                self.found.unequal(field, ours.cloned(), theirs.cloned(), None);
            }
        }
    }
}

/// Compares two experiments. `name` is the experiment's name on the target, according to the plan.
pub fn experiments(name: &str, source: &Experiment, target: &Experiment) -> Fields {
    let mut fields = Fields::new(Kind::Experiment);
    fields.found.value("name", name, &target.name);
    fields.found.value("lifecycle_stage", source.lifecycle.name(), target.lifecycle.name());
    fields.map("tag", &source.tags, &target.tags, false);
    fields
}

/// Compares two runs. `in_deleted` means that their experiment is deleted.
pub fn runs(source: &Run, target: &Run, in_deleted: bool) -> Fields {
    let mut fields = Fields::new(Kind::Run);
    let found = &mut fields.found;
    let name = |run: &Run| Some(run.name.clone()).filter(|name| !name.is_empty());
    found.option("run_name", name(source), name(target), Some(source.given_name()));
    found.value("user_id", &source.user_id, &target.user_id);
    found.value("status", source.status.name(), target.status.name());
    found.option("start_time", source.start_time, target.start_time, Some("0"));
    found.option("end_time", source.end_time, target.end_time, None);
    let (ours, theirs) = (source.lifecycle.name(), target.lifecycle.name());
    found.option(
        "lifecycle_stage",
        Some(ours),
        Some(theirs),
        in_deleted.then_some(Lifecycle::Deleted.name()),
    );
    let (ours, theirs) = (source.tags.get(tag::RUN_NAME), target.tags.get(tag::RUN_NAME));
    found.option("tag mlflow.runName", ours, theirs, Some(&target.name));
    fields.map("param", &source.params, &target.params, true);
    let tags = |run: &Run| {
        let mut tags = run.tags.clone();
        tags.remove(tag::RUN_NAME);
        tags
    };
    fields.map("tag", &tags(source), &tags(target), true);
    fields.datasets(&source.datasets, &target.datasets);
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entities::{Lifecycle, RunStatus};

    fn run() -> Run {
        Run {
            name: "r".into(),
            user_id: "ann".into(),
            start_time: Some(1),
            end_time: Some(2),
            params: [("p".to_owned(), "1".to_owned())].into(),
            tags: [("t".to_owned(), "1".to_owned())].into(),
            datasets: vec![DatasetInput { name: "d".into(), digest: "1".into(), ..DatasetInput::default() }],
            ..Run::default()
        }
    }

    #[test]
    fn each_field_is_compared() {
        assert!(runs(&run(), &run(), false).found.differ.is_empty());
        type Change = (&'static str, fn(&mut Run));
        let changes: [Change; 10] = [
            ("run_name", |r| r.name = "x".into()),
            ("user_id", |r| r.user_id = "x".into()),
            ("status", |r| r.status = RunStatus::Failed),
            ("start_time", |r| r.start_time = None),
            ("end_time", |r| r.end_time = Some(3)),
            ("lifecycle_stage", |r| r.lifecycle = Lifecycle::Deleted),
            ("param p", |r| drop(r.params.insert("p".into(), "2".into()))),
            ("tag t", |r| drop(r.tags.remove("t"))),
            ("tag u", |r| drop(r.tags.insert("u".into(), "2".into()))),
            ("dataset d 1", |r| drop(r.datasets[0].tags.insert("context".into(), "x".into()))),
        ];
        for (field, change) in changes {
            let mut target = run();
            change(&mut target);
            let found: Vec<String> =
                runs(&run(), &target, false).found.differ.into_iter().map(|d| d.field).collect();
            assert_eq!(found, [field]);
        }
    }

    #[test]
    fn tags_of_mlferry_and_the_servers_name_tag_are_not_differences() {
        let mut target = run();
        target.tags.insert(tag::SOURCE_RUN_ID.into(), "x".into());
        target.tags.insert(tag::RUN_NAME.into(), "r".into());
        assert!(runs(&run(), &target, false).found.differ.is_empty());
    }
}
