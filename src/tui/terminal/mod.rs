//! The terminal while the wizard has it, and how it gets back to what it was: on leaving, on an error, on a panic.

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

pub struct Screen {
    /// Its own end would complain on stderr that the cursor cannot be shown, and panic where that is gone too.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<Stdout>>>,
    /// What a panic does when the wizard is not there.
    hook: Hook,
    mouse: bool,
}

impl Screen {
    /// With `mouse` the terminal hands the wheel on, and selecting text takes Shift.
    pub fn open(mouse: bool) -> Result<Self> {
        // The theme alone decides on colours: crossterm's own NO_COLOR loses reverse and bold with them.
        force_color_output(true);
        let hook = restore_on_panic();
        enter(mouse)?;
        let terminal = Terminal::new(CrosstermBackend::new(stdout())).inspect_err(|_| leave())?;
        Ok(Self { terminal: ManuallyDrop::new(terminal), hook, mouse })
    }

    /// All at once, so that a slow line never shows half a frame.
    pub fn draw(&mut self, model: &Model) -> Result<()> {
        execute!(stdout(), BeginSynchronizedUpdate)?;
        let drawn = self.terminal.draw(|frame| view(model, frame)).map(drop);
        execute!(stdout(), EndSynchronizedUpdate)?;
        Ok(drawn?)
    }

    /// Forgets what is on the screen, so that all of it is drawn again.
    ///
    /// Not by the terminal's own `clear`: that asks where the cursor is, and the answer comes among the keys.
    pub fn clear(&mut self) -> Result<()> {
        let size = self.terminal.size()?;
        Ok(self.terminal.resize(size.into())?)
    }

    /// Puts a text into the clipboard of the terminal (OSC 52), as it is: tmux takes it without a wrapping.
    pub fn clip(&self, text: &str) {
        // A terminal that does not know it ignores it, and the text is on the screen as well.
        let _ = execute!(stdout(), CopyToClipboard::to_clipboard_from(text));
    }

    /// Hands the terminal to somebody else for a while.
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

/// Whatever fails here fails because the terminal is gone.
fn leave() {
    let _ = execute!(stdout(), DisableMouseCapture, DisableBracketedPaste, LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
}

/// A panic of the wizard itself is told on the restored terminal. One of a job only ends that job: what it says must
/// not run over the screen.
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
