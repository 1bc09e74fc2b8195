//! The help is true: every command has an example, and every example can be typed, as can those of the README.

use clap::{Command, CommandFactory, Parser};

use super::Cli;

/// The words of a line as a shell would part them, up to a comment, a pipe or a redirection.
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

/// The last word, or a new one, with this after it.
fn grow(words: &mut Vec<String>, is_open: bool, c: Option<char>) -> bool {
    if !is_open {
        words.push(String::new());
    }
    words.last_mut().into_iter().for_each(|word| word.extend(c));
    true
}

/// The command lines of a text, continued ones as one.
fn lines(text: &str) -> Vec<String> {
    let text = text.replace("\\\n", " ");
    let lines = text.lines().map(str::trim).filter(|line| *line == "mlferry" || line.starts_with("mlferry "));
    lines.map(str::to_owned).collect()
}

#[track_caller]
fn can_be_typed(line: &str) {
    // Filled in from a profile where it is used.
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

#[test]
fn the_readme_can_be_typed() {
    let readme = include_str!("../../README.md");
    // A frame of the program is no command.
    let fenced: String =
        readme.split("```").skip(1).step_by(2).filter(|block| !block.contains('─')).collect();
    let lines = lines(&fenced);
    assert!(lines.len() > 10);
    lines.iter().for_each(|line| can_be_typed(line));
}

#[test]
fn words_are_parted_as_a_shell_does() {
    assert_eq!(
        words("mlferry plan  --models 'a b,c' --x=\"\" # why"),
        ["mlferry", "plan", "--models", "a b,c", "--x="]
    );
    assert_eq!(words("mlferry man > x"), ["mlferry", "man"]);
}
