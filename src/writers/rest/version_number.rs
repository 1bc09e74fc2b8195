//! The number of a version. The server counts versions itself: one more than any number that the model ever had. For each
//! number that the source does not have, a placeholder version is created and then deleted.

use std::collections::BTreeMap;

use super::late::PAUSES_FOR_NUMBERS;
use super::refused::not_made;
use super::registry::{PLACEHOLDER, PLACEHOLDER_SOURCE};
use super::source::NewSource;
use super::{MAX_TRIES, RestWriter};
use crate::entities::{ModelId, ModelVersion, RunId, tag};
use crate::error::{Class, Error, Result};
use crate::rest::NewVersion;
use crate::writers::TargetModel;

const NO_SUCH_SOURCE: &str = "the target does not accept this source: register a copy of the files, in a bucket or in the run \
                              that the version names, on the source or on the target";

impl RestWriter {
    /// Creates the version with its number: placeholders use up the numbers before it. If the target appends versions and
    /// has used that number for a version that was deleted since, the version keeps the number that it gets.
    pub(super) async fn number_version(
        &self,
        at: &mut TargetModel,
        version: &ModelVersion,
        new: &NewSource,
        tags: &BTreeMap<String, String>,
    ) -> Result<()> {
        let gap = BTreeMap::from([(tag::SOURCE_VERSION.to_owned(), PLACEHOLDER.to_owned())]);
        let named = version.run_id.as_ref().map(|id| self.id_map.target_of(id).unwrap_or_else(|| id.clone()));
        // With checked sources, the server accepts files of a run only in a version of that run.
        let run_id = named.or_else(|| new.run.clone().filter(|_| self.can.checked_sources));
        let mut wanted = at.numbers.number(version.version);
        let real = NewVersion {
            name: &at.name.clone(),
            source: &new.source,
            model_id: new.model.as_ref().map(ModelId::as_str),
            run_id: run_id.as_ref().map(RunId::as_str),
            run_link: &self.rewritten("mlflow.runLink", &version.run_link),
            description: &version.description,
            tags,
        };
        let placeholder = NewVersion {
            source: PLACEHOLDER_SOURCE,
            model_id: None,
            run_id: None,
            run_link: "",
            description: "",
            tags: &gap,
            ..real
        };
        // The server never assigns a number below an existing one, so a try would only use up another number.
        if at.versions.keys().any(|existing| *existing > wanted) || at.next.is_some_and(|next| next > wanted)
        {
            return Err(number_is_used(wanted, at.next));
        }
        let mut lost = 0;
        loop {
            let is_gap = at.next.is_some_and(|next| next < wanted);
            let made = self.client.create_model_version(if is_gap { &placeholder } else { &real }).await;
            let made = match made.map_err(|e| if lost == MAX_TRIES { not_made(e) } else { e }) {
                Ok(made) => made,
                // Look up the result: a created version is kept, and a placeholder is removed.
                Err(e) if e.class() == Class::Ambiguous && lost < MAX_TRIES => {
                    lost += 1;
                    self.unanswered.in_model(&at.name);
                    let before = std::mem::take(&mut at.versions);
                    for pause in PAUSES_FOR_NUMBERS {
                        tokio::time::sleep(pause).await;
                        at.versions = self.existing_versions(&at.name).await?;
                        if at.versions.keys().any(|number| !before.contains_key(number)) {
                            break;
                        }
                    }
                    // The version may have been created under another number, which is known only now.
                    let label = version.label();
                    let is_stray = |existing: &&ModelVersion| {
                        existing.version != wanted
                            && !before.contains_key(&existing.version)
                            && existing.tags.get(tag::SOURCE_VERSION) == Some(&label)
                    };
                    let strays: Vec<u64> =
                        at.versions.values().filter(is_stray).map(|existing| existing.version).collect();
                    for stray in strays {
                        self.client.delete_model_version(&at.name, stray).await?;
                        at.versions.remove(&stray);
                    }
                    at.next = None;
                    let same = at.versions.get(&wanted);
                    match same.map(|existing| self.ensure_same(existing, version, &new.source)) {
                        Some(same) if same.is_ok() || !at.appends => return same,
                        _ => continue,
                    }
                }
                Err(e) if e.class() == Class::Permanent && e.is_final() => {
                    return Err(e.hint(NO_SUCH_SOURCE));
                }
                Err(e) => return Err(e),
            };
            at.next = Some(made + 1);
            if made == wanted && !is_gap {
                return Ok(());
            }
            if made < wanted {
                self.set_aliases_of(at, made).await?;
                self.client.delete_model_version(&at.name, made).await?;
                continue;
            }
            // The version may exist as the late result of an earlier try. This also removes the placeholder.
            at.versions = self.existing_versions(&at.name).await?;
            let same = match at.versions.get(&wanted) {
                Some(existing) => self.ensure_same(existing, version, &new.source),
                None => Err(number_is_used(wanted, at.next)),
            };
            match (same, is_gap) {
                (Err(_), false) if at.appends && at.append_tag.is_some() => {
                    return self.append_version(at, version, made).await;
                }
                (Err(_), true) if at.appends => {
                    wanted = made + 1;
                    self.append_version(at, version, wanted).await?;
                }
                (same, true) => return same,
                (same, false) => {
                    self.client.delete_model_version(&at.name, made).await?;
                    at.versions.remove(&made);
                    return same;
                }
            }
        }
    }
}

fn number_is_used(wanted: u64, next: Option<u64>) -> Error {
    let next = next.map(|next| format!(", whose next number is {next}")).unwrap_or_default();
    Error::permanent(format!("the number {wanted} was used before on the target{next}"))
        .hint(
            "numbers of deleted versions are never used again: append the version with --append-versions, or give the model \
             another name with --model-rename-file",
        )
}
