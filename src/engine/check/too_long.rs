//! Values and names of runs that a target truncates or refuses.

use crate::entities::Run;
use crate::rest::takes_tag;

/// Longer values of params are truncated silently (MLflow 2.11 on, `utils/validation.py`, `MAX_PARAM_VAL_LENGTH`).
pub const MAX_PARAM_LENGTH: usize = 6_000;
/// The length of the tag column in characters (`store/tracking/dbmodels/models.py`, `SqlTag`). SQLite does not enforce
/// this length.
pub const MAX_RUN_TAG_LENGTH: usize = 8_000;
/// Longer names of params and metrics are refused (`utils/validation.py`, `MAX_ENTITY_KEY_LENGTH`).
pub const MAX_NAME_LENGTH: usize = 250;

/// The number of values and names in the checked runs that are too long, or that are refused for another reason.
#[derive(Clone, Copy, Debug, Default)]
pub struct TooLong {
    pub params: u64,
    pub tags: u64,
    /// The names of params and metrics.
    pub names: u64,
    /// The metrics whose latest point is from before 1970.
    pub early: u64,
}

impl TooLong {
    pub fn of(runs: &[Run]) -> Self {
        Self {
            params: longer(runs.iter().flat_map(|run| run.params.values()), MAX_PARAM_LENGTH),
            tags: longer(runs.iter().flat_map(|run| run.tags.values()), MAX_RUN_TAG_LENGTH),
            names: runs
                .iter()
                .flat_map(|run| run.params.keys().chain(run.latest.keys()))
                .filter(|name| is_refused(name))
                .count() as u64,
            early: runs.iter().flat_map(|run| run.latest.values()).filter(|point| point.timestamp < 0).count()
                as u64,
        }
    }

    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            params: self.params + other.params,
            tags: self.tags + other.tags,
            names: self.names + other.names,
            early: self.early + other.early,
        }
    }
}

/// True for a name of a param or a metric that servers refuse. Servers check these names like the names of tags.
fn is_refused(name: &str) -> bool {
    !takes_tag(name) || longer(std::iter::once(name), MAX_NAME_LENGTH) > 0
}

/// The number of values with more characters than the limit.
pub fn longer(values: impl Iterator<Item = impl AsRef<str>>, limit: usize) -> u64 {
    // Counting characters is only necessary for a value with enough bytes.
    let is_longer = |value: &str| value.len() > limit && value.chars().count() > limit;
    values.filter(|value| is_longer(value.as_ref())).count() as u64
}
