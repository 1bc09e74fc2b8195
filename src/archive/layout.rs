use std::io;
use std::path::{Path, PathBuf};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::artifacts::{local, without_links};
use crate::entities::{ExperimentId, Kind, ModelId, RegisteredModel, RunId, is_safe_path};
use crate::error::{Error, Result};

/// Paths of an export directory. Files with `mlferry:` are not in exports of mlflow-export-import.
///
/// ```text
/// mlferry.json                                  mlferry: the source of the export, and the format
/// checksums.sha256                              mlferry: for files outside of experiments, and each `experiment.json`
/// not_exported.json                             mlferry: items that could not be read, or not completely
/// manifest.json                                 exists after an export is complete
/// experiments/experiments.json
/// experiments/<id>/experiment.json
/// experiments/<id>/checksums.sha256              mlferry: for all files of the experiment
/// experiments/<id>/runs/<run id>/run.json       exists after the run is complete
/// experiments/<id>/runs/<run id>/artifacts.json mlferry: sizes and checksums
/// experiments/<id>/runs/<run id>/artifacts/…
/// experiments/<id>/logged_models/<model id>/logged_model.json   exists after the logged model is complete
/// experiments/<id>/logged_models/<model id>/artifacts.json, artifacts/…   as for a run
/// experiments/<id>/traces/<trace id>/header.json mlferry: a trace with its assessments, exists after it is complete
/// experiments/<id>/traces/<trace id>/traces.json its spans, as the server returns them
/// experiments/<id>/traces/<trace id>/artifacts/… files that its spans refer to
/// experiments/<id>/trace_links.json             mlferry: which runs were linked to which traces
/// experiments/<id>/scorers.json                 mlferry: every version of every scorer
/// evaluation_datasets/<id>/dataset.json         mlferry: exists after the dataset is complete
/// evaluation_datasets/<id>/records.jsonl        its records, one per line
/// models/<name>/model.json                      a registered model with its versions
/// prompts/<name>/model.json                     mlferry: a prompt, in the same form
/// ```
///
/// Since format 2, every file is in a list of [`Checksums`](super::Checksums), except `mlferry.json`, `manifest.json`,
/// and the artifacts of runs and logged models, whose sizes and checksums are in `artifacts.json`. A directory of
/// format 1 has no lists; an export that continues it adds lists, and files without a line are read unchecked.
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
    experiments: PathBuf,
    /// The root is the folder of this experiment and holds nothing else.
    only: Option<ExperimentId>,
    /// If a path of mlferry's layout does not exist, the names of mlflow-export-import are tried.
    reading: bool,
    /// The root with all links resolved.
    real: PathBuf,
}

impl Layout {
    /// The name of a list of checksums.
    pub const CHECKSUMS: &str = "checksums.sha256";
    pub const NOT_EXPORTED: &str = "not_exported.json";
    /// The format that this release writes.
    pub const FORMAT: u32 = 2;

    /// mlferry's own layout, for writing.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        let real = root.canonicalize().unwrap_or_else(|_| root.clone());
        Self { experiments: root.join("experiments"), root, only: None, reading: false, real }
    }

    /// A directory to read: one of mlferry, or the output of `export-all`, `export-models`, `export-experiments` or
    /// `export-experiment` of mlflow-export-import. The last two have no `experiments` folder. Up to 1.2.0, the run
    /// folders are directly in the folder of their experiment.
    pub fn reading(root: &Path, only: Option<ExperimentId>) -> Self {
        let own = Self { reading: true, only, ..Self::new(root) };
        let experiments = if own.experiments.is_dir() { own.experiments } else { root.to_owned() };
        Self { experiments, ..own }
    }

    /// The path `own`. When reading, the first of `others` that exists if `own` does not.
    fn first(&self, own: PathBuf, others: impl IntoIterator<Item = PathBuf>) -> PathBuf {
        if !self.reading || own.exists() {
            return own;
        }
        others.into_iter().find(|path| path.exists()).unwrap_or(own)
    }

    /// Checks a path, because an export may come from an untrusted source. Nothing outside of it is read or written,
    /// even through a link, and special files such as pipes are never opened.
    ///
    /// # Errors
    /// [`Class::Permanent`](crate::error::Class::Permanent) when `path`, or the folder for it, is outside of the root,
    /// or when it is neither a file nor a folder. A missing path is not an error here.
    pub fn guard(&self, path: &Path) -> Result<()> {
        match without_links(&self.root, path) {
            Ok(Some(meta)) if meta.is_file() || meta.is_dir() => return Ok(()),
            // What exists of it is no link.
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            _ => {}
        }
        let real = path.ancestors().find_map(|part| part.canonicalize().ok());
        if !real.is_some_and(|real| real.starts_with(&self.real)) {
            return Err(Error::permanent(format!("{} leads out of {}", path.display(), self.root.display()))
                .hint("a link in the directory leads elsewhere: put the file itself in its place"));
        }
        match path.metadata() {
            Ok(meta) if !meta.is_file() && !meta.is_dir() => {
                Err(Error::permanent(format!("{} is neither a file nor a folder", path.display())))
            }
            _ => Ok(()),
        }
    }

    /// The experiment, if the root is its folder.
    pub fn only(&self) -> Option<&ExperimentId> {
        self.only.as_ref()
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The lists that contain the checksum of a file, and the name of the file in each. Only the first list is read.
    pub fn lists_of(&self, path: &Path) -> Vec<(PathBuf, String)> {
        let names = |path: &Path| {
            let parts = path.components().map(|part| part.as_os_str().to_string_lossy());
            parts.collect::<Vec<_>>().join("/")
        };
        let Ok(below) = path.strip_prefix(&self.root) else { return Vec::new() };
        let in_root = (self.root.join(Self::CHECKSUMS), names(below));
        let mut parts = below.components();
        let (Some(experiments), Some(id)) = (parts.next(), parts.next()) else { return vec![in_root] };
        let rest = names(parts.as_path());
        if self.only.is_some() || experiments.as_os_str() != "experiments" || rest.is_empty() {
            return vec![in_root];
        }
        let of_experiment = (self.root.join(experiments).join(id).join(Self::CHECKSUMS), rest);
        // It is in both lists: the list of the root shows when the folder is missing, and the folder may be used
        // without the root.
        if of_experiment.1 == "experiment.json" { vec![in_root, of_experiment] } else { vec![of_experiment] }
    }

    pub fn origin(&self) -> PathBuf {
        self.root.join("mlferry.json")
    }

    pub fn manifest(&self) -> PathBuf {
        self.root.join("manifest.json")
    }

    pub fn not_exported(&self) -> PathBuf {
        self.root.join(Self::NOT_EXPORTED)
    }

    pub fn experiments(&self) -> PathBuf {
        self.experiments.clone()
    }

    pub fn experiments_file(&self) -> PathBuf {
        self.experiments().join("experiments.json")
    }

    pub fn experiment(&self, id: &ExperimentId) -> PathBuf {
        if self.only.as_ref() == Some(id) { self.root.clone() } else { self.experiments.join(id.as_str()) }
    }

    pub fn experiment_file(&self, id: &ExperimentId) -> PathBuf {
        self.experiment(id).join("experiment.json")
    }

    pub fn run(&self, experiment: &ExperimentId, run: &RunId) -> PathBuf {
        let experiment = self.experiment(experiment);
        self.first(experiment.join("runs").join(run.as_str()), [experiment.join(run.as_str())])
    }

    pub fn run_file(&self, experiment: &ExperimentId, run: &RunId) -> PathBuf {
        self.run(experiment, run).join("run.json")
    }

    pub fn logged_models(&self, experiment: &ExperimentId) -> PathBuf {
        self.experiment(experiment).join("logged_models")
    }

    pub fn logged_model_file(&self, experiment: &ExperimentId, model: &ModelId) -> PathBuf {
        self.logged_models(experiment).join(model.as_str()).join("logged_model.json")
    }

    pub fn traces(&self, experiment: &ExperimentId) -> PathBuf {
        self.experiment(experiment).join("traces")
    }

    pub fn trace_file(&self, experiment: &ExperimentId, id: &str) -> PathBuf {
        self.traces(experiment).join(id).join("header.json")
    }

    pub fn spans_file(&self, experiment: &ExperimentId, id: &str) -> PathBuf {
        self.traces(experiment).join(id).join("traces.json")
    }

    pub fn trace_links(&self, experiment: &ExperimentId) -> PathBuf {
        self.experiment(experiment).join("trace_links.json")
    }

    /// The folder of a run, a logged model or a trace.
    pub fn owner(&self, kind: Kind, experiment: &ExperimentId, id: &str) -> OwnerFolder {
        OwnerFolder(match kind {
            Kind::LoggedModel => self.logged_models(experiment).join(id),
            Kind::Trace => self.traces(experiment).join(id),
            _ => self.run(experiment, &RunId::from(id)),
        })
    }

    pub fn scorers_file(&self, experiment: &ExperimentId) -> PathBuf {
        self.experiment(experiment).join("scorers.json")
    }

    pub fn datasets(&self) -> PathBuf {
        self.root.join("evaluation_datasets")
    }

    pub fn dataset_file(&self, id: &str) -> PathBuf {
        self.datasets().join(id).join("dataset.json")
    }

    pub fn dataset_records(&self, id: &str) -> PathBuf {
        self.datasets().join(id).join("records.jsonl")
    }

    pub fn prompts(&self) -> PathBuf {
        self.root.join("prompts")
    }

    /// The folders of registered models and of prompts.
    pub fn registries(&self) -> [PathBuf; 2] {
        [self.root.join("models"), self.prompts()]
    }

    pub fn registered_model_file(&self, model: &RegisteredModel) -> PathBuf {
        let [models, prompts] = self.registries();
        let folder = if model.is_prompt() { prompts } else { models };
        let raw = is_safe_path(&model.name).then(|| folder.join(&model.name).join("model.json"));
        self.first(folder.join(folder_name(&model.name)).join("model.json"), raw)
    }

    pub fn models_file(&self) -> PathBuf {
        self.root.join("models").join("models.json")
    }
}

/// The folder of one run, logged model or trace.
#[derive(Clone, Debug)]
pub struct OwnerFolder(PathBuf);

impl OwnerFolder {
    pub fn root(&self) -> &Path {
        &self.0
    }

    pub fn list(&self) -> PathBuf {
        self.0.join("artifacts.json")
    }

    pub fn artifacts(&self) -> PathBuf {
        self.0.join("artifacts")
    }

    pub fn artifact(&self, path: &str) -> PathBuf {
        local::below(&self.artifacts(), path)
    }
}

/// The folder name for a name: unchanged if it is safe on every system, otherwise percent-encoded.
fn folder_name(name: &str) -> String {
    // Letters outside of ASCII are safe, and mlflow-export-import expects a folder with the name of the model.
    let encoded: String = name
        .chars()
        .map(|c| match c.is_control() || "%/\\:*?\"<>|".contains(c) {
            true => utf8_percent_encode(&c.to_string(), NON_ALPHANUMERIC).to_string(),
            false => c.to_string(),
        })
        .collect();
    // The name must not be a parent folder, a hidden folder, or one that Windows would rename.
    if encoded.starts_with('.') || encoded.ends_with(['.', ' ']) { format!("%{encoded}%") } else { encoded }
}

#[cfg(test)]
mod tests {
    use super::{Layout, folder_name};

    #[cfg(unix)]
    #[test]
    fn links_within_are_followed_and_links_out_are_not() {
        use std::os::unix::fs::symlink;
        let (outside, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(outside.path().join("secret"), "x").unwrap();
        let root = folder.path().join("export");
        std::fs::create_dir_all(root.join("a")).unwrap();
        std::fs::write(root.join("a/file"), "x").unwrap();
        symlink("a/file", root.join("within")).unwrap();
        symlink(outside.path(), root.join("out")).unwrap();
        symlink(outside.path().join("not-yet"), root.join("dangling")).unwrap();
        symlink("../../..", root.join("a/above")).unwrap();
        // The root itself may be a link.
        let link = folder.path().join("link");
        symlink(&root, &link).unwrap();
        for root in [root, link] {
            let layout = Layout::new(&root);
            for fine in ["a/file", "within", "a/new/file", "new"] {
                layout.guard(&root.join(fine)).unwrap();
            }
            for bad in ["out", "out/secret", "out/new/file", "a/above", "a/above/etc/passwd", "../x"] {
                let error = layout.guard(&root.join(bad)).unwrap_err();
                assert!(error.to_string().contains("leads out of"), "{error}");
            }
        }
    }

    #[test]
    fn names_that_would_leave_the_directory_are_encoded() {
        let table = [
            ("churn-model_1.0 x", "churn-model_1.0 x"),
            ("a/b", "a%2Fb"),
            ("..", "%..%"),
            ("ü:日本 100%", "ü%3A日本 100%25"),
        ];
        for (name, folder) in table {
            assert_eq!(folder_name(name), folder);
        }
    }
}
