//! The differences as a foldable tree. The top level lists experiments, or kinds for items without an experiment. Below
//! are runs, models and similar items, and below those their folders and files, or their versions. A difference is
//! placed when it arrives. The visible rows are computed once after each change.

mod node;
mod refresh;
mod rows;
#[cfg(test)]
mod tests;

use std::cell::OnceCell;
use std::collections::HashMap;

use crate::engine::validate::{Difference, Mark};
use crate::entities::Kind;

pub use node::{Counts, Node, NodeKind};
pub use rows::Row;

/// Identifies a node that holds others: by its parent, its kind, and its id or name.
type NodePosition = (Option<usize>, Kind, String);

#[derive(Debug, Default)]
pub struct DiffTree {
    differences: Vec<Difference>,
    nodes: Vec<Node>,
    tops: Vec<usize>,
    places: HashMap<NodePosition, usize>,
    counts: Counts,
    /// Only differences with this mark are visible, and the nodes that hold them.
    only: Option<Mark>,
    /// The node that the user has moved to. `None` means the first row.
    cursor: Option<usize>,
    rows: OnceCell<Vec<Row>>,
}

impl DiffTree {
    /// Number of differences in the tree.
    pub fn held(&self) -> usize {
        self.differences.len()
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }

    pub fn node(&self, at: usize) -> &Node {
        &self.nodes[at]
    }

    /// The difference of an item, or of a whole object. `None` for groups.
    pub fn difference(&self, at: usize) -> Option<&Difference> {
        match &self.nodes[at].what {
            NodeKind::Item(index) => self.differences.get(*index),
            NodeKind::Whole(whole) => Some(whole),
            NodeKind::Experiment(_) | NodeKind::Kind(_) | NodeKind::Folder(_) => None,
        }
    }

    pub fn add(&mut self, difference: Difference) {
        let at = self.place(&difference);
        let mut up = Some(at);
        while let Some(node) = up {
            self.nodes[node].counts.add(difference.mark);
            up = self.nodes[node].above;
        }
        self.counts.add(difference.mark);
        self.differences.push(difference);
        self.rows.take();
    }

    /// Finds or creates the node for the next difference.
    fn place(&mut self, difference: &Difference) -> usize {
        let item = NodeKind::Item(self.differences.len());
        let group = self.group(difference);
        let Some((kind, id)) = difference.whole() else {
            return self.item(group, difference, item);
        };
        let place = (Some(group), kind, id.to_owned());
        let mut above = self.holder(place, || NodeKind::Whole(Box::new(whole_of(difference, kind, id))));
        if difference.kind != Kind::Artifact {
            return self.insert(Some(above), item);
        }
        let folders = difference.path().rsplit_once('/').map_or("", |(folders, _)| folders);
        for folder in folders.split('/').filter(|folder| !folder.is_empty()) {
            let place = (Some(above), Kind::Artifact, folder.to_owned());
            above = self.holder(place, || NodeKind::Folder(folder.to_owned()));
        }
        self.insert_file(above, difference, item)
    }

    fn group(&mut self, difference: &Difference) -> usize {
        let experiment = difference.experiment.clone();
        if !experiment.is_empty() {
            let place = (None, Kind::Experiment, experiment.clone());
            return self.holder(place, || NodeKind::Experiment(experiment));
        }
        let kind = difference.whole().map_or(difference.kind, |(kind, _)| kind);
        self.holder((None, kind, String::new()), || NodeKind::Kind(kind))
    }

    /// An item that may hold others replaces the placeholder that has represented it so far.
    fn item(&mut self, group: usize, difference: &Difference, item: NodeKind) -> usize {
        if !may_hold(difference.kind) {
            return self.insert(Some(group), item);
        }
        let place = (Some(group), difference.kind, difference.id().to_owned());
        match self.places.get(&place) {
            Some(at) if matches!(self.nodes[*at].what, NodeKind::Whole(_)) => {
                self.nodes[*at].what = item;
                *at
            }
            Some(_) => self.insert(Some(group), item),
            None => self.holder(place, || item),
        }
    }

    fn holder(&mut self, place: NodePosition, make: impl FnOnce() -> NodeKind) -> usize {
        if let Some(at) = self.places.get(&place) {
            return *at;
        }
        let what = make();
        let at = match (place.0, &what) {
            (Some(above), NodeKind::Folder(name)) => {
                let before = self.files_before(above, (false, name));
                self.insert_at(above, before, what)
            }
            (above, _) => self.insert(above, what),
        };
        self.places.insert(place, at);
        at
    }

    /// Folders come before files, each sorted by name.
    fn insert_file(&mut self, above: usize, difference: &Difference, item: NodeKind) -> usize {
        let before = self.files_before(above, (true, file_name(difference)));
        self.insert_at(above, before, item)
    }

    fn files_before(&self, above: usize, this: (bool, &str)) -> usize {
        self.nodes[above].below.partition_point(|at| match &self.nodes[*at].what {
            NodeKind::Folder(name) => (false, name.as_str()) <= this,
            NodeKind::Item(index) => (true, file_name(&self.differences[*index])) <= this,
            NodeKind::Experiment(_) | NodeKind::Kind(_) | NodeKind::Whole(_) => true,
        })
    }

    fn insert(&mut self, above: Option<usize>, what: NodeKind) -> usize {
        match above {
            Some(above) => self.insert_at(above, self.nodes[above].below.len(), what),
            None => {
                self.tops.push(self.nodes.len());
                self.push(None, what)
            }
        }
    }

    fn insert_at(&mut self, above: usize, before: usize, what: NodeKind) -> usize {
        let at = self.nodes.len();
        self.nodes[above].below.insert(before, at);
        self.push(Some(above), what)
    }

    fn push(&mut self, above: Option<usize>, what: NodeKind) -> usize {
        let node = Node { what, above, below: Vec::new(), counts: Counts::default(), open: None };
        self.nodes.push(node);
        self.nodes.len() - 1
    }
}

/// The last part of the file's path. It is empty for the list of files itself.
pub fn file_name(file: &Difference) -> &str {
    let path = file.path();
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

fn may_hold(kind: Kind) -> bool {
    use Kind::{LoggedModel, Prompt, RegisteredModel, Run, Trace};
    matches!(kind, Run | LoggedModel | RegisteredModel | Prompt | Trace)
}

/// A placeholder for the item that owns `part`. Only the part is known to differ.
fn whole_of(part: &Difference, kind: Kind, id: &str) -> Difference {
    let own = match part.kind {
        Kind::Artifact => part.name.strip_suffix(part.path()).and_then(|name| name.strip_suffix('/')),
        _ => Some(id),
    };
    // The owner of a target file without a counterpart is not known.
    let file = part.target_id.as_deref().filter(|_| part.source_id.is_some());
    let owner = file.and_then(|id| id.split_once('/')).map(|(owner, _)| owner);
    let whole = Difference::missing(kind, own.unwrap_or(id), id).of_experiment(&part.experiment);
    Difference { mark: Mark::Same, target_id: owner.map(str::to_owned), ..whole }
}
