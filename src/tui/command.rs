//! The command line equivalent to the current screen, ready to be copied.

use super::model::Model;
use super::model::apps::TargetInput;
use super::source_tree::SourceTree;
use crate::engine::Step;
use crate::entities::quoted;
use crate::plan::{Plan, UnixMillis};

/// The command and its options; an option and its value are one part.
pub fn of(model: &Model) -> Vec<String> {
    let source = format!("--source {}", word_or(&model.source.location(), "URI"));
    let target = format!("--target {}", word_or(&model.target.location(), "URI"));
    let directory = word_or(&model.directory().display().to_string(), "DIR");
    let plan = format!("--plan {}", quoted(&model.places.plan.display().to_string()));
    // The selection on the screen is written to that file when the user leaves the step.
    let is_changed = model.step == Step::Plan && model.selection.tree().is_some_and(SourceTree::is_touched);
    let plan = Some(plan).filter(|_| is_changed || model.plan != Plan::default());
    let by_directory = model.route.by_directory;
    let (command, options) = match model.step {
        Step::App if model.apps.way != TargetInput::Address => of_apps(model),
        Step::Check => ("check", vec![source]),
        Step::App => ("check", vec![source, target]),
        Step::Connect if by_directory => {
            ("connect", vec![source, target, format!("--output-dir {directory}")])
        }
        Step::Connect => ("connect", vec![source, target]),
        Step::Plan => ("plan", vec![source]),
        Step::Export if !by_directory => ("run", vec![source, target, "--direct".into(), "--yes".into()]),
        Step::Export => ("export", vec![source, format!("--output-dir {directory}")]),
        Step::Import if by_directory => ("import", vec![format!("--input-dir {directory}"), target]),
        Step::Import => ("import", vec![source, target]),
        Step::Validate => {
            let artifacts = model.validation.artifacts.word();
            ("validate", vec![source, target, format!("--artifacts {artifacts}")])
        }
    };
    let plan = plan.filter(|_| model.step >= Step::Plan);
    // Also in the plan file: the options show them to the reader.
    let names = if model.step >= Step::Plan { model.same_names().options() } else { Vec::new() };
    let times = if model.step >= Step::Plan { window(&model.plan) } else { Vec::new() };
    let profile = model.profile.as_deref().map(|name| format!("--profile {}", quoted(name)));
    let command = format!("mlferry {command}");
    [command].into_iter().chain(options).chain(times).chain(names).chain(plan).chain(profile).collect()
}

fn of_apps(model: &Model) -> (&'static str, Vec<String>) {
    let form = model.apps.form.app();
    let option =
        |name: &str, value: &str, placeholder: &str| format!("{name} {}", word_or(value, placeholder));
    match model.apps.way {
        TargetInput::Address | TargetInput::List => ("app list", Vec::new()),
        TargetInput::Wait => {
            let arn = model.apps.awaited.as_ref().and_then(|awaited| awaited.arn.as_deref());
            ("app wait", arn.map(quoted).into_iter().collect())
        }
        TargetInput::New => {
            let mut options = vec![
                option("--name", &form.name, "NAME"),
                option("--artifact-store-uri", &form.artifact_store_uri, "S3-URI"),
                option("--role-arn", &form.role_arn, "ARN"),
            ];
            options.extend(form.kms_key_id.map(|key| option("--kms-key-id", &key, "KEY")));
            ("app create", options)
        }
    }
}

/// The time window as options. The plan file contains the same window; the options show it to the reader.
fn window(plan: &Plan) -> Vec<String> {
    let ends = [("--run-start-time", plan.run_start_time), ("--runs-until", plan.runs_until)];
    let option = |(name, time): (&str, Option<UnixMillis>)| Some(format!("{name} {}", time?));
    ends.into_iter().filter_map(option).collect()
}

fn word_or(text: &str, placeholder: &str) -> String {
    match text.trim() {
        "" => placeholder.to_owned(),
        text => quoted(text),
    }
}

#[cfg(test)]
mod tests {
    use super::window;
    use crate::entities::quoted;
    use crate::plan::{Plan, UnixMillis};

    #[test]
    fn a_time_window_is_part_of_the_command() {
        let plan = Plan { runs_until: Some(UnixMillis(1_714_521_600_000)), ..Plan::default() };
        assert_eq!(window(&plan), ["--runs-until 2024-05-01T00:00:00Z"]);
        assert!(window(&Plan::default()).is_empty());
    }

    #[test]
    fn a_shell_reads_back_what_was_meant() {
        assert_eq!(quoted("http://h:5000/a"), "http://h:5000/a");
        assert_eq!(quoted("my dir"), "'my dir'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
