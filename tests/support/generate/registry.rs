//! Generates registered models with gaps in their version numbers, stages, aliases and prompts.

use super::Layout;
use super::dice::Dice;
use super::shape::{Experiment, Pairs, RegisteredModel, Version};
use super::words;

const LONG_AGO: i64 = 1_612_325_106_789;
const STAGES: [&str; 6] = ["None", "None", "None", "Staging", "Production", "Archived"];
const ALIASES: [&str; 5] = ["champion", "größe", "under_score", "a-b", "1"];
const DELETED: &str = "Deleted_Internal";

pub fn models(dice: &mut Dice, layout: Layout, experiments: &[Experiment]) -> Vec<RegisteredModel> {
    (0..dice.count(4, 15)).map(|number| model(dice, layout, experiments, number)).collect()
}

fn model(dice: &mut Dice, layout: Layout, experiments: &[Experiment], number: usize) -> RegisteredModel {
    let count = i64::try_from(dice.count(4, 25)).unwrap();
    let is_prompt = layout.since(2, 22) && dice.chance(20);
    let mut versions: Vec<Version> = (1..=count)
        .map(
            |number| {
                if is_prompt { prompt(dice, number) } else { version(dice, layout, experiments, number) }
            },
        )
        .collect();
    for version in &mut versions {
        if dice.chance(25) {
            version.is_deleted = true;
            version.stage = DELETED;
        }
    }
    let mut tags = some_tags(dice);
    if is_prompt {
        tags.push(("mlflow.prompt.is_prompt".to_owned(), "true".to_owned()));
    }
    let live: Vec<i64> = versions.iter().filter(|one| !one.is_deleted).map(|one| one.number).collect();
    let mut aliases = Vec::new();
    if layout.since(2, 3) && !live.is_empty() {
        aliases = ALIASES.iter().map(|alias| ((*alias).to_owned(), *dice.pick(&live))).collect();
        aliases.retain(|_| dice.chance(30));
    }
    // With a file store, a current release lists no models at all if one has such a name.
    let refused: &[char] = if layout.is_files { &['/', ':', '\\', '"', '%'] } else { &['/', ':', '\\', '"'] };
    let plain = words::name(dice, 200, number).replace(refused, "-");
    RegisteredModel {
        name: if is_prompt { format!("prompt_{number}") } else { plain.trim().to_owned() },
        description: description(dice),
        created: LONG_AGO,
        tags,
        aliases,
        versions,
    }
}

fn description(dice: &mut Dice) -> Option<String> {
    dice.chance(50).then(|| words::value(dice, 5000)).filter(|text| !text.is_empty())
}

fn some_tags(dice: &mut Dice) -> Pairs {
    let count = dice.count(2, 12);
    words::keys(dice, count).into_iter().map(|key| (key, words::value(dice, 5000))).collect()
}

fn version(dice: &mut Dice, layout: Layout, experiments: &[Experiment], number: i64) -> Version {
    let of = dice.pick(experiments);
    let run = (!of.runs.is_empty() && dice.chance(80)).then(|| dice.pick(&of.runs));
    let source = match (run, dice.below(4)) {
        (Some(run), 0) => format!("runs:/{}/model", run.id),
        (Some(run), _) => format!("mlflow-artifacts:/{}/{}/artifacts/model", of.id, run.id),
        (None, 0) if layout.since(2, 2) => "s3://bucket/modèle with blank".to_owned(),
        (None, _) => "s3://bucket/models/7".to_owned(),
    };
    Version {
        number,
        is_deleted: false,
        created: LONG_AGO + number,
        description: description(dice),
        stage: dice.pick::<&str>(&STAGES),
        source,
        run: run.map(|run| run.id.clone()),
        run_link: dice.chance(10).then(|| "https://example.com/run?a=b#c".to_owned()),
        tags: some_tags(dice),
    }
}

fn prompt(dice: &mut Dice, number: i64) -> Version {
    let mut tags = some_tags(dice);
    let text = "Answer {{ question }} in größe\nand \"quotes\"";
    tags.push(("mlflow.prompt.is_prompt".to_owned(), "true".to_owned()));
    tags.push(("mlflow.prompt.text".to_owned(), text.to_owned()));
    Version {
        number,
        is_deleted: false,
        created: LONG_AGO + number,
        description: description(dice),
        stage: "None",
        source: "dummy-source".to_owned(),
        run: None,
        run_link: None,
        tags,
    }
}
