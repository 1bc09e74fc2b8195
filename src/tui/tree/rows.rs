//! Which rows are on show, and where the cursor is among them.

use super::{Leaf, Node, Runs, Tree};
use crate::entities::ExperimentId;

/// Indices into the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    Experiment(usize),
    Run(usize, usize),
    /// A line about the runs of an experiment: they are being fetched, there are more, there are none.
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

    /// A run answers to the name of its experiment too, and to the beginning of its id.
    pub(super) fn fit_leaf(&self, node: &Node, leaf: &Leaf) -> bool {
        self.0.iter().all(|word| {
            let is_id = word.len() >= ID && leaf.id.as_str().starts_with(word);
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

    /// Opens the experiment at the cursor. Gives it when its runs must be fetched first.
    pub fn open(&mut self) -> Option<ExperimentId> {
        let Some(Row::Experiment(at)) = self.rows.get(self.cursor).copied() else {
            return None;
        };
        let node = &mut self.nodes[at];
        if node.open && !matches!(node.runs, Runs::Failed(_)) {
            return None;
        }
        node.open = true;
        let wanted = matches!(node.runs, Runs::Unknown | Runs::Failed(_));
        if wanted {
            node.runs = Runs::Loading;
        }
        let id = node.experiment.id.clone();
        self.show();
        wanted.then_some(id)
    }

    /// Closes the experiment that the cursor is in, and stays on it.
    pub fn close(&mut self) {
        let Some(row) = self.rows.get(self.cursor).copied() else {
            return;
        };
        let at = row.node();
        self.nodes[at].open = false;
        self.show();
        self.cursor = self.rows.iter().position(|row| *row == Row::Experiment(at)).unwrap_or(0);
    }

    /// Works out the rows anew; the cursor stays on its item when that is still there.
    pub(super) fn show(&mut self) {
        let held = self.rows.get(self.cursor).copied();
        let words = Words::of(&self.filter);
        self.rows = self.nodes.iter().enumerate().flat_map(|(at, node)| rows_of(at, node, &words)).collect();
        let kept = held.and_then(|held| {
            let same = self.rows.iter().position(|row| *row == held);
            same.or_else(|| self.rows.iter().position(|row| row.node() == held.node()))
        });
        self.cursor = kept.unwrap_or(0);
    }
}

impl Row {
    pub fn node(self) -> usize {
        match self {
            Self::Experiment(at) | Self::Run(at, _) | Self::Note(at) => at,
        }
    }
}

fn rows_of(at: usize, node: &Node, words: &Words) -> Vec<Row> {
    let by_name = words.fit(node);
    let fitting = |index: &usize| words.fit_leaf(node, &node.leaves()[*index]);
    let leaves: Vec<Row> = match (by_name, node.open) {
        (true, false) => Vec::new(),
        // A closed experiment is on show when one of its runs is what is looked for.
        _ => (0..node.leaves().len()).filter(fitting).map(|index| Row::Run(at, index)).collect(),
    };
    if !by_name && leaves.is_empty() {
        return Vec::new();
    }
    let has_note = match &node.runs {
        Runs::Unknown => false,
        Runs::Loading | Runs::Failed(_) => true,
        Runs::Known { runs, more } => *more || runs.is_empty(),
    };
    let mut rows = vec![Row::Experiment(at)];
    rows.extend(leaves);
    if has_note && node.open {
        rows.push(Row::Note(at));
    }
    rows
}
