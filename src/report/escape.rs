//! Names and values are untrusted. This module escapes them, so that every program shows them as plain text.

use crate::entities::is_hidden;

/// The maximum number of characters of a value. Longer values are cut. The JSON report contains the full values.
const MAX_LENGTH: usize = 4_000;

/// Writes invisible characters as escapes: control characters, and the marks that change the direction of the text.
/// Line breaks are kept if `lines` is true.
pub fn visible(text: &str, lines: bool) -> String {
    let mut seen = String::with_capacity(text.len());
    for c in text.chars().take(MAX_LENGTH) {
        match c {
            '\n' if lines => seen.push(c),
            c if is_hidden(c) => seen.extend(c.escape_default()),
            c => seen.push(c),
        }
    }
    let rest = text.chars().skip(MAX_LENGTH).count();
    if rest > 0 {
        seen.push_str(&format!("… ({rest} more characters)"));
    }
    seen
}

/// Escapes text for HTML, between tags and within quoted attributes.
pub fn html(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in visible(text, true).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

/// Escapes text for Markdown, also within a table: one line without markup.
pub fn markdown(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in visible(text, false).chars() {
        match c {
            // Escaped because some renderers allow HTML.
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' | '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '!' | '|' | '~'
            | '$' => {
                safe.push('\\');
                safe.push(c);
            }
            // Without the backslash, addresses and names would become links.
            ':' | '@' => {
                safe.push('\\');
                safe.push(c);
            }
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn invisible_characters_are_escaped() {
        assert_eq!(visible("a\u{1b}[31m\u{202e}b\nc", false), r"a\u{1b}[31m\u{202e}b\nc");
        assert_eq!(visible("a\nb", true), "a\nb");
        assert!(visible(&"x".repeat(5_000), true).ends_with("… (1000 more characters)"));
    }

    proptest! {
        #[test]
        fn no_markup_gets_through(text in "[<>&\"'|`a\n\u{0}-\u{1f}日]{0,40}") {
            let page = html(&text);
            prop_assert!(!page.contains(['<', '>', '"', '\'']));
            let cell = markdown(&text);
            prop_assert!(!cell.contains(['<', '>', '\n']));
            // Each bar and each backtick has a backslash.
            prop_assert!(!cell.replace(r"\|", "").contains('|') && !cell.replace(r"\`", "").contains('`'));
        }
    }
}
