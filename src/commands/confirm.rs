use std::io::{BufRead, IsTerminal, stdin};

use super::Printer;
use crate::error::{Error, Result};

/// Asks on the terminal, and takes silence for no.
pub fn agreed(question: &str) -> Result<bool> {
    if !stdin().is_terminal() {
        return Err(Error::usage("nobody is there to agree").hint("give --yes"));
    }
    Printer::ask(&format!("{question} [y/N]"));
    let mut answer = String::new();
    stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
