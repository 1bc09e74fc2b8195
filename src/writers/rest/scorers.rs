//! Scorers. The server numbers versions itself: one more than the greatest existing number. A placeholder holds each
//! number that is free on the source, until the next version exists.

use std::collections::{BTreeMap, BTreeSet};

use super::RestWriter;
use super::late::PAUSES_FOR_NUMBERS;
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
            return Err(Error::permanent("the target does not support scorers")
                .hint("use MLflow 3.4 or newer with a database"));
        }
        let place = self
            .new_experiment(experiment)
            .ok_or_else(|| Error::permanent(format!("its experiment {experiment} is not on the target")))?;
        let existing: BTreeSet<String> =
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
            if existing.contains(name) {
                self.reload(&mut at).await?;
            }
            let mut delayed = None;
            for version in versions {
                // A later version would use the number of one that can still be written.
                let result = match &delayed {
                    None => self.find_or_make_scorer(&mut at, version).await,
                    Some(error) => Err(waits_for_earlier(error)),
                };
                delayed = delayed.or_else(|| result.as_ref().err().filter(|e| !e.is_final()).cloned());
                results.push(result);
            }
            for placeholder in &at.placeholders {
                match self.client.delete_scorer_version(&place, name, *placeholder).await {
                    // An earlier try has deleted it, and its reply was lost.
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
        let existing = match self.client.scorer_versions(at.experiment, at.name).await {
            // No version was registered yet.
            Err(e) if e.class() == Class::NotFound => Vec::new(),
            other => other?,
        };
        for version in existing {
            if version.has_same_content(&placeholder) {
                at.placeholders.insert(version.version);
            } else {
                at.versions.insert(version.version, version);
            }
        }
        Ok(())
    }

    /// Reads the versions again, a few times: the server may still be busy with a request that it did not answer.
    async fn reload_until(
        &self,
        at: &mut ImportedScorers<'_>,
        is_present: impl Fn(&ImportedScorers<'_>) -> bool,
    ) -> Result<()> {
        for pause in PAUSES_FOR_NUMBERS {
            tokio::time::sleep(pause).await;
            self.reload(at).await?;
            if is_present(at) {
                break;
            }
        }
        Ok(())
    }

    async fn find_or_make_scorer(&self, at: &mut ImportedScorers<'_>, wanted: &Scorer) -> Result<Existing> {
        if let Some(existing) = at.versions.get(&wanted.version) {
            return match existing.has_same_content(wanted) {
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
                    self.reload_until(at, |at| at.next() != before).await?;
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
                self.reload_until(at, |at| at.versions.contains_key(&wanted.version)).await?;
                let is_present = at
                    .versions
                    .get(&wanted.version)
                    .is_some_and(|existing| existing.has_same_content(wanted));
                if is_present { Ok(Existing::Nothing) } else { Err(not_made(e)) }
            }
            Err(e) => Err(e),
        }
    }
}

fn waits_for_earlier(error: &Error) -> Error {
    let waits = Error::transient(format!("an earlier version of it could not be written yet: {error}"));
    waits.hint("run the same command again: it continues")
}

fn conflict(wanted: &Scorer) -> Error {
    Error::permanent(format!("the target has another {}, or later versions without it", wanted.label())).hint(
        "nothing was overwritten; rename the experiment with --experiment-rename-file, or delete it there",
    )
}
