//! Step 4: the tree of experiments and runs, and what is picked of it.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};

use super::end;
use crate::entities::RunStatus;
use crate::tui::model::{Loaded, Model};
use crate::tui::scroll;
use crate::tui::text;
use crate::tui::tree::{Node, Row, Runs, Tree, Tri};
use crate::tui::widgets::{fields, paint};

/// Columns at the right: states and counts.
const ASIDE: usize = 22;

pub fn view(model: &Model, frame: &mut Frame, area: Rect) {
    let [head, counts, filter, list] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Fill(1),
    ])
    .areas(area);
    let title = format!("{} {}", model.step as usize + 1, model.step.title());
    frame.render_widget(Line::styled(title, model.look.theme.title), head);
    let tree = match &model.selection.tree {
        Loaded::Tree(tree) => tree,
        Loaded::Failed(trouble) => {
            paint::lines(frame, list, end::refused(model, trouble, usize::from(list.width)));
            return;
        }
        Loaded::Loading | Loaded::Nothing => {
            let words = format!("{} fetching the experiments", paint::spinner(model));
            frame.render_widget(Line::styled(words, model.look.theme.accent), list);
            return;
        }
    };
    frame.render_widget(Line::raw(counted(tree)), counts);
    draw_filter(model, tree, frame, filter);
    draw_rows(model, tree, frame, list);
}

fn counted(tree: &Tree) -> String {
    let counted = tree.counted();
    if counted.experiments == 0 {
        return "Nothing is picked. Space picks what the cursor is on, a picks everything.".into();
    }
    let runs = match (counted.runs, counted.more) {
        // None of them was looked at.
        (0, true) => "all their runs".to_owned(),
        (runs, more) => format!("{}{} runs", text::number(runs), if more { "+" } else { "" }),
    };
    format!(
        "Picked: {} of {}, {runs}",
        text::number(counted.experiments),
        text::count(tree.nodes.len() as u64, "experiment", "experiments"),
    )
}

fn draw_filter(model: &Model, tree: &Tree, frame: &mut Frame, area: Rect) {
    if model.selection.filtering.is_none() && tree.filter().is_empty() {
        return;
    }
    frame.render_widget(Line::styled("/", model.look.theme.accent), area);
    let shown = tree.rows().iter().filter(|row| matches!(row, Row::Experiment(_))).count();
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

fn draw_rows(model: &Model, tree: &Tree, frame: &mut Frame, area: Rect) {
    if tree.rows().is_empty() {
        frame.render_widget(Line::styled("  nothing here has all these words", model.look.theme.dim), area);
        return;
    }
    let height = usize::from(area.height);
    let top = scroll::offset(tree.cursor(), tree.rows().len(), height);
    let lines = tree
        .rows()
        .iter()
        .enumerate()
        .skip(top)
        .take(height)
        .map(|(index, row)| line(model, tree, *row, index == tree.cursor(), usize::from(area.width)))
        .collect();
    paint::lines(frame, area, lines);
}

fn line(model: &Model, tree: &Tree, row: Row, chosen: bool, width: usize) -> Line<'static> {
    let look = model.look;
    let mark = if chosen { look.glyphs.current } else { " " };
    let node = &tree.nodes[row.node()];
    let (lead, name, aside, dim) = match row {
        Row::Experiment(_) => {
            let sign = if node.open { look.glyphs.opened } else { look.glyphs.closed };
            let lead = format!("{mark} {} {sign} ", tick(model, tree.tri(node)));
            (lead, node.experiment.name.as_str(), about(tree, node), tree.tri(node) == Tri::Out)
        }
        Row::Run(_, index) => {
            let leaf = &node.leaves()[index];
            let tri = tree.leaf_tri(node, leaf);
            let deleted = deleted_word(leaf.deleted || node.experiment.lifecycle.is_deleted(), tri);
            let aside = [deleted, status(leaf.status)].join(" ");
            (format!("{mark}     {} ", tick(model, tri)), leaf.name.as_str(), aside, tri == Tri::Out)
        }
        Row::Note(_) => (format!("{mark}     "), "", String::new(), true),
    };
    let note = matches!(row, Row::Note(_)).then(|| note(model, node));
    let name = note.as_deref().unwrap_or(name);
    let aside = text::right(aside.trim(), if note.is_some() { 0 } else { ASIDE });
    let room = width.saturating_sub(text::width(&lead) + text::width(&aside) + 1);
    let name = text::fit(name, room, look.glyphs.ellipsis);
    if chosen {
        return Line::styled(format!("{lead}{name} {aside}"), look.theme.selected);
    }
    let style = if dim { look.theme.dim } else { ratatui::style::Style::new() };
    Line::from(vec![
        Span::styled(lead, style),
        Span::styled(format!("{name} "), style),
        Span::styled(aside, look.theme.dim),
    ])
}

fn tick(model: &Model, tri: Tri) -> &'static str {
    let [all, some, none, out] = model.look.glyphs.boxes;
    match tri {
        Tri::All => all,
        Tri::Some => some,
        Tri::None => none,
        Tri::Out => out,
    }
}

fn about(tree: &Tree, node: &Node) -> String {
    let deleted = deleted_word(node.experiment.lifecycle.is_deleted(), tree.tri(node));
    let runs = match &node.runs {
        Runs::Known { runs, more } => {
            let many = format!("{}{}", text::number(runs.len() as u64), if *more { "+" } else { "" });
            format!("{many} {}", if runs.len() == 1 && !more { "run" } else { "runs" })
        }
        _ => String::new(),
    };
    [deleted, &runs].join(" ")
}

fn deleted_word(deleted: bool, tri: Tri) -> &'static str {
    match (deleted, tri) {
        (true, Tri::Out) => "deleted, left out",
        (true, _) => "deleted",
        _ => "",
    }
}

fn status(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Running => "running",
        RunStatus::Scheduled => "scheduled",
        RunStatus::Finished => "finished",
        RunStatus::Failed => "failed",
        RunStatus::Killed => "killed",
    }
}

fn note(model: &Model, node: &Node) -> String {
    match &node.runs {
        Runs::Loading => format!("{} fetching the runs", paint::spinner(model)),
        Runs::Failed(reason) => {
            format!("{} {reason} (Enter on the experiment tries again)", model.look.glyphs.bad)
        }
        Runs::Known { runs, .. } if runs.is_empty() => "no runs".into(),
        Runs::Known { .. } => {
            format!("{} more runs: they are taken like their experiment", model.look.glyphs.ellipsis)
        }
        Runs::Unknown => String::new(),
    }
}
