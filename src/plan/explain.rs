//! Error messages for a plan file. They use the words of the file, and contain the line and an example of the right
//! form.

use crate::error::Error;

/// An example for each key of a plan.
const EXAMPLES: [(&str, &str); 17] = [
    ("globs", r#"globs = ["fraud/*", "churn"]"#),
    ("experiments", "[[experiments]]\n  name = \"churn\"\n  except = [\"RUN-ID\"]"),
    ("except_experiments", r#"except_experiments = ["old/*"]"#),
    ("models", r#"models = ["churn", "fraud/3"]"#),
    ("model_versions", "[[model_versions]]\n  name = \"churn\"\n  versions = [3, 4]"),
    ("prompts", r#"prompts = ["greeting"]"#),
    ("prompt_versions", "[[prompt_versions]]\n  name = \"greeting\"\n  versions = [1]"),
    ("datasets", r#"datasets = ["golden*"]"#),
    ("except_datasets", r#"except_datasets = ["old*"]"#),
    ("skip_traces", "skip_traces = true"),
    ("skip_deleted", "skip_deleted = true"),
    ("rename", "[rename]\n  \"old name\" = \"new name\""),
    ("experiments_prefix", r#"experiments_prefix = "team-a/""#),
    ("merge", "merge = true"),
    ("append_versions", "append_versions = true"),
    ("rename_models", "[rename_models]\n  \"old name\" = \"new name\""),
    ("run_start_time", "run_start_time = 2024-05-01"),
];

/// The words of the TOML parser for the types of values, and the words for users.
const KINDS: [(&str, &str); 8] = [
    ("struct PlannedExperiment", "a table with a name"),
    ("struct PlannedModel", "a table with a name"),
    ("a sequence", "a list in brackets"),
    ("a string", "a text in quotes"),
    ("a boolean", "true or false"),
    ("a map", "a table"),
    ("u64", "a number"),
    ("a set", "a list in brackets"),
];

/// Converts an error of the TOML parser for this text into an error for the user.
pub fn explain(text: &str, error: &toml::de::Error) -> Error {
    let words = plain(error.message().trim_end());
    let Some(span) = error.span() else {
        return with_example(Error::usage(words), None);
    };
    let before = text.get(..span.start).unwrap_or(text);
    let number = before.matches('\n').count() + 1;
    let line = text.lines().nth(number - 1).unwrap_or_default().trim();
    let shown = if line.is_empty() { String::new() } else { format!("\n  {line}") };
    with_example(Error::usage(format!("line {number}: {words}{shown}")), key_at(text, number))
}

fn with_example(error: Error, key: Option<&str>) -> Error {
    let key = key.map(|key| if key == "runs_until" { "run_start_time" } else { key });
    let example = EXAMPLES.iter().find(|(name, _)| Some(*name) == key);
    match example {
        Some((_, example)) => error.hint(format!("the right form is, for example:\n  {example}")),
        None => error.hint("`mlferry plan --output FILE` writes a plan to start from"),
    }
}

/// The top-level key that a line belongs to: the key in the table header above the line, or the key in the line itself.
fn key_at(text: &str, number: usize) -> Option<&str> {
    let mut header = None;
    let mut key = None;
    for line in text.lines().take(number).map(str::trim) {
        if line.starts_with('[') {
            header = Some(line.trim_matches(['[', ']', ' ']));
        } else if let Some((name, _)) = line.split_once('=') {
            key = Some(name.trim());
        }
    }
    header.or(key)
}

/// Rewords a message, for example `invalid type: string "x", expected a sequence` → `a list in brackets is expected
/// here, not the text "x"`.
fn plain(message: &str) -> String {
    if let Some((found, expected)) =
        message.strip_prefix("invalid type: ").and_then(|rest| rest.split_once(", expected "))
    {
        let expected = KINDS.iter().find(|(kind, _)| *kind == expected).map_or(expected, |(_, words)| words);
        return format!("{expected} is expected here, not {}", value(found));
    }
    if let Some((name, known)) =
        message.strip_prefix("unknown field ").and_then(|rest| rest.split_once(", expected "))
    {
        let known = known.trim_start_matches("one of ");
        let is_above = EXAMPLES.iter().any(|(key, _)| *key == name.trim_matches('`'));
        let place = if is_above { ": it belongs above the first [[table]]" } else { "" };
        return format!("{name} is not known here{place}; the known names are {known}");
    }
    if let Some((name, known)) =
        message.strip_prefix("unknown variant ").and_then(|rest| rest.split_once(", expected "))
    {
        let known = known.trim_start_matches("one of ");
        return format!("{name} is not possible here; the possible values are {known}");
    }
    match message.strip_prefix("missing field ") {
        Some(name) => format!("{name} is missing in this table"),
        None => message.to_owned(),
    }
}

/// Rewords the description of a value, for example `string "x"` → `the text "x"`.
fn value(found: &str) -> String {
    for (kind, words) in
        [("string ", "the text "), ("integer ", "the number "), ("floating point ", "the number ")]
    {
        if let Some(value) = found.strip_prefix(kind) {
            return format!("{words}{}", value.trim_matches('`'));
        }
    }
    match found.strip_prefix("boolean ") {
        Some(value) => value.trim_matches('`').to_owned(),
        None => found.replace("sequence", "a list").replace("map", "a table"),
    }
}

#[cfg(test)]
mod tests {
    use crate::plan::Plan;

    #[test]
    fn errors_name_the_line_and_show_the_right_form() {
        let table = [
            (
                "experiments = [\"churn\"]",
                "line 1: a table with a name is expected here, not the text \"churn\"",
                "[[experiments]]\n  name = \"churn\"",
            ),
            ("globs = \"x\"", "line 1: a list in brackets is expected here, not the text \"x\"", "globs = ["),
            ("models = [3]", "line 1: a text in quotes is expected here, not the number 3", "models = ["),
            (
                "skip_traces = \"yes\"",
                "true or false is expected here, not the text \"yes\"",
                "skip_traces = true",
            ),
            (
                "# a plan\n[[experiments]]\nnome = \"x\"",
                "line 3: `nome` is not known here; the known names are `name`, `runs`, `except`, `traces`\n  nome = ",
                "[[experiments]]",
            ),
            (
                "[[experiments]]\nname = \"x\"\nglobs = []",
                "`globs` is not known here: it belongs above",
                "[[exp",
            ),
            ("[[experiments]]\nruns = []", "`name` is missing in this table", "[[experiments]]"),
            (
                "[[experiments]]\nname = \"x\"\nruns = [3]",
                "a text in quotes is expected here",
                "[[experiments]]",
            ),
            ("[[model_versions]]\nname = \"x\"\nversions = [\"3\"]", "a number is expected", "versions = [3"),
            (
                "[[experiments]]\nname = \"x\"\ntraces = \"some\"",
                "`some` is not possible here",
                "[[experiments]]",
            ),
            ("rename = \"x\"", "a table is expected here", "[rename]"),
            ("runs_until = true", "line 1: ", "run_start_time = 2024"),
            (
                "nonsense = 1",
                "`nonsense` is not known here; the known names are `globs`",
                "mlferry plan --output",
            ),
            ("globs = [", "line 1: ", "globs = ["),
        ];
        for (text, words, example) in table {
            let error = Plan::parse(text).unwrap_err();
            let (message, hint) = (error.to_string(), error.get_hint().unwrap_or_default());
            assert!(message.contains(words) && hint.contains(example), "{text}: {message} / {hint}");
            assert!(!message.contains("struct") && !message.contains("TOML parse error"), "{message}");
        }
    }
}
