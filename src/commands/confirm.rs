use std::io::{BufRead, IsTerminal, stdin};

use super::Printer;
use crate::error::{Error, Result};

/// Asks in the terminal. No answer means no.
pub fn confirm(question: &str) -> Result<bool> {
    if !stdin().is_terminal() {
        return Err(Error::usage("there is no terminal to ask in").hint("give --yes"));
    }
    Printer::ask(&format!("{question} [y/N]"));
    let mut answer = String::new();
    stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
