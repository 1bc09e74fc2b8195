//! The visible rows and the position of the cursor among them.

use super::{DiffTree, NodeKind};
use crate::engine::validate::{Difference, Mark};
use crate::entities::Kind;

/// This many lines fit on most screens. Then all nodes are open from the start.
const MAX_OPENED: usize = 12;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    pub node: usize,
    pub depth: usize,
}

impl DiffTree {
    pub fn rows(&self) -> &[Row] {
        self.rows.get_or_init(|| self.unfolded(&self.tops, |at| self.is_open(at)))
    }

    /// All folders and files below a node, whether the node is open or not.
    pub fn files(&self, node: usize) -> Vec<Row> {
        let is_file = |at: &usize| match &self.nodes[*at].what {
            NodeKind::Folder(_) => true,
            _ => self.difference(*at).is_some_and(|difference| difference.kind == Kind::Artifact),
        };
        let files: Vec<usize> = self.nodes[node].below.iter().copied().filter(is_file).collect();
        self.unfolded(&files, |_| true)
    }

    fn unfolded(&self, tops: &[usize], is_open: impl Fn(usize) -> bool) -> Vec<Row> {
        let mut rows = Vec::new();
        let is_shown = |at: &&usize| self.nodes[**at].counts.fit(self.only);
        let mut next: Vec<Row> = Vec::new();
        next.extend(tops.iter().rev().filter(is_shown).map(|at| Row { node: *at, depth: 0 }));
        while let Some(Row { node, depth }) = next.pop() {
            let node = self.alone_in(node).unwrap_or(node);
            rows.push(Row { node, depth });
            if is_open(node) {
                let below = self.nodes[node].below.iter().rev().filter(is_shown);
                next.extend(below.map(|at| Row { node: *at, depth: depth + 1 }));
            }
        }
        rows
    }

    /// An experiment with no known difference except its own needs no heading.
    fn alone_in(&self, node: usize) -> Option<usize> {
        let (NodeKind::Experiment(_), [only]) = (&self.nodes[node].what, &self.nodes[node].below[..]) else {
            return None;
        };
        self.difference(*only).filter(|difference| difference.kind == Kind::Experiment).map(|_| *only)
    }

    pub fn is_open(&self, node: usize) -> bool {
        let one = &self.nodes[node];
        // A user who opens a run wants to see its files. A heading that is the only one would hide everything.
        let is_usual = matches!(one.what, NodeKind::Folder(_)) || self.tops == [node];
        one.open.unwrap_or(is_usual || self.nodes.len() <= MAX_OPENED)
    }

    pub fn can_open(&self, node: usize) -> bool {
        self.nodes[node].below.iter().any(|at| self.nodes[*at].counts.fit(self.only))
    }

    pub fn only(&self) -> Option<Mark> {
        self.only
    }

    pub fn set_only(&mut self, only: Option<Mark>) {
        self.only = only;
        self.rows.take();
    }

    /// The cursor's row. If the node is folded away, the row of its visible parent.
    pub fn cursor(&self) -> usize {
        let mut node = self.cursor;
        while let Some(at) = node {
            if let Some(row) = self.rows().iter().position(|row| row.node == at) {
                return row;
            }
            node = self.nodes[at].above;
        }
        // The first row with details: an open heading above it adds no information.
        let is_passed = |row: &Row| self.difference(row.node).is_none() && self.is_open(row.node);
        self.rows().iter().position(|row| !is_passed(row)).unwrap_or(0)
    }

    pub fn row(&self) -> Option<Row> {
        self.rows().get(self.cursor()).copied()
    }

    /// The difference at the cursor, if the row has details.
    pub fn current(&self) -> Option<&Difference> {
        self.difference(self.row()?.node)
    }

    pub fn move_to(&mut self, row: usize) {
        self.cursor = self.rows().get(row).map(|row| row.node);
    }

    /// Opens the node at the cursor. Returns false if no node was closed.
    pub fn open(&mut self) -> bool {
        let Some(Row { node, .. }) = self.row() else {
            return false;
        };
        let was_closed = self.can_open(node) && !self.is_open(node);
        if was_closed {
            self.turn(node, true);
        }
        was_closed
    }

    /// Closes the node at the cursor, or the node around it, and moves the cursor to the closed node.
    pub fn close(&mut self) {
        let Some(row) = self.row() else {
            return;
        };
        let is_open = self.can_open(row.node) && self.is_open(row.node);
        let before = &self.rows()[..self.cursor()];
        let holder = match is_open {
            true => Some(row.node),
            false => before.iter().rev().find(|other| other.depth < row.depth).map(|row| row.node),
        };
        if let Some(node) = holder {
            self.turn(node, false);
        }
    }

    fn turn(&mut self, node: usize, open: bool) {
        self.nodes[node].open = Some(open);
        self.cursor = Some(node);
        self.rows.take();
    }
}
