//! The effect of each kind of damage on an import, a validation and another export.

use super::*;
use crate::engine::faults::{How, Which};

#[test]
fn a_damaged_file_is_named_and_other_objects_are_imported() {
    let whole = counts(&World::new(fill).source.data());
    every_damage(damages(), |exported, path, _| {
        let result = exported.import();
        if result.code == 0 {
            let differences = exported.0.differences();
            return if differences.is_empty() {
                Ok(())
            } else {
                Err(format!("not reported: {differences:?}"))
            };
        }
        if !names_file(&result, path) {
            return Err(format!("the file is not named: {result:?}"));
        }
        if result.code != 3 {
            // Without these files, the directory is not recognised as an export.
            let is_needed = ["manifest.json", "mlferry.json"].contains(&path);
            return if is_needed { Ok(()) } else { Err(format!("everything is lost: {result:?}")) };
        }
        let lost: usize =
            whole.iter().zip(counts(&exported.0.target.data())).map(|(all, found)| all - found).sum();
        let may_lose = match path.rsplit('/').next() {
            // All objects below this one, or all files that are listed in this file.
            Some("experiment.json" | "model.json" | "checksums.sha256") => usize::MAX,
            // A model needs its run, a version needs its model, and all scorers of an experiment are in one file.
            _ => 3,
        };
        if lost > may_lose { Err(format!("{lost} objects are lost: {result:?}")) } else { Ok(()) }
    });
}

#[test]
fn a_validation_finds_the_same_damage_as_an_import() {
    let mut whole = Exported::new();
    assert_eq!(whole.import().code, 0);
    let target = Arc::clone(&whole.0.target);
    every_damage(damages(), |exported, path, damage| {
        let by = match damage {
            Damage::Flipped(_) | Damage::Link(_) => ArtifactCheck::Checksum,
            _ => ArtifactCheck::Size,
        };
        let (imported, validated) = (exported.import(), exported.validate(&target, by));
        match (imported.code, validated.code) {
            (0, 0) => Ok(()),
            (0, _) | (_, 0) => Err(format!("import {imported:?}, validation {validated:?}")),
            _ if names_file(&validated, path) => Ok(()),
            _ => Err(format!("the file is not named: {validated:?}")),
        }
    });
}

#[test]
fn another_export_repairs_the_damage() {
    every_damage(damages(), |exported, path, damage| {
        let is_hidden =
            path.contains("/artifacts/") && matches!(damage, Damage::Flipped(_) | Damage::Link(_));
        // An export does not read the bytes of an existing file with the right length, so the user must first remove
        // such a damaged file.
        if is_hidden {
            fs::remove_file(local::below(&exported.root(), path)).unwrap();
        }
        let result = exported.export();
        if result.code != 0 {
            // Without this file, the export cannot know whose directory this is.
            let is_expected = path == "mlferry.json" && result.code != 0;
            return if is_expected { Ok(()) } else { Err(format!("the export: {result:?}")) };
        }
        let result = exported.import();
        let differences = if result.code == 0 { exported.0.differences() } else { Vec::new() };
        if result.code == 0 && differences.is_empty() {
            Ok(())
        } else {
            Err(format!("the import: {result:?} {differences:?}"))
        }
    });
}

#[test]
fn a_killed_export_is_not_imported_and_a_resumed_export_is_complete() {
    let faults = Arc::new(Faults::none());
    let world = Exported(World::new(fill));
    world.export_with(Arc::clone(&faults)).unwrap();
    let step = if is_long() { 1 } else { 11 };
    for number in (0..faults.calls()).step_by(step) {
        for how in [How::DieBefore, How::DieAfter] {
            let mut exported = Exported(World::new(fill));
            let case = format!("{how:?} call {number}");
            let killed = exported.export_with(Arc::new(Faults::at(Which::Nth(number), how)));
            assert!(killed.is_none(), "{case}: {killed:?}");
            // If the process was killed after the last call, the export may be complete.
            let result = exported.import();
            assert!(result.code != 0 || exported.0.differences().is_empty(), "{case}: {result:?}");
            let result = exported.export();
            assert_eq!(result.code, 0, "{case}: {result:?}");
            let result = exported.import();
            assert_eq!(result.code, 0, "{case}: {result:?}");
            assert_eq!(exported.0.differences(), [""; 0], "{case}");
        }
    }
}

#[test]
fn a_removed_renamed_or_copied_folder_is_named() {
    let mut exported = Exported::new();
    let pristine = tempfile::tempdir().unwrap();
    copy(&exported.root(), pristine.path());
    let mut folders: Vec<PathBuf> = exported
        .files()
        .iter()
        .flat_map(|path| Path::new(path).ancestors().skip(1).map(Path::to_owned).collect::<Vec<_>>())
        .filter(|folder| !folder.as_os_str().is_empty())
        .collect();
    folders.sort();
    folders.dedup();
    let mut wrong = Vec::new();
    for folder in folders {
        for what in ["removed", "renamed", "copied"] {
            fs::remove_dir_all(exported.root()).unwrap();
            copy(pristine.path(), &exported.root());
            let path = exported.root().join(&folder);
            let other = path.with_file_name(format!("{}0", path.file_name().unwrap().to_string_lossy()));
            match what {
                "removed" => fs::remove_dir_all(&path).unwrap(),
                "renamed" => fs::rename(&path, &other).unwrap(),
                _ => copy(&path, &other),
            }
            let result = exported.import();
            let is_named = result.code != 0 && !result.named.is_empty();
            // A copy of a folder may have no effect, if nothing refers to the copy.
            let is_harmless = what == "copied" && exported.0.differences().is_empty();
            if !is_named && !is_harmless {
                wrong.push(format!("{} {what}: {result:?}", folder.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_directory_without_checksums_is_imported_with_a_note() {
    let mut exported = Exported::new();
    for path in exported.files().iter().filter(|path| path.ends_with("checksums.sha256")) {
        fs::remove_file(local::below(&exported.root(), path)).unwrap();
    }
    let origin = exported.root().join("mlferry.json");
    let text = fs::read_to_string(&origin).unwrap();
    fs::write(&origin, text.replace(r#""format": 2"#, r#""format": 1"#)).unwrap();
    let result = exported.import();
    assert_eq!(result.code, 0, "{result:?}");
    assert!(result.notes.iter().any(|note| note.contains("does not have all checksums")), "{result:?}");
    assert_eq!(exported.0.differences(), [""; 0]);
    // The export resumes in the format in which it was started.
    let result = exported.export();
    assert_eq!(result.code, 0, "{result:?}");
    let result = exported.import();
    assert_eq!(result.code, 0, "{result:?}");
}

/// The rename of a file may be on disk before its content. After a restart of the machine, an export that did not end
/// reads the files of the export before it.
#[test]
fn a_file_that_a_power_failure_emptied_is_exported_again() {
    for has_restarted in [true, false] {
        let exported = Exported::new();
        let path = exported.files().into_iter().find(|path| path.contains("/artifacts/")).unwrap();
        let path = local::below(&exported.root(), &path);
        let content = fs::read(&path).unwrap();
        fs::write(&path, vec![0; content.len()]).unwrap();
        fs::remove_file(exported.root().join("manifest.json")).unwrap();
        let origin = exported.root().join("mlferry.json");
        if has_restarted {
            let text = fs::read_to_string(&origin).unwrap();
            fs::write(&origin, text.replace(&local::boot_id(), "another start")).unwrap();
        }
        let result = exported.export();
        assert_eq!(result.code, 0, "{result:?}");
        // Without a restart, reading all files again would only cost time.
        assert_eq!(fs::read(&path).unwrap() == content, has_restarted, "{}", path.display());
        let text = fs::read_to_string(&origin).unwrap();
        assert_eq!(text.contains("another start"), has_restarted, "until the next complete export: {text}");
        exported.export();
        assert!(fs::read_to_string(&origin).unwrap().contains(&local::boot_id()));
    }
}

#[test]
fn files_that_were_added_to_a_finished_run_are_exported_on_request() {
    let mut exported = Exported::new();
    {
        let mut data = exported.0.source.data();
        let root = data.runs.values().find(|one| data.files.contains_key(&one.run.artifact_uri)).unwrap();
        let root = root.run.artifact_uri.clone();
        data.put_file(&root, "plots/late.png", "late");
    }
    let again = exported.export();
    assert!(again.notes.iter().any(|note| note.contains("--update")), "{again:?}");
    assert_eq!(exported.import().code, 0);
    assert!(!exported.0.differences().is_empty(), "a finished run is not read again");
    let updated = exported.update();
    assert!(updated.code == 0 && !updated.notes.iter().any(|note| note.contains("--update")), "{updated:?}");
    assert_eq!(exported.import().code, 0);
    assert_eq!(exported.0.differences(), Vec::<String>::new());
}
