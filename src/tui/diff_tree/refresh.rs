//! Open nodes, closed nodes and the cursor stay as they are when an item is compared again.

use std::collections::HashMap;

use super::{Counts, DiffTree, NodeKind};
use crate::engine::validate::Difference;
use crate::entities::Kind;

/// Identifies a node across rebuilds: its own kind and name, then those of its parents.
type Path = Vec<(Kind, String)>;

impl DiffTree {
    /// Replaces the differences that `item` covers with `found`. Returns the old differences.
    pub fn replace(&mut self, item: &Difference, found: Vec<Difference>) -> Vec<Difference> {
        let row = self.cursor();
        let cursor = self.rows().get(row).map(|row| self.path(row.node));
        let turned =
            (0..self.nodes.len()).filter_map(|at| Some((self.path_if_turned(at)?, self.nodes[at].open)));
        let turned: HashMap<Path, Option<bool>> = turned.collect();

        let all = std::mem::take(&mut self.differences);
        let place = all.iter().position(|old| item.covers(old)).unwrap_or(all.len());
        let (gone, mut left): (Vec<_>, Vec<_>) = all.into_iter().partition(|old| item.covers(old));
        left.splice(place..place, found);
        self.build(left);

        for at in 0..self.nodes.len() {
            if !turned.is_empty() && !self.nodes[at].below.is_empty() {
                self.nodes[at].open = turned.get(&self.path(at)).copied().flatten();
            }
        }
        self.rows.take();
        let same =
            (0..self.nodes.len()).find(|at| cursor.as_ref().is_some_and(|path| self.path(*at) == *path));
        // The node at the cursor may be gone. Then the cursor moves to the node that is now in its row.
        match same {
            Some(at) => self.cursor = Some(at),
            None => self.move_to(row.min(self.rows().len().saturating_sub(1))),
        }
        gone
    }

    fn build(&mut self, differences: Vec<Difference>) {
        self.nodes.clear();
        self.tops.clear();
        self.places.clear();
        self.counts = Counts::default();
        self.cursor = None;
        differences.into_iter().for_each(|difference| self.add(difference));
    }

    fn path_if_turned(&self, at: usize) -> Option<Path> {
        self.nodes[at].open.map(|_| self.path(at))
    }

    fn path(&self, at: usize) -> Path {
        let mut path = Vec::new();
        let mut node = Some(at);
        while let Some(at) = node {
            path.push(match &self.nodes[at].what {
                NodeKind::Experiment(name) => (Kind::Experiment, name.clone()),
                NodeKind::Kind(kind) => (*kind, String::new()),
                NodeKind::Folder(name) => (Kind::Artifact, name.clone()),
                NodeKind::Whole(whole) => (whole.kind, whole.id().to_owned()),
                NodeKind::Item(index) => {
                    (self.differences[*index].kind, self.differences[*index].id().to_owned())
                }
            });
            node = self.nodes[at].above;
        }
        path
    }
}
