//! Two texts side by side, with the differing part marked in each.

use ratatui::style::Style;
use ratatui::text::Span;

use crate::engine::validate::Parts;
use crate::tui::text;
use crate::tui::theme::Look;

/// One side in exactly `width` columns, with the differing part visible.
pub fn cell(look: Look, parts: &Parts<'_>, width: usize) -> Vec<Span<'static>> {
    let glyphs = look.glyphs;
    let [open, close] = glyphs.changed;
    let room = width.saturating_sub(text::width(open) + text::width(close));
    let changed = text::cut(parts.changed, room, glyphs.ellipsis);
    let left = room - text::width(&changed);
    // A third of the space for equal text goes before the differing part, the rest after it.
    let before = left.min((left / 3).max(left.saturating_sub(text::width(parts.tail))));
    let head = tail_of(parts.head, before, glyphs.ellipsis);
    let tail = text::cut(parts.tail, left - text::width(&head), glyphs.ellipsis);
    let used = text::width(&head) + text::width(&changed) + text::width(&tail);
    vec![
        Span::raw(head),
        Span::styled(format!("{open}{changed}{close}"), look.theme.changed),
        Span::raw(tail),
        Span::styled(" ".repeat(room.saturating_sub(used)), Style::new()),
    ]
}

/// The end of `text` in at most `columns` columns.
fn tail_of(text: &str, columns: usize, ellipsis: &str) -> String {
    let text = text::clean(text);
    if text::width(&text) <= columns {
        return text;
    }
    let room = columns.saturating_sub(text::width(ellipsis));
    let mut start = text.len();
    for (at, _) in text.char_indices().rev() {
        if text::width(&text[at..]) > room {
            break;
        }
        start = at;
    }
    match columns >= text::width(ellipsis) {
        true => format!("{ellipsis}{}", &text[start..]),
        false => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::validate::parts;
    use crate::tui::theme::{Theme, UNICODE};
    use proptest::prelude::*;

    const LOOK: Look = Look { theme: Theme::plain(), glyphs: &UNICODE };

    fn shown(a: &str, b: &str, width: usize) -> [String; 2] {
        let (a, b) = parts(a, b);
        [a, b].map(|parts| cell(LOOK, &parts, width).iter().map(|span| span.content.as_ref()).collect())
    }

    #[test]
    fn differing_parts_are_in_brackets() {
        assert_eq!(shown("0.01", "0.02", 8), ["0.0‹1›  ", "0.0‹2›  "]);
        assert_eq!(shown("same", "same!", 9), ["same‹›   ", "same‹!›  "]);
    }

    #[test]
    fn differing_parts_stay_visible() {
        let long = "x".repeat(60);
        let [a, b] = shown(&format!("{long}1{long}"), &format!("{long}2{long}"), 20);
        assert!(a.contains("‹1›") && b.contains("‹2›"), "{a} {b}");
    }

    proptest! {
        #[test]
        fn parts_make_the_whole_and_cells_are_even(a in "[ab日]{0,12}", b in "[ab日]{0,12}", width in 6_usize..20) {
            let (left, right) = parts(&a, &b);
            prop_assert_eq!([left.head, left.changed, left.tail].concat(), a.clone());
            prop_assert_eq!([right.head, right.changed, right.tail].concat(), b.clone());
            for text in shown(&a, &b, width) {
                prop_assert_eq!(text::width(&text), width);
            }
        }
    }
}
