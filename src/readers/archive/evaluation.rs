use std::fs::File;
use std::io::{BufRead, BufReader};

use futures::{StreamExt, stream};

use super::ArchiveReader;
use crate::entities::{
    EvaluationDataset, ExperimentId, Kind, Readable, Record, Scorer, Unreadable, is_plain_id,
};
use crate::error::{Class, Error, Result};
use crate::io::Pages;

const RECORDS_PER_PAGE: usize = 1_000;

impl ArchiveReader {
    pub(super) fn read_datasets(&self) -> Result<Vec<Readable<EvaluationDataset>>> {
        let mut datasets = Vec::new();
        for id in self.folders_with(&self.layout.datasets(), "dataset.json")? {
            // The name of the folder is the id: an id inside a file is not trusted as a path.
            datasets.push(match self.read::<EvaluationDataset>(&self.layout.dataset_file(&id)) {
                Ok(dataset) => Ok(EvaluationDataset { id, ..dataset }),
                Err(error) => {
                    let reason = error.to_string();
                    Err(Unreadable { kind: Kind::EvaluationDataset, id, reason })
                }
            });
        }
        let present: Vec<String> = datasets.iter().flatten().map(|dataset| dataset.id.clone()).collect();
        let is_there = |id: &str| present.iter().any(|dataset| dataset == id);
        datasets.extend(self.listed_as_not_exported(&[Kind::EvaluationDataset], None, is_there).map(Err));
        let key = |one: &Readable<EvaluationDataset>| match one {
            Ok(dataset) => (dataset.name.clone(), dataset.id.clone()),
            Err(unreadable) => (String::new(), unreadable.id.clone()),
        };
        datasets.sort_by_key(key);
        Ok(datasets)
    }

    pub(super) fn read_records(&self, id: &str) -> Pages<'static, Record> {
        let path = self.layout.dataset_records(id);
        let opened = match is_plain_id(id) {
            true => self
                .checksums
                // All records are checked before the first one is returned: a changed record must not reach the target.
                .check(&path)
                .and_then(|()| File::open(&path).map_err(|e| Error::from(e).at(path.display()))),
            false => Err(Error::permanent(format!("{id:?} is not the id of an evaluation dataset"))),
        };
        let file = match opened {
            Ok(file) => file,
            Err(error) => return stream::once(async { Err(error) }).boxed(),
        };
        let records = BufReader::new(file).lines().map(move |line| {
            let record: Result<Record> = match line {
                Ok(line) => serde_json::from_str(&line).map_err(Error::from),
                Err(e) => Err(Error::from(e)),
            };
            record.map_err(|e| e.at(path.display()))
        });
        stream::iter(records).chunks(RECORDS_PER_PAGE).map(|page| page.into_iter().collect()).boxed()
    }

    pub(super) fn read_scorers(&self, experiment: &ExperimentId) -> Result<Vec<Scorer>> {
        if let Some(lost) = self.listed_as_not_exported(&[Kind::Scorer], Some(experiment), |_| false).next() {
            return Err(Error::permanent(lost.reason));
        }
        let scorers: Vec<Scorer> = match self.read(&self.layout.scorers_file(experiment)) {
            Err(e) if e.class() == Class::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        Ok(scorers.into_iter().map(|one| Scorer { experiment_id: experiment.clone(), ..one }).collect())
    }
}
