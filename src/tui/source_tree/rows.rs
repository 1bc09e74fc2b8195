//! The visible rows and the position of the cursor among them.

use super::filter::Words;
use super::{Leaves, Node, Rest, SourceTree};

/// A row, as indices into the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// The heading of a kind.
    Section(usize),
    Node(usize),
    /// A run or a version.
    Leaf(usize, usize),
    /// A line with the state of a node's contents: loading, more available, or empty.
    Note(usize),
}

impl SourceTree {
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// The row at the cursor.
    pub fn row(&self) -> Option<Row> {
        self.rows.get(self.cursor).copied()
    }

    pub fn filter(&self) -> &str {
        &self.filter
    }

    pub fn set_filter(&mut self, filter: &str) {
        filter.clone_into(&mut self.filter);
        self.show();
    }

    /// Moves the cursor by `by` rows, within the list.
    pub fn step(&mut self, by: isize) {
        let last = self.rows.len().saturating_sub(1);
        self.cursor = self.cursor.saturating_add_signed(by).min(last);
    }

    /// Opens the node at the cursor. Returns the node if its contents must be fetched first.
    pub fn open(&mut self) -> Option<usize> {
        let at = match self.row()? {
            Row::Section(at) => {
                self.sections[at].open = true;
                self.show();
                return None;
            }
            Row::Node(at) => at,
            Row::Leaf(..) | Row::Note(_) => return None,
        };
        let node = &mut self.nodes[at];
        let has_failed = match &node.leaves {
            Leaves::Failed(_) => true,
            Leaves::Known(held) => matches!(held.rest, Rest::Failed(_)),
            Leaves::Unknown | Leaves::Loading => false,
        };
        if !node.can_open() || (node.open && !has_failed) {
            return None;
        }
        node.open = true;
        let wanted = has_failed || matches!(node.leaves, Leaves::Unknown);
        if wanted {
            node.forget(Leaves::Loading);
        }
        self.show();
        wanted.then_some(at)
    }

    /// Closes the node around the cursor and moves the cursor to it. On a closed node, the cursor moves up to the
    /// heading.
    pub fn close(&mut self) {
        let Some(row) = self.row() else {
            return;
        };
        let heading = |tree: &Self, at: usize| {
            let kind = tree.nodes[at].item.kind();
            tree.sections.iter().position(|one| one.kind == kind)
        };
        let stay = match row {
            Row::Section(at) => {
                self.sections[at].open = false;
                row
            }
            Row::Node(at) if !self.nodes[at].open && self.has_headings() => {
                heading(self, at).map_or(row, Row::Section)
            }
            Row::Node(at) | Row::Leaf(at, _) | Row::Note(at) => {
                self.nodes[at].open = false;
                Row::Node(at)
            }
        };
        self.show();
        self.cursor = self.rows.iter().position(|row| *row == stay).unwrap_or(0);
    }

    /// Recomputes the rows. The cursor and the start of a range stay on their items if these are still visible.
    pub(super) fn show(&mut self) {
        let held = self.row();
        let anchor = self.anchor.and_then(|anchor| self.rows.get(anchor).copied());
        let words = Words::of(&self.filter);
        let mut rows = std::mem::take(&mut self.rows);
        rows.clear();
        for (index, section) in self.sections.iter().enumerate() {
            let heading = rows.len();
            if self.has_headings() {
                rows.push(Row::Section(index));
            }
            // With a filter, matches are visible even in a closed section.
            if section.open || !self.filter.is_empty() || !self.has_headings() {
                for at in &section.nodes {
                    add_rows(&mut rows, *at as usize, &self.nodes[*at as usize], &words);
                }
            }
            if self.has_headings() && rows.len() == heading + 1 && !self.filter.is_empty() {
                rows.pop();
            }
        }
        self.rows = rows;
        self.cursor = held.and_then(|held| self.place_of(held)).unwrap_or(0);
        self.anchor = anchor.and_then(|anchor| self.place_of(anchor));
    }

    /// The new index of this row, or of another row of the same node.
    fn place_of(&self, held: Row) -> Option<usize> {
        let same = self.rows.iter().position(|row| *row == held);
        let near = |row: &Row| held.node().is_some() && row.node() == held.node();
        same.or_else(|| self.rows.iter().position(near))
    }
}

impl Row {
    pub fn node(self) -> Option<usize> {
        match self {
            Self::Section(_) => None,
            Self::Node(at) | Self::Leaf(at, _) | Self::Note(at) => Some(at),
        }
    }
}

fn add_rows(rows: &mut Vec<Row>, at: usize, node: &Node, words: &Words) {
    // Filter words that the name does not match must match a leaf.
    let missing = words.missing_in(node);
    let place = rows.len();
    rows.push(Row::Node(at));
    if let Some(held) = node.held().filter(|_| node.open || !missing.is_empty()) {
        // Runs from the end, so that matching nested runs are known before their parents.
        let mut below = 0;
        for leaf in held.order.iter().rev().map(|leaf| *leaf as usize) {
            let depth = held.leaves[leaf].depth;
            if depth < below || missing.fit_leaf(&held.leaves[leaf]) {
                rows.push(Row::Leaf(at, leaf));
                below = depth;
            }
        }
        rows[place + 1..].reverse();
    }
    if !missing.is_empty() && rows.len() == place + 1 {
        rows.pop();
        return;
    }
    if node.open && has_note(node) {
        rows.push(Row::Note(at));
    }
}

fn has_note(node: &Node) -> bool {
    match &node.leaves {
        Leaves::Unknown => false,
        Leaves::Loading | Leaves::Failed(_) => true,
        Leaves::Known(held) => held.rest != Rest::Nothing || held.unreadable > 0 || node.part_count() == 0,
    }
}
