//! The list on the card of a difference: its fields, and below them its files.

use std::borrow::Cow;

use super::validation::Validation;
use crate::engine::validate::{Difference, FieldDifference, FileSides};
use crate::tui::diff_tree::Row;
use crate::tui::text;

/// Number of lines that the cursor of the card can reach.
pub fn length(validation: &Validation) -> usize {
    let fields = validation.current().map_or(0, |difference| fields(difference).len());
    fields + files(validation).len()
}

/// Folders and files below the row at the cursor of the list.
pub fn files(validation: &Validation) -> Vec<Row> {
    let outline = &validation.outline;
    outline.row().map_or_else(Vec::new, |row| outline.files(row.node))
}

/// The fields of a difference. For a file they include the known facts that do not differ.
pub fn fields(difference: &Difference) -> Cow<'_, [FieldDifference]> {
    let Some(file) = &difference.file else {
        return Cow::Borrowed(&difference.fields);
    };
    let is_new = |field: &FieldDifference| difference.fields.iter().all(|other| other.field != field.field);
    let known = facts(file).into_iter().filter(is_new);
    Cow::Owned(difference.fields.iter().cloned().chain(known).collect())
}

fn facts(file: &FileSides) -> Vec<FieldDifference> {
    let sides = [&file.source, &file.target].map(Option::as_ref);
    let sizes = sides.map(|side| side.and_then(|facts| facts.size));
    let sizes = sizes.map(|size| size.map(|size| format!("{} bytes", text::number(size))));
    let sums = sides.map(|side| side.and_then(|facts| facts.sha256.clone()));
    let field = |(name, [source, target]): (&str, [Option<String>; 2])| FieldDifference {
        field: name.to_owned(),
        source,
        target,
    };
    let is_known = |field: &FieldDifference| field.source.is_some() || field.target.is_some();
    [("size", sizes), ("sha256", sums)].into_iter().map(field).filter(is_known).collect()
}
