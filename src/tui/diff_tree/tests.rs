use std::time::{Duration, Instant};

use super::{DiffTree, NodeKind, file_name};
use crate::engine::validate::{Difference, FieldDifference, Mark};
use crate::entities::Kind;

fn of(differences: Vec<Difference>) -> DiffTree {
    let mut outline = DiffTree::default();
    differences.into_iter().for_each(|difference| outline.add(difference));
    outline
}

fn missing(kind: Kind, experiment: &str, id: &str) -> Difference {
    Difference::missing(kind, id, id).of_experiment(experiment)
}

fn differs(kind: Kind, experiment: &str, id: &str) -> Difference {
    let field = FieldDifference { field: "tag x".into(), source: Some("1".into()), target: None };
    Difference::pair(kind, id, id, &format!("{id}-there"), vec![field]).of_experiment(experiment)
}

fn file(path: &str) -> Difference {
    Difference::missing(Kind::Artifact, &format!("trial/{path}"), &format!("r1/{path}")).of_experiment("a")
}

/// The visible rows: two spaces per level, the name, and `>` at the cursor.
fn shown(outline: &DiffTree) -> Vec<String> {
    let word = |node: usize| match &outline.node(node).what {
        NodeKind::Experiment(name) => name.clone(),
        NodeKind::Kind(kind) => kind.title().to_owned(),
        NodeKind::Folder(name) => format!("{name}/"),
        NodeKind::Whole(whole) => format!("({})", whole.name),
        NodeKind::Item(_) => match outline.difference(node).unwrap() {
            file if file.kind == Kind::Artifact => format!("{} {}", file.mark.sign(), file_name(file)),
            item => format!("{} {}", item.mark.sign(), item.id()),
        },
    };
    let cursor = outline.cursor();
    let line = |(index, row): (usize, &crate::tui::diff_tree::Row)| {
        let mark = if index == cursor { ">" } else { "" };
        format!("{}{mark}{}", "  ".repeat(row.depth), word(row.node))
    };
    outline.rows().iter().enumerate().map(line).collect()
}

#[test]
fn few_are_open_each_where_it_belongs() {
    let outline = of(vec![
        missing(Kind::Run, "a", "r2"),
        file("model/weights.bin"),
        missing(Kind::ModelVersion, "", "churn/3"),
        file("a.txt"),
        file("model/MLmodel"),
        differs(Kind::LoggedModel, "a", "m-1"),
    ]);
    let rows = [
        "a",
        "  >- r2",
        "  (trial)",
        "    model/",
        "      - MLmodel",
        "      - weights.bin",
        "    - a.txt",
        "  * m-1",
        "registered models",
        "  (churn)",
        "    - churn/3",
    ];
    assert_eq!(shown(&outline), rows);
    let group = outline.node(outline.rows()[0].node);
    assert_eq!((group.counts.of(Mark::Missing), group.counts.of(Mark::Differs)), (4, 1));
    assert_eq!(outline.counts().of(Mark::Missing), 5);
}

#[test]
fn a_run_takes_the_place_of_what_its_files_stood_for() {
    let mut outline = of(vec![file("b"), differs(Kind::Run, "a", "r1"), file("a")]);
    assert_eq!(shown(&outline), ["a", "  >* r1", "    - a", "    - b"]);
    // A second difference of the same run gets its own line.
    outline.add(missing(Kind::Run, "a", "r1"));
    assert_eq!(shown(&outline).last().unwrap(), "  - r1");
}

#[test]
fn an_experiment_alone_needs_no_heading() {
    let mut outline = of(vec![
        Difference::extra(Kind::Experiment, "x", "9").of_experiment("x"),
        missing(Kind::Run, "b", "r"),
    ]);
    assert_eq!(shown(&outline), [">+ 9", "b", "  - r"]);
    outline.close();
    assert_eq!(shown(&outline), [">+ 9", "b", "  - r"], "it has no parent");
    outline.add(missing(Kind::Run, "x", "r"));
    assert_eq!(shown(&outline), ["x", "  >+ 9", "  - r", "b", "  - r"]);
    outline.move_to(0);
    assert_eq!(shown(&outline)[0], ">x");
}

#[test]
fn many_are_closed_until_they_are_opened() {
    let run = |n: usize| missing(Kind::Run, if n.is_multiple_of(2) { "even" } else { "odd" }, &n.to_string());
    let mut outline = of((0..20).map(run).collect());
    assert_eq!(shown(&outline), [">even", "odd"]);
    outline.move_to(1);
    assert!(outline.open() && !outline.open());
    outline.move_to(5);
    assert_eq!(shown(&outline)[5], "  >- 7");
    // Differences that arrive in the meantime do not move the cursor.
    outline.add(run(20));
    outline.add(run(21));
    assert_eq!((outline.rows().len(), outline.cursor()), (13, 5));
    outline.close();
    assert_eq!(shown(&outline), ["even", ">odd"]);
}

#[test]
fn one_group_hides_nothing() {
    let outline = of((0..100).map(|n| missing(Kind::Run, "a", &n.to_string())).collect());
    assert_eq!(outline.rows().len(), 101);
}

#[test]
fn a_filter_keeps_what_holds_some() {
    let mut outline = of(vec![file("model/a"), differs(Kind::Run, "a", "r1"), differs(Kind::Run, "b", "r2")]);
    outline.set_only(Some(Mark::Missing));
    assert_eq!(shown(&outline), ["a", "  >* r1", "    model/", "      - a"]);
    outline.set_only(Some(Mark::Differs));
    assert_eq!(shown(&outline), ["a", "  >* r1", "b", "  * r2"]);
    assert!(!outline.can_open(outline.rows()[1].node), "its file is hidden");
    outline.set_only(Some(Mark::Extra));
    assert!(outline.rows().is_empty() && outline.current().is_none());
}

#[test]
fn an_item_compared_again_changes_nothing_else() {
    let run = |n: usize| differs(Kind::Run, if n.is_multiple_of(2) { "even" } else { "odd" }, &n.to_string());
    let mut outline = of((0..20).map(run).collect());
    outline.move_to(1);
    outline.open();
    outline.move_to(4);
    let item = outline.current().unwrap().clone();
    assert_eq!(item.id(), "5");
    // The same as before, with one additional file.
    let part = Difference::missing(Kind::Artifact, "5/x", "5/x").of_experiment("odd");
    let gone = outline.replace(&item, vec![item.clone(), part]);
    assert_eq!((gone.len(), outline.held()), (1, 21));
    assert_eq!(shown(&outline)[4], "  >* 5");
    // The difference is gone: the cursor is on the node that is now in its row.
    let gone = outline.replace(&item, Vec::new());
    assert_eq!((gone.len(), outline.held(), outline.rows().len()), (2, 19, 11));
    assert_eq!(shown(&outline)[4], "  >* 7");
}

#[test]
fn an_unchanged_object_covers_its_parts() {
    let mut outline = of(vec![
        file("model/a"),
        Difference::extra(Kind::Artifact, "trial/model/b", "r1/model/b").of_experiment("a"),
        missing(Kind::Run, "a", "r2"),
    ]);
    outline.move_to(1);
    let whole = outline.current().unwrap().clone();
    assert_eq!((whole.name.as_str(), whole.id(), whole.mark), ("trial", "r1", Mark::Same));
    assert_eq!(outline.files(outline.row().unwrap().node).len(), 3);
    assert_eq!(outline.replace(&whole, Vec::new()).len(), 2);
    assert_eq!(shown(&outline), ["a", "  >- r2"]);
}

/// Adding stays fast enough for arriving differences, even without optimisation.
#[test]
fn a_hundred_thousand_find_their_places() {
    let started = Instant::now();
    let mut outline = DiffTree::default();
    for n in 0..100_000 {
        let experiment = format!("team/project-{}", n % 500);
        outline.add(match n % 4 {
            0 => {
                let id = format!("{}/model/part-{}/weights", n % 1000, n % 7);
                Difference::missing(Kind::Artifact, &id, &id).of_experiment(&experiment)
            }
            _ => differs(Kind::Run, &experiment, &format!("{n:032x}")),
        });
        if n % 1_000 == 0 {
            assert!(!outline.rows().is_empty());
        }
    }
    assert_eq!(outline.rows().len(), 500);
    outline.move_to(499);
    outline.open();
    outline.set_only(Some(Mark::Differs));
    assert!(outline.rows().len() > 500);
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}
