//! The contents of a store that the wizard has found, in one line.

use ratatui::style::Style;

use super::paint;
use crate::engine::StoreSummary;
use crate::entities::Count;
use crate::tui::model::Model;
use crate::tui::model::stores::StoreContents;
use crate::tui::text;

pub fn mark(model: &Model, contents: &StoreContents) -> (&'static str, Style) {
    let look = model.look;
    match contents {
        StoreContents::Counting(_) => (paint::spinner(model), look.theme.accent),
        StoreContents::Known(_) => (look.glyphs.ok, look.theme.ok),
        StoreContents::Failed(_) => (look.glyphs.bad, look.theme.bad),
    }
}

/// `12 experiments, 340 runs, 2.1 MB`, or why that is unknown.
pub fn words(contents: &StoreContents) -> String {
    match contents {
        StoreContents::Counting(None) => "counting".to_owned(),
        StoreContents::Counting(Some(part)) => numbers(part),
        StoreContents::Known(summary) => format!("{}, {}", numbers(summary), text::bytes(summary.bytes)),
        StoreContents::Failed(trouble) => trouble.text.clone(),
    }
}

fn numbers(StoreSummary { experiments, runs, .. }: &StoreSummary) -> String {
    let experiments = counted(experiments, "experiment", "experiments");
    format!("{experiments}, {}", counted(runs, "run", "runs"))
}

fn counted(count: &Count, one: &str, many: &str) -> String {
    match count.count {
        Some(number) if count.more => format!("{}+ {many}", text::number(number)),
        Some(number) => text::count(number, one, many),
        None => format!("? {many}"),
    }
}
