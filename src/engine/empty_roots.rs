//! Finds artifact roots that list no file although they should contain files. If a folder does not exist on the
//! server's machine, MLflow lists it as empty (MLflow 3.10, `store/artifact/local_artifact_repo.py`, `list_artifacts`).
//! This happens when a database was moved from another machine. MLflow reports no error, so mlferry must warn the user.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::artifacts::folder;
use crate::entities::Run;

#[derive(Default)]
pub struct EmptyRoots {
    /// The number of runs without files whose tags name a logged model.
    with_models: AtomicU64,
    /// The number of runs without files whose root is a folder that this machine does not have.
    empty_folders: AtomicU64,
    /// The number of runs with files whose root is a folder that this machine does not have.
    full_folders: AtomicU64,
    example: OnceLock<String>,
}

impl EmptyRoots {
    /// True for a run whose listing should contain files, or is not reliable when it contains none.
    pub fn concerns(run: &Run) -> bool {
        run.names_model_files() || is_far_folder(run)
    }

    /// Counts a run. `files` is the number of files in its complete listing.
    pub fn add(&self, run: &Run, files: usize) {
        let root = run.artifact_uri.as_str();
        let is_far_folder = is_far_folder(run);
        let names_model = run.names_model_files();
        let count = |counter: &AtomicU64| counter.fetch_add(1, Ordering::Relaxed);
        if files > 0 {
            if is_far_folder {
                count(&self.full_folders);
            }
            return;
        }
        if names_model {
            count(&self.with_models);
        }
        if is_far_folder {
            count(&self.empty_folders);
        }
        if names_model || is_far_folder {
            self.example.get_or_init(|| root.to_owned());
        }
    }

    /// The problems that the user should investigate. `of_server` is false for a store that is read directly: a folder
    /// that is not on this machine is reported with the files that it lacks.
    pub fn notes(&self, of_server: bool) -> Vec<String> {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (with_models, empty, full) =
            (read(&self.with_models), read(&self.empty_folders), read(&self.full_folders));
        let advice = match of_server {
            true => "check whether the source can read that location",
            false => "say where they are with --artifact-root FROM=TO",
        };
        let Some(example) = self.example.get() else { return Vec::new() };
        let mut notes = Vec::new();
        if with_models > 0 {
            notes.push(format!(
                "runs whose tags name a logged model, and whose artifacts are listed as empty: {with_models} (such as \
                 {example}); if the files were not deleted on purpose, {advice}"
            ));
        }
        // One listed file proves that the server has these folders.
        if of_server && empty > 0 && full == 0 {
            notes.push(format!(
                "runs whose artifacts are in folders of the server's own machine, all listed as empty: {empty} (such \
                 as {example}); MLflow lists a folder that does not exist as empty: if files were logged, check \
                 whether the folder exists"
            ));
        }
        notes
    }
}

/// True when the root of the run is a folder that this machine does not have.
fn is_far_folder(run: &Run) -> bool {
    folder(&run.artifact_uri).is_some_and(|path| !path.is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(root: &str, history: Option<&str>) -> Run {
        let tags = history.map(|history| ("mlflow.log-model.history".to_owned(), history.to_owned()));
        Run { artifact_uri: root.into(), tags: tags.into_iter().collect(), ..Run::default() }
    }

    #[test]
    fn runs_without_files_that_should_have_some_are_reported() {
        let (far, model) =
            ("file:///no/such/folder/1/a/artifacts", r#"[{"artifact_path": "model", "run_id": "1"}]"#);
        let roots = EmptyRoots::default();
        roots.add(&run("s3://bucket/1/a/artifacts", None), 0);
        roots.add(&run("s3://bucket/1/a/artifacts", Some(model)), 3);
        roots.add(
            &run("s3://bucket/1/a/artifacts", Some(r#"[{"artifact_path": "model", "model_uuid": "m-1"}]"#)),
            0,
        );
        assert!(roots.notes(true).is_empty());
        roots.add(&run("s3://bucket/1/b/artifacts", Some(model)), 0);
        roots.add(&run(far, None), 0);
        let notes = roots.notes(true);
        assert!(notes.len() == 2 && notes[0].contains("empty: 1 (such as s3://bucket/1/b"), "{notes:?}");
        assert_eq!(roots.notes(false).len(), 1, "the folder of a store is looked for elsewhere");
        roots.add(&run(far, None), 1);
        assert_eq!(roots.notes(true).len(), 1, "the server has such folders");
    }
}
