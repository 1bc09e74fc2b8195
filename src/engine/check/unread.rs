use super::{Finding, Level};
use crate::entities::{Kind, Unreadable};
use crate::error::{Error, Result};

/// The number of objects that are listed by name.
const MAX_NAMED: usize = 20;

/// Returns an error that concerns only this object as an [`Unreadable`]. Any other error is returned as an error.
pub(in crate::engine) fn unread(kind: Kind, id: &str, error: Error) -> Result<Unreadable> {
    match error.is_about_object() {
        true => Ok(Unreadable { kind, id: id.to_owned(), reason: error.to_string() }),
        false => Err(error),
    }
}

/// One warning for each object that a source cannot return.
pub fn findings(unreadable: &[Unreadable]) -> Vec<Finding> {
    let line = |one: &Unreadable| {
        let (kind, _) = one.kind.words();
        Finding::new(Level::Warning, format!("{kind} {} cannot be read: {}", one.id, one.reason))
    };
    let mut findings: Vec<Finding> = unreadable.iter().take(MAX_NAMED).map(line).collect();
    if let Some(more) = unreadable.len().checked_sub(MAX_NAMED + 1) {
        findings.push(Finding::new(Level::Warning, format!("{} more objects cannot be read", more + 1)));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Class;

    #[test]
    fn the_first_unreadable_objects_are_named_and_the_others_counted() {
        let lost =
            |n: usize| Unreadable { kind: Kind::LoggedModel, id: format!("m-{n}"), reason: "torn".into() };
        let texts = |count: usize| -> Vec<String> {
            let lost: Vec<_> = (0..count).map(lost).collect();
            findings(&lost).into_iter().map(|finding| finding.text).collect()
        };
        assert!(texts(0).is_empty());
        assert_eq!(texts(1), ["logged model m-0 cannot be read: torn"]);
        assert_eq!(texts(20).len(), 20);
        assert_eq!(texts(23).last().map(String::as_str), Some("3 more objects cannot be read"));
    }

    #[test]
    fn only_an_error_about_the_object_becomes_data() {
        assert!(unread(Kind::Scorer, "s", Error::new(Class::Forbidden, "no")).is_ok());
        assert!(unread(Kind::Scorer, "s", Error::transient("gone")).is_err());
    }
}
