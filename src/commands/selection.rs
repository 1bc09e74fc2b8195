use std::collections::BTreeMap;
use std::path::Path;

use crate::cli::{Selection, Traces};
use crate::error::{Error, Result};
use crate::plan::Plan;

/// Builds the plan from the options.
pub fn plan_of(selection: &Selection) -> Result<Plan> {
    let mut plan = match &selection.plan {
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|e| {
                Error::usage(format!("{}: {e}", path.display()))
                    .hint("`mlferry plan --output FILE` writes a plan")
            })?;
            Plan::parse(&text).map_err(|e| e.at(path.display()))?
        }
        None => Plan::default(),
    };
    let given = [
        (&selection.experiments, &mut plan.globs),
        (&selection.except_experiments, &mut plan.except_experiments),
        (&selection.models, &mut plan.models),
        (&selection.prompts, &mut plan.prompts),
        (&selection.datasets, &mut plan.datasets),
        (&selection.except_datasets, &mut plan.except_datasets),
    ];
    for (globs, of) in given {
        of.extend(globs.iter().flat_map(|globs| split(globs)));
    }
    if let Some(path) = &selection.experiment_rename_file {
        plan.rename.extend(renames(path)?);
    }
    if let Some(path) = &selection.model_rename_file {
        plan.rename_models.extend(renames(path)?);
    }
    if let Some(prefix) = &selection.experiments_prefix {
        plan.experiments_prefix.clone_from(prefix);
    }
    plan.merge |= selection.merge;
    plan.append_versions |= selection.append_versions;
    plan.skip_deleted |= !selection.export_deleted_runs;
    plan.skip_traces |= selection.traces == Traces::None;
    let times = [
        ("--run-start-time", &selection.run_start_time, &mut plan.run_start_time),
        ("--runs-until", &selection.runs_until, &mut plan.runs_until),
    ];
    for (option, given, of) in times {
        if let Some(text) = given {
            *of = Some(text.parse().map_err(|e: Error| e.at(option))?);
        }
    }
    // Reports an invalid glob or time now.
    plan.matcher()?;
    plan.window()?;
    Ok(plan)
}

/// Splits globs at commas, but not within braces.
fn split(globs: &str) -> Vec<String> {
    let (mut parts, mut depth) = (vec![String::new()], 0_usize);
    for c in globs.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts.into_iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

/// Reads pairs of names from a CSV file.
fn renames(path: &Path) -> Result<BTreeMap<String, String>> {
    let bad = |words: String| {
        Error::usage(format!("{}: {words}", path.display())).hint(
            "each line is old,new without a header line, for example: churn,churn-2024; a name with a comma is in quotes: \"a, b\",c",
        )
    };
    let words = |e: csv::Error| match (e.position().map(csv::Position::line), e.kind()) {
        (_, csv::ErrorKind::Io(e)) => bad(e.to_string()),
        (Some(line), csv::ErrorKind::Utf8 { .. }) => bad(format!("line {line} is not UTF-8")),
        (_, _) => bad(e.to_string()),
    };
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).from_path(path).map_err(words)?;
    let mut renames = BTreeMap::new();
    for record in reader.records() {
        let record = record.map_err(words)?;
        let line = record.position().map_or(0, csv::Position::line);
        let (Some(old), Some(new), 2) = (record.get(0), record.get(1), record.len()) else {
            let names =
                if record.len() == 1 { "1 name".to_owned() } else { format!("{} names", record.len()) };
            let shown = record.iter().collect::<Vec<_>>().join(",");
            return Err(bad(format!("line {line} has {names}, not 2: {shown}")));
        };
        if old.is_empty() || new.is_empty() {
            return Err(bad(format!("line {line} has an empty name: {old},{new}")));
        }
        if let Some(other) = renames.insert(old.to_owned(), new.to_owned()) {
            return Err(bad(format!(
                "line {line} names {old:?} again, but an earlier line renames it to {other:?}"
            )));
        }
    }
    Ok(renames)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_part_globs_but_not_in_braces() {
        assert_eq!(split("fraud/*, churn,{a,b}*,"), ["fraud/*", "churn", "{a,b}*"]);
    }

    #[test]
    fn names_with_commas_are_quoted() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "old,new\n\"a, b\",c\n").unwrap();
        let renames = renames(file.path()).unwrap();
        assert_eq!(renames["a, b"], "c");
        std::fs::write(file.path(), "only one\n").unwrap();
        let error = super::renames(file.path()).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().ends_with(": line 1 has 1 name, not 2: only one"), "{error}");
        std::fs::write(file.path(), "old,new\na,b,c\n").unwrap();
        let error = super::renames(file.path()).unwrap_err();
        assert!(error.to_string().ends_with(": line 2 has 3 names, not 2: a,b,c"), "{error}");
        assert!(error.get_hint().unwrap().contains("churn,churn-2024"));
        for (text, words) in
            [("a,\n", "line 1 has an empty name: a,"), ("a,b\na,c\n", "line 2 names \"a\" again")]
        {
            std::fs::write(file.path(), text).unwrap();
            let error = super::renames(file.path()).unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
        }
        std::fs::write(file.path(), b"a,\xff\n").unwrap();
        assert!(super::renames(file.path()).unwrap_err().to_string().contains("line 1 is not UTF-8"));
    }
}
