//! The fetched contents of a node, as leaves in display order.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use super::{Leaf, Sort, order};

/// Number of runs that are fetched before the user asks for more.
pub const RUNS_PER_READ: usize = 500;

/// Runs and traces of an experiment, or versions of a model. They are fetched when the user opens the node.
#[derive(Clone, Debug)]
pub enum Leaves {
    Unknown,
    Loading,
    Known(Box<Children>),
    Failed(String),
}

/// The contents that are not fetched yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rest {
    Nothing,
    /// More contents exist, but they have not been requested yet.
    More,
    Coming,
    /// There are more objects than fit in memory.
    TooMuch,
    Failed(String),
}

#[derive(Clone, Debug)]
pub struct Children {
    /// In the order of the source, with the line of the traces first.
    pub leaves: Vec<Leaf>,
    pub rest: Rest,
    /// Number of runs that have been requested.
    pub(super) wanted: usize,
    /// Number of runs that the source cannot read.
    pub unreadable: u64,
    /// Indices of leaves in display order.
    pub(super) order: Vec<u32>,
    /// The same indices by name, and by time with the latest first. Both are updated as leaves arrive.
    by_name: Vec<u32>,
    by_time: Vec<u32>,
    sort: Sort,
    nest: Nest,
}

/// The nesting of runs.
#[derive(Clone, Debug, Default)]
struct Nest {
    /// The key is the hash of the run's id: an id needs several times the memory.
    places: HashMap<u64, u32>,
    hasher: RandomState,
    /// The parent leaf of each leaf.
    parents: Vec<Option<u32>>,
    /// Leaves whose parent has not arrived yet.
    waiting: Vec<(u64, u32)>,
    is_used: bool,
}

impl Children {
    pub(super) fn new(sort: Sort) -> Self {
        Self {
            leaves: Vec::new(),
            rest: Rest::Nothing,
            wanted: RUNS_PER_READ,
            unreadable: 0,
            order: Vec::new(),
            by_name: Vec::new(),
            by_time: Vec::new(),
            sort,
            nest: Nest::default(),
        }
    }

    pub fn is_complete(&self) -> bool {
        self.rest == Rest::Nothing
    }

    /// Adds leaves that have arrived, each with the id of its parent if it has one.
    pub(super) fn add(&mut self, leaves: impl IntoIterator<Item = (Leaf, Option<String>)>) {
        let first = self.leaves.len();
        for (leaf, parent) in leaves {
            self.nest.add(self.leaves.len() as u32, &leaf, parent.as_deref());
            self.leaves.push(leaf);
        }
        let known = &self.leaves;
        let by_name = |a: &u32, b: &u32| known[*a as usize].by_name(&known[*b as usize]);
        let by_time = |a: &u32, b: &u32| known[*b as usize].time.cmp(&known[*a as usize].time);
        let new: Vec<u32> = (first..known.len()).map(|at| at as u32).collect();
        order::insert(&mut self.by_name, new.clone(), by_name);
        order::insert(&mut self.by_time, new, by_time);
        self.nest.normalize();
        self.arrange();
    }

    pub(super) fn sort(&mut self, sort: Sort) {
        self.sort = sort;
        self.arrange();
    }

    /// Lines of traces stay at the top, and nested runs stay below their parents.
    fn arrange(&mut self) {
        let leaves = &self.leaves;
        let bytes = |at: usize| leaves[at].bytes.and_then(|bytes| i64::try_from(bytes).ok());
        let sorted = match self.sort {
            Sort::Usual | Sort::Parts => (0..leaves.len() as u32).collect(),
            Sort::Name => self.by_name.clone(),
            Sort::Updated => self.by_time.clone(),
            Sort::Size => order::descending(leaves.len(), bytes),
        };
        let (traces, sorted): (Vec<u32>, Vec<u32>) = match leaves.first().is_some_and(Leaf::is_traces) {
            true => (vec![0], sorted.into_iter().filter(|at| *at != 0).collect()),
            false => (Vec::new(), sorted),
        };
        let (nested, depths) = self.nest.under_parents(sorted);
        if self.nest.is_used {
            self.leaves.iter_mut().zip(depths).for_each(|(leaf, depth)| leaf.depth = depth);
        }
        self.order = traces.into_iter().chain(nested).collect();
    }

    /// At least one run is nested below another run.
    pub(super) fn is_nested(&self) -> bool {
        self.nest.is_used
    }

    /// This leaf and all leaves nested below it at any depth, in display order.
    pub(super) fn with_nested(&self, leaf: usize) -> Vec<usize> {
        let depth = self.leaves[leaf].depth;
        let Some(place) = self.order.iter().position(|at| *at as usize == leaf).filter(|_| self.nest.is_used)
        else {
            return vec![leaf];
        };
        let below = self.order[place + 1..].iter().map(|at| *at as usize);
        [leaf].into_iter().chain(below.take_while(|at| self.leaves[*at].depth > depth)).collect()
    }
}

impl Nest {
    fn add(&mut self, at: u32, leaf: &Leaf, parent: Option<&str>) {
        self.parents.push(None);
        if let Some(id) = leaf.run() {
            self.places.insert(self.hasher.hash_one(id.as_str()), at);
        }
        if let Some(parent) = parent {
            self.waiting.push((self.hasher.hash_one(parent), at));
        }
    }

    /// Links waiting leaves to the parents that have arrived.
    fn normalize(&mut self) {
        let (places, parents) = (&self.places, &mut self.parents);
        self.waiting.retain(|(parent, child)| match places.get(parent) {
            Some(place) if place != child => {
                parents[*child as usize] = Some(*place);
                self.is_used = true;
                false
            }
            _ => true,
        });
    }

    /// The same leaves, with nested leaves directly below their parent, and the depth of each leaf.
    fn under_parents(&self, sorted: Vec<u32>) -> (Vec<u32>, Vec<u8>) {
        let mut depths = vec![0; self.parents.len()];
        if !self.is_used {
            return (sorted, depths);
        }
        // Linked lists in vectors are fast: this runs for every page that arrives.
        let (mut first, mut next) = (vec![None; self.parents.len()], vec![None; self.parents.len()]);
        for at in sorted.iter().rev() {
            if let Some(parent) = self.parents[*at as usize] {
                next[*at as usize] = first[parent as usize].replace(*at);
            }
        }
        let mut nested = Vec::with_capacity(sorted.len());
        let mut waiting = Vec::new();
        for root in sorted.iter().filter(|at| self.parents[**at as usize].is_none()) {
            waiting.push((*root, 0_u8));
            while let Some((at, depth)) = waiting.pop() {
                nested.push(at);
                depths[at as usize] = depth;
                waiting.extend(next[at as usize].map(|sibling| (sibling, depth)));
                waiting.extend(first[at as usize].map(|child| (child, depth.saturating_add(1))));
            }
        }
        // Runs that are each other's parents cannot be reached from a top-level run. They are added at the end.
        if nested.len() < sorted.len() {
            let seen: HashSet<u32> = nested.iter().copied().collect();
            nested.extend(sorted.into_iter().filter(|at| !seen.contains(at)));
        }
        (nested, depths)
    }
}
