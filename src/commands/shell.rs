use clap::CommandFactory;
use clap_complete::Shell;

use super::Printer;
use crate::cli::Cli;
use crate::error::{Error, Result};

pub fn completions(shell: Shell, printer: &Printer) -> Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "mlferry", &mut script);
    printer.result(String::from_utf8_lossy(&script).trim_end());
    Ok(0)
}

pub fn man(printer: &Printer) -> Result<u8> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut page).map_err(|e| Error::permanent(e.to_string()))?;
    printer.result(String::from_utf8_lossy(&page).trim_end());
    Ok(0)
}
