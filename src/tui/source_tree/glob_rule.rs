//! A plan lists the selected names. Instead of thousands of names it uses a rule: everything, or the items that a
//! filter selected. Additional names list the exceptions.

use globset::{Glob, GlobSet, GlobSetBuilder};

use super::filter::Words;
use super::{Node, SourceTree};
use crate::entities::Kind;
use crate::plan::Plan;

/// Up to this many names are as readable as a rule, and they stay exact if items are added later.
const NAMES: usize = 20;
/// A rule with more words would need a pattern for every order of the words.
const WORDS: usize = 3;

pub(super) struct Rule {
    globs: Vec<String>,
    /// A faster equivalent of the patterns for names of plain letters. `None` if the rule covers everything.
    words: Option<Words>,
    set: GlobSet,
}

impl Rule {
    fn everything() -> Option<Self> {
        Self::of(vec!["*".to_owned()], None)
    }

    /// Matches the words in any order, without regard to case.
    fn of_words(words: &Words) -> Option<Self> {
        let is_plain = words.all().iter().all(|word| word.is_ascii());
        if !is_plain || words.is_empty() || words.all().len() > WORDS {
            return None;
        }
        let globs = orders(words.all()).into_iter().map(|words| {
            let parts: Vec<String> = words.iter().map(|word| any_case(word)).collect();
            format!("*{}*", parts.join("*"))
        });
        Self::of(globs.collect(), Some(words.clone()))
    }

    fn of(globs: Vec<String>, words: Option<Words>) -> Option<Self> {
        let mut set = GlobSetBuilder::new();
        for glob in &globs {
            set.add(Glob::new(glob).ok()?);
        }
        Some(Self { globs, words, set: set.build().ok()? })
    }

    /// Returns whether the plan's patterns match the name of the node.
    pub(super) fn covers(&self, node: &Node) -> bool {
        let name = node.item.name();
        match &self.words {
            None => true,
            // With several words, the letters of one word can overlap another. Then the order of the patterns matters.
            Some(words) if name.is_ascii() && words.all().len() == 1 => words.fit(node),
            Some(_) => self.set.is_match(name),
        }
    }

    pub(super) fn into_globs(self) -> Vec<String> {
        self.globs
    }
}

impl SourceTree {
    /// The rule that needs the fewest additional names. `None` if the list of names is as short.
    pub(super) fn rule(&self) -> Option<Rule> {
        let named = |rule: Option<&Rule>| {
            let differs = |node: &&Node| {
                let is_covered = rule.is_some_and(|rule| rule.covers(node));
                self.is_none(node) == is_covered || (is_covered && !node.is_whole())
            };
            self.of_kind(Kind::Experiment).filter(differs).count()
        };
        let by_name = named(None);
        if by_name <= NAMES {
            return None;
        }
        let picks = self.sweeps.iter().filter(|sweep| sweep.to == Some(true) && !sweep.words.is_empty());
        let rules = picks.rev().filter_map(|sweep| Rule::of_words(&sweep.words)).chain(Rule::everything());
        let counted = rules.map(|rule| (named(Some(&rule)) + rule.globs.len(), rule));
        counted.min_by_key(|(count, _)| *count).filter(|(count, _)| *count < by_name).map(|(_, rule)| rule)
    }
}

/// Matches each letter in both cases. All other characters are literal.
fn any_case(word: &str) -> String {
    let letter = |c: char| match c.is_ascii_alphabetic() {
        true => format!("[{}{}]", c, c.to_ascii_uppercase()),
        false => Plan::literal(&c.to_string()),
    };
    word.chars().map(letter).collect()
}

fn orders(words: &[String]) -> Vec<Vec<&str>> {
    match words {
        [] => Vec::new(),
        [only] => vec![vec![only.as_str()]],
        [first, rest @ ..] => {
            let of_rest = orders(rest);
            let places = of_rest.iter().flat_map(|order| (0..=order.len()).map(move |place| (order, place)));
            places
                .map(|(order, place)| {
                    let mut order = order.clone();
                    order.insert(place, first.as_str());
                    order
                })
                .collect()
        }
    }
}
