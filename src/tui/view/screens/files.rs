//! The known facts about a file, in few words.

use crate::engine::validate::{Difference, FileFacts, Mark};
use crate::tui::text;
use crate::tui::theme::Look;

/// This many digits of a checksum are enough to distinguish two files.
const DIGITS: usize = 8;

/// One side in words: size and checksum, or the reason why it cannot be read.
pub fn sides(look: Look, file: &Difference) -> [String; 2] {
    if file.mark == Mark::Unreadable {
        let reason = file.fields.first();
        let source = reason.and_then(|field| field.source.clone());
        let target = reason.and_then(|field| field.target.clone());
        return [source, target].map(Option::unwrap_or_default);
    }
    let [sizes, sums] = [sizes(file), sums(look, file)];
    let is_there = [file.mark != Mark::Extra, file.mark != Mark::Missing];
    [0, 1].map(|side| match (is_there[side], &sizes[side], &sums[side]) {
        (false, ..) => "(absent)".to_owned(),
        (true, Some(size), Some(sum)) => format!("{size}  {sum}"),
        (true, Some(known), None) | (true, None, Some(known)) => known.clone(),
        (true, None, None) => "size unknown".to_owned(),
    })
}

/// Both sides in one text. Equal facts are written only once.
pub fn summary(look: Look, file: &Difference) -> String {
    if file.mark == Mark::Unreadable {
        return sides(look, file).concat();
    }
    let both = |[source, target]: [Option<String>; 2]| match (source, target) {
        (Some(source), Some(target)) if source == target => source,
        (Some(source), Some(target)) => format!("{source} {} {target}", look.glyphs.arrow),
        (source, target) => source.or(target).unwrap_or_default(),
    };
    let words = [both(sizes(file)), both(sums(look, file))];
    words.into_iter().filter(|words| !words.is_empty()).collect::<Vec<_>>().join("  ")
}

fn facts(file: &Difference) -> [Option<&FileFacts>; 2] {
    let sides = file.file.as_deref();
    [sides.and_then(|sides| sides.source.as_ref()), sides.and_then(|sides| sides.target.as_ref())]
}

fn sizes(file: &Difference) -> [Option<String>; 2] {
    let sizes = facts(file).map(|facts| facts.and_then(|facts| facts.size));
    let short = sizes.map(|size| size.map(text::bytes));
    // Two different sizes may both be shown as 1.2 MB.
    let is_blurred = sizes[0] != sizes[1] && short[0] == short[1];
    match is_blurred {
        true => sizes.map(|size| size.map(|size| format!("{} B", text::number(size)))),
        false => short,
    }
}

fn sums(look: Look, file: &Difference) -> [Option<String>; 2] {
    facts(file).map(|facts| {
        let sum = facts?.sha256.as_deref()?;
        Some(format!("{}{}", sum.chars().take(DIGITS).collect::<String>(), look.glyphs.ellipsis))
    })
}
