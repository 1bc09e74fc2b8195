//! Takes over the terminal for the wizard, and restores it on exit, on an error and on a panic.

pub mod input;
pub mod signals;
use std::io::{Stdout, stdout};
use std::mem::ManuallyDrop;
use std::panic::{self, PanicHookInfo};
use std::sync::Arc;
use std::thread;

use crossterm::clipboard::CopyToClipboard;
use crossterm::cursor::Show;
use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
};
use crossterm::execute;
use crossterm::style::force_color_output;
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode,
};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

use super::model::Model;
use super::view::view;
use crate::error::Result;

type Hook = Arc<dyn Fn(&PanicHookInfo<'_>) + Send + Sync>;

/// The width of the terminal in columns, or 80 if it is not known.
pub fn columns() -> usize {
    crossterm::terminal::size().map_or(80, |(columns, _)| usize::from(columns))
}

pub struct Screen {
    /// The destructor would print an error to stderr if the cursor cannot be shown, and panic if stderr is gone too.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<Stdout>>>,
    /// The panic hook outside the wizard.
    hook: Hook,
    mouse: bool,
}

impl Screen {
    /// With `mouse` the terminal sends wheel events to the wizard, and the user needs Shift to select text.
    pub fn open(mouse: bool) -> Result<Self> {
        // Only the theme decides on colours: crossterm's own NO_COLOR handling also removes reverse and bold.
        force_color_output(true);
        let hook = restore_on_panic();
        enter(mouse)?;
        let terminal = Terminal::new(CrosstermBackend::new(stdout())).inspect_err(|_| leave())?;
        Ok(Self { terminal: ManuallyDrop::new(terminal), hook, mouse })
    }

    /// Draws in one synchronized update, so that a slow line never shows half a frame.
    pub fn draw(&mut self, model: &Model) -> Result<()> {
        execute!(stdout(), BeginSynchronizedUpdate)?;
        let drawn = self.terminal.draw(|frame| view(model, frame)).map(drop);
        execute!(stdout(), EndSynchronizedUpdate)?;
        Ok(drawn?)
    }

    /// Discards the known screen content, so that the whole screen is drawn again.
    ///
    /// This does not use the terminal's own `clear`: that requests the cursor position, and the answer arrives among
    /// the keys.
    pub fn clear(&mut self) -> Result<()> {
        let size = self.terminal.size()?;
        Ok(self.terminal.resize(size.into())?)
    }

    /// Copies a text to the clipboard of the terminal (OSC 52). The sequence is sent as it is: tmux accepts it without
    /// wrapping.
    pub fn clip(&self, text: &str) {
        // A terminal without support ignores the sequence. The text is on the screen as well.
        let _ = execute!(stdout(), CopyToClipboard::to_clipboard_from(text));
    }

    /// Releases the terminal for another program for a while.
    pub fn leave(&self) {
        leave();
    }

    pub fn enter(&mut self) -> Result<()> {
        enter(self.mouse)?;
        self.clear()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        leave();
        if !thread::panicking() {
            let hook = Arc::clone(&self.hook);
            panic::set_hook(Box::new(move |panic| hook(panic)));
        }
    }
}

fn enter(mouse: bool) -> Result<()> {
    enable_raw_mode()?;
    execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste).inspect_err(|_| leave())?;
    if mouse {
        execute!(stdout(), EnableMouseCapture).inspect_err(|_| leave())?;
    }
    Ok(())
}

/// Errors are ignored: they only occur if the terminal is gone.
fn leave() {
    let _ = execute!(stdout(), DisableMouseCapture, DisableBracketedPaste, LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
}

/// A panic of the wizard itself is printed on the restored terminal. A panic of a job only ends that job. Its message
/// goes to the log because it must not overwrite the screen.
fn restore_on_panic() -> Hook {
    let before: Hook = Arc::from(panic::take_hook());
    let after = Arc::clone(&before);
    let wizard = thread::current().id();
    panic::set_hook(Box::new(move |panic| {
        if thread::current().id() == wizard {
            leave();
            before(panic);
        } else {
            tracing::error!("{panic}");
        }
    }));
    after
}
