//! The command that does the same as a screen, ready to be copied.

use super::model::Model;
use super::validation;
use crate::engine::Step;
use crate::entities::Plan;

pub fn of(model: &Model) -> String {
    let source = word_or(&model.source.location(), "URI");
    let target = word_or(&model.target.location(), "URI");
    let directory = word_or(&model.directory().display().to_string(), "DIR");
    let by_directory = model.route.by_directory;
    let plan = match model.plan == Plan::default() {
        true => String::new(),
        false => format!(" --plan {}", quoted(&model.places.plan.display().to_string())),
    };
    let ends = format!("--source {source} --target {target}");
    match model.step {
        Step::Check => format!("mlferry check --source {source}"),
        Step::App | Step::Connect => format!("mlferry check {ends}"),
        Step::Plan => format!("mlferry plan --source {source} --output plan.toml"),
        Step::Export if !by_directory => format!("mlferry run {ends} --direct{plan} --yes"),
        Step::Export => format!("mlferry export --source {source} --output-dir {directory}{plan}"),
        Step::Import if by_directory => {
            format!("mlferry import --input-dir {directory} --target {target}{plan}")
        }
        Step::Import => format!("mlferry import {ends}{plan}"),
        Step::Validate => {
            let artifacts = validation::word(model.validation.artifacts);
            format!("mlferry validate {ends}{plan} --artifacts {artifacts}")
        }
    }
}

fn word_or(text: &str, placeholder: &str) -> String {
    match text.trim() {
        "" => placeholder.to_owned(),
        text => quoted(text),
    }
}

/// For a POSIX shell.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,~".contains(c);
    match text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_shell_reads_back_what_was_meant() {
        assert_eq!(quoted("http://h:5000/a"), "http://h:5000/a");
        assert_eq!(quoted("my dir"), "'my dir'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
