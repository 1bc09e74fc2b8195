use std::borrow::Cow;

/// Characters that are not visible text: control characters, which can move the cursor or change colours, and marks
/// that change the writing direction.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

/// Makes untrusted text safe to print: hidden characters are escaped (`\u{1b}`). Line breaks and tabs are kept.
pub fn printable(text: &str) -> Cow<'_, str> {
    written_out(text, |c| is_hidden(c) && !matches!(c, '\n' | '\t'))
}

/// The same, in one line: a name with a line break must not look like a line of our own output.
pub fn one_line(text: &str) -> Cow<'_, str> {
    written_out(text, is_hidden)
}

fn written_out(text: &str, is_escaped: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut seen = String::with_capacity(text.len());
    for c in text.chars() {
        if is_escaped(c) { seen.extend(c.escape_default()) } else { seen.push(c) }
    }
    Cow::Owned(seen)
}

/// JSON text for a terminal: hidden characters that JSON does not escape are escaped, too.
pub fn printable_json(json: &str) -> Cow<'_, str> {
    if !json.chars().any(is_hidden) {
        return Cow::Borrowed(json);
    }
    let escape = |c: char| match is_hidden(c) {
        true => format!("\\u{:04x}", u32::from(c)),
        false => c.to_string(),
    };
    Cow::Owned(json.chars().map(escape).collect())
}

/// A word of a command line, in the spelling of a POSIX shell.
pub fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,~".contains(c);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn control_characters_of_a_terminal_are_escaped() {
        assert_eq!(printable("a\u{1b}]0;x\u{7}b\u{9b}31m\r"), r"a\u{1b}]0;x\u{7}b\u{9b}31m\r");
        assert_eq!(printable("plain\n\tü 日本"), "plain\n\tü 日本");
        assert_eq!(printable("a\u{202e}b"), r"a\u{202e}b");
        assert_eq!(one_line("a\n\tb"), r"a\n\tb");
    }

    proptest! {
        #[test]
        fn hidden_characters_are_removed_except_in_json(text in any::<String>()) {
            prop_assert!(printable(&text).chars().all(|c| matches!(c, '\n' | '\t') || !is_hidden(c)));
            let json = serde_json::to_string(&text).unwrap();
            let shown = printable_json(&json);
            prop_assert!(!shown.chars().any(is_hidden));
            prop_assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);
        }
    }
}
