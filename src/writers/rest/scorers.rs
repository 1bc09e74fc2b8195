//! Scorers. The server numbers versions itself, one more than the greatest existing number. A placeholder holds each
//! number that is free on the source, until the next version exists.

use std::collections::{BTreeMap, BTreeSet};

use super::RestWriter;
use super::refused::not_made;
use crate::entities::{ExperimentId, Scorer};
use crate::error::{Class, Error, Result};
use crate::writers::Existing;

/// The server accepts any JSON object as a scorer.
const PLACEHOLDER: &str = r#"{"mlferry": "placeholder"}"#;

/// One scorer on the target.
struct ImportedScorers<'a> {
    experiment: &'a ExperimentId,
    name: &'a str,
    versions: BTreeMap<u64, Scorer>,
    placeholders: BTreeSet<u64>,
}

impl ImportedScorers<'_> {
    fn next(&self) -> u64 {
        let last = |numbers: Option<&u64>| numbers.copied().unwrap_or_default();
        last(self.versions.keys().next_back()).max(last(self.placeholders.last())) + 1
    }
}

impl RestWriter {
    /// Writes the versions of the scorers of one experiment, sorted by name and number. Returns the result for each.
    pub(super) async fn find_or_make_scorers(
        &self,
        experiment: &ExperimentId,
        scorers: &[Scorer],
    ) -> Result<Vec<Result<Existing>>> {
        if !self.can.evaluation {
            return Err(Error::permanent("the target knows no scorers")
                .hint("MLflow 3.4 or newer over a database has them"));
        }
        let place = self
            .new_experiment(experiment)
            .ok_or_else(|| Error::permanent(format!("its experiment {experiment} is not on the target")))?;
        let there: BTreeSet<String> =
            self.client.scorers(Some(&place)).await?.into_iter().map(|one| one.name).collect();
        let mut results = Vec::new();
        for versions in scorers.chunk_by(|a, b| a.name == b.name) {
            let name = versions[0].name.as_str();
            let mut at = ImportedScorers {
                experiment: &place,
                name,
                versions: BTreeMap::new(),
                placeholders: BTreeSet::new(),
            };
            if there.contains(name) {
                self.reload(&mut at).await?;
            }
            for version in versions {
                results.push(self.find_or_make_scorer(&mut at, version).await);
            }
            for placeholder in &at.placeholders {
                match self.client.delete_scorer_version(&place, name, *placeholder).await {
                    // An earlier try has deleted it; its reply was lost.
                    Err(e) if e.class() == Class::NotFound => {}
                    other => other?,
                }
            }
        }
        Ok(results)
    }

    async fn reload(&self, at: &mut ImportedScorers<'_>) -> Result<()> {
        let placeholder = Scorer { content: PLACEHOLDER.to_owned(), ..Scorer::default() };
        (at.versions, at.placeholders) = Default::default();
        for version in self.client.scorer_versions(at.experiment, at.name).await? {
            if version.says_the_same(&placeholder) {
                at.placeholders.insert(version.version);
            } else {
                at.versions.insert(version.version, version);
            }
        }
        Ok(())
    }

    async fn find_or_make_scorer(&self, at: &mut ImportedScorers<'_>, wanted: &Scorer) -> Result<Existing> {
        if let Some(there) = at.versions.get(&wanted.version) {
            return match there.says_the_same(wanted) {
                true => Ok(Existing::Everything),
                false => Err(conflict(wanted)),
            };
        }
        while at.next() < wanted.version {
            match self.client.register_scorer(at.experiment, at.name, PLACEHOLDER).await {
                Ok(made) => _ = at.placeholders.insert(made),
                // Look up whether the version was registered.
                Err(e) if e.class() == Class::Ambiguous => {
                    let before = at.next();
                    self.reload(at).await?;
                    if at.next() == before {
                        return Err(not_made(e));
                    }
                }
                Err(e) => return Err(e),
            }
        }
        if at.next() > wanted.version {
            return Err(conflict(wanted));
        }
        match self.client.register_scorer(at.experiment, at.name, &wanted.content).await {
            Ok(made) => {
                at.versions.insert(made, wanted.clone());
                Ok(Existing::Nothing)
            }
            Err(e) if e.class() == Class::Ambiguous => {
                self.reload(at).await?;
                let is_there =
                    at.versions.get(&wanted.version).is_some_and(|there| there.says_the_same(wanted));
                if is_there { Ok(Existing::Nothing) } else { Err(not_made(e)) }
            }
            Err(e) => Err(e),
        }
    }
}

fn conflict(wanted: &Scorer) -> Error {
    Error::permanent(format!("the target has another {}, or later versions without it", wanted.label())).hint(
        "nothing was overwritten; rename the experiment with --experiment-rename-file, or delete it there",
    )
}
