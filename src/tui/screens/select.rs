//! Step 4: the tree of what the source holds, and what is picked of it.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};

use super::end;
use crate::entities::{Kind, Pick, RunStatus, Tally};
use crate::tui::keys::has_traces;
use crate::tui::model::{Loaded, Model};
use crate::tui::scroll;
use crate::tui::text;
use crate::tui::tree::{Leaves, Node, Row, Section, Tree, Tri, What};
use crate::tui::widgets::{fields, paint};

/// Columns at the right: states and counts.
const ASIDE: usize = 22;
/// Below so many columns the totals are said in fewer words.
const NARROW: u16 = 70;

pub fn view(model: &Model, frame: &mut Frame, area: Rect) {
    let counts = match &model.selection.tree {
        Loaded::Tree(tree) => {
            let words = counted(tree, has_traces(model), area.width < NARROW);
            text::wrap(&words, usize::from(area.width))
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
    let tree = match &model.selection.tree {
        Loaded::Tree(tree) => tree,
        Loaded::Failed(trouble) => {
            paint::lines(frame, list, end::refused(model, trouble, usize::from(list.width)));
            return;
        }
        Loaded::Loading | Loaded::Nothing => {
            let words = format!("{} fetching what the source holds", paint::spinner(model));
            frame.render_widget(Line::styled(words, model.look.theme.accent), list);
            return;
        }
    };
    paint::lines(frame, picked, counts.into_iter().map(Line::raw).collect());
    draw_filter(model, tree, frame, filter);
    draw_rows(model, tree, frame, list);
}

fn counted(tree: &Tree, has_traces: bool, is_short: bool) -> String {
    let counted = tree.counted();
    if counted.is_nothing() {
        return "Nothing is picked. Space picks what the cursor is on, a picks everything.".into();
    }
    let traces = match (has_traces, tree.skips_traces()) {
        (false, _) => "",
        (true, false) => " and traces",
        (true, true) => " without traces",
    };
    let of_section = |section: &Section| {
        let (one, many) = section.kind.words();
        let picked = text::number(counted.of(section.kind));
        let there = section.nodes.len() as u64;
        let words = match is_short {
            true => format!("{picked}/{} {many}", text::number(there)),
            false => format!("{picked} of {}", text::count(there, &one, many)),
        };
        match (section.kind, counted.runs, counted.more) {
            (Kind::Experiment, 0, false) if counted.experiments == 0 => words,
            // None of them was looked at.
            (Kind::Experiment, 0, true) => format!("{words}, all their runs{traces}"),
            (Kind::Experiment, runs, more) => {
                format!("{words}, {}{} runs{traces}", text::number(runs), if more { "+" } else { "" })
            }
            _ => words,
        }
    };
    let parts: Vec<String> = tree.sections.iter().map(of_section).collect();
    format!("Picked: {}", parts.join(", "))
}

fn draw_filter(model: &Model, tree: &Tree, frame: &mut Frame, area: Rect) {
    if model.selection.filtering.is_none() && tree.filter().is_empty() {
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
    let Shown { lead, name, aside, dim } = shown(model, tree, row);
    let lead = format!("{mark}{lead}");
    // A long reason may take half of the line.
    let aside = text::cut(aside.trim(), (width / 2).max(ASIDE), look.glyphs.ellipsis);
    let aside = text::right(&aside, if matches!(row, Row::Note(_)) { 0 } else { ASIDE });
    let room = width.saturating_sub(text::width(&lead) + text::width(&aside) + 1);
    let name = text::fit(&name, room, look.glyphs.ellipsis);
    if chosen {
        return Line::styled(format!("{lead}{name} {aside}"), look.theme.selected);
    }
    let style = match (row, dim) {
        (Row::Section(_), _) => look.theme.title,
        (_, true) => look.theme.dim,
        _ => ratatui::style::Style::new(),
    };
    Line::from(vec![
        Span::styled(lead, style),
        Span::styled(format!("{name} "), style),
        Span::styled(aside, look.theme.dim),
    ])
}

/// The parts of a row.
struct Shown {
    lead: String,
    name: String,
    aside: String,
    dim: bool,
}

fn shown(model: &Model, tree: &Tree, row: Row) -> Shown {
    let glyphs = model.look.glyphs;
    let indent = if tree.has_headings() { "  " } else { "" };
    let fold = |open: bool| if open { glyphs.opened } else { glyphs.closed };
    match row {
        Row::Section(at) => {
            let section = &tree.sections[at];
            let tick = tick(model, tree.section_tri(section));
            Shown {
                lead: format!(" {tick} {} ", fold(section.open)),
                name: section.kind.title().to_owned(),
                aside: text::number(section.nodes.len() as u64),
                dim: false,
            }
        }
        Row::Node(at) => {
            let node = &tree.nodes[at];
            let sign = if node.can_open() { fold(node.open) } else { " " };
            Shown {
                lead: format!("{indent} {} {sign} ", tick(model, tree.tri(node))),
                name: node.item.name().to_owned(),
                aside: about(tree, node),
                dim: tree.tri(node) == Tri::Out,
            }
        }
        Row::Leaf(at, index) => {
            let (node, leaf) = (&tree.nodes[at], &tree.nodes[at].leaves()[index]);
            let tri = tree.leaf_tri(node, leaf);
            let needed = |id: &str| tree.needed_by(id).filter(|_| tri == Tri::None).map(needed_by);
            let aside = match &leaf.what {
                What::Traces(tally) => traces(tally, tri),
                What::Run { id, status: of, .. } => needed(id.as_str()).unwrap_or_else(|| {
                    let deleted = deleted_word(leaf.is_deleted() || node.item.is_deleted(), tri);
                    [deleted, status(*of)].join(" ")
                }),
                What::Version { number, about } => {
                    needed(&format!("{}/{number}", node.item.name())).unwrap_or_else(|| about.clone())
                }
            };
            Shown {
                lead: format!("{indent}     {} ", tick(model, tri)),
                name: leaf.name.clone(),
                aside,
                dim: tri == Tri::Out,
            }
        }
        Row::Note(at) => Shown {
            lead: format!("{indent}     "),
            name: note(model, &tree.nodes[at]),
            aside: String::new(),
            dim: true,
        },
    }
}

/// `churn/3` is called `churn v3`.
pub fn needed_by(version: &str) -> String {
    let (name, number) = version.rsplit_once('/').unwrap_or((version, "?"));
    format!("needed by {name} v{number}")
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
    if node.pick == Pick::None {
        let needed = tree.needed_by(node.item.name()).filter(|_| node.item.experiment().is_none());
        if let Some(version) = needed {
            return needed_by(version);
        }
    }
    if let Some(experiment) = tree.goes_with(node) {
        return match tree.goes_along(node) {
            true => format!("with {experiment}"),
            false if tree.tri(node) == Tri::None => "left out".to_owned(),
            false => String::new(),
        };
    }
    let deleted = deleted_word(node.item.is_deleted(), tree.tri(node));
    let (one, many) =
        if node.item.experiment().is_some() { ("run", "runs") } else { ("version", "versions") };
    let held = match &node.leaves {
        Leaves::Known { more, .. } => {
            let count = node.parts().count() as u64;
            let plus = if *more { "+" } else { "" };
            format!("{}{plus} {}", text::number(count), if count == 1 && !more { one } else { many })
        }
        _ => String::new(),
    };
    [deleted, &held].join(" ")
}

fn deleted_word(deleted: bool, tri: Tri) -> &'static str {
    match (deleted, tri) {
        (true, Tri::Out) => "deleted, left out",
        (true, _) => "deleted",
        _ => "",
    }
}

fn traces(tally: &Tally, tri: Tri) -> String {
    let count = match (tally.count, &tally.unknown) {
        (Some(count), _) => format!("{}{}", text::number(count), if tally.more { "+" } else { "" }),
        (None, Some(why)) => format!("not counted: {why}"),
        (None, None) => String::new(),
    };
    match tri {
        Tri::Out => format!("{count}, left out"),
        Tri::Some => format!("{count}, those of runs picked"),
        Tri::All | Tri::None => count,
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
    let is_experiment = node.item.experiment().is_some();
    let what = if is_experiment { "runs" } else { "versions" };
    match &node.leaves {
        Leaves::Loading => format!("{} fetching the {what}", paint::spinner(model)),
        Leaves::Failed(reason) => {
            let above = if is_experiment { "experiment" } else { "model" };
            format!("{} {reason} (Enter on the {above} tries again)", model.look.glyphs.bad)
        }
        Leaves::Known { .. } if node.parts().next().is_none() => format!("no {what}"),
        Leaves::Known { .. } => {
            format!("{} more runs: they are taken like their experiment", model.look.glyphs.ellipsis)
        }
        Leaves::Unknown => String::new(),
    }
}
