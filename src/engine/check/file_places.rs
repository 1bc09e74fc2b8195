//! Where the files of a store are that is read without its server, counted before anything is moved.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{Finding, Level};
use crate::entities::Run;
use crate::readers::{FilePlace, READABLE, Reader};

/// The runs of a sample by the place of their files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilePlaces {
    named: u64,
    moved: u64,
    remote: u64,
    /// The first folder that cannot be read, and the reason.
    refused: Option<(PathBuf, String)>,
    /// Runs of each artifact root that this machine does not have.
    unknown: BTreeMap<String, u64>,
}

impl FilePlaces {
    pub async fn of(reader: &dyn Reader, runs: &[Run]) -> Self {
        let mut places = Self::default();
        for run in runs {
            match reader.file_place(run.owner()).await {
                None => break,
                Some(FilePlace::Nothing) => {}
                Some(FilePlace::Refused { folder, reason }) => {
                    places.refused.get_or_insert((folder, reason));
                }
                Some(FilePlace::Named) => places.named += 1,
                Some(FilePlace::Moved) => places.moved += 1,
                Some(FilePlace::Remote) => places.remote += 1,
                Some(FilePlace::Unknown { root }) => *places.unknown.entry(root).or_default() += 1,
            }
        }
        places
    }

    /// True when files of some runs cannot be read.
    pub fn is_refused(&self) -> bool {
        self.refused.is_some()
    }

    pub fn add(&mut self, more: Self) {
        self.named += more.named;
        self.moved += more.moved;
        self.remote += more.remote;
        self.refused = self.refused.take().or(more.refused);
        for (root, count) in more.unknown {
            *self.unknown.entry(root).or_default() += count;
        }
    }

    /// `more` means that not all runs were checked.
    pub fn findings(&self, more: bool) -> Vec<Finding> {
        let count = |count: u64| format!("{count}{} runs", if more { " or more" } else { "" });
        let found = [
            (self.named, "where the store says"),
            (self.moved, "in folders that the store does not name"),
            (self.remote, "in an object store, which is read with this machine's credentials"),
        ];
        let found = found.into_iter().filter(|(runs, _)| *runs > 0);
        let mut findings: Vec<Finding> = found
            .map(|(runs, place)| Finding::new(Level::Ok, format!("files of {} are {place}", count(runs))))
            .collect();
        findings.extend(self.refused.iter().map(|(folder, reason)| {
            let text = format!("files in {} cannot be read: {reason}", folder.display());
            Finding::new(Level::Warning, text).hint(READABLE)
        }));
        findings.extend(self.unknown.iter().map(|(root, runs)| {
            let text =
                format!("files of {} at {root} are not on this machine: they cannot be moved", count(*runs));
            let hint = match root.starts_with("mlflow-artifacts:") {
                true => {
                    "say where the server kept them: --artifacts-destination /FOLDER or s3://BUCKET/PREFIX"
                        .to_owned()
                }
                false => format!("say where they are now: --artifact-root '{root}=/FOLDER'"),
            };
            Finding::new(Level::Warning, text).hint(hint)
        }));
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_unknown_root_is_named_with_what_to_do() {
        let unknown =
            BTreeMap::from([("/home/ada/mlruns".to_owned(), 3), ("mlflow-artifacts:".to_owned(), 1)]);
        let places = FilePlaces { named: 2, unknown, ..FilePlaces::default() };
        let findings = places.findings(false);
        let hints: Vec<_> = findings.iter().filter_map(|finding| finding.hint.as_deref()).collect();
        assert_eq!(findings[0].text, "files of 2 runs are where the store says");
        assert!(findings[1].text.contains("files of 3 runs at /home/ada/mlruns"), "{findings:?}");
        assert!(hints[0].contains("--artifact-root '/home/ada/mlruns=/FOLDER'"), "{hints:?}");
        assert!(hints[1].contains("--artifacts-destination"), "{hints:?}");
        assert!(FilePlaces::default().findings(true).is_empty());
    }
}
