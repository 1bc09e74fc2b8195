//! Folders in whose place there is something else: a link to a disk that is not mounted, or the text file that Git on
//! Windows writes instead of a link. None of them may look like an empty folder.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use futures::TryStreamExt;

use super::fixture::{EXPERIMENT, TestStore, id, run_meta};
use crate::entities::Owner;
use crate::readers::{FileStoreReader, Reader, read_all};

#[derive(Clone, Copy, Debug)]
enum Instead {
    DanglingLink,
    LinkToItself,
    File,
}

impl Instead {
    fn put(self, path: &Path) {
        fs::remove_dir_all(path).unwrap();
        match self {
            Self::DanglingLink => symlink("/mnt/nas/not/mounted", path).unwrap(),
            Self::LinkToItself => symlink(path, path).unwrap(),
            Self::File => fs::write(path, "../nas/folder").unwrap(),
        }
    }
}

/// Every folder whose loss can be seen. `RUN` is the id of the run.
const FOLDERS: [&str; 32] = [
    "1",
    "1/tags",
    "1/RUN",
    "1/RUN/params",
    "1/RUN/tags",
    "1/RUN/metrics",
    "1/RUN/inputs",
    "1/RUN/inputs/33333333333333333333333333333333",
    "1/RUN/outputs",
    "1/RUN/outputs/m-1",
    "1/RUN/artifacts",
    "1/datasets",
    "1/datasets/d",
    "1/models",
    "1/models/m-1",
    "1/models/m-1/params",
    "1/models/m-1/tags",
    "1/models/m-1/metrics",
    "1/models/m-1/artifacts",
    "1/traces",
    "1/traces/tr-1",
    "1/traces/tr-1/tags",
    "1/traces/tr-1/request_metadata",
    "1/traces/tr-1/assessments",
    "1/traces/tr-1/artifacts",
    "models",
    "models/x",
    "models/x/tags",
    "models/x/aliases",
    "models/x/version-1",
    "models/x/version-1/tags",
    ".trash",
];

fn whole() -> TestStore {
    let run = id(1);
    let below = |path: &str| format!("1/{run}/{path}");
    let store = TestStore::new(&[
        ("1/meta.yaml", EXPERIMENT),
        ("1/tags/t", "1"),
        ("1/datasets/d/meta.yaml", "name: d\ndigest: x\nsource: s\nsource_type: local\n"),
        (
            "1/models/m-1/meta.yaml",
            "artifact_location: file:///old/mlruns/1/models/m-1/artifacts\ncreation_timestamp: 5\nexperiment_id: '1'\n\
             last_updated_timestamp: 6\nmodel_id: m-1\nname: mod\nstatus: 2\n",
        ),
        ("1/models/m-1/params/p", "1"),
        ("1/models/m-1/tags/t", "1"),
        ("1/models/m-1/metrics/acc", "7 0.5 4 r1\n"),
        ("1/models/m-1/artifacts/MLmodel", "flavors: {}"),
        (
            "1/traces/tr-1/trace_info.yaml",
            "execution_duration_ms: 1\nrequest_time: '2026-11-26T11:59:56.642Z'\nstate: OK\ntrace_id: tr-1\n",
        ),
        ("1/traces/tr-1/tags/t", "1"),
        ("1/traces/tr-1/request_metadata/k", "1"),
        ("1/traces/tr-1/assessments/a.yaml", "assessment_id: a\ncreate_time: '2026-11-26T12:00:00Z'\n"),
        ("1/traces/tr-1/artifacts/traces.json", "{\"spans\": []}"),
        ("models/x/meta.yaml", "name: x\n"),
        ("models/x/tags/t", "1"),
        ("models/x/aliases/a", "1"),
        ("models/x/version-1/meta.yaml", "version: 1\ncurrent_stage: None\n"),
        ("models/x/version-1/tags/t", "1"),
        (".trash/7/meta.yaml", EXPERIMENT),
    ]);
    store.write(&below("meta.yaml"), run_meta(&run, 1));
    for part in ["params/p", "tags/t", "artifacts/x"] {
        store.write(&below(part), "1");
    }
    store.write(&below("metrics/m"), "1 0.5 0\n");
    let input = "source_type: DATASET\nsource_id: d\ndestination_type: RUN\ntags: {}\n";
    store.write(&below("inputs/33333333333333333333333333333333/meta.yaml"), input);
    store.write(&below("outputs/m-1/meta.yaml"), "destination_id: m-1\nsource_id: m-1\nstep: 0\n");
    store
}

/// The number of items and files that can be read, and the reasons why others cannot.
async fn read(reader: &FileStoreReader) -> (usize, Vec<String>) {
    let (mut count, mut lost) = (0, Vec::new());
    let (experiments, unreadable) = read_all(reader.experiments()).await.unwrap();
    lost.extend(unreadable);
    for experiment in &experiments {
        let (runs, unreadable) = read_all(reader.runs(experiment)).await.unwrap();
        lost.extend(unreadable);
        let (models, unreadable) = read_all(reader.logged_models(experiment)).await.unwrap();
        lost.extend(unreadable);
        let (traces, unreadable) = read_all(reader.traces(experiment)).await.unwrap();
        lost.extend(unreadable);
        let owners: Vec<Owner<'_>> =
            runs.iter().map(|run| run.owner()).chain(models.iter().map(|model| model.owner())).collect();
        for owner in owners {
            for file in reader.files(owner).try_concat().await.unwrap() {
                match file {
                    Ok(_) => count += 1,
                    Err(unreadable) => lost.push(unreadable),
                }
            }
        }
        let mut reasons: Vec<String> = Vec::new();
        for trace in &traces {
            reasons.extend(reader.spans(trace).await.err().map(|error| error.to_string()));
        }
        lost.extend(reasons.into_iter().map(|reason| crate::entities::Unreadable {
            kind: crate::entities::Kind::Trace,
            id: String::new(),
            reason,
        }));
        count += runs.len() + models.len() + traces.len();
    }
    let (registered, unreadable) = read_all(reader.registered_models()).await.unwrap();
    lost.extend(unreadable);
    (count + experiments.len() + registered.len(), lost.into_iter().map(|one| one.reason).collect())
}

#[tokio::test]
async fn something_in_place_of_a_folder_is_named() {
    let (count, lost) = read(&whole().reader()).await;
    assert_eq!((count, lost), (8, Vec::<String>::new()));
    for folder in FOLDERS {
        for instead in [Instead::DanglingLink, Instead::LinkToItself, Instead::File] {
            // Any file may be in the folder of the registered models.
            if matches!((folder, instead), ("models/x", Instead::File)) {
                continue;
            }
            let store = whole();
            instead.put(&store.root().join(folder.replace("RUN", &id(1))));
            let (_, lost) = read(&store.reader()).await;
            assert!(!lost.is_empty(), "{instead:?} in place of {folder} is not reported");
        }
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn foreign_entries_are_no_objects_and_links_are_read_once() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let store = whole();
    for (name, link) in
        [(&*id(1), "1/latest"), ("tr-1", "1/traces/latest"), ("m-1", "1/models/latest"), ("1", "1/loop")]
    {
        let name = if name == "1" { store.root().join("1").display().to_string() } else { name.to_owned() };
        symlink(name, store.root().join(link)).unwrap();
    }
    store.write("1/backup/meta.yaml", EXPERIMENT);
    for folder in [&format!("1/{}/metrics", id(1)), "models/x/aliases"] {
        store.write(&format!("{folder}/.gitkeep"), "");
    }
    for folder in ["", "1", "1/models", "1/traces", "models"] {
        fs::write(store.root().join(folder).join(OsStr::from_bytes(b"Notiz\xfc.txt")), "hi").unwrap();
        store.write(format!("{folder}/README.md").trim_start_matches('/'), "hi");
    }
    // The name of an editor's copy is left out, so the link is the only name of this model.
    fs::rename(store.root().join("1/models/m-1"), store.root().join("1/models/m-1~")).unwrap();
    fs::remove_file(store.root().join("1/models/latest")).unwrap();
    symlink("m-1~", store.root().join("1/models/m-1")).unwrap();
    let reader = store.reader();
    assert_eq!(read(&reader).await, (8, Vec::new()));
    assert!(reader.others().await.is_ok());
    let notes = reader.take_notes().join("\n");
    for name in ["latest", "backup", "loop"] {
        assert!(notes.contains(name), "{name}: {notes}");
    }
}
