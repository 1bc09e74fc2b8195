//! Experiments and runs, field by field.

use std::collections::BTreeMap;
use std::fmt::Display;

use super::FieldDifference;
use super::references::{Reference, compare_text};
use crate::entities::{DatasetInput, Experiment, Run, tag};

/// What differs now, and what can only be judged once all pairs of runs are known.
#[derive(Default)]
pub struct Fields {
    pub differ: Vec<FieldDifference>,
    pub references: Vec<Reference>,
}

impl Fields {
    fn value(&mut self, field: &str, source: impl Display, target: impl Display) {
        let (source, target) = (source.to_string(), target.to_string());
        if source != target {
            self.differ.push(FieldDifference {
                field: field.to_owned(),
                source: Some(source),
                target: Some(target),
            });
        }
    }

    /// `strict` fields must name the new run; the others may keep the old id.
    fn map(
        &mut self,
        of: &str,
        source: &BTreeMap<String, String>,
        target: &BTreeMap<String, String>,
        strict: bool,
    ) {
        for (key, ours) in source.iter().filter(|(key, _)| !tag::is_ours(key)) {
            let field = format!("{of} {key}");
            match target.get(key) {
                None => self.differ.push(FieldDifference { field, source: Some(ours.clone()), target: None }),
                Some(theirs) => match compare_text(key, ours, theirs) {
                    Ok(ids) if ids.is_empty() => {}
                    Ok(ids) => self.references.push(Reference {
                        field,
                        source: ours.clone(),
                        target: theirs.clone(),
                        ids,
                        strict,
                    }),
                    Err(()) => self.differ.push(FieldDifference {
                        field,
                        source: Some(ours.clone()),
                        target: Some(theirs.clone()),
                    }),
                },
            }
        }
        for (key, theirs) in target.iter().filter(|(key, _)| !tag::is_ours(key) && !source.contains_key(*key))
        {
            let field = format!("{of} {key}");
            self.differ.push(FieldDifference { field, source: None, target: Some(theirs.clone()) });
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
                self.differ.push(FieldDifference { field, source: ours.cloned(), target: theirs.cloned() });
            }
        }
    }
}

pub fn experiments(source: &Experiment, target: &Experiment) -> Fields {
    let mut fields = Fields::default();
    fields.value("lifecycle_stage", source.lifecycle.name(), target.lifecycle.name());
    fields.map("tag", &source.tags, &target.tags, false);
    fields
}

pub fn runs(source: &Run, target: &Run) -> Fields {
    let time = |time: Option<i64>| time.map_or_else(|| "none".to_owned(), |t| t.to_string());
    let mut fields = Fields::default();
    fields.value("run_name", &source.name, &target.name);
    fields.value("user_id", &source.user_id, &target.user_id);
    fields.value("status", source.status.name(), target.status.name());
    fields.value("start_time", time(source.start_time), time(target.start_time));
    fields.value("end_time", time(source.end_time), time(target.end_time));
    fields.value("lifecycle_stage", source.lifecycle.name(), target.lifecycle.name());
    fields.map("param", &source.params, &target.params, false);
    let mut tags = target.tags.clone();
    // The server adds it to a run that was created without.
    if !source.tags.contains_key(tag::RUN_NAME) && tags.get(tag::RUN_NAME) == Some(&source.name) {
        tags.remove(tag::RUN_NAME);
    }
    fields.map("tag", &source.tags, &tags, true);
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
    fn each_field_is_looked_at() {
        assert!(runs(&run(), &run()).differ.is_empty());
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
            let found: Vec<String> = runs(&run(), &target).differ.into_iter().map(|d| d.field).collect();
            assert_eq!(found, [field]);
        }
    }

    #[test]
    fn tags_of_our_own_and_the_servers_name_tag_are_no_difference() {
        let mut target = run();
        target.tags.insert(tag::SOURCE_RUN_ID.into(), "x".into());
        target.tags.insert(tag::RUN_NAME.into(), "r".into());
        assert!(runs(&run(), &target).differ.is_empty());
    }
}
