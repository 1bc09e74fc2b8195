//! Exports that could not read everything. The directory must not look complete.

use super::*;
use crate::engine::faults::{How, Which};
use crate::error::Error;

/// A source, and no export yet.
fn not_exported() -> Exported {
    Exported(World::new(fill))
}

#[test]
fn an_import_reports_what_the_export_could_not_read() {
    let calls = Arc::new(Faults::none());
    not_exported().export_between(Arc::clone(&calls), Arc::clone(&calls));
    let (mut wrong, mut failed) = (Vec::new(), 0);
    for number in (0..calls.calls()).step_by(if is_long() { 1 } else { 3 }) {
        let name = calls.names()[usize::try_from(number).unwrap()];
        let error = Error::permanent("the disk is broken");
        let faults = Arc::new(Faults::at(Which::Nth(number), How::Before(error)));
        let mut exported = not_exported();
        let export = exported.export_between(Arc::clone(&faults), faults).unwrap();
        let import = exported.import();
        let is_right = match export.code {
            0 => import.code == 0,
            3 => {
                failed += 1;
                let validation = exported.validate(&exported.0.target, ArtifactCheck::Size);
                import.code == 3 && validation.code == 4 && names_reason(&import) && names_reason(&validation)
            }
            // The export has ended before the directory was complete, so it cannot be imported.
            _ => import.code == 2,
        };
        if !is_right {
            wrong.push(format!("{number} {name}: {export:?}, {import:?}"));
        }
        let again = (exported.export(), exported.import());
        if (again.0.code, again.1.code) != (0, 0) || !exported.0.differences().is_empty() {
            wrong.push(format!("{number} {name}, second export: {again:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(failed > 10, "only {failed} of {} faults cost an item", calls.calls());
}

fn names_reason(report: &JobReport) -> bool {
    report.named.iter().any(|text| text.contains("the disk is broken"))
}

#[test]
fn an_import_into_a_full_target_reports_what_another_export_could_not_read() {
    let calls = Arc::new(Faults::none());
    let exported = Exported::new();
    exported.export_between(Arc::clone(&calls), Arc::new(Faults::none()));
    let (mut wrong, mut failed) = (Vec::new(), 0);
    for number in (0..calls.calls()).step_by(if is_long() { 1 } else { 3 }) {
        let name = calls.names()[usize::try_from(number).unwrap()];
        let faults =
            Arc::new(Faults::at(Which::Nth(number), How::Before(Error::permanent("the disk is broken"))));
        let mut exported = Exported::new();
        exported.import();
        let export = exported.export_between(faults, Arc::new(Faults::none())).unwrap();
        // A file of an object that the target has is not read again.
        if export.code != 3 || export.named.iter().all(|item| item.starts_with("artifact")) {
            continue;
        }
        failed += 1;
        let import = exported.import_again();
        if import.code != 3 || !names_reason(&import) {
            wrong.push(format!("{number} {name}: {export:?}, {import:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(failed > 3, "only {failed} of {} faults cost an item", calls.calls());
}
