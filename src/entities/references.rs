//! Ids inside text. Tags and params that name a run or a logged model must name the new one after the migration.

use super::{ExperimentId, RunId, tag};

/// The length of a run's id, or of a logged model's id after its `m-`: 32 hexadecimal digits, with no letter or digit
/// next to them.
const ID_LENGTH: usize = 32;

/// A text, split into fixed parts and ids. Two values are equivalent when the fixed parts are equal and each id maps to
/// its counterpart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template<'a> {
    pub fixed: Vec<&'a str>,
    pub ids: Vec<&'a str>,
}

impl<'a> Template<'a> {
    /// Splits the value of a param or tag named `key`. System tags (`mlflow.…`) hold ids within JSON and URIs. In a
    /// user's own value, an id counts only if the whole value is an id, a URI of MLflow (`runs:/…/model`), or a JSON
    /// list of those. Any other value is kept unchanged.
    pub fn of(key: &str, text: &'a str) -> Self {
        let whole = Self { fixed: vec![text], ids: Vec::new() };
        // A name is not a reference, even if it is an id: a run without a name gets the source's id as its name.
        if key == tag::RUN_NAME {
            return whole;
        }
        let (mark, digits) = text.strip_prefix("m-").map_or(("", text), |digits| ("m-", digits));
        if digits.len() == ID_LENGTH && digits.bytes().all(is_id_byte) {
            return Self { fixed: vec![mark, ""], ids: vec![digits] };
        }
        let is_mlflows = key.starts_with("mlflow.") && key != "mlflow.note.content";
        if is_mlflows || is_uri(text) || is_list(text) { Self::cut(text) } else { whole }
    }

    fn cut(text: &'a str) -> Self {
        let (mut fixed, mut ids, mut from) = (Vec::new(), Vec::new(), 0);
        let mut word = 0;
        let bytes = text.as_bytes();
        for end in 0..=bytes.len() {
            if end < bytes.len() && bytes[end].is_ascii_alphanumeric() {
                continue;
            }
            if end - word == ID_LENGTH && bytes[word..end].iter().copied().all(is_id_byte) {
                fixed.push(&text[from..word]);
                ids.push(&text[word..end]);
                from = end;
            }
            word = end + 1;
        }
        fixed.push(&text[from..]);
        Self { fixed, ids }
    }
}

/// A URI that MLflow resolves.
fn is_uri(text: &str) -> bool {
    let schemes = ["runs:/", "models:/m-", "mlflow-artifacts:/"];
    schemes.iter().any(|scheme| text.starts_with(scheme)) && !text.contains(char::is_whitespace)
}

/// A JSON list of ids and such URIs.
fn is_list(text: &str) -> bool {
    let Some(inner) = text.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
        return false;
    };
    let is_one = |item: &str| {
        let item = item.trim();
        let item = ['"', '\''].iter().find_map(|quote| item.strip_prefix(*quote)?.strip_suffix(*quote));
        item.is_some_and(|item| {
            let digits = item.strip_prefix("m-").unwrap_or(item);
            is_uri(item) || digits.len() == ID_LENGTH && digits.bytes().all(is_id_byte)
        })
    };
    !inner.is_empty() && inner.split(',').all(is_one)
}

fn is_id_byte(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// True when the value of a param, or of a user's tag, names a logged model by its id.
pub fn names_model(value: &str) -> bool {
    let names_one = value.starts_with("m-") || value.starts_with("models:/m-");
    names_one && Template::of("", value).ids.len() == 1
}

/// The ids in a value that is named `key`.
pub fn ids_in<'a>(key: &str, text: &'a str) -> Vec<&'a str> {
    Template::of(key, text).ids
}

/// The text, with each id replaced for which `map` returns a new one. `None` when there is nothing to replace.
pub fn rewrite(key: &str, text: &str, map: impl Fn(&RunId) -> Option<RunId>) -> Option<String> {
    let template = Template::of(key, text);
    let new: Vec<Option<RunId>> = template.ids.iter().map(|id| map(&RunId::from(*id))).collect();
    if new.iter().all(Option::is_none) {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    for (index, fixed) in template.fixed.iter().enumerate() {
        out.push_str(fixed);
        if let Some(old) = template.ids.get(index) {
            out.push_str(new[index].as_ref().map_or(*old, RunId::as_str));
        }
    }
    Some(out)
}

/// A list of experiments, `,1,2,`, with new ids. An experiment that was not migrated is left out, because its id means
/// a different one on the target.
pub fn rewrite_experiments(ids: &str, map: impl Fn(&ExperimentId) -> Option<ExperimentId>) -> String {
    let new = |id: &str| match id {
        "" => Some(String::new()),
        id => map(&ExperimentId::from(id)).map(|id| id.to_string()),
    };
    ids.split(',').filter_map(new).collect::<Vec<_>>().join(",")
}

/// The ids of `ids`, followed by the ids that are only in `known`. Both are such lists.
pub fn merge_experiments(ids: &str, known: &str) -> String {
    let parts =
        |ids: &'_ str| ids.split(',').filter(|id| !id.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let mut all = parts(ids);
    let more: Vec<String> = parts(known).into_iter().filter(|id| !all.contains(id)).collect();
    all.extend(more);
    if all.is_empty() { ids.to_owned() } else { format!(",{},", all.join(",")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "0123456789abcdef0123456789abcdef";
    const B: &str = "ffffffffffffffffffffffffffffffff";

    fn to_b(id: &RunId) -> Option<RunId> {
        (id.as_str() == A).then(|| RunId::from(B))
    }

    #[test]
    fn system_tags_are_rewritten_inside_json_and_uris() {
        let history = format!(r#"[{{"run_id": "{A}", "path": "mlflow-artifacts:/1/{A}/artifacts"}}]"#);
        assert_eq!(rewrite("mlflow.log-model.history", &history, to_b).unwrap(), history.replace(A, B));
        assert_eq!(rewrite("mlflow.parentRunId", A, to_b).as_deref(), Some(B));
    }

    #[test]
    fn a_users_text_is_only_rewritten_when_it_is_an_id() {
        assert_eq!(rewrite("teacher", A, to_b).as_deref(), Some(B));
        assert_eq!(rewrite("best", &format!("m-{A}"), to_b), Some(format!("m-{B}")));
        assert_eq!(rewrite("best", &format!("x-{A}"), to_b), None);
        assert_eq!(rewrite("comment", &format!("see {A}"), to_b), None);
        assert_eq!(rewrite("mlflow.note.content", &format!("see {A}"), to_b), None);
        assert_eq!(rewrite("teacher", B, to_b), None);
    }

    #[test]
    fn a_users_uris_and_lists_of_ids_are_rewritten() {
        for text in [
            format!("runs:/{A}/model"),
            format!("models:/m-{A}"),
            format!("mlflow-artifacts:/1/{A}/artifacts/x"),
            format!("[\"{A}\", \"{B}\"]"),
            format!("['runs:/{A}/model']"),
        ] {
            assert_eq!(rewrite("model_uri", &text, to_b), Some(text.replace(A, B)), "{text}");
        }
        for text in [format!("runs:/{A}/model is better"), format!("[\"see {A}\"]"), format!("[{A}]")] {
            assert_eq!(rewrite("model_uri", &text, to_b), None, "{text}");
        }
        assert!(names_model(&format!("models:/m-{A}")) && !names_model(&format!("runs:/{A}/model")));
    }

    #[test]
    fn experiments_that_only_one_list_names_are_kept() {
        assert_eq!(merge_experiments(",1,2,", ","), ",1,2,");
        assert_eq!(merge_experiments(",1,2,", ",2,7,"), ",1,2,7,");
        assert_eq!(merge_experiments(",", ","), ",");
    }

    #[test]
    fn longer_words_are_not_ids() {
        assert_eq!(ids_in("mlflow.x", &format!("{A}0 x{A} {A}")), [A]);
        assert!(ids_in("mlflow.x", "ünïcode 日本語 …").is_empty());
    }

    proptest::proptest! {
        #[test]
        fn cutting_keeps_all_text(text: String) {
            let template = Template::cut(&text);
            let mut back = String::new();
            for (index, fixed) in template.fixed.iter().enumerate() {
                back.push_str(fixed);
                back.push_str(template.ids.get(index).unwrap_or(&""));
            }
            proptest::prop_assert_eq!(back, text);
        }
    }
}
