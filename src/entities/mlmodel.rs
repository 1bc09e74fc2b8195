//! `MLmodel` files, which contain the ids of the run and the model, and the artifact location.

use super::{RunId, rewrite};

/// The file's name, in any folder.
const NAME: &str = "MLmodel";
/// Far more than such a file needs. A larger file is user data with the same name.
const MAX_BYTES: u64 = 4 << 20;
/// Keys that hold ids, and the one that holds an artifact root (MLflow 3.10, `models/model.py`).
const ID_KEYS: [&str; 3] = ["run_id", "model_id", "model_uuid"];
const ROOT_KEY: &str = "artifact_path";

/// True for a file that needs [`with_new_ids`].
pub fn is_mlmodel(path: &str, size: Option<u64>) -> bool {
    path.rsplit('/').next() == Some(NAME) && size.is_none_or(|size| size <= MAX_BYTES)
}

/// The file with new ids in its top-level lines for ids, and with `roots.1` instead of `roots.0` in the artifact path
/// of the model. All other bytes are kept.
pub fn with_new_ids(
    text: &[u8],
    roots: (&str, &str),
    map: impl Fn(&RunId) -> Option<RunId> + Copy,
) -> Vec<u8> {
    text.split_inclusive(|byte| *byte == b'\n').flat_map(|line| new_line(line, roots, map)).collect()
}

fn new_line(line: &[u8], roots: (&str, &str), map: impl Fn(&RunId) -> Option<RunId>) -> Vec<u8> {
    let unchanged = || line.to_vec();
    let Ok(text) = std::str::from_utf8(line) else { return unchanged() };
    let Some((key, value)) = text.split_once(':') else { return unchanged() };
    if ID_KEYS.contains(&key) {
        // The rule for system tags: ids at any position, such as within quotes.
        return rewrite("mlflow.id", value, map).map_or_else(unchanged, |new| format!("{key}:{new}").into());
    }
    if key == ROOT_KEY && !roots.0.is_empty() {
        return format!("{key}:{}", value.replacen(roots.0, roots.1, 1)).into();
    }
    unchanged()
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "0123456789abcdef0123456789abcdef";
    const B: &str = "ffffffffffffffffffffffffffffffff";

    #[test]
    fn only_the_lines_that_name_ids_change() {
        let old = format!(
            "# of {A}\r\nartifact_path: mlflow-artifacts:/1/models/m-{A}/artifacts\nflavors:\n  run_id: {A}\n\
             model_id: m-{A}\nmodel_uuid: 'm-{A}'\nrun_id: {A}\nsignature: '{A}'\nno newline"
        );
        let map = |id: &RunId| (id.as_str() == A).then(|| RunId::from(B));
        let roots = (format!("mlflow-artifacts:/1/models/m-{A}/artifacts"), "s3://new/models".to_owned());
        let new = with_new_ids(old.as_bytes(), (&roots.0, &roots.1), map);
        let expected = format!(
            "# of {A}\r\nartifact_path: s3://new/models\nflavors:\n  run_id: {A}\n\
             model_id: m-{B}\nmodel_uuid: 'm-{B}'\nrun_id: {B}\nsignature: '{A}'\nno newline"
        );
        assert_eq!(String::from_utf8(new).unwrap(), expected);
    }

    #[test]
    fn bytes_that_are_not_text_and_paths_of_runs_are_kept() {
        let map = |_: &RunId| Some(RunId::from(B));
        let old = b"artifact_path: model\n\xff\xfe: x\nmodel_uuid: short\n";
        assert_eq!(with_new_ids(old, ("", ""), map), old);
    }

    #[test]
    fn files_are_known_by_name() {
        assert!(is_mlmodel("MLmodel", None) && is_mlmodel("a/b/MLmodel", Some(100)));
        assert!(!is_mlmodel("xMLmodel", None) && !is_mlmodel("MLmodel", Some(1 << 30)));
    }
}
