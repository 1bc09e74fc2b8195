//! Completes the path in the source field, as a shell does.

use crate::tui::effect::Effect;
use crate::tui::model::completion::{CompletionState, PathCompletion};
use crate::tui::model::{CheckState, Model};

/// Asks for the names that the path may go on with.
pub fn ask(model: &mut Model) -> Vec<Effect> {
    let Some(request) = model.completion_request() else { return Vec::new() };
    if matches!(model.completion(), Some(CompletionState::Reading)) {
        return Vec::new();
    }
    if matches!(request.start.as_str(), "~" | "." | "..") {
        set_text(model, format!("{}/", request.text));
        return Vec::new();
    }
    let state = CompletionState::Reading;
    model.completion = Some(PathCompletion { text: request.text.clone(), state });
    vec![Effect::CompletePath(Box::new(request))]
}

/// Adds the part that all names have in common. An answer to a former text is dropped.
pub fn on_listed(model: &mut Model, text: &str, result: Result<Vec<String>, String>) {
    let Some(request) = model.completion_request().filter(|request| request.text == text) else { return };
    let names = match result {
        Ok(names) => names,
        Err(why) => {
            let state = CompletionState::Failed(why);
            model.completion = Some(PathCompletion { text: text.to_owned(), state });
            return;
        }
    };
    let common = common_start(&names);
    let is_whole = names.len() == 1;
    let mut text = request.text;
    text.push_str(common.strip_prefix(request.start.as_str()).unwrap_or_default());
    if text != model.source.form.uri() {
        set_text(model, text.clone());
    }
    let state = CompletionState::Known(names);
    model.completion = Some(PathCompletion { text, state }).filter(|_| !is_whole);
}

fn set_text(model: &mut Model, text: String) {
    model.source.form.set_uri(&text);
    // A check result for the previous text is no longer valid.
    model.source.seen = CheckState::Unchecked;
    model.source.attempt += 1;
    model.notice = None;
}

fn common_start(names: &[String]) -> String {
    let Some((first, rest)) = names.split_first() else { return String::new() };
    let is_shared = |(at, c): &(usize, char)| {
        rest.iter().all(|name| name[..].get(*at..).is_some_and(|end| end.starts_with(*c)))
    };
    first.char_indices().take_while(is_shared).map(|(_, c)| c).collect()
}

#[cfg(test)]
mod tests {
    use super::common_start;

    #[test]
    fn the_common_start_ends_between_characters() {
        let common =
            |names: &[&str]| common_start(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        assert_eq!(common(&["mlruns/", "mlruns-old/", "mlruns.db"]), "mlruns");
        assert_eq!(common(&["é1", "è1"]), "");
        assert_eq!(common(&["東京/", "東大/"]), "東");
        assert_eq!(common(&[]), "");
    }
}
