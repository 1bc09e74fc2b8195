//! Which rows are on show, and where the cursor is among them.

use super::{Leaf, Leaves, Node, Tree};

/// Indices into the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// The heading of a kind.
    Section(usize),
    Node(usize),
    /// A run or a version.
    Leaf(usize, usize),
    /// A line about what a node holds: it is being fetched, there is more, there is nothing.
    Note(usize),
}

/// Fewer letters would fit ids that nobody means.
const ID: usize = 4;

/// All words must occur.
#[derive(Clone, Debug, Default)]
pub(super) struct Words(Vec<String>);

impl Words {
    pub(super) fn of(filter: &str) -> Self {
        Self(filter.to_lowercase().split_whitespace().map(str::to_owned).collect())
    }

    pub(super) fn fit(&self, node: &Node) -> bool {
        self.0.iter().all(|word| node.folded.contains(word))
    }

    /// A run or a version answers to the name above it too, and a run to the beginning of its id.
    pub(super) fn fit_leaf(&self, node: &Node, leaf: &Leaf) -> bool {
        self.0.iter().all(|word| {
            let is_id = word.len() >= ID && leaf.run().is_some_and(|id| id.as_str().starts_with(word));
            leaf.folded.contains(word) || node.folded.contains(word) || is_id
        })
    }
}

impl Tree {
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub fn cursor(&self) -> usize {
        self.cursor
    }

    pub fn filter(&self) -> &str {
        &self.filter
    }

    pub fn set_filter(&mut self, filter: &str) {
        filter.clone_into(&mut self.filter);
        self.show();
    }

    /// Moves the cursor by this many rows, as far as there are any.
    pub fn step(&mut self, by: isize) {
        let last = self.rows.len().saturating_sub(1);
        self.cursor = self.cursor.saturating_add_signed(by).min(last);
    }

    /// Opens what is at the cursor. Gives the node when what it holds must be fetched first.
    pub fn open(&mut self) -> Option<usize> {
        let at = match self.rows.get(self.cursor).copied()? {
            Row::Section(at) => {
                self.sections[at].open = true;
                self.show();
                return None;
            }
            Row::Node(at) => at,
            Row::Leaf(..) | Row::Note(_) => return None,
        };
        let node = &mut self.nodes[at];
        if !node.can_open() || (node.open && !matches!(node.leaves, Leaves::Failed(_))) {
            return None;
        }
        node.open = true;
        let wanted = matches!(node.leaves, Leaves::Unknown | Leaves::Failed(_));
        if wanted {
            node.leaves = Leaves::Loading;
        }
        self.show();
        wanted.then_some(at)
    }

    /// Closes what the cursor is in and stays on it; from what is closed it goes up to the heading.
    pub fn close(&mut self) {
        let Some(row) = self.rows.get(self.cursor).copied() else {
            return;
        };
        let heading = |tree: &Self, at: usize| tree.sections.iter().position(|one| one.nodes.contains(&at));
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

    /// Works out the rows anew; the cursor stays on its item when that is still there.
    pub(super) fn show(&mut self) {
        let held = self.rows.get(self.cursor).copied();
        let words = Words::of(&self.filter);
        let mut rows = Vec::new();
        for (index, section) in self.sections.iter().enumerate() {
            let heading = rows.len();
            // What is looked for is shown wherever it is.
            if section.open || !self.filter.is_empty() || !self.has_headings() {
                rows.extend(section.nodes.clone().flat_map(|at| rows_of(at, &self.nodes[at], &words)));
            }
            if self.has_headings() && (rows.len() > heading || self.filter.is_empty()) {
                rows.insert(heading, Row::Section(index));
            }
        }
        self.rows = rows;
        let kept = held.and_then(|held| {
            let same = self.rows.iter().position(|row| *row == held);
            let near = |row: &Row| held.node().is_some() && row.node() == held.node();
            same.or_else(|| self.rows.iter().position(near))
        });
        self.cursor = kept.unwrap_or(0);
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

fn rows_of(at: usize, node: &Node, words: &Words) -> Vec<Row> {
    let by_name = words.fit(node);
    let fitting = |index: &usize| words.fit_leaf(node, &node.leaves()[*index]);
    let leaves: Vec<Row> = match (by_name, node.open) {
        (true, false) => Vec::new(),
        // A closed node is on show when one of its leaves is what is looked for.
        _ => (0..node.leaves().len()).filter(fitting).map(|index| Row::Leaf(at, index)).collect(),
    };
    if !by_name && leaves.is_empty() {
        return Vec::new();
    }
    let has_note = match &node.leaves {
        Leaves::Unknown => false,
        Leaves::Loading | Leaves::Failed(_) => true,
        Leaves::Known { more, .. } => *more || node.parts().next().is_none(),
    };
    let mut rows = vec![Row::Node(at)];
    rows.extend(leaves);
    if has_note && node.open {
        rows.push(Row::Note(at));
    }
    rows
}
