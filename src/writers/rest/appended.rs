//! Versions that are appended to a model of the target, because their numbers are used there by other versions.

use std::sync::PoisonError;

use super::RestWriter;
use super::source::NewSource;
use crate::entities::ModelVersion;
use crate::error::{Error, Result};
use crate::writers::TargetModel;

impl RestWriter {
    /// The number under which this version is found or created. With [`TargetModel::appends`], it is the next free
    /// number if another version uses the one that it would get.
    pub(super) async fn place_version(
        &self,
        at: &mut TargetModel,
        version: &ModelVersion,
        new: &NewSource,
    ) -> Result<u64> {
        let mut number = at.number_of(version);
        let is_used = match at.versions.get(&number) {
            Some(existing) => {
                !existing.is_made_from(version) && self.ensure_same(existing, version, &new.source).is_err()
            }
            None => at.last_number() >= number,
        };
        if at.appends && is_used {
            number = at.last_number() + 1;
            self.append_version(at, version, number).await?;
        }
        self.keep_number(version, number);
        Ok(number)
    }

    /// Gives the version this number, and the later ones the numbers after it. The target keeps the offset, so that
    /// another import finds the same numbers. It is written before the version, because an offset without a version does
    /// no harm.
    pub(super) async fn append_version(
        &self,
        at: &mut TargetModel,
        version: &ModelVersion,
        number: u64,
    ) -> Result<()> {
        let Some(key) = &at.append_tag else {
            return Err(Error::permanent(format!(
                "the versions of {:?} cannot be appended: the source does not know when it was created, so another \
                 import could not find them again",
                version.name
            ))
            .hint("give the model another name with --model-rename-file"));
        };
        let kept = at.numbers.append(version.version, number).to_string();
        self.client.set_registered_model_tag(&at.name, key, &kept).await?;
        self.keep_number(version, number);
        Ok(())
    }

    fn keep_number(&self, version: &ModelVersion, number: u64) {
        if number != version.version {
            let mut numbers = self.new_numbers.lock().unwrap_or_else(PoisonError::into_inner);
            numbers.insert(version.label(), number);
        }
    }

    /// The number on the target of a version that has another one there.
    pub(super) fn new_number(&self, label: &str) -> Option<u64> {
        self.new_numbers.lock().unwrap_or_else(PoisonError::into_inner).get(label).copied()
    }
}
