//! Step 4: the tree of the source's contents, and the selection.

mod details;
mod rows;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;

use super::{endpoint, picked_runs};
use crate::entities::Kind;
use crate::plan::SameNames;
use crate::tui::model::estimate::{Estimate, estimate};
use crate::tui::model::{Loaded, Model};
use crate::tui::source_tree::{Counted, Row, Section, SourceTree};
use crate::tui::text;
use crate::tui::update::same_names;
use crate::tui::view::widgets::{fields, paint};

pub use rows::needed_by;

/// Below this width the totals use fewer words.
const MAX_NARROW: u16 = 70;
/// The room for the choice about names on the target, beside the title.
const NAMES_WIDTH: usize = 36;
/// From this width on the details are beside the tree.
const MIN_WIDE: u16 = 90;

pub fn view(model: &Model, frame: &mut Frame, area: Rect) {
    let counts = match &model.selection.tree {
        Loaded::Tree(tree) if tree.nodes.is_empty() => vec![String::new()],
        Loaded::Tree(tree) => {
            let counted = counted(model, tree, area.width < MAX_NARROW);
            // An estimate for all runs is more useful than the counts of some runs.
            let more = guessed(model).or_else(|| inside(&tree.counted())).filter(|_| tree.has_picks());
            let lines = [Some(counted), more].into_iter().flatten();
            lines.flat_map(|words| text::wrap(&words, usize::from(area.width))).collect()
        }
        _ => vec![String::new()],
    };
    let [head, picked, filter, list] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(counts.len() as u16),
        Constraint::Length(1),
        Constraint::Fill(1),
    ])
    .areas(area);
    let title = format!("{} {}", model.step as usize + 1, model.step.title());
    frame.render_widget(Line::styled(title, model.look.theme.title), head);
    if let Loaded::Tree(tree) = &model.selection.tree {
        let words = Line::styled(state(model, tree), model.look.theme.accent);
        frame.render_widget(words.right_aligned(), head);
    }
    let tree = match &model.selection.tree {
        Loaded::Tree(tree) => tree,
        Loaded::Failed(trouble) => {
            paint::lines(frame, list, endpoint::refused(model, trouble, usize::from(list.width)));
            return;
        }
        Loaded::Loading | Loaded::Nothing => {
            let words = format!("{} loading the contents of the source", paint::spinner(model));
            frame.render_widget(Line::styled(words, model.look.theme.accent), list);
            return;
        }
    };
    paint::lines(frame, picked, counts.into_iter().map(Line::raw).collect());
    draw_filter(model, tree, frame, filter);
    match model.selection.details.open {
        false => rows::draw(model, tree, frame, list),
        true => {
            let [list, pane] = beside(list);
            rows::draw(model, tree, frame, list);
            details::draw(model, tree, frame, pane);
        }
    }
}

/// The tree and its details pane: side by side if the width allows it, otherwise one above the other.
fn beside(area: Rect) -> [Rect; 2] {
    match area.width >= MIN_WIDE {
        true => Layout::horizontal([Constraint::Percentage(55), Constraint::Fill(1)]).spacing(1).areas(area),
        false => Layout::vertical([Constraint::Fill(1), Constraint::Percentage(55)]).areas(area),
    }
}

/// The estimated size of the selection, based on a sample of runs.
fn guessed(model: &Model) -> Option<String> {
    let Estimate { files, bytes, points, requests, seconds, sampled } = estimate(model)?;
    let disk = if model.route.by_directory { " of disk" } else { "" };
    Some(format!(
        "Roughly {} in {}{disk}, {}, {}, {}, if all runs are like the {} sampled runs",
        text::bytes(bytes),
        text::count(files, "file", "files"),
        text::count(points, "point", "points"),
        text::count(requests, "request", "requests"),
        text::duration(seconds),
        text::number(sampled),
    ))
}

/// The contents of the fetched runs. Other runs, and the number of points of a metric, are not known.
fn inside(counted: &Counted) -> Option<String> {
    let params = text::count(counted.params, "param", "params");
    let points = text::count(counted.metrics, "point", "points");
    (counted.params + counted.metrics > 0)
        .then(|| format!("In the loaded runs: {params}, and at least {points} of metrics"))
}

/// Unusual states: a range, a sort order, pages that are still missing.
fn state(model: &Model, tree: &SourceTree) -> String {
    let range = tree.has_range().then(|| {
        let rows = text::count(tree.range().len() as u64, "row", "rows");
        format!("range of {rows}: Space selects")
    });
    let growing = tree.is_growing().then(|| {
        let so_far = text::number(tree.nodes.len() as u64);
        format!("{} fetching more, {so_far} so far", paint::spinner(model))
    });
    let size_scan = model.selection.size_scan.as_ref().map(|size_scan| {
        let [done, total] = [size_scan.done, size_scan.total].map(|count| text::number(count as u64));
        format!("{} sizes of {done} of {total} runs", paint::spinner(model))
    });
    // The default is left out when other states need the room.
    let names = tree.same_names();
    let is_default = names == SameNames::default();
    let has_others = range.is_some() || growing.is_some() || size_scan.is_some();
    let words = text::cut(&names.words(), NAMES_WIDTH, model.look.glyphs.ellipsis);
    let names = format!("{} taken names: {words}", same_names::key(model));
    let names = Some(names).filter(|_| !is_default || !has_others);
    let sorted = Some(tree.sorted().words().to_owned()).filter(|words| !words.is_empty());
    let parts: Vec<String> = [range, growing, size_scan, sorted, names].into_iter().flatten().collect();
    parts.join("  ")
}

fn counted(model: &Model, tree: &SourceTree, is_short: bool) -> String {
    let counted = tree.counted();
    if counted.is_nothing() {
        return "Nothing is selected. Space selects the row at the cursor, a selects all.".into();
    }
    let runs = picked_runs::in_tree(model, tree);
    let of_section = |section: &Section| {
        let (one, many) = section.kind.words();
        let picked = text::number(counted.of(section.kind));
        let there = section.nodes.len() as u64;
        let words = match is_short {
            true => format!("{picked}/{} {many}", text::number(there)),
            false => format!("{picked} of {}", text::count(there, &one, many)),
        };
        match &runs {
            Some(runs) if section.kind == Kind::Experiment => {
                format!("{words}, {runs}{}", picked_runs::traces(model, tree))
            }
            _ => words,
        }
    };
    let parts: Vec<String> = tree.sections.iter().map(of_section).collect();
    // The count is not final until all pages have arrived.
    let so_far = if tree.is_growing() { " so far" } else { "" };
    format!("Selected{so_far}: {}", parts.join(", "))
}

fn draw_filter(model: &Model, tree: &SourceTree, frame: &mut Frame, area: Rect) {
    if model.selection.filtering.is_none() && tree.filter().is_empty() {
        let titles = Line::styled(rows::titles(tree, area.width), model.look.theme.dim);
        frame.render_widget(titles.right_aligned(), area);
        return;
    }
    frame.render_widget(Line::styled("/", model.look.theme.accent), area);
    let shown = tree.rows().iter().filter(|row| matches!(row, Row::Node(_))).count();
    let aside = format!("{} of {} shown", text::number(shown as u64), text::number(tree.nodes.len() as u64));
    let [place, right] =
        Layout::horizontal([Constraint::Fill(1), Constraint::Length(text::width(&aside) as u16)]).areas(area);
    let place = Rect { x: place.x + 1, width: place.width.saturating_sub(2), ..place };
    frame.render_widget(Line::styled(aside, model.look.theme.dim), right);
    match &model.selection.filtering {
        Some(field) => fields::text(frame, place, field, true),
        None => frame.render_widget(Line::raw(text::clean(tree.filter())), place),
    }
}
