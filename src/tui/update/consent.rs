//! A single key never starts a write to a target: the key may have been meant as part of a text. A dialog lists the
//! planned changes. Letters close the dialog. If a letter has opened it, "no" is selected, so that typed text never
//! agrees by accident.

use crate::plan::SameNames;
use crate::tui::model::job::Phase;
use crate::tui::model::{Model, Overlay, Write};

/// `agreed` is the initially selected answer. It is yes only if the dialog was not opened by a letter.
pub fn ask(model: &mut Model, write: Write, agreed: bool) {
    if let Some(busy) = model.running() {
        model.notice = Some(format!("{} is still running", busy.title()));
        return;
    }
    model.notice = None;
    model.overlay = Some(Overlay::Confirm(write, agreed));
}

/// The text of the dialog.
pub fn words(model: &Model, write: Write) -> Vec<String> {
    let what = match write {
        Write::Import if !matches!(model.import.phase, Phase::Idle) => {
            "This resumes the import of the selection:".to_owned()
        }
        Write::Import => "This copies the selection:".to_owned(),
        Write::Failed => {
            let failed = model.failure_at_cursor().map(|failed| format!("{} {:?}", failed.kind, failed.name));
            format!("This imports one item again, {}:", failed.unwrap_or_default())
        }
        Write::Difference => {
            let current = model.validation.current();
            let name = current.map(|one| format!("{} {:?}", one.kind.words().0, one.name));
            format!("This imports one item again, {}:", name.unwrap_or_default())
        }
    };
    let source = match model.route.by_directory {
        true => model.directory().display().to_string(),
        false => model.source.location(),
    };
    let mut words = vec![what, format!("from {source}"), format!("into {}", model.target.location())];
    let names = model.same_names();
    if names != SameNames::default() {
        words.push(names.sentence());
    }
    words
}
