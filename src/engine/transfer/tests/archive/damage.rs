//! What comes of each damage.

use super::*;
use crate::engine::faults::{How, Which};

#[test]
fn a_damaged_file_is_named_and_costs_only_itself() {
    let whole = counts(&World::new(fill).source.data());
    every_damage(damages(), |exported, path, _| {
        let told = exported.import();
        if told.code == 0 {
            let differences = exported.0.differences();
            return if differences.is_empty() { Ok(()) } else { Err(format!("silence: {differences:?}")) };
        }
        if !names_it(&told, path) {
            return Err(format!("it is not named: {told:?}"));
        }
        if told.code != 3 {
            // These say what the directory is.
            let is_ours = ["manifest.json", "mlferry.json"].contains(&path);
            return if is_ours { Ok(()) } else { Err(format!("all is lost: {told:?}")) };
        }
        let lost: usize =
            whole.iter().zip(counts(&exported.0.target.data())).map(|(all, there)| all - there).sum();
        let may_lose = match path.rsplit('/').next() {
            // All that is below it, or whose lines are lost.
            Some("experiment.json" | "model.json" | "checksums.sha256") => usize::MAX,
            // A model hangs on its run, a version on its model, and all scorers of an experiment are in one file.
            _ => 3,
        };
        if lost > may_lose { Err(format!("it costs {lost} others: {told:?}")) } else { Ok(()) }
    });
}

#[test]
fn validation_finds_what_an_import_finds() {
    let mut whole = Exported::new();
    assert_eq!(whole.import().code, 0);
    let target = Arc::clone(&whole.0.target);
    every_damage(damages(), |exported, path, damage| {
        let by = match damage {
            Damage::Flipped(_) | Damage::Link(_) => ArtifactCheck::Checksum,
            _ => ArtifactCheck::Size,
        };
        let (imported, told) = (exported.import(), exported.validate(&target, by));
        match (imported.code, told.code) {
            (0, 0) => Ok(()),
            (0, _) | (_, 0) => Err(format!("import {imported:?}, validation {told:?}")),
            _ if names_it(&told, path) => Ok(()),
            _ => Err(format!("it is not named: {told:?}")),
        }
    });
}

#[test]
fn another_export_makes_it_good() {
    every_damage(damages(), |exported, path, damage| {
        let is_hidden =
            path.contains("/artifacts/") && matches!(damage, Damage::Flipped(_) | Damage::Link(_));
        // Of a damaged file of the same length an export does not read the bytes: it is to be removed before.
        if is_hidden {
            fs::remove_file(local::below(&exported.root(), path)).unwrap();
        }
        let told = exported.export();
        if told.code != 0 {
            // It cannot know what this directory was.
            let is_ours = path == "mlferry.json" && told.code != 0;
            return if is_ours { Ok(()) } else { Err(format!("the export: {told:?}")) };
        }
        let told = exported.import();
        let differences = if told.code == 0 { exported.0.differences() } else { Vec::new() };
        if told.code == 0 && differences.is_empty() {
            Ok(())
        } else {
            Err(format!("the import: {told:?} {differences:?}"))
        }
    });
}

#[test]
fn a_killed_export_says_so_and_a_resumed_one_is_right() {
    let faults = Arc::new(Faults::none());
    let world = Exported(World::new(fill));
    world.export_with(Arc::clone(&faults)).unwrap();
    let step = if is_long() { 1 } else { 11 };
    for number in (0..faults.calls()).step_by(step) {
        for how in [How::DieBefore, How::DieAfter] {
            let mut exported = Exported(World::new(fill));
            let case = format!("{how:?} call {number}");
            let told = exported.export_with(Arc::new(Faults::at(Which::Nth(number), how)));
            assert!(told.is_none(), "{case}: {told:?}");
            // The last of all may have come to its end.
            let told = exported.import();
            assert!(told.code != 0 || exported.0.differences().is_empty(), "{case}: {told:?}");
            let told = exported.export();
            assert_eq!(told.code, 0, "{case}: {told:?}");
            let told = exported.import();
            assert_eq!(told.code, 0, "{case}: {told:?}");
            assert_eq!(exported.0.differences(), [""; 0], "{case}");
        }
    }
}

#[test]
fn a_folder_that_is_gone_renamed_or_copied_is_named() {
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
        for what in ["gone", "renamed", "copied"] {
            fs::remove_dir_all(exported.root()).unwrap();
            copy(pristine.path(), &exported.root());
            let path = exported.root().join(&folder);
            let other = path.with_file_name(format!("{}0", path.file_name().unwrap().to_string_lossy()));
            match what {
                "gone" => fs::remove_dir_all(&path).unwrap(),
                "renamed" => fs::rename(&path, &other).unwrap(),
                _ => copy(&path, &other),
            }
            let told = exported.import();
            let is_named = told.code != 0 && !told.named.is_empty();
            // A copy that nothing refers to adds nothing.
            let is_as_good = what == "copied" && exported.0.differences().is_empty();
            if !is_named && !is_as_good {
                wrong.push(format!("{} {what}: {told:?}", folder.display()));
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
    let told = exported.import();
    assert_eq!(told.code, 0, "{told:?}");
    assert!(told.notes.iter().any(|note| note.contains("does not have all checksums")), "{told:?}");
    assert_eq!(exported.0.differences(), [""; 0]);
    // The export resumes with the format that it started with.
    let told = exported.export();
    assert_eq!(told.code, 0, "{told:?}");
    let told = exported.import();
    assert_eq!(told.code, 0, "{told:?}");
}
