//! The orders that the tree can be shown in.

use super::{Item, Node, Section, SourceTree, order};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// Experiments and models by name, runs as they started, versions by number.
    #[default]
    Usual,
    Name,
    /// The latest first.
    Updated,
    /// What holds most runs or versions first, as far as they have been fetched.
    Parts,
    /// The largest first, as far as anybody has weighed it.
    Size,
}

impl Sort {
    pub const ALL: [Self; 5] = [Self::Usual, Self::Name, Self::Updated, Self::Parts, Self::Size];

    pub fn words(self) -> &'static str {
        match self {
            Self::Usual => "",
            Self::Name => "by name",
            Self::Updated => "latest first",
            Self::Parts => "most runs first",
            Self::Size => "largest first",
        }
    }

    fn next(self) -> Self {
        Self::ALL[(self as usize + 1) % Self::ALL.len()]
    }
}

impl SourceTree {
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

impl Item {
    /// Milliseconds since 1970.
    pub fn updated(&self) -> Option<i64> {
        match self {
            Self::Experiment(experiment) => experiment.last_update_time,
            Self::Model(model) => model.last_update_time,
            Self::Dataset(_) => None,
        }
    }
}
