//! No field of the newest MLflow is forgotten: a table lists the treatment of each field of its messages.

use std::collections::{BTreeMap, BTreeSet};

const TABLE: &str = include_str!("../support/mlflow_fields.txt");
/// Lists everything that is not migrated.
const DOCS: &str = include_str!("../../docs/fidelity.md");
const TREATMENTS: [&str; 5] = ["compared", "derived", "noted", "not moved", "no data"];

/// A message and one of its fields. The message itself has an empty field.
type Field = (String, String);

/// The fields with their treatments, and the descriptor files that are left out.
fn table() -> (BTreeMap<Field, String>, BTreeSet<String>) {
    let (mut fields, mut others) = (BTreeMap::new(), BTreeSet::new());
    for line in TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        let [message, treatment, names, why @ ..] = columns.as_slice() else {
            others.insert(columns[0].to_owned());
            continue;
        };
        assert!(TREATMENTS.contains(treatment), "unknown treatment: {line}");
        let needs_reason = ["derived", "not moved", "no data"].contains(treatment);
        assert!(!needs_reason || why.first().is_some_and(|why| !why.is_empty()), "no reason: {line}");
        if *treatment == "not moved" {
            let words = why[0].split(':').next().unwrap_or_default();
            assert!(DOCS.to_lowercase().contains(words), "docs/fidelity.md does not name {words:?}: {line}");
        }
        fields.insert(((*message).to_owned(), String::new()), String::new());
        for name in names.split_whitespace() {
            let field = ((*message).to_owned(), name.to_owned());
            assert!(fields.insert(field, (*treatment).to_owned()).is_none(), "{name} twice: {line}");
        }
    }
    (fields, others)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_of_the_newest_mlflow_is_in_the_table() {
    let (table, others) = table();
    let venv = crate::support::venv(crate::support::NEWEST).await;
    let output = venv.command().arg(crate::support::script_path("mlflow_fields.py")).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (mut fields, mut files) = (BTreeSet::new(), BTreeSet::new());
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        files.insert(if words[0] == "file" { &words[1] } else { &words[0] }.clone());
        if words[0] == "file" || others.contains(&words[0]) {
            continue;
        }
        fields.insert((words[1].clone(), String::new()));
        fields.extend(words[2..].iter().map(|name| (words[1].clone(), name.clone())));
    }
    let known: BTreeSet<Field> = table.keys().cloned().collect();
    let names = |fields: Vec<&Field>| {
        let named = fields.into_iter().map(|(message, field)| format!("{message} {field}"));
        named.collect::<Vec<_>>().join("\n  ")
    };
    let (new, gone) =
        (names(fields.difference(&known).collect()), names(known.difference(&fields).collect()));
    assert!(new.is_empty(), "MLflow has these, and the table does not say what becomes of them:\n  {new}");
    assert!(gone.is_empty(), "MLflow has these no longer:\n  {gone}");
    let gone: Vec<_> = others.difference(&files).collect();
    assert!(gone.is_empty(), "MLflow has these files no longer: {gone:?}");
}
