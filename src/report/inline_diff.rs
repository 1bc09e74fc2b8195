/// The parts of one of two texts: the common beginning, the part that differs, and the common end.
#[derive(Debug, PartialEq, Eq)]
pub struct Parts<'a> {
    pub head: &'a str,
    pub changed: &'a str,
    pub tail: &'a str,
}

/// Splits two texts into their common beginning, the parts that differ, and their common end.
pub fn parts<'a>(a: &'a str, b: &'a str) -> (Parts<'a>, Parts<'a>) {
    let head: usize = a.chars().zip(b.chars()).take_while(|(x, y)| x == y).map(|(x, _)| x.len_utf8()).sum();
    let (rest_a, rest_b) = (&a[head..], &b[head..]);
    let tail: usize = rest_a
        .chars()
        .rev()
        .zip(rest_b.chars().rev())
        .take_while(|(x, y)| x == y)
        .map(|(x, _)| x.len_utf8())
        .sum();
    let cut = |text: &'a str| Parts {
        head: &text[..head],
        changed: &text[head..text.len() - tail],
        tail: &text[text.len() - tail..],
    };
    (cut(a), cut(b))
}
