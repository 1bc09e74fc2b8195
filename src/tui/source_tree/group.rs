use std::cmp::Ordering;

use super::{Checked, Node, Sort, SourceTree, order};
use crate::entities::Kind;

/// All nodes of one kind. Its heading is visible only if there are several kinds.
#[derive(Clone, Debug)]
pub struct Section {
    pub kind: Kind,
    /// Indices of nodes in display order.
    pub nodes: Vec<u32>,
    pub open: bool,
    /// All, some or none of them are selected. Nodes that a rule excludes do not count.
    pub checked: Checked,
    /// Indices of nodes by name, deleted ones last. The list is updated as nodes arrive.
    pub(super) by_name: Vec<u32>,
}

/// Kinds with nodes, in display order.
const KINDS: [Kind; 4] = [Kind::Experiment, Kind::RegisteredModel, Kind::Prompt, Kind::EvaluationDataset];

impl SourceTree {
    /// Adds the nodes from `first` on to their sections.
    pub(super) fn add_to_groups(&mut self, first: usize) {
        for kind in KINDS {
            let of_kind = |at: &u32| self.nodes[*at as usize].item.kind() == kind;
            let new: Vec<u32> = (first as u32..self.nodes.len() as u32).filter(of_kind).collect();
            if new.is_empty() {
                continue;
            }
            let at = self.section_of(kind);
            let section = &mut self.sections[at];
            order::insert(&mut section.by_name, new, |a, b| by_name(&self.nodes, *a, *b));
            section.arrange(&self.nodes, self.sort);
        }
    }

    fn section_of(&mut self, kind: Kind) -> usize {
        let rank = |kind: Kind| KINDS.iter().position(|one| *one == kind);
        let place = self.sections.partition_point(|section| rank(section.kind) < rank(kind));
        if self.sections.get(place).is_none_or(|section| section.kind != kind) {
            let section =
                Section { kind, nodes: Vec::new(), open: true, checked: Checked::None, by_name: Vec::new() };
            self.sections.insert(place, section);
        }
        place
    }

    pub fn sorted(&self) -> Sort {
        self.sort
    }

    pub fn turn_sort(&mut self) {
        self.sort = self.sort.next();
        self.arrange_sections();
        for held in self.nodes.iter_mut().filter_map(Node::held_mut) {
            held.sort(self.sort);
        }
        self.show();
    }

    pub(super) fn arrange_sections(&mut self) {
        for section in &mut self.sections {
            section.arrange(&self.nodes, self.sort);
        }
    }

    pub fn has_headings(&self) -> bool {
        self.sections.len() > 1
    }

    pub(super) fn section_tri(&self, section: &Section) -> Checked {
        let mut seen = None;
        for at in &section.nodes {
            match (self.checked(&self.nodes[*at as usize]), seen) {
                (Checked::Out, _) => {}
                (Checked::Some, _) => return Checked::Some,
                (checked, None) => seen = Some(checked),
                (checked, Some(before)) if checked == before => {}
                _ => return Checked::Some,
            }
        }
        seen.unwrap_or(Checked::Out)
    }

    pub(super) fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Node> {
        let section = self.sections.iter().find(|section| section.kind == kind);
        section.into_iter().flat_map(|section| &section.by_name).map(|at| &self.nodes[*at as usize])
    }
}

impl Section {
    pub(super) fn arrange(&mut self, nodes: &[Node], sort: Sort) {
        let by_name = &self.by_name;
        let descending = |key: fn(&Node) -> Option<i64>| {
            let places = order::descending(by_name.len(), |at| key(&nodes[by_name[at] as usize]));
            places.into_iter().map(|place| by_name[place as usize]).collect()
        };
        self.nodes = match sort {
            Sort::Usual | Sort::Name => by_name.clone(),
            Sort::Updated => descending(|node| node.item.updated()),
            Sort::Parts => {
                descending(|node| i64::try_from(node.parts().count()).ok().filter(|_| node.is_known()))
            }
            Sort::Size => descending(Node::known_bytes),
        };
    }
}

fn by_name(nodes: &[Node], a: u32, b: u32) -> Ordering {
    let key = |at: u32| (nodes[at as usize].item.is_deleted(), nodes[at as usize].item.name());
    key(a).cmp(&key(b)).then(a.cmp(&b))
}
