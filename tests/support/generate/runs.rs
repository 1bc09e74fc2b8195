//! Generates experiments and their runs.

use super::Layout;
use super::dice::Dice;
use super::shape::{Dataset, Experiment, Input, Pairs, Run};
use super::{numbers, words};

const LONG_AGO: i64 = 1_612_325_106_789;
const STATUSES: [&str; 8] =
    ["FINISHED", "FINISHED", "FINISHED", "FINISHED", "RUNNING", "FAILED", "KILLED", "SCHEDULED"];
const USERS: [&str; 6] = ["ada", "", "Grace Höpper <grace@example.com>", "root", "日本", "DOMAIN\\user"];
/// Tags that MLflow itself sets.
const SYSTEM_TAGS: [(&str, &str); 10] = [
    ("mlflow.user", "ada"),
    ("mlflow.source.name", "/home/ada/träin.py"),
    ("mlflow.source.type", "LOCAL"),
    ("mlflow.source.git.commit", "0123456789abcdef0123456789abcdef01234567"),
    ("mlflow.note.content", "# a note\n\nwith *markdown* and [a link](https://example.com)"),
    ("mlflow.project.entryPoint", "main"),
    ("mlflow.autologging", "sklearn"),
    ("mlflow.loggedArtifacts", "[{\"path\": \"t.json\", \"type\": \"table\"}]"),
    ("mlflow.gitRepoURL", "https://example.com/r.git"),
    ("mlflow.databricks.notebookID", "12"),
];
const FILES: [&str; 16] = [
    "model/MLmodel",
    "model/deep/er/weights.bin",
    "plot.png",
    "with space.txt",
    "a+b&c=d;e,f@g!.txt",
    "(1) [2] {3}.txt",
    ".hidden",
    "no extension",
    "UPPER.TXT",
    "upper.txt",
    "c:d.txt",
    "~$^`|.txt",
    "it's \"quoted\".txt",
    "100%.txt",
    "tables/t.json",
    "-dash",
];

pub fn experiments(dice: &mut Dice, layout: Layout) -> Vec<Experiment> {
    let count = dice.count(5, 12);
    let mut all = vec![experiment(dice, layout, 0)];
    all[0].name = "Default".to_owned();
    all[0].is_deleted = false;
    if dice.chance(60) {
        all[0].runs.clear();
        all[0].tags.clear();
    }
    all.extend((1..=count).map(|number| experiment(dice, layout, number)));
    all
}

fn experiment(dice: &mut Dice, layout: Layout, number: usize) -> Experiment {
    let small = i64::try_from(number).unwrap() * 3;
    let is_small = number == 0 || !layout.is_files || !layout.since(2, 0);
    let id = if is_small { small } else { dice.range(100_000_000_000_000_000, 1_000_000_000_000_000_000) };
    let runs = dice.count(8, 80);
    let is_deleted = dice.chance(15);
    // Releases before 2.3 did not change the runs of a deleted experiment.
    let takes_runs_along = is_deleted && (layout.since(2, 3) || dice.chance(60));
    let datasets: Vec<Dataset> = (0..dice.below(4)).map(|at| dataset(dice, at)).collect();
    Experiment {
        id,
        name: words::name(dice, 200, number),
        is_deleted,
        created: dice.chance(90).then_some(LONG_AGO - 1000),
        tags: tags(dice, 5000, false),
        runs: (0..runs).map(|_| run(dice, layout, &datasets, takes_runs_along)).collect(),
        models: Vec::new(),
        traces: Vec::new(),
    }
}

fn run(dice: &mut Dice, layout: Layout, datasets: &[Dataset], is_deleted: bool) -> Run {
    let status = *dice.pick(&STATUSES);
    let start = LONG_AGO + dice.range(0, 10_000_000_000);
    let is_over = !["RUNNING", "SCHEDULED"].contains(&status);
    let has_end = is_over || dice.chance(5);
    let params = dice.count(5, 130);
    let name = match dice.below(12) {
        0 => None,
        1 => Some(String::new()),
        _ => Some(words::title(dice)),
    };
    let mut tags = tags(dice, layout.longest_tag(), true);
    match &name {
        Some(name) if dice.chance(90) => tags.push(("mlflow.runName".to_owned(), name.clone())),
        _ => {}
    }
    let mut inputs: Vec<Input> = Vec::new();
    if layout.has_datasets() && dice.chance(30) {
        for dataset in datasets.iter().filter(|_| dice.chance(60)).cloned().collect::<Vec<_>>() {
            let context = *dice.pick(&["training", "validation", "größe", ""]);
            let tags = if dice.chance(80) { vec![("mlflow.data.context", context)] } else { vec![] };
            let tags = tags.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
            inputs.push(Input { dataset, tags });
        }
    }
    Run {
        id: dice.hex(32),
        name,
        user: (*dice.pick(&USERS)).to_owned(),
        status,
        start,
        end: has_end.then(|| start + dice.range(-5, 1_000_000)),
        is_deleted: is_deleted || dice.chance(12),
        params: words::keys(dice, params)
            .into_iter()
            .map(|key| (key, words::value(dice, layout.longest_param())))
            .collect(),
        tags,
        metrics: numbers::metrics(dice),
        inputs,
        models_in: Vec::new(),
        models_out: Vec::new(),
        files: files(dice),
        is_ancient: dice.chance(20),
    }
}

fn tags(dice: &mut Dice, longest: usize, is_run: bool) -> Pairs {
    let count = dice.count(3, if is_run { 110 } else { 10 });
    let mut all: Pairs =
        words::keys(dice, count).into_iter().map(|key| (key, words::value(dice, longest))).collect();
    for (key, value) in SYSTEM_TAGS.iter().take(if is_run { 10 } else { 0 }) {
        if dice.chance(25) {
            all.push(((*key).to_owned(), (*value).to_owned()));
        }
    }
    if !is_run && dice.chance(30) {
        all.push(("mlflow.note.content".to_owned(), words::value(dice, longest)));
    }
    all
}

fn dataset(dice: &mut Dice, at: usize) -> Dataset {
    let source = *dice.pick(&["{\"uri\": \"s3://bucket/träin.csv\"}", "{}", "not json", "{\"tags\": {}}"]);
    let schema = "{\"mlflow_colspec\": [{\"type\": \"double\", \"name\": \"größe\", \"required\": true}]}";
    Dataset {
        name: format!("{}{at}", dice.pick(&["train/größe", "dataset", "a.csv", "x y"])),
        digest: dice.hex(8),
        source_type: (*dice.pick(&["s3", "local", "code", "http"])).to_owned(),
        source: source.to_owned(),
        schema: dice.chance(50).then(|| schema.to_owned()),
        profile: dice.chance(50).then(|| "{\"num_rows\": 5}".to_owned()),
    }
}

pub fn files(dice: &mut Dice) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for name in FILES {
        if !dice.chance(8) {
            continue;
        }
        let size = *dice.pick(&[0, 1, 10, 300, 70_000]);
        let content = dice.bytes(size);
        all.push((name.to_owned(), content));
    }
    if dice.chance(3) {
        all.extend((0..40).map(|at| (format!("images/{at:03}.txt"), format!("image {at}\n").into_bytes())));
    }
    all
}
