//! The dialog about names that the target has already, from another source.

use super::question;
use crate::plan::SameNames;
use crate::tui::keys::{self, Action};
use crate::tui::model::question::Question;
use crate::tui::model::{Model, NameChoice, Overlay};

/// Opens the dialog with the current choice selected.
pub fn open(model: &mut Model) {
    let at = match model.same_names() {
        SameNames { merge: true, .. } => NameChoice::Merge,
        SameNames { prefix, .. } if !prefix.is_empty() => NameChoice::Prefix,
        _ => NameChoice::Fail,
    };
    model.overlay = Some(Overlay::SameNames(at));
}

/// Carries out the selected row. The dialog stays open, because it has two settings.
pub fn choose(model: &mut Model, choice: NameChoice) {
    let now = model.same_names();
    match choice {
        NameChoice::Fail => set(model, SameNames { prefix: String::new(), merge: false, ..now }),
        NameChoice::Prefix => question::open(model, Question::Prefix, &now.prefix),
        NameChoice::Merge => set(model, SameNames { prefix: String::new(), merge: true, ..now }),
        NameChoice::Append => set(model, SameNames { append_versions: !now.append_versions, ..now }),
    }
}

/// The text before all names was typed.
pub fn set_prefix(model: &mut Model, prefix: &str) {
    let now = model.same_names();
    set(model, SameNames { prefix: prefix.to_owned(), merge: false, ..now });
    model.overlay = Some(Overlay::SameNames(NameChoice::Prefix));
}

fn set(model: &mut Model, choice: SameNames) {
    if let Some(tree) = model.selection.tree_mut() {
        tree.set_same_names(choice);
    }
}

/// The key that opens the dialog.
pub fn key(model: &Model) -> String {
    keys::first_key(model, Action::SameNames)
}

/// The hint for an experiment whose name is taken.
pub fn hint(model: &Model) -> String {
    format!("press {} in step 4 Select: a prefix keeps the sources apart, a merge adds the runs", key(model))
}
