//! There are no circles among the files: the files that a file uses never lead back to it.
//!
//! The checker reads text, not a syntax tree. It relies on rustfmt's layout (an item ends at its own indentation). It
//! reads only the `use` declarations of a file and the paths `a::b::c` in its code. A path leads to the file that
//! defines the item, through re-exports. Two things do not count: code under `#[cfg(test)]`, and a parent module that
//! uses its children (a child that uses its parent does count). Method calls are not found, because they have no path.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::{files_below, is_word};

/// The words of a path `a::b::c`.
type Words = Vec<String>;

/// The files that a file uses, and the paths that lead to them.
type Uses = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

#[derive(Default)]
struct Module {
    /// `use a::b as c` is stored as `c` → `a::b`. Re-exports are included.
    imports: BTreeMap<String, Words>,
    /// The paths in the code.
    paths: Vec<Words>,
}

/// The modules of a folder, by their paths from `crate`: the module of `rest/http/call.rs` is
/// `crate::rest::http::call`.
struct Modules(BTreeMap<String, Module>);

impl Modules {
    fn read(src: &Path) -> Self {
        let text = |file: &PathBuf| fs::read_to_string(file).unwrap();
        let files = files_below(src);
        Self::of(files.iter().map(|file| (file.strip_prefix(src).unwrap(), text(file))))
    }

    /// Builds the modules from the files' paths relative to `src`, and their texts.
    fn of<'a>(files: impl IntoIterator<Item = (&'a Path, String)>) -> Self {
        let mut modules = BTreeMap::new();
        let mut tests = Vec::new();
        for (file, text) in files {
            let name = file.with_extension("");
            let mut words = vec!["crate"];
            words.extend(name.iter().map(|word| word.to_str().unwrap()));
            words.pop_if(|last| ["mod", "lib", "main"].contains(last));
            let path = words.join("::");
            let (code, only_tests) = without_tests(&text);
            tests.extend(only_tests.into_iter().map(|test| format!("{path}::{test}")));
            let module: &mut Module = modules.entry(path).or_default();
            let (declarations, rest) = split_uses(&code);
            for declaration in declarations {
                expand(&[], &declaration, &mut module.imports);
            }
            module.paths.extend(paths(&rest));
        }
        modules.retain(|path, _| !tests.iter().any(|test| path == test || is_below(path, test)));
        Self(modules)
    }

    /// The module that defines the item of `path`, as seen from the module `from`. Returns `None` for an item of
    /// another crate, and for a path that names only a module.
    fn home(&self, from: &str, path: &[String]) -> Option<String> {
        let mut here = from.to_owned();
        for (at, word) in path.iter().enumerate() {
            let child = format!("{here}::{word}");
            let import = self.0[&here].imports.get(word);
            match word.as_str() {
                "crate" => "crate".clone_into(&mut here),
                "self" => {}
                "super" => here.truncate(here.rfind("::")?),
                // A function can have the same name as its module. At the end of a path, the function is meant.
                _ if self.0.contains_key(&child) && (import.is_none() || at + 1 < path.len()) => here = child,
                _ => {
                    let Some(import) = import else {
                        return (at > 0).then_some(here);
                    };
                    // `use futures::…`, or `use write::…` of a child: resolved from here too, but `write` itself is not
                    // resolved again.
                    let further = [import, &path[at + 1..]].concat();
                    let is_again = import.first() == Some(word) && !self.0.contains_key(&child);
                    return if is_again { None } else { self.home(&here, &further) };
                }
            }
        }
        None
    }

    fn uses(&self) -> Uses {
        let mut uses = Uses::new();
        for (from, module) in &self.0 {
            let files = uses.entry(from.clone()).or_default();
            // The import of `Step` already covers `Step::Plan`.
            let is_imported = |path: &&Words| {
                module.imports.get(&path[0]).is_some_and(|import| self.home(from, import).is_some())
            };
            for path in module.imports.values().chain(module.paths.iter().filter(|path| !is_imported(path))) {
                if let Some(to) = self.home(from, path).filter(|to| to != from && !is_below(to, from)) {
                    files.entry(to).or_default().insert(path.join("::"));
                }
            }
        }
        uses
    }
}

fn is_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.starts_with("::"))
}

/// The code without comments and without items under `#[cfg(test)]`, and the names of the modules under that attribute.
fn without_tests(text: &str) -> (String, Vec<String>) {
    let mut code = String::new();
    let mut tests = Vec::new();
    let mut lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    while let Some(line) = lines.next() {
        let Some(indent) = line.find("#[cfg(test)]") else {
            code.push_str(line.split(" // ").next().unwrap_or_default());
            code.push('\n');
            continue;
        };
        let item = lines.by_ref().find(|line| !line.trim_start().starts_with("#[")).unwrap();
        if let Some(name) = item.split("mod ").nth(1).and_then(|name| name.strip_suffix(';')) {
            tests.push(name.to_owned());
        }
        if !item.ends_with([';', ',', '}']) {
            let is_end = |line: &str| line[indent.min(line.len())..].starts_with(['}', ')']);
            lines.by_ref().find(|line| is_end(line));
        }
    }
    (code, tests)
}

/// The trees of all `use` declarations, and the code between them.
fn split_uses(code: &str) -> (Vec<String>, String) {
    let mut trees = Vec::new();
    let mut rest = String::new();
    let mut lines = code.lines();
    while let Some(line) = lines.next() {
        let start = line.trim_start();
        let after = start.strip_prefix("use ").or_else(|| {
            let (visibility, tree) = start.split_once(" use ")?;
            (visibility.starts_with("pub") && !visibility.contains(' ')).then_some(tree)
        });
        // A string can also contain a line that starts with "use". A declaration is broken only after a brace.
        let Some(after) = after.filter(|tree| tree.ends_with([';', '{'])) else {
            rest.push_str(line);
            rest.push('\n');
            continue;
        };
        let mut tree = after.to_owned();
        while !tree.ends_with(';') {
            tree.push_str(lines.next().unwrap().trim());
        }
        trees.push(tree.trim_end_matches(';').to_owned());
    }
    (trees, rest)
}

/// All names that a tree like `a::{b, c as d, e::{self, f}}` imports, with their paths.
fn expand(prefix: &[String], tree: &str, imports: &mut BTreeMap<String, Words>) {
    let (head, branches) = tree.split_once('{').map_or((tree, None), |(head, rest)| (head, Some(rest)));
    let (head, alias) = head.split_once(" as ").map_or((head, None), |(head, alias)| (head, Some(alias)));
    let words = head.split("::").map(str::trim).filter(|word| !word.is_empty() && *word != "self");
    let mut path = prefix.to_vec();
    if prefix.is_empty() && head.starts_with("self") {
        path.push("self".to_owned());
    }
    path.extend(words.map(str::to_owned));
    let Some(branches) = branches else {
        let name = alias.or(path.last().map(String::as_str)).unwrap_or_default().to_owned();
        imports.insert(name, path);
        return;
    };
    let mut depth = 0;
    let inside = branches.trim_end().strip_suffix('}').unwrap();
    let at_top = |c: char| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    };
    for branch in inside.split(at_top).map(str::trim).filter(|branch| !branch.is_empty()) {
        expand(&path, branch, imports);
    }
}

/// All paths with at least two words.
fn paths(code: &str) -> Vec<Words> {
    code.split(|c: char| !is_word(c) && c != ':')
        .map(|path| path.split("::").filter(|word| !word.is_empty()).map(str::to_owned).collect::<Words>())
        .filter(|words| words.len() > 1)
        .collect()
}

/// All files that `from` uses, directly or indirectly.
fn reached(uses: &Uses, from: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut next = vec![from];
    while let Some(file) = next.pop() {
        next.extend(uses[file].keys().filter(|to| reached.insert((*to).clone())).map(String::as_str));
    }
    reached
}

/// One line for each use that is part of a circle.
fn circles(uses: &Uses) -> Vec<String> {
    let reached: BTreeMap<_, _> = uses.keys().map(|from| (from, reached(uses, from))).collect();
    let mut lines = Vec::new();
    for (from, files) in uses {
        for (to, paths) in files.iter().filter(|(to, _)| reached[to].contains(from)) {
            let paths = paths.iter().cloned().collect::<Vec<_>>().join(", ");
            lines.push(format!("{from} uses {to}: {paths}"));
        }
    }
    lines
}

#[test]
fn files_use_each_other_in_no_circle() {
    let modules = Modules::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let circles = circles(&modules.uses());
    assert!(circles.is_empty(), "circles of files:\n{}", circles.join("\n"));
}

#[test]
fn a_circle_is_found_through_reexports_and_paths_and_not_in_tests() {
    let parent = "mod a;\nmod b;\nmod c;\n\npub use self::a::A;\n\nfn all() -> A {\n    c::all()\n}\n";
    let of = |a: &str, b: &str, c: &str| {
        let files =
            [("lib.rs", "mod m;\n"), ("m/mod.rs", parent), ("m/a.rs", a), ("m/b.rs", b), ("m/c.rs", c)];
        circles(&Modules::of(files.map(|(path, text)| (Path::new(path), text.to_owned()))).uses())
    };
    let [a, b, c] = ["pub struct A(super::b::B);\n", "pub struct B;\n", "use super::A;\n"];
    assert_eq!(of(a, b, c), [""; 0], "a parent may use what stands below it");
    let b = "use crate::m::{\n    A as Other,\n    c,\n};\n\npub struct B(Other);\n";
    let expected = ["crate::m::a uses crate::m::b: super::b::B", "crate::m::b uses crate::m::a: crate::m::A"];
    assert_eq!(of(a, b, c), expected);
    let b = "pub struct B;\n\nfn b() {\n    super::c::all();\n}\n";
    assert_eq!(of(a, b, c).len(), 3, "a, b and c");
    let b = "pub struct B;\n\n#[cfg(test)]\nmod tests {\n    use super::super::A;\n}\n";
    assert_eq!(of(a, b, c), [""; 0], "tests may use everything");
    let c = "pub fn all() -> super::A {\n    super::all()\n}\n";
    assert_eq!(
        of(a, b, c),
        [""; 0],
        "the parent's use of its children does not count, theirs of it does not lead on"
    );
}
