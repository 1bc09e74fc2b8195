//! The parts of an object that the target refused, although it accepted the object itself.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::entities::Kind;
use crate::error::{Class, Error, Result};

/// The most refused parts that one message lists.
const MAX_NAMED: usize = 5;
/// Characters of a name or of a reason in such a message.
const MAX_NAME_LENGTH: usize = 60;
const MAX_REASON_LENGTH: usize = 160;

/// The parts of one object that the server refused, and the reasons.
#[derive(Debug, Default)]
pub(super) struct Refused(Vec<Part>);

#[derive(Debug)]
struct Part {
    what: String,
    name: String,
    count: u64,
    reason: String,
}

impl Refused {
    /// `what` is the part's kind, such as `param`.
    pub fn add(&mut self, what: &str, name: &str, reason: impl Into<String>) {
        self.add_many(what, name, 1, reason);
    }

    pub fn add_many(&mut self, what: &str, name: &str, count: u64, reason: impl Into<String>) {
        match self.0.iter_mut().find(|part| part.what == what && part.name == name) {
            Some(part) => part.count += count,
            None => {
                let (what, name, reason) = (what.to_owned(), name.to_owned(), reason.into());
                self.0.push(Part { what, name, count, reason });
            }
        }
    }

    pub fn extend(&mut self, other: Self) {
        for Part { what, name, count, reason } in other.0 {
            self.add_many(&what, &name, count, reason);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One error that lists them. `None` when everything was accepted.
    pub fn into_error(self) -> Option<Error> {
        let total: u64 = self.0.iter().map(|part| part.count).sum();
        if total == 0 {
            return None;
        }
        let named = self.0.iter().take(MAX_NAMED).map(|Part { what, name, count, reason }| {
            let count = if *count > 1 { format!(" ({count} of them)") } else { String::new() };
            format!(
                "{what} {:?}{count}: {}",
                shortened(name, MAX_NAME_LENGTH),
                shortened(reason, MAX_REASON_LENGTH)
            )
        });
        let mut text = named.collect::<Vec<_>>().join("; ");
        if self.0.len() > MAX_NAMED {
            text.push_str(&format!("; and {} more", self.0.len() - MAX_NAMED));
        }
        let parts = if total == 1 { "part" } else { "parts" };
        Some(
            Error::permanent(format!(
                "the target refused {total} {parts} of it, the rest was written: {text}"
            ))
            .hint("rename or shorten them on the source, or leave them: every later import tries them again"),
        )
    }
}

fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// True when the server understood the request and refused it: another try does not help, but other parts may be
/// accepted.
pub(super) fn is_refusal(error: &Error) -> bool {
    error.class() == Class::Permanent
        && error.answered().is_some_and(|answered| answered.status < 500 || !answered.error_code.is_empty())
}

/// The error of a creation, when a later lookup did not find the object. An error with a code of MLflow is then a
/// refusal.
pub(super) fn not_made(error: Error) -> Error {
    let is_named = error.answered().is_some_and(|answered| !answered.error_code.is_empty());
    if error.class() == Class::Ambiguous && is_named { error.of_class(Class::Permanent) } else { error }
}

/// If this many parts are refused and none was accepted, all are treated as refused.
const MAX_CONSECUTIVE_FAILURES: usize = 8;

/// Sends all items together or, if they are refused, in smaller and smaller parts. Returns the items that are refused
/// alone. An error concerns all items.
pub(super) async fn in_parts<T: Clone, Fut: Future<Output = Result<()>>>(
    items: Vec<T>,
    send: impl Fn(Vec<T>) -> Fut,
) -> Result<Vec<(T, Error)>> {
    let (mut waiting, mut refused, mut took_some) = (vec![items], Vec::new(), false);
    while let Some(mut part) = waiting.pop().filter(|part| !part.is_empty()) {
        match send(part.clone()).await {
            Ok(()) => took_some = true,
            Err(error) if !is_refusal(&error) => return Err(error),
            Err(error) if part.len() == 1 => {
                let hopeless = !took_some && refused.len() + 1 >= MAX_CONSECUTIVE_FAILURES;
                refused.extend(part.into_iter().map(|item| (item, error.clone())));
                if hopeless {
                    let rest = waiting.drain(..).rev().flatten();
                    refused.extend(rest.map(|item| (item, error.clone())));
                }
            }
            Err(_) => {
                let second = part.split_off(part.len() / 2);
                waiting.extend([second, part]);
            }
        }
    }
    Ok(refused)
}

/// The refused parts of each object, until the object is finished.
#[derive(Default)]
pub(super) struct Refusals(Mutex<HashMap<(Kind, String), Refused>>);

impl Refusals {
    pub fn add(&self, kind: Kind, id: &str, refused: Refused) {
        if refused.is_empty() {
            return;
        }
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry((kind, id.to_owned())).or_default().extend(refused);
    }

    /// Returns the error only once.
    pub fn take(&self, kind: Kind, id: &str) -> Option<Error> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(&(kind, id.to_owned()))?.into_error()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_counts_all_and_names_the_first() {
        let mut refused = Refused::default();
        assert!(refused.is_empty());
        refused.add("param", &"k".repeat(251), "too long");
        refused.add_many("metric", "loss", 3, "negative");
        refused.add("metric", "loss", "negative");
        (0..9).for_each(|n| refused.add("tag", &n.to_string(), "no"));
        let text = refused.into_error().unwrap().to_string();
        assert!(text.contains("14 parts") && text.contains("\"loss\" (4 of them)"), "{text}");
        assert!(text.contains("and 6 more") && text.len() < 500, "{text}");
        assert!(Refused::default().into_error().is_none());
    }

    fn refusal() -> Error {
        let answered = crate::error::Answered { status: 400, ..Default::default() };
        Error::permanent("no").code(crate::error::Code::Http(answered))
    }

    #[tokio::test]
    async fn only_items_that_are_refused_alone_are_lost() {
        let taken = Mutex::new(Vec::new());
        let send = |part: Vec<u32>| {
            let refused = part.iter().any(|n| n % 10 == 3);
            if !refused {
                taken.lock().unwrap().extend(part);
            }
            async move { if refused { Err(refusal()) } else { Ok(()) } }
        };
        let refused = in_parts((0..40).collect(), send).await.unwrap();
        assert_eq!(refused.iter().map(|(n, _)| *n).collect::<Vec<_>>(), [3, 13, 23, 33]);
        assert_eq!(taken.lock().unwrap().len(), 36);
        assert!(taken.lock().unwrap().is_sorted());
    }

    #[tokio::test]
    async fn a_server_that_takes_none_is_not_asked_for_each() {
        let asked = Mutex::new(0);
        let send = |_: Vec<u32>| {
            *asked.lock().unwrap() += 1;
            async { Err(refusal()) }
        };
        let refused = in_parts((0..10_000).collect(), send).await.unwrap();
        assert_eq!(refused.len(), 10_000);
        assert!(*asked.lock().unwrap() < 40, "{asked:?}");
        let gone = in_parts(vec![1, 2], |_| async { Err(Error::transient("gone")) }).await;
        assert_eq!(gone.unwrap_err().class(), Class::Transient);
    }

    #[test]
    fn refusals_are_returned_once() {
        let all = Refusals::default();
        let mut refused = Refused::default();
        refused.add("tag", "a", "no");
        all.add(Kind::Run, "1", refused);
        assert!(all.take(Kind::Run, "2").is_none());
        assert!(all.take(Kind::Run, "1").is_some() && all.take(Kind::Run, "1").is_none());
    }
}
