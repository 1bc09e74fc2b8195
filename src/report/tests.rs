//! Small reports, whole: what each writer makes of names and values that would like to be something else.

use std::collections::BTreeSet;

use super::{Curve, Difference, FieldDifference, FileFacts, FileSides, Format, Mark, Report};
use crate::entities::{Kind, Plan};
use crate::snapshot::About;

fn about(location: &str) -> About {
    About { kind: "server", location: location.into(), version: None, capabilities: None }
}

fn report() -> Report {
    let (source, target) = (about("http://old:5000"), about("http://new:5000/<b>"));
    let paths = vec!["report.html".into()];
    let mut report = Report::new(&source, &target, &Plan::default(), "size", paths);
    (report.created, report.version) = ("2026-01-02T03:04:05.678Z".into(), "0.0.0");
    report
}

/// Every kind of trouble in few lines.
fn hostile() -> Report {
    let field = |field: &str, source: Option<&str>, target: Option<&str>| FieldDifference {
        field: field.into(),
        source: source.map(str::to_owned),
        target: target.map(str::to_owned),
    };
    let fields = vec![
        field("param <script>alert(1)</script>", Some("a|b"), Some("a`b`")),
        field("tag 店舗", Some("東京 & 大阪"), Some("東京 & 京都")),
        field("tag note", Some("one\ntwo \u{1b}[31m\u{202e}"), None),
        field("metric loss", Some("3 points, 1 only here"), Some("2 points")),
    ];
    let id = "4f1c6a0a93a84a8e8a1d6c1c9e1b2d3e";
    let pair = Difference::pair(Kind::Run, "\"><img src=x onerror=alert(1)>", id, "8a91", fields);
    let mut report = report();
    report.add(&Difference::pair(Kind::Experiment, "fine", "1", "1", Vec::new()));
    report.add(&pair.of_experiment("team/*bold* [x](http://evil)"));
    report.add(
        &Difference::missing(Kind::Artifact, "model/a|b.pkl", "4f1c/model/a|b.pkl")
            .of_experiment("team/*bold* [x](http://evil)"),
    );
    report.add(&Difference::extra(Kind::RegisteredModel, "churn", "churn"));
    let points = |all: &[(i64, f64)]| {
        all.iter().map(|(step, value)| (*step, *step, value.to_bits())).collect::<BTreeSet<_>>()
    };
    let (ours, theirs) =
        (points(&[(1, 0.5), (2, 0.25), (3, 0.125)]), points(&[(1, 0.5), (2, 0.3), (4, f64::NAN)]));
    report.add_curve(Curve::new((id, "8a91"), "loss", &ours, &theirs));
    report
}

fn text(report: &Report, format: Format) -> String {
    String::from_utf8(report.text(format).unwrap()).unwrap()
}

#[test]
fn json() {
    insta::assert_snapshot!(text(&hostile(), Format::Json));
}

#[test]
fn markdown() {
    insta::assert_snapshot!(text(&hostile(), Format::Markdown));
}

#[test]
fn html() {
    let page = text(&hostile(), Format::Html);
    let (_, body) = page.split_once("</head>").unwrap();
    assert!(!body.contains("<script") && !body.contains("<img"));
    insta::assert_snapshot!(body);
}

#[test]
fn the_same_on_both_sides_is_said_in_words() {
    let mut report = report();
    report.add(&Difference::pair(Kind::Run, "r", "1", "2", Vec::new()));
    for format in [Format::Markdown, Format::Html] {
        assert!(text(&report, format).contains("Both sides are the same."));
    }
}

#[test]
fn long_reports_say_what_they_leave_out() {
    let mut report = report();
    (0..2_100).for_each(|n| report.add(&Difference::missing(Kind::Run, &n.to_string(), "1")));
    for format in [Format::Markdown, Format::Html] {
        let text = text(&report, format);
        assert!(text.contains("100 more differences are not written out here"), "{format:?}");
        assert_eq!(text.matches("source id").count(), 2_000);
    }
    let json: serde_json::Value = serde_json::from_str(&text(&report, Format::Json)).unwrap();
    assert_eq!(json["differences"].as_array().unwrap().len(), 2_100);
    assert_eq!(report.totals.of(Kind::Run, Mark::Missing), 2_100);
}

#[test]
fn the_name_of_the_file_says_the_format() {
    let of = |name: &str| Format::of(std::path::Path::new(name)).map_err(|e| e.get_hint().map(str::to_owned));
    assert_eq!(of("a/b.HTML"), Ok(Format::Html));
    assert_eq!(of("b.md"), Ok(Format::Markdown));
    assert_eq!(of("report"), Err(Some("give it a name that ends in .json, .md or .html".into())));
    assert_eq!(of("report.txt"), of(".json"));
}

/// Bytes of what was asked for; the allocator rounds up.
fn weight(difference: &Difference) -> usize {
    let text = |text: &Option<String>| text.as_ref().map_or(0, String::capacity);
    let sum = |facts: &Option<FileFacts>| facts.as_ref().map_or(0, |facts| text(&facts.sha256));
    let field = |field: &FieldDifference| field.field.capacity() + text(&field.source) + text(&field.target);
    let file = difference
        .file
        .as_ref()
        .map_or(0, |file| size_of::<FileSides>() + sum(&file.source) + sum(&file.target));
    let names = difference.experiment.capacity() + difference.name.capacity();
    let ids = text(&difference.source_id) + text(&difference.target_id);
    let slots = difference.fields.capacity() * size_of::<FieldDifference>();
    let fields = difference.fields.iter().map(field).sum::<usize>();
    size_of::<Difference>() + names + ids + slots + fields + file
}

/// A report that is asked for keeps all of them in memory.
#[test]
fn a_hundred_thousand_differences_are_cheap_enough_to_keep() {
    let field = |name: &str, source: &str, target: &str| FieldDifference {
        field: name.into(),
        source: Some(source.into()),
        target: Some(target.into()),
    };
    let run = |n: usize| {
        let fields = vec![field("param depth", "3", "4"), field("tag mlflow.user", "ann", "bob")];
        let (ours, theirs) = (format!("{n:032x}"), format!("{:032x}", n + 1));
        Difference::pair(Kind::Run, "trial-of-the-day", &ours, &theirs, fields)
    };
    let file = |n: usize| {
        let id = |n: usize| format!("{n:032x}/model/data/model.pkl");
        let sums = [n, n + 1].map(|n| format!("{n:064x}"));
        let facts = |sum: &String| Some(FileFacts { size: Some(48_213), sha256: Some(sum.clone()) });
        let fields = vec![field("sha256", &sums[0], &sums[1])];
        let pair = Difference::pair(
            Kind::Artifact,
            "trial-of-the-day/model/data/model.pkl",
            &id(n),
            &id(n + 1),
            fields,
        );
        pair.of_file(facts(&sums[0]), facts(&sums[1]))
    };
    let kept = |make: &dyn Fn(usize) -> Difference| {
        let mut report = report();
        (0..100_000).for_each(|n| report.add(&make(n).of_experiment("team/fraud-detection")));
        report.differences.iter().map(weight).sum::<usize>() / report.differences.len()
    };
    let (runs, files) = (kept(&run), kept(&file));
    assert!(runs < 500 && files < 900, "{runs} bytes a run, {files} a file");
}
