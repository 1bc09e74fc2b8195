use crate::entities::{Count, Unsupported};
use crate::rest::NOT_ALLOWED;

/// Describes the objects that are not migrated, one line each. A check, a plan and an import use the same text.
pub fn not_migrated(others: &[Unsupported]) -> Vec<String> {
    let (hidden, seen): (Vec<&Unsupported>, Vec<&Unsupported>) =
        others.iter().partition(|other| other.tally.unknown.as_deref() == Some(NOT_ALLOWED));
    let mut notes: Vec<String> = seen.into_iter().filter(|other| other.tally.is_some()).map(line).collect();
    if !hidden.is_empty() {
        let titles: Vec<&str> = hidden.iter().map(|other| other.title).collect();
        notes.push(format!("{NOT_ALLOWED} for {}: if there are any, they are not moved", titles.join(", ")));
    }
    notes
}

fn line(other: &Unsupported) -> String {
    let Unsupported { title, tally, reason } = other;
    match tally {
        Count { count: Some(count), more, .. } => {
            let more = if *more { " or more" } else { "" };
            format!("{title}: {count}{more} cannot be moved: {reason}")
        }
        Count { unknown, .. } => {
            let why = unknown.as_deref().unwrap_or("not counted");
            format!("{title}, if there are any, cannot be moved: {reason} ({why})")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_without_objects_are_not_listed() {
        let other = |title, tally| Unsupported { title, tally, reason: "of a reason".into() };
        let others = [
            other("webhooks", Count::exactly(0)),
            other("issues", Count::counted(5, true)),
            other("users", Count::unknown(NOT_ALLOWED)),
            other("roles", Count::unknown(NOT_ALLOWED)),
            other("label schemas", Count::unknown("not asked")),
        ];
        assert_eq!(
            not_migrated(&others),
            [
                "issues: 5 or more cannot be moved: of a reason",
                "label schemas, if there are any, cannot be moved: of a reason (not asked)",
                "not allowed to look for users, roles: if there are any, they are not moved",
            ]
        );
    }
}
