//! Text in columns. Widths are measured as the terminal shows them, so that wide names do not break a line.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::entities::is_hidden;

/// Width of `text` in columns.
pub fn width(text: &str) -> usize {
    text.width()
}

/// One line without control characters: names come from other people and may contain anything.
pub fn clean(text: &str) -> String {
    text.chars().map(|c| if is_hidden(c) { ' ' } else { c }).collect()
}

/// At most `columns` columns of `text`. `ellipsis` marks text that is cut.
pub fn cut(text: &str, columns: usize, ellipsis: &str) -> String {
    let text = clean(text);
    if width(&text) <= columns {
        return text;
    }
    let room = columns.saturating_sub(width(ellipsis));
    let mut taken = String::new();
    let mut used = 0;
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if used + wide > room {
            break;
        }
        used += wide;
        taken.push(c);
    }
    if columns >= width(ellipsis) {
        taken.push_str(ellipsis);
    }
    taken
}

/// Exactly `columns` columns: the text is cut or padded with spaces.
pub fn fit(text: &str, columns: usize, ellipsis: &str) -> String {
    let mut text = cut(text, columns, ellipsis);
    let used = width(&text);
    text.push_str(&" ".repeat(columns.saturating_sub(used)));
    text
}

/// Exactly `columns` columns, with the text aligned to the right.
pub fn right(text: &str, columns: usize) -> String {
    let free = columns.saturating_sub(width(text));
    format!("{}{text}", " ".repeat(free))
}

/// Breaks `text` between words into lines of at most `columns`. A longer word is broken at any character.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = vec![String::new()];
    for word in clean(text).split_whitespace() {
        let mut word = word.to_owned();
        loop {
            let used = lines.last().map_or(0, |line| width(line));
            let gap = usize::from(used > 0);
            if used + gap + width(&word) <= columns {
                if let Some(line) = lines.last_mut() {
                    line.push_str(&" ".repeat(gap));
                    line.push_str(&word);
                }
                break;
            }
            if used > 0 {
                lines.push(String::new());
                continue;
            }
            let head = match cut(&word, columns, "") {
                // A character that is wider than the line still needs a line.
                head if head.is_empty() => word.chars().take(1).collect(),
                head => head,
            };
            word = word.split_off(head.len());
            if let Some(line) = lines.last_mut() {
                line.push_str(&head);
            }
            if word.is_empty() {
                break;
            }
            lines.push(String::new());
        }
    }
    lines
}

/// `1 run`, `2 runs`.
pub fn count(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", number(n), if n == 1 { one } else { many })
}

/// Digits in groups of three.
pub fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `7 s`, `3 min 07 s`, `2 h 05 min`.
pub fn duration(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

pub fn bytes(n: u64) -> String {
    humansize::format_size(n, humansize::DECIMAL)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn wide_names_are_cut_by_columns() {
        assert_eq!(cut("日本語", 5, "…"), "日本…");
        assert_eq!(cut("日本語", 4, "…"), "日…");
        assert_eq!(fit("日本", 6, "…"), "日本  ");
        assert_eq!(cut("a\nb\u{1b}[31m", 9, "…"), "a b [31m");
    }

    #[test]
    fn lines_break_between_words_and_long_words_anywhere() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrap("", 3), [""]);
    }

    #[test]
    fn numbers_and_times_read_well() {
        assert_eq!(number(1_234_567), "1,234,567");
        assert_eq!(number(999), "999");
        assert_eq!(duration(187.2), "3 min 07 s");
        assert_eq!(duration(7_500.0), "2 h 05 min");
        assert_eq!(count(1, "run", "runs"), "1 run");
    }

    proptest! {
        #[test]
        fn a_fitted_text_has_its_width(text in ".{0,40}", columns in 1_usize..30) {
            prop_assert_eq!(width(&fit(&text, columns, "…")), columns);
        }

        #[test]
        fn no_line_is_too_wide(text in "[a-z日 ]{0,60}", columns in 2_usize..30) {
            prop_assert!(wrap(&text, columns).iter().all(|line| width(line) <= columns));
        }
    }
}
