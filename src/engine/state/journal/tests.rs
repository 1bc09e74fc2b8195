use super::*;
use crate::engine::Counts;

fn identity(source: &str) -> Identity {
    Identity { step: Step::Import, source: source.into(), target: "http://t".into(), plan: "p".into() }
}

#[test]
fn a_journal_of_another_migration_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j.db");
    Journal::open(&path, &identity("http://a")).unwrap();
    Journal::open(&path, &identity("http://a")).unwrap();
    let error = Journal::open(&path, &identity("http://b")).err().unwrap();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("http://a"), "{error}");
}

#[test]
fn a_damaged_journal_is_named_and_may_be_moved_away() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j.db");
    std::fs::write(&path, "garbage, and more of it than a header has".repeat(100)).unwrap();
    let error = Journal::open(&path, &identity("http://a")).err().unwrap();
    assert!(error.to_string().contains("j.db"), "{error}");
    assert!(error.get_hint().is_some_and(|hint| hint.contains("move it away")), "{error:?}");
    assert!(Journal::read_counts(&path).is_err());
}

#[test]
fn counts_add_up_and_failures_are_visited_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j.db");
    let journal = Journal::open(&path, &identity("http://a")).unwrap();
    journal.plan(Kind::Run, ["a", "b", "c"]).unwrap();
    journal.done(Kind::Run, "a", Some("A"), Some("f")).unwrap();
    journal.failed(Kind::Run, "b", "why").unwrap();
    journal.commit().unwrap();
    let (_, counts) = Journal::read_counts(&path).unwrap().unwrap();
    assert_eq!(counts[&Kind::Run], Counts { planned: 3, done: 1, failed: 1, skipped: 0 });
    let visit = |id: &str, fingerprint| journal.must_be_visited(Kind::Run, id, fingerprint).unwrap();
    assert!(!visit("a", "f"));
    assert!(visit("a", "changed"));
    assert!(visit("b", "f"));
    assert!(!visit("c", "f"), "never begun");
}

#[test]
fn a_file_counts_only_for_the_run_it_was_written_to() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(&folder.path().join("j.db"), &identity("http://a")).unwrap();
    let digest = Digest { bytes: 3, sha256: Some("ab".into()) };
    journal.file_done("r/x", "new", &digest, Some("tag a")).unwrap();
    let known = KnownFile { digest, stamp: Some("tag a".into()) };
    assert_eq!(journal.known_file("r/x", "new").unwrap(), Some(known));
    assert_eq!(journal.known_file("r/x", "other").unwrap(), None);
}

#[test]
fn the_id_map_is_valid_csv_with_any_names() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(&folder.path().join("j.db"), &identity("http://a")).unwrap();
    let names = ["plain", "a,b", "say \"so\"", "two\nlines", " spaces ", "größe"];
    for name in names {
        journal.done(Kind::RegisteredModel, name, Some(&format!("{name},new")), None).unwrap();
    }
    let path = folder.path().join("id-map.csv");
    journal.write_id_map(&path).unwrap();
    let mut rows: Vec<Vec<String>> = Vec::new();
    for row in csv::Reader::from_path(&path).unwrap().records() {
        rows.push(row.unwrap().iter().map(str::to_owned).collect());
    }
    let mut wanted: Vec<Vec<String>> = Vec::new();
    for name in names {
        wanted.push(vec!["registered_model".to_owned(), name.to_owned(), format!("{name},new")]);
    }
    rows.sort();
    wanted.sort();
    assert_eq!(rows, wanted);
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("kind,source,target\nregistered_model,"));
}
