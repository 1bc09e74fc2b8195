//! Checks the help: every command has an example, and the program accepts every example, also those in the README and
//! in `docs`. Every message that `docs/troubleshooting.md` explains occurs in the source.

use std::fs;
use std::path::Path;

use clap::{Command, CommandFactory, Parser};

use super::Cli;

/// Splits a line into words as a shell does, up to a comment, a pipe or a redirection.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut quote, mut is_open) = (Vec::<String>::new(), None, false);
    for c in line.chars() {
        match c {
            '\'' | '"' if quote.is_none() => (quote, is_open) = (Some(c), grow(&mut words, is_open, None)),
            _ if quote == Some(c) => quote = None,
            '#' | '>' | '|' if quote.is_none() && !is_open => break,
            c if c.is_whitespace() && quote.is_none() => is_open = false,
            c => is_open = grow(&mut words, is_open, Some(c)),
        }
    }
    words
}

/// Appends `c` to the last word, or to a new word if none is open. Returns true, because a word is open now.
fn grow(words: &mut Vec<String>, is_open: bool, c: Option<char>) -> bool {
    if !is_open {
        words.push(String::new());
    }
    words.last_mut().into_iter().for_each(|word| word.extend(c));
    true
}

/// The command lines of a text. Continued lines are joined.
fn lines(text: &str) -> Vec<String> {
    let text = text.replace("\\\n", " ");
    let lines = text.lines().map(str::trim).filter(|line| *line == "mlferry" || line.starts_with("mlferry "));
    lines.map(str::to_owned).collect()
}

#[track_caller]
fn can_be_typed(line: &str) {
    // The profile supplies missing options.
    let is_from_profile = line.contains("--profile");
    if let Err(error) = Cli::try_parse_from(words(line)) {
        let is_missing = error.kind() == clap::error::ErrorKind::MissingRequiredArgument;
        assert!(is_missing && is_from_profile, "{line}\n{error}");
    }
}

fn examples_below(command: &Command) -> usize {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let examples = lines(&help);
    assert!(!examples.is_empty(), "{} has no example", command.get_name());
    examples.iter().for_each(|line| can_be_typed(line));
    examples.len() + command.get_subcommands().map(examples_below).sum::<usize>()
}

#[test]
fn every_command_has_examples_that_can_be_typed() {
    assert!(examples_below(&Cli::command()) > 40);
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn the_pages_can_be_typed() {
    let mut count = 0;
    for page in
        ["README.md", "docs/guide.md", "docs/commands.md", "docs/stores.md", "docs/aws.md", "docs/resume.md"]
    {
        let fenced: String = read(page).split("```").skip(1).step_by(2).collect();
        let lines = lines(&fenced);
        assert!(!lines.is_empty(), "{page}");
        lines.iter().for_each(|line| can_be_typed(line));
        count += lines.len();
    }
    assert!(count > 25, "{count}");
}

/// Appends the text of every source file to `text`. Literals that span several lines are joined.
fn sources(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let source = fs::read_to_string(path).unwrap();
            let lines = source.split("\\\n").map(str::trim_start);
            lines.for_each(|line| text.push_str(line));
        }
    }
}

#[test]
fn messages_that_are_explained_exist() {
    let mut text = String::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut text);
    let page = read("docs/troubleshooting.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    let mut count = 0;
    for row in rows {
        // The program fills in quoted texts and numbers.
        let quoted = row.split('`').step_by(2).flat_map(|message| message.split(['…', '"']));
        for part in quoted.filter(|part| part.contains(' ') && part.len() > 12) {
            let fixed = part.trim().replace("2 parts", "{total} {parts}");
            assert!(text.contains(&fixed), "{fixed:?} is in no source file");
            count += 1;
        }
    }
    assert!(count > 15, "{count}");
}

#[test]
fn words_are_parted_as_a_shell_does() {
    assert_eq!(
        words("mlferry plan  --models 'a b,c' --x=\"\" # why"),
        ["mlferry", "plan", "--models", "a b,c", "--x="]
    );
    assert_eq!(words("mlferry man > x"), ["mlferry", "man"]);
}
