//! The rows of the tree, and the columns that fit.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::entities::{Count, RunStatus};
use crate::plan::UnixMillis;
use crate::tui::model::Model;
use crate::tui::source_tree::{Checked, Children, Leaves, MAX_RUNS, Node, Rest, Row, SourceTree, What};
use crate::tui::text;
use crate::tui::update::scroll;
use crate::tui::view::widgets::paint;

/// Width of the right column with states and counts.
const ASIDE: usize = 22;
/// Runs nested deeper than this are not indented further.
const MAX_DEPTH: u8 = 8;
/// Minimum list widths for a column of dates, for a column of sizes, and for a column of requested sizes.
const WITH_DATES: usize = 84;
const WITH_SIZES: usize = 100;
const WITH_ASKED_SIZES: usize = 54;
const DATE_WIDTH: usize = 10;
const SIZE_WIDTH: usize = 10;

/// The columns that fit.
#[derive(Clone, Copy)]
struct Columns {
    date: bool,
    size: bool,
}

impl Columns {
    /// Sizes that the user has requested take precedence over dates.
    fn of(tree: &SourceTree, width: usize) -> Self {
        let is_asked = tree.has_sizes() && width >= WITH_ASKED_SIZES;
        let taken = if is_asked { SIZE_WIDTH + 1 } else { 0 };
        Self { date: width >= WITH_DATES + taken, size: is_asked || width >= WITH_SIZES }
    }

    fn line(self, date: &str, size: &str) -> String {
        let date = if self.date { text::right(date, DATE_WIDTH) } else { String::new() };
        let size = if self.size { text::right(size, SIZE_WIDTH + 1) } else { String::new() };
        format!("{date}{size}")
    }
}

/// The heading of the columns.
pub fn titles(tree: &SourceTree, width: u16) -> String {
    let titles = Columns::of(tree, usize::from(width)).line("updated", "size");
    format!("{titles}{}", " ".repeat(ASIDE))
}

/// The known dates and sizes, if their columns fit.
fn columns(tree: &SourceTree, row: Row, width: usize) -> String {
    let (time, bytes) = match row {
        Row::Section(_) | Row::Note(_) => (None, None),
        Row::Node(at) => (tree.nodes[at].item.updated(), tree.nodes[at].known_bytes()),
        Row::Leaf(at, leaf) => {
            let leaf = &tree.nodes[at].leaves()[leaf];
            (leaf.time, leaf.bytes.and_then(|bytes| i64::try_from(bytes).ok()))
        }
    };
    let date =
        time.map_or(String::new(), |time| UnixMillis(time).to_string().chars().take(DATE_WIDTH).collect());
    // If some runs of a node are not measured, the size is a minimum.
    let more = matches!(row, Row::Node(at) if !tree.nodes[at].is_weighed());
    let more = if more { "+" } else { "" };
    let size = bytes.map_or(String::new(), |bytes| format!("{}{more}", text::bytes(bytes.unsigned_abs())));
    match row {
        Row::Note(_) => String::new(),
        _ => Columns::of(tree, width).line(&date, &size),
    }
}

pub fn draw(model: &Model, tree: &SourceTree, frame: &mut Frame, area: Rect) {
    if tree.rows().is_empty() {
        let words = match tree.filter() {
            "" if tree.is_growing() => "no items have arrived yet",
            "" => "The source has nothing that can be moved. Esc goes back to choose another source.",
            _ => "Nothing here has all these words. Esc clears the filter.",
        };
        let lines = paint::wrapped(words, usize::from(area.width), model.look.theme.dim);
        paint::lines(frame, area, lines);
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
        .map(|(index, row)| line(model, tree, *row, place(tree, index), usize::from(area.width)))
        .collect();
    paint::lines(frame, area, lines);
}

/// The position of a row relative to the cursor.
#[derive(Clone, Copy, PartialEq, Eq)]
enum RowPosition {
    Cursor,
    InRange,
    Elsewhere,
}

fn place(tree: &SourceTree, index: usize) -> RowPosition {
    match index == tree.cursor() {
        true => RowPosition::Cursor,
        false if tree.has_range() && tree.range().contains(&index) => RowPosition::InRange,
        false => RowPosition::Elsewhere,
    }
}

fn line(model: &Model, tree: &SourceTree, row: Row, place: RowPosition, width: usize) -> Line<'static> {
    let look = model.look;
    let chosen = place == RowPosition::Cursor;
    let mark = match place {
        RowPosition::Cursor => look.glyphs.current,
        RowPosition::InRange => look.glyphs.upright,
        RowPosition::Elsewhere => " ",
    };
    let Shown { lead, name, aside, dim } = shown(model, tree, row);
    let lead = format!("{mark}{lead}");
    // A long reason may use half of the line.
    let aside = text::cut(aside.trim(), (width / 2).max(ASIDE), look.glyphs.ellipsis);
    let aside = text::right(&aside, if matches!(row, Row::Note(_)) { 0 } else { ASIDE });
    let columns = columns(tree, row, width);
    let aside = format!("{columns}{aside}");
    let room = width.saturating_sub(text::width(&lead) + text::width(&aside) + 1);
    let name = text::fit(&name, room, look.glyphs.ellipsis);
    if chosen {
        return Line::styled(format!("{lead}{name} {aside}"), look.theme.selected);
    }
    let style = match (row, dim) {
        _ if place == RowPosition::InRange => look.theme.accent,
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

fn shown(model: &Model, tree: &SourceTree, row: Row) -> Shown {
    let glyphs = model.look.glyphs;
    let indent = if tree.has_headings() { "  " } else { "" };
    let fold = |open: bool| if open { glyphs.opened } else { glyphs.closed };
    match row {
        Row::Section(at) => {
            let section = &tree.sections[at];
            let tick = tick(model, section.checked);
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
                lead: format!("{indent} {} {sign} ", tick(model, tree.checked(node))),
                name: node.item.name().to_owned(),
                aside: about(tree, node),
                dim: tree.checked(node) == Checked::Out,
            }
        }
        Row::Leaf(at, index) => {
            let (node, leaf) = (&tree.nodes[at], &tree.nodes[at].leaves()[index]);
            let checked = tree.leaf_checked(node, leaf);
            let needed = |id: &str| tree.needed_by(id).filter(|_| checked == Checked::None).map(needed_by);
            let aside = match &leaf.what {
                What::Traces(tally) => traces(tally, checked),
                What::Run { id, status: of, .. } => needed(id.as_str()).unwrap_or_else(|| {
                    let deleted = deleted_word(leaf.is_deleted() || node.item.is_deleted(), checked);
                    [deleted, status(*of)].join(" ")
                }),
                What::Version { number, about } => {
                    needed(&format!("{}/{number}", node.item.name())).unwrap_or_else(|| about.clone())
                }
            };
            Shown {
                lead: format!(
                    "{indent}     {}{} ",
                    " ".repeat(2 * usize::from(leaf.depth.min(MAX_DEPTH))),
                    tick(model, checked)
                ),
                name: leaf.name.clone(),
                aside,
                dim: checked == Checked::Out,
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

/// `churn/3` is displayed as `churn v3`.
pub fn needed_by(version: &str) -> String {
    let (name, number) = version.rsplit_once('/').unwrap_or((version, "?"));
    format!("needed by {name} v{number}")
}

fn tick(model: &Model, checked: Checked) -> &'static str {
    let [all, some, none, out] = model.look.glyphs.boxes;
    match checked {
        Checked::All => all,
        Checked::Some => some,
        Checked::None => none,
        Checked::Out => out,
    }
}

fn about(tree: &SourceTree, node: &Node) -> String {
    if node.picked() == Checked::None {
        let needed = tree.needed_by(node.item.name()).filter(|_| node.item.experiment().is_none());
        if let Some(version) = needed {
            return needed_by(version);
        }
    }
    if let Some(experiment) = tree.including_experiment(node) {
        return match tree.is_included(node) {
            true => format!("with {experiment}"),
            false if tree.checked(node) == Checked::None => "left out".to_owned(),
            false => String::new(),
        };
    }
    let deleted = deleted_word(node.item.is_deleted(), tree.checked(node));
    let (one, many) =
        if node.item.experiment().is_some() { ("run", "runs") } else { ("version", "versions") };
    let held = match &node.leaves {
        Leaves::Known(held) => {
            let (count, more) = (node.part_count() as u64, !held.is_complete());
            let plus = if more { "+" } else { "" };
            format!("{}{plus} {}", text::number(count), if count == 1 && !more { one } else { many })
        }
        _ => String::new(),
    };
    [deleted, &held].join(" ")
}

fn deleted_word(deleted: bool, checked: Checked) -> &'static str {
    match (deleted, checked) {
        (true, Checked::Out) => "deleted, left out",
        (true, _) => "deleted",
        _ => "",
    }
}

fn traces(tally: &Count, checked: Checked) -> String {
    let count = match (tally.count, &tally.unknown) {
        (Some(count), _) => format!("{}{}", text::number(count), if tally.more { "+" } else { "" }),
        (None, Some(why)) => format!("not counted: {why}"),
        (None, None) => String::new(),
    };
    match checked {
        Checked::Out => format!("{count}, left out"),
        Checked::Some => format!("{count}, of selected runs"),
        Checked::All | Checked::None => count,
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
        Leaves::Known(held) => rest(model, node, held, what),
        Leaves::Unknown => String::new(),
    }
}

fn rest(model: &Model, node: &Node, held: &Children, what: &str) -> String {
    let glyphs = model.look.glyphs;
    let so_far = text::number(node.part_count() as u64);
    match &held.rest {
        Rest::Nothing if held.unreadable > 0 => {
            format!("{} {} of its runs cannot be read", glyphs.warn, text::number(held.unreadable))
        }
        Rest::Nothing => format!("no {what}"),
        Rest::More => format!("{} more runs: Enter fetches all, {so_far} so far", glyphs.ellipsis),
        Rest::Coming => format!("{} fetching more runs, {so_far} so far", paint::spinner(model)),
        Rest::TooMuch => {
            let most = text::number(MAX_RUNS as u64);
            format!("{} more runs than the {most} kept here: they follow their experiment", glyphs.ellipsis)
        }
        Rest::Failed(reason) => format!("{} {reason} (Enter on the experiment tries again)", glyphs.bad),
    }
}
