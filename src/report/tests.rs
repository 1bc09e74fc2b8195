//! The complete output of each writer for a small report. Its names and values contain markup that must be escaped.

use std::collections::BTreeSet;

use super::{Curve, Difference, FieldDifference, Format, Mark, Report};
use crate::entities::Kind;
use crate::plan::Plan;
use crate::readers::SourceInfo;

fn about(location: &str) -> SourceInfo {
    SourceInfo { kind: "server", location: location.into(), version: None, capabilities: None }
}

fn report() -> Report {
    let (source, target) = (about("http://old:5000"), about("http://new:5000/<b>"));
    let paths = vec![std::env::temp_dir().join("report.html")];
    let mut report = Report::new(&source, &target, &Plan::default(), "size", paths);
    (report.created, report.version) = ("2026-01-02T03:04:05.678Z".into(), "0.0.0");
    report
}

/// A report with every kind of difficult text.
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

fn text(report: &mut Report, format: Format) -> String {
    let mut text = Vec::new();
    report.differences.flush().unwrap();
    report.write_as(format, &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn json() {
    insta::assert_snapshot!(text(&mut hostile(), Format::Json));
}

#[test]
fn markdown() {
    insta::assert_snapshot!(text(&mut hostile(), Format::Markdown));
}

#[test]
fn html() {
    let page = text(&mut hostile(), Format::Html);
    let (_, body) = page.split_once("</head>").unwrap();
    assert!(!body.contains("<script") && !body.contains("<img"));
    insta::assert_snapshot!(body);
}

#[test]
fn a_report_without_differences_has_a_headline() {
    let mut report = report();
    report.add(&Difference::pair(Kind::Run, "r", "1", "2", Vec::new()));
    for format in [Format::Markdown, Format::Html] {
        assert!(text(&mut report, format).contains("Both sides are the same."));
    }
}

#[test]
fn long_reports_contain_the_number_of_omitted_differences() {
    let mut report = report();
    (0..2_100).for_each(|n| report.add(&Difference::missing(Kind::Run, &n.to_string(), "1")));
    for format in [Format::Markdown, Format::Html] {
        let text = text(&mut report, format);
        assert!(text.contains("100 more differences are not written out here"), "{format:?}");
        assert_eq!(text.matches("source id").count(), 2_000);
    }
    let json: serde_json::Value = serde_json::from_str(&text(&mut report, Format::Json)).unwrap();
    assert_eq!(json["differences"].as_array().unwrap().len(), 2_100);
    assert_eq!(report.totals.of(Kind::Run, Mark::Missing), 2_100);
}

#[test]
fn the_file_extension_selects_the_format() {
    let of = |name: &str| Format::of(std::path::Path::new(name)).map_err(|e| e.get_hint().map(str::to_owned));
    assert_eq!(of("a/b.HTML"), Ok(Format::Html));
    assert_eq!(of("b.md"), Ok(Format::Markdown));
    assert_eq!(of("report"), Err(Some("give it a name that ends in .json, .md or .html".into())));
    assert_eq!(of("report.txt"), of(".json"));
}

/// If the spool file cannot be created, writing the report must return an error.
#[test]
fn a_report_without_a_spool_file_is_not_written() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().join("below/report.json");
    let mut report = Report::new(&about("a"), &about("b"), &Plan::default(), "size", vec![path]);
    (0..2_001).for_each(|n| report.add(&Difference::missing(Kind::Run, &n.to_string(), "1")));
    assert!(report.write().unwrap_err().to_string().contains("below"));
}
