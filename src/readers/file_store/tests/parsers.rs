//! The parsers of YAML and of metric lines, for any bytes.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::readers::file_store::yaml::{self, Node};
use crate::readers::file_store::{metric_line, metrics};

fn root(text: &str) -> Node {
    yaml::parse(text.as_bytes()).root.unwrap()
}

fn value(text: &str) -> Value {
    root(&format!("v: {text}\n")).get("v").unwrap().json()
}

fn integer(text: &str) -> Option<i64> {
    root(&format!("v: {text}\n")).get("v").unwrap().integer()
}

#[test]
fn scalars_have_the_types_of_yaml_1_1() {
    for (text, expected) in [
        ("no", json!(false)),
        ("'no'", json!("no")),
        ("012", json!(10)),
        ("'012'", json!("012")),
        ("1_000", json!(1000)),
        ("0x10", json!(16)),
        ("1:30", json!(90)),
        ("1:301", json!("1:301")),
        ("1e3", json!("1e3")),
        ("1.0e+3", json!(1000.0)),
        (".5", json!(0.5)),
        ("-7", json!(-7)),
        ("~", json!(null)),
        ("null", json!(null)),
        ("'null'", json!("null")),
        ("09", json!("09")),
        ("2024-01-01", json!("2024-01-01")),
        ("[a, {b: 1}]", json!(["a", { "b": 1 }])),
    ] {
        assert_eq!(value(text), expected, "{text}");
    }
}

#[test]
fn times_are_read_in_all_forms() {
    for (text, expected) in [
        ("1700000000123", Some(1_700_000_000_123)),
        ("1.6e12", Some(1_600_000_000_000)),
        ("'1700000000123'", Some(1_700_000_000_123)),
        ("-5", Some(-5)),
        ("1e300", None),
        ("soon", None),
        (".inf", None),
        ("99999999999999999999", None),
    ] {
        assert_eq!(integer(text), expected, "{text}");
    }
}

#[test]
fn files_of_other_editors_are_read() {
    for bytes in [
        &b"\xef\xbb\xbfname: a\r\nother: b\r\n"[..],
        b"name: x\nother: b\nname: a\n",
        b"--- # comment\n\"name\": \"a\"\nother: &x b\nz: *x\n",
    ] {
        let document = yaml::parse(bytes);
        let root = document.root.unwrap();
        let text = |key| root.get(key).and_then(Node::text);
        assert_eq!((text("name"), text("other"), document.broken), (Some("a"), Some("b"), None));
    }
    let lines = root("description: 'a\u{2028}  b\u{85}  c\n\n  d'\n");
    assert_eq!(lines.get("description").and_then(Node::text), Some("a\u{2028}b\u{85}c\nd"));
    let latin = yaml::parse(b"name: M\xfcller\n");
    assert!(!latin.is_utf8);
    assert_eq!(latin.root.unwrap().get("name").and_then(Node::text), Some("Müller"));
}

#[test]
fn a_small_file_cannot_fill_the_memory() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        let alias = format!("*a{}", level - 1);
        text.push_str(&format!("a{level}: &a{level} [{}]\n", [alias.as_str(); 10].join(", ")));
    }
    assert!(yaml::parse(text.as_bytes()).broken.is_some());
    assert!(yaml::parse("[".repeat(100_000).as_bytes()).broken.is_some());
    assert!(yaml::parse("- ".repeat(10_000).as_bytes()).broken.is_some());
}

#[test]
fn lines_are_parsed_from_both_ends() {
    let run = |line: &str| metric_line::of_run(line.as_bytes()).map(|p| (p.timestamp, p.value, p.step));
    assert_eq!(run("1 0.5\n"), Some((1, 0.5, 0)));
    assert_eq!(run("1 inf -3\r\n"), Some((1, f64::INFINITY, -3)));
    assert_eq!(run("1.5e3 5 7 a b c dg"), Some((1500, 5.0, 7)));
    for bad in ["", "1", "1 x", "1 0.5 x", "1 0.5 2 name", "1  0.5 2", "x 0.5 1"] {
        assert_eq!(run(bad), None, "{bad:?}");
    }
    let model = metric_line::of_model("k", b"1 0.5 2 r a b dg\n").unwrap();
    assert_eq!((model.run_id.as_str(), model.dataset_name.as_deref()), ("r", Some("a b")));
    assert!(metric_line::of_model("k", b"1 0.5 2").is_none());
    assert!(metric_line::of_model("k", b"1 0.5 2 r name").is_none());
}

fn visit(node: &Node) {
    node.json();
    node.integer();
    node.get("a").and_then(Node::text);
}

proptest! {
    #[test]
    fn no_bytes_make_the_yaml_parser_panic(bytes: Vec<u8>) {
        yaml::parse(&bytes).root.iter().for_each(visit);
    }

    #[test]
    fn no_yaml_makes_the_parser_panic(text in "[-a:\\[\\]{}&*!|>'\"%@#,? \n\t0.~é\r]{0,60}") {
        yaml::parse(text.as_bytes()).root.iter().for_each(visit);
    }

    #[test]
    fn no_scalar_makes_the_types_panic(text in "[-+0-9_.:xXbeE~a-f]{0,24}") {
        for is_plain in [true, false] {
            visit(&Node::Scalar { text: text.clone(), is_plain });
        }
    }

    #[test]
    fn no_bytes_make_the_metric_parser_panic(bytes: Vec<u8>) {
        metric_line::of_run(&bytes);
        metric_line::of_model("k", &bytes);
        let mut parse = |line: &[u8]| match metric_line::of_run(line) {
            Some(_) => metrics::Verdict::Good,
            None => metrics::Verdict::Bad,
        };
        metrics::each_line(&bytes[..], &mut parse).unwrap();
    }

    #[test]
    fn every_point_survives_its_line(value: f64, timestamp: i64, step: i64, name in "[a-z][a-z ]{0,9}[a-z]") {
        let line = format!("{timestamp} {value} {step} {name} dg\n");
        let read = metric_line::of_run(line.as_bytes()).unwrap();
        prop_assert_eq!((read.timestamp, read.step), (timestamp, step));
        prop_assert!(read.value.to_bits() == value.to_bits() || value.is_nan());
        let model = metric_line::of_model("k", format!("{timestamp} {value} {step} r {name} dg").as_bytes()).unwrap();
        prop_assert_eq!(model.dataset_name, Some(name));
    }
}
