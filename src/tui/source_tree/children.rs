//! What a node holds, as far as it has been fetched: leaf by leaf, in an order to show them in.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use super::{Leaf, Sort, order};

/// Runs that are fetched before somebody asks for more.
pub const RUNS_AT_ONCE: usize = 500;

/// Runs and traces of an experiment, versions of a model: fetched once somebody looks.
#[derive(Clone, Debug)]
pub enum Leaves {
    Unknown,
    Loading,
    Known(Box<Held>),
    Failed(String),
}

/// What is still to be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rest {
    Nothing,
    /// Nobody has asked for it yet.
    More,
    Coming,
    /// There is more than is kept in memory.
    TooMuch,
    Failed(String),
}

#[derive(Clone, Debug)]
pub struct Held {
    /// As the source gives them, the line of the traces first.
    pub leaves: Vec<Leaf>,
    pub rest: Rest,
    /// So many runs have been asked for.
    pub(super) wanted: usize,
    /// Runs that the source cannot show.
    pub unreadable: u64,
    /// Indices of leaves as they are shown.
    pub(super) order: Vec<u32>,
    /// The same by name, and the latest first, kept up as leaves come.
    by_name: Vec<u32>,
    by_time: Vec<u32>,
    sort: Sort,
    nest: Nest,
}

/// Which run is nested under which.
#[derive(Clone, Debug, Default)]
struct Nest {
    /// By the hash of the run's id: an id takes several times the memory.
    places: HashMap<u64, u32>,
    hasher: RandomState,
    /// For each leaf the one that it is under.
    parents: Vec<Option<u32>>,
    /// Leaves whose parent has not come yet.
    waiting: Vec<(u64, u32)>,
    is_used: bool,
}

impl Held {
    pub(super) fn new(sort: Sort) -> Self {
        Self {
            leaves: Vec::new(),
            rest: Rest::Nothing,
            wanted: RUNS_AT_ONCE,
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

    /// Leaves that have come, each with the id of its parent if it has one.
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
        self.nest.settle();
        self.arrange();
    }

    pub(super) fn sort(&mut self, sort: Sort) {
        self.sort = sort;
        self.arrange();
    }

    /// Lines of traces stay at the top, nested runs under their parents.
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

    /// Some run is under another one.
    pub(super) fn is_nested(&self) -> bool {
        self.nest.is_used
    }

    /// Leaves below this one, at any depth, and itself, as they are shown.
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

    /// Finds the parents that have come by now.
    fn settle(&mut self) {
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

    /// The same leaves with each right after what it is nested under, and for each leaf how deep it is.
    fn under_parents(&self, sorted: Vec<u32>) -> (Vec<u32>, Vec<u8>) {
        let mut depths = vec![0; self.parents.len()];
        if !self.is_used {
            return (sorted, depths);
        }
        // Lists in vectors: this is done for every page that comes.
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
        // Runs that are each other's parents are under nobody.
        if nested.len() < sorted.len() {
            let seen: HashSet<u32> = nested.iter().copied().collect();
            nested.extend(sorted.into_iter().filter(|at| !seen.contains(at)));
        }
        (nested, depths)
    }
}
