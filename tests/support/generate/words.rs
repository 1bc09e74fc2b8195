//! Names, keys and values as users and programs write them.

use super::dice::Dice;

const NAMES: [&str; 24] = [
    "baseline",
    "Ünïcode 日本語 実験 🚀",
    "team/fraud/v2",
    "with spaces  and  more",
    "it's \"quoted\" & 100% <b>",
    " starts and ends with a blank ",
    "a,b;c|d",
    "UPPER",
    "upper",
    "-dash",
    "--all",
    "null",
    "~",
    "no",
    "1e3",
    "0x1F",
    "012",
    "2024-01-01",
    "{\"json\": [1, 2]}",
    "${HOME} $(id) `id`",
    "e\u{301} and é",
    "right \u{5d0}\u{5d1} to left \u{202e}",
    "*glob?[a-z]",
    "\\back\\slash",
];

const KEYS: [&str; 22] = [
    "loss",
    "val_loss",
    "acc.top-5",
    "val/loss",
    "val/fold 1/acc",
    "größe",
    "日本",
    "a b",
    "_",
    "-",
    "1",
    "lr",
    "Loss",
    "train/epoch/step/deep/er",
    "é",
    "x.y.z",
    "a-b_c.d",
    ".hidden",
    "None",
    "step",
    "nan",
    "test-acc_",
];

const VALUES: [&str; 18] = [
    "0.001",
    "1e-05",
    "None",
    "True",
    "",
    " ",
    "  spaces around  ",
    "größe 🐘 日本",
    "[1, 2, {'a': None}]",
    "{\"a\": [1, 2.5, null], \"b\": \"é\"}",
    "line one\nline two\n",
    "tab\tand \"quotes\" and 'more' and \\backslash",
    "s3://bucket/key with blank/ü.csv",
    "<script>alert(1)</script> &amp;",
    "012345678901234567890123456789",
    "\u{1F469}\u{200D}\u{1F680}",
    "-0.0",
    "#comment: yes",
];

/// A unique name in this store, with at most `longest` characters.
pub fn name(dice: &mut Dice, longest: usize, number: usize) -> String {
    let base = *dice.pick(&NAMES);
    match dice.below(12) {
        0 => format!("{base} {number} {}", "x".repeat(longest)).chars().take(longest).collect(),
        1..4 => format!("{number} {base}"),
        _ => format!("{base} {number}"),
    }
}

/// Any name, which may not be unique.
pub fn title(dice: &mut Dice) -> String {
    let base = *dice.pick(&NAMES);
    match dice.below(10) {
        0 => base.repeat(30).chars().take(200).collect(),
        1..5 => format!("{base}-{}", dice.below(5)),
        _ => base.to_owned(),
    }
}

/// Unique keys, none of which is a folder of another: a file store could not store both.
pub fn keys(dice: &mut Dice, count: usize) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for at in 0..count {
        let base = *dice.pick(&KEYS);
        // MLflow does not accept combining marks as word characters, and a path has no part that consists of dots.
        let key = match dice.below(14) {
            0 => format!("{base}{at:03} {}", "k".repeat(250)).chars().take(240).collect(),
            1 => format!("fold {}/{base}.{at}", at % 3),
            2 => format!("{base}{at}/of/{at}"),
            _ if at < KEYS.len() && dice.chance(60) => base.to_owned(),
            _ => format!("{base}{at}"),
        };
        let clashes = |other: &String| {
            *other == key || other.starts_with(&format!("{key}/")) || key.starts_with(&format!("{other}/"))
        };
        if !all.iter().any(clashes) {
            all.push(key);
        }
    }
    all
}

/// A value with at most `longest` characters.
pub fn value(dice: &mut Dice, longest: usize) -> String {
    let base = *dice.pick(&VALUES);
    match dice.below(25) {
        0 => format!("{base}Ω🐘").repeat(longest).chars().take(longest).collect(),
        1 => "v".repeat(longest),
        _ => base.to_owned(),
    }
}
