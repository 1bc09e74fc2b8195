use std::fmt::Display;

use serde::Serialize;

use super::Kind;
use crate::error::Error;

/// An object that exists but cannot be read: data, not an error, so that it never hides its siblings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unreadable {
    pub kind: Kind,
    pub id: String,
    pub reason: String,
}

/// What a page holds: the object, or the news that this one cannot be read.
pub type Readable<T> = std::result::Result<T, Unreadable>;

impl Unreadable {
    /// Stands for all that a list did not give: how many objects those are is not known. `of` is what they belong to,
    /// such as `experiment 5`; empty for all of the server.
    pub fn rest_of_list(kind: Kind, of: &str, reason: impl Display) -> Self {
        let title = kind.title();
        let of = if of.is_empty() { String::new() } else { format!(" of {of}") };
        Self {
            kind,
            id: format!("other {title}{of}"),
            reason: format!("its {title} cannot be listed: {reason}"),
        }
    }
}

impl From<Unreadable> for Error {
    fn from(Unreadable { kind, id, reason }: Unreadable) -> Self {
        Self::permanent(format!("{} {id} cannot be read: {reason}", kind.words().0))
    }
}
