use clap::CommandFactory;
use clap_complete::Shell;

use super::Printer;
use crate::cli::Cli;
use crate::config::did_you_mean;
use crate::error::{Error, Result};

pub fn completions(shell: Shell, printer: &Printer) -> Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "mlferry", &mut script);
    printer.result(String::from_utf8_lossy(&script).trim_end());
    Ok(0)
}

/// Prints the man page of the program, or of the subcommand that `words` name.
pub fn man(words: &[String], printer: &Printer) -> Result<u8> {
    let mut command = Cli::command();
    // After `build`, a nested subcommand has its full name.
    command.build();
    for word in words {
        let below: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
        let hint = did_you_mean(word, below);
        let found = command.find_subcommand(word).cloned();
        command = found.ok_or_else(|| Error::usage(format!("there is no command {word:?}")).hint(hint))?;
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page).map_err(|e| Error::permanent(e.to_string()))?;
    printer.result(String::from_utf8_lossy(&page).trim_end());
    Ok(0)
}
