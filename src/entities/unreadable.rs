use std::fmt::Display;

use serde::Serialize;

use super::{ExperimentId, Kind};
use crate::error::Error;

/// An object that exists but cannot be read. This is data, not an error, so that the other objects of the list are
/// still read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unreadable {
    pub kind: Kind,
    pub id: String,
    pub reason: String,
}

/// An item of a page: the object, or the reason why it cannot be read.
pub type Readable<T> = std::result::Result<T, Unreadable>;

impl Unreadable {
    /// An item for all objects that a list did not return. Their number is unknown. `of` is their parent, such as
    /// `experiment 5`; it is empty for the whole server.
    pub fn rest_of_list(kind: Kind, of: &str, reason: impl Display) -> Self {
        let title = kind.title();
        let of = if of.is_empty() { String::new() } else { format!(" of {of}") };
        Self {
            kind,
            id: format!("other {title}{of}"),
            reason: format!("its {title} cannot be listed: {reason}"),
        }
    }

    /// The experiment whose objects an item of [`Self::rest_of_list`] stands for.
    pub fn listed_experiment(id: &str) -> Option<ExperimentId> {
        let (_, experiment) = id.strip_prefix("other ")?.rsplit_once(" of experiment ")?;
        Some(ExperimentId::from(experiment))
    }
}

impl From<Unreadable> for Error {
    fn from(Unreadable { kind, id, reason }: Unreadable) -> Self {
        Self::permanent(format!("{} {id} cannot be read: {reason}", kind.words().0))
    }
}
