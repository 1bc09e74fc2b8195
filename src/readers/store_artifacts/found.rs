use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;

use crate::entities::{Owner, is_plain_id};
use crate::rest::ArtifactRoots;

/// The most path components that are taken from a location of another machine.
const MAX_TAIL: usize = 8;
const REMOTE: [&str; 8] = ["s3", "s3a", "gs", "wasb", "wasbs", "abfs", "abfss", "https"];
/// The folders in which MLflow keeps files if nothing else is configured: of clients, and of a server that proxies
/// artifacts (MLflow 3.18, `store/tracking/__init__.py` and `server/constants.py`).
const USUAL: [&str; 3] = ["mlruns", "mlartifacts", "artifacts"];

/// Where the files of an owner are.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    Folder(PathBuf),
    /// The root is known, and has no folder for this owner.
    Nothing,
    /// Reading this folder failed with this reason.
    Refused(PathBuf, String),
    /// In an object store.
    Remote,
    Unknown,
}

/// Where files may be.
pub struct Places {
    roots: ArtifactRoots,
    /// Folders that may hold what a location of another machine ends with.
    bases: Vec<PathBuf>,
    /// Folders that may be the root of proxied artifacts.
    destinations: Vec<PathBuf>,
    /// The store itself, if it is a folder.
    files: Option<PathBuf>,
    /// The folder in which the store is.
    project: PathBuf,
}

impl Places {
    /// `project` is the folder in which the store is, and `files` the store itself if it is a folder.
    pub fn beside(project: &Path, files: Option<&Path>, roots: ArtifactRoots) -> Self {
        let mut destinations: Vec<PathBuf> = roots.destination.iter().filter_map(|to| local(to)).collect();
        destinations.extend(USUAL.iter().map(|name| project.join(name)));
        let mut bases = destinations.clone();
        bases.extend(files.iter().flat_map(|files| [files.to_path_buf(), files.join(".trash")]));
        bases.push(project.to_owned());
        // A file store has folders of experiments, too.
        destinations.retain(|folder| Some(folder.as_path()) != files);
        Self { roots, bases, destinations, files: files.map(Path::to_owned), project: project.to_owned() }
    }

    /// The location that the user has named for this one: with its beginning replaced, or the proxy by its destination.
    pub fn named<'a>(&'a self, uri: &'a str) -> Option<String> {
        // A path and its `file:` URI are the same place.
        let plain = |text: &'a str| text.strip_prefix("file://").unwrap_or(text);
        let starts = |from: &'a str| {
            let rest = plain(uri).strip_prefix(plain(from).trim_end_matches(['/', '\\']))?;
            (rest.is_empty() || rest.starts_with(['/', '\\'])).then_some(rest)
        };
        let mut fitting: Vec<_> =
            self.roots.moved.iter().filter_map(|(from, to)| Some((from.len(), starts(from)?, to))).collect();
        fitting.sort_by_key(|(length, ..)| std::cmp::Reverse(*length));
        if let Some((_, rest, to)) = fitting.first() {
            return Some(format!("{}{}", to.trim_end_matches('/'), rest.replace('\\', "/")));
        }
        let (to, path) = (self.roots.destination.as_ref()?, proxied(uri)?);
        Some(format!("{}/{path}", to.trim_end_matches('/')))
    }

    /// `own` is the folder beside the owner's metadata: a store that was moved as a whole still names its old place.
    ///
    /// A place that the user named comes first.
    pub fn find(&self, owner: &Owner<'_>, own: Option<&Path>) -> Found {
        let uri = owner.artifact_uri;
        if uri.split_once("://").is_some_and(|(scheme, _)| REMOTE.contains(&scheme)) {
            return Found::Remote;
        }
        match own.map(|own| (own, look(own))) {
            Some((own, Look::Full)) => return Found::Folder(own.to_owned()),
            Some((own, Look::Refused(reason))) => return Found::Refused(own.to_owned(), reason),
            _ => {}
        }
        let is_of =
            |path: &Path| is_plain_id(owner.id) && path.ends_with(Path::new(owner.id).join("artifacts"));
        let (absolute, parts) = (local(uri), parts(uri));
        let tails = (2..=parts.len().min(MAX_TAIL)).rev().map(|length| &parts[parts.len() - length..]);
        let tails = tails.map(|tail| tail.iter().collect::<PathBuf>());
        let beside = tails.flat_map(|tail| self.bases.iter().map(move |base| base.join(&tail)));
        let folders = absolute.iter().cloned().chain(beside).filter(|path| is_of(path));
        let (mut is_somewhere, mut hidden, mut refused) = (false, None, None);
        for folder in folders {
            match look(&folder) {
                Look::Full => return Found::Folder(folder),
                // A path of another machine may lead through a folder that is closed here, such as /root.
                Look::Refused(reason) if Some(&folder) == absolute.as_ref() && !is_root_visible(&folder) => {
                    hidden = Some(Found::Refused(folder, reason));
                }
                Look::Refused(reason) => drop(refused.get_or_insert(Found::Refused(folder, reason))),
                // A file store has an empty folder for every run, even if its files are somewhere else.
                Look::Empty => {
                    is_somewhere |= self.files.as_ref().is_none_or(|files| !folder.starts_with(files));
                }
                Look::Nothing => {}
            }
        }
        if let Some(refused) = refused {
            return refused;
        }
        let is_known = is_somewhere
            // Repositories keep no empty folders.
            || own.is_some()
            || absolute.as_ref().is_some_and(|path| is_root_known(path, owner))
            || self.has_root(&parts)
            || self.lacks_default_root(uri);
        match hidden {
            _ if is_known => Found::Nothing,
            Some(hidden) => hidden,
            None => Found::Unknown,
        }
    }

    /// Whether the location is below a default root beside the store, which MLflow creates with the first file.
    fn lacks_default_root(&self, uri: &str) -> bool {
        let root = root_of(uri);
        let root = root.strip_prefix("file://").unwrap_or(root);
        let path = self.project.join(root.strip_prefix("./").unwrap_or(root));
        USUAL.iter().any(|name| path == self.project.join(name)) && !path.exists()
    }

    /// Whether the store names another folder of this machine that has files, too.
    pub fn named_elsewhere(&self, uri: &str, folder: &Path) -> bool {
        local(uri).is_some_and(|named| named != folder && has_entries(&named))
    }

    /// Whether the artifact root of a location of another machine is beside the store. The folder of one experiment may
    /// be missing there: nothing was written for it.
    fn has_root(&self, parts: &[String]) -> bool {
        // The owner's folder is in the experiment's, or in `models` or `traces` there.
        let is_inner = |part: &String| matches!(part.as_str(), "models" | "traces");
        let third = parts.len().checked_sub(3).and_then(|at| parts.get(at));
        let below = if third.is_some_and(is_inner) { 4 } else { 3 };
        let Some(root) = parts.len().checked_sub(below).map(|end| &parts[..end]) else { return false };
        if root.is_empty() {
            return self.destinations.iter().any(|folder| holds_experiments(folder));
        }
        let tails = (1..=root.len().min(MAX_TAIL)).map(|length| &root[root.len() - length..]);
        let mut tails = tails.map(|tail| tail.iter().collect::<PathBuf>());
        tails.any(|tail| self.bases.iter().any(|base| holds_experiments(&base.join(&tail))))
    }
}

/// Whether a folder has another one that is named like an experiment.
fn holds_experiments(folder: &Path) -> bool {
    let is_id = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| entry.file_name().to_str().is_some_and(is_id) && entry.path().is_dir())
}

/// The artifact root of a location: what is before the experiment, the owner and `artifacts`.
pub fn root_of(uri: &str) -> &str {
    let mut slashes = uri.rmatch_indices(['/', '\\']).map(|(at, _)| at);
    let third = slashes.nth(2).unwrap_or(0);
    match uri[..third].rsplit(['/', '\\']).next() {
        // `<experiment>/models/<id>/artifacts`
        _ if uri[third..].trim_start_matches(['/', '\\']).starts_with("models") => {
            &uri[..slashes.next().unwrap_or(third)]
        }
        _ => &uri[..third],
    }
}

/// Whether this machine has the folder of the owner's experiment, or an artifact root with other experiments.
fn is_root_known(path: &Path, owner: &Owner<'_>) -> bool {
    let [experiment, root] = experiment_and_root(path);
    let is_default = experiment.is_some_and(|folder| folder.ends_with(owner.experiment_id.as_str()));
    experiment.is_some_and(Path::is_dir) || (is_default && root.is_some_and(holds_experiments))
}

/// The folder of the experiment and the artifact root, above the folder of an owner's files.
fn experiment_and_root(path: &Path) -> [Option<&Path>; 2] {
    let mut above = path.ancestors().skip(2);
    let mut experiment = above.next();
    if experiment.is_some_and(|folder| folder.ends_with("models") || folder.ends_with("traces")) {
        experiment = above.next();
    }
    [experiment, above.next()]
}

/// Whether the artifact root of this folder is certainly on this machine.
fn is_root_visible(path: &Path) -> bool {
    experiment_and_root(path)[1].is_some_and(|root| root.symlink_metadata().is_ok())
}

fn has_entries(folder: &Path) -> bool {
    look(folder) == Look::Full
}

#[derive(PartialEq, Eq)]
enum Look {
    Full,
    Empty,
    /// It does not exist.
    Nothing,
    /// It exists, or may exist, but cannot be read for this reason.
    Refused(String),
}

fn look(folder: &Path) -> Look {
    match std::fs::read_dir(folder) {
        Ok(mut entries) => {
            if entries.next().is_some() {
                Look::Full
            } else {
                Look::Empty
            }
        }
        Err(e) if e.kind() == ErrorKind::NotFound && !leads_to_nothing(folder) => Look::Nothing,
        Err(e) => Look::Refused(match e.kind() {
            ErrorKind::PermissionDenied => "permission denied".to_owned(),
            ErrorKind::NotFound => "a link leads to nothing".to_owned(),
            ErrorKind::NotADirectory => "there is a file in place of the folder".to_owned(),
            _ => e.to_string(),
        }),
    }
}

/// Whether the folder of an owner's files, or the owner's own, is a link to a place that does not exist: a disk that is
/// not mounted, or a copy of the link alone.
fn leads_to_nothing(folder: &Path) -> bool {
    folder.ancestors().take(2).any(|path| path.is_symlink() && path.metadata().is_err())
}

/// The path below the root of the proxy.
fn proxied(uri: &str) -> Option<&str> {
    let rest = uri.strip_prefix("mlflow-artifacts:")?;
    match rest.strip_prefix("//") {
        // A host follows.
        Some(rest) if !rest.starts_with('/') => rest.split_once('/').map(|(_, path)| path),
        Some(rest) => Some(rest.trim_start_matches('/')),
        None => Some(rest.trim_start_matches('/')),
    }
}

/// The absolute path of a `file:` URI or a plain path.
fn local(uri: &str) -> Option<PathBuf> {
    crate::artifacts::folder(uri)
}

/// The components of a location, in the spelling of any system. Empty if it leads upwards.
fn parts(uri: &str) -> Vec<String> {
    let path = match proxied(uri) {
        Some(path) => path,
        None => uri.split_once(':').filter(|(scheme, _)| scheme.len() > 1).map_or(uri, |(_, path)| path),
    };
    let path = percent_decode_str(path).decode_utf8_lossy().replace('\\', "/");
    let parts: Vec<String> =
        path.split('/').filter(|part| !matches!(*part, "" | ".")).map(str::to_owned).collect();
    if parts.iter().any(|part| part == "..") { Vec::new() } else { parts }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::entities::{ExperimentId, Kind};

    fn find(places: &Places, uri: &str, own: Option<&Path>) -> Found {
        let experiment_id = ExperimentId::from("3");
        let uri = places.named(uri).unwrap_or_else(|| uri.to_owned());
        let owner =
            Owner { kind: Kind::Run, experiment_id: &experiment_id, id: "r1", artifact_uri: &uri, label: "" };
        places.find(&owner, own)
    }

    #[test]
    fn files_of_another_machine_are_found_beside_the_store() {
        let project = tempfile::tempdir().unwrap();
        let files = project.path().join("mlruns/3/r1/artifacts");
        fs::create_dir_all(&files).unwrap();
        fs::write(files.join("x"), "x").unwrap();
        // It is empty.
        fs::create_dir_all(project.path().join("3/r1/artifacts")).unwrap();
        let places = Places::beside(project.path(), None, ArtifactRoots::default());
        for uri in [
            "file:///Users/ada/project/mlruns/3/r1/artifacts",
            "file:C:\\Users\\ada\\mlruns\\3\\r1\\artifacts",
            "file:///C:/Users/ada%20b/mlruns/3/r1/artifacts",
            "/mnt/c/project/mlruns/3/r1/artifacts",
            "./mlruns/3/r1/artifacts",
            "mlruns/3/r1/artifacts",
            "dbfs:/databricks/mlflow/3/r1/artifacts",
            "mlflow-artifacts:/3/r1/artifacts",
            "mlflow-artifacts://host:5000/3/r1/artifacts",
        ] {
            assert_eq!(find(&places, uri, None), Found::Folder(files.clone()), "{uri}");
        }
        assert_eq!(find(&places, "s3://b/3/r1/artifacts", None), Found::Remote);
        for uri in ["/elsewhere/5/r1/artifacts", "../3/r1/artifacts"] {
            assert_eq!(find(&places, uri, None), Found::Unknown, "{uri}");
        }
        for uri in
            ["mlflow-artifacts:/5/r1/artifacts", "/old/mlruns/5/r1/artifacts", "mlruns/5/models/r1/artifacts"]
        {
            assert_eq!(find(&places, uri, None), Found::Nothing, "{uri}");
        }
        fs::remove_dir_all(files.parent().unwrap()).unwrap();
        fs::remove_dir_all(project.path().join("3")).unwrap();
        assert_eq!(find(&places, "/old/mlruns/3/r1/artifacts", None), Found::Nothing, "the run has no files");
    }

    #[test]
    fn the_root_of_a_location_is_before_its_experiment() {
        for (uri, root) in [
            ("mlflow-artifacts:/3/r1/artifacts", "mlflow-artifacts:"),
            ("file:///Users/ada/mlruns/3/r1/artifacts", "file:///Users/ada/mlruns"),
            ("C:\\ada\\mlruns\\3\\r1\\artifacts", "C:\\ada\\mlruns"),
            ("/data/3/models/m-1/artifacts", "/data"),
            ("odd", ""),
        ] {
            assert_eq!(root_of(uri), root, "{uri}");
        }
    }

    #[test]
    fn files_of_a_deleted_experiment_are_in_the_trash() {
        let store = tempfile::tempdir().unwrap();
        let files = store.path().join(".trash/3/r1/artifacts");
        fs::create_dir_all(&files).unwrap();
        fs::write(files.join("x"), "x").unwrap();
        let places = Places::beside(store.path(), Some(store.path()), ArtifactRoots::default());
        let uri = format!("{}/3/r1/artifacts", store.path().display());
        assert_eq!(find(&places, &uri, None), Found::Folder(files));
    }

    #[test]
    fn a_moved_root_is_named_by_the_user() {
        let (project, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let files = new.path().join("3/r1/artifacts");
        fs::create_dir_all(&files).unwrap();
        fs::write(files.join("x"), "x").unwrap();
        let to = new.path().display().to_string();
        let moved = vec![
            ("file:///old".to_owned(), "s3://b".to_owned()),
            ("file:///old/root/".to_owned(), to.clone()),
        ];
        let places = Places::beside(project.path(), None, ArtifactRoots { moved, destination: Some(to) });
        assert_eq!(find(&places, "file:///old/root/3/r1/artifacts", None), Found::Folder(files.clone()));
        assert_eq!(find(&places, "file:///old/rooted/3/r1/artifacts", None), Found::Remote);
        assert_eq!(find(&places, "/old/root/3/r1/artifacts", None), Found::Folder(files.clone()));
        assert_eq!(find(&places, "mlflow-artifacts:/3/r1/artifacts", None), Found::Folder(files));
        assert_eq!(find(&places, "file:///old/root/3/models/r1/artifacts", None), Found::Nothing);
        assert_eq!(find(&places, "/custom/gone/r1/artifacts", None), Found::Unknown);
        assert_eq!(find(&places, "./mlruns/5/r1/artifacts", None), Found::Nothing, "there never was a file");
    }

    #[test]
    fn a_place_may_be_named_as_itself() {
        let moved = vec![("/data/mlruns".to_owned(), "/data/mlruns".to_owned())];
        let places = Places::beside(Path::new("/copy"), None, ArtifactRoots { moved, destination: None });
        assert_eq!(
            places.named("/data/mlruns/3/r1/artifacts").as_deref(),
            Some("/data/mlruns/3/r1/artifacts")
        );
        assert_eq!(places.named("/other/3/r1/artifacts"), None);
    }

    #[test]
    fn the_folder_beside_the_metadata_comes_first() {
        let store = tempfile::tempdir().unwrap();
        let own = store.path().join("3/r1/artifacts");
        fs::create_dir_all(&own).unwrap();
        let places = Places::beside(store.path(), Some(store.path()), ArtifactRoots::default());
        assert_eq!(find(&places, "/gone/9/r9/artifacts", Some(&own)), Found::Nothing);
        assert_eq!(find(&places, "mlflow-artifacts:/3/r1/artifacts", None), Found::Unknown, "it is empty");
        fs::write(own.join("model.pkl"), "x").unwrap();
        assert_eq!(find(&places, "/gone/9/r9/artifacts", Some(&own)), Found::Folder(own));
    }
}
