//! The event loop. It receives keys, signals, answers and clock ticks, lets `update` change the model, and draws after
//! a change.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use crossterm::event::{Event as Input, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseEventKind};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use super::effect::{Effect, Msg};
use super::model::Model;
use super::model::log::LogRing;
use super::runner::EffectRunner;
use super::terminal::Screen;
use super::terminal::input::Keyboard;
use super::terminal::signals::{Signal, Signals, suspend};
use super::update::update;
use crate::engine::{StateDir, WizardFiles};
use crate::error::Result;

/// Maximum number of messages that wait for a slow terminal. Beyond that, the job waits too.
const CHANNEL_CAPACITY: usize = 1_024;
/// Rows per notch of the mouse wheel.
const ROWS_PER_NOTCH: isize = 3;
/// Maximum number of messages that are processed before the screen is drawn again.
const MAX_BATCH: usize = 4_096;

pub struct Runtime {
    screen: Screen,
    model: Model,
    runner: EffectRunner,
    messages: mpsc::Receiver<Msg>,
    /// `None` while another program uses the terminal, or when the terminal is gone.
    keys: Option<Keyboard>,
    signals: Signals,
    log: LogRing,
    log_seen: u64,
    opened: Instant,
    /// There is something new to draw, but it can wait for the next tick.
    stale: bool,
    gone: bool,
}

impl Runtime {
    pub fn new(
        screen: Screen,
        model: Model,
        state: StateDir,
        files: WizardFiles,
        log: LogRing,
    ) -> Result<Self> {
        let (sender, messages) = mpsc::channel(CHANNEL_CAPACITY);
        let runner = EffectRunner::new(sender, state, files);
        Ok(Self {
            screen,
            model,
            runner,
            messages,
            keys: Some(Keyboard::open()),
            signals: Signals::new()?,
            log,
            log_seen: 0,
            opened: Instant::now(),
            stale: false,
            gone: false,
        })
    }

    /// Runs until the user leaves. Returns the exit code. `frame` is the interval for drawing counters.
    pub async fn run(mut self, first: Vec<Effect>, frame: Duration) -> Result<u8> {
        let (columns, rows) = crossterm::terminal::size()?;
        self.model.size = (columns, rows);
        if let ControlFlow::Break(code) = self.perform(first).await {
            return Ok(code);
        }
        self.draw();
        let mut ticks = tokio::time::interval(frame);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let received = tokio::select! {
                input = next(&mut self.keys) => self.on_input(input),
                Some(msg) = self.messages.recv() => self.batch(msg),
                signal = self.signals.next() => self.on_signal(signal),
                _ = ticks.tick() => self.on_tick(),
            };
            let at_once = received.iter().any(is_urgent);
            self.stale |= received.iter().any(|msg| !is_urgent(msg));
            for msg in received {
                if let ControlFlow::Break(code) = self.update_with(msg).await {
                    return Ok(code);
                }
            }
            if at_once {
                self.draw();
            }
        }
    }

    async fn update_with(&mut self, msg: Msg) -> ControlFlow<u8> {
        self.model.now = self.opened.elapsed();
        let effects = update(&mut self.model, msg);
        self.perform(effects).await
    }

    async fn perform(&mut self, effects: Vec<Effect>) -> ControlFlow<u8> {
        for effect in effects {
            match effect {
                Effect::Quit(code) => return ControlFlow::Break(code),
                Effect::Suspend => self.suspend().await,
                Effect::Clip(text) => self.screen.clip(&text),
                Effect::Redraw => drop(self.screen.clear()),
                effect => {
                    if let Some(msg) = self.runner.perform(effect) {
                        // Immediate answers do not start further effects.
                        update(&mut self.model, msg);
                    }
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn on_input(&mut self, input: Option<Result<Input>>) -> Vec<Msg> {
        match input {
            Some(Ok(Input::Key(key))) if key.kind != KeyEventKind::Release => vec![Msg::Key(key)],
            Some(Ok(Input::Paste(text))) => vec![Msg::Paste(text)],
            Some(Ok(Input::Mouse(mouse))) => wheel(mouse.kind).into_iter().collect(),
            Some(Ok(Input::Resize(columns, rows))) => vec![Msg::Resize(columns, rows)],
            Some(Ok(_)) => Vec::new(),
            Some(Err(_)) | None => {
                self.keys = None;
                self.hang_up()
            }
        }
    }

    fn on_signal(&mut self, signal: Signal) -> Vec<Msg> {
        match signal {
            Signal::Terminate => vec![Msg::HangUp],
            Signal::HangUp => {
                // The terminal sends no more input.
                self.keys = None;
                self.hang_up()
            }
            Signal::Interrupt => vec![Msg::Key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL))],
            // Another program has used the terminal in the meantime and may have changed its state.
            Signal::Continued => match self.screen.enter() {
                Ok(()) => self.resized(),
                Err(_) => self.hang_up(),
            },
        }
    }

    fn on_tick(&mut self) -> Vec<Msg> {
        let (lines, seen) = self.log.since(self.log_seen);
        self.log_seen = seen;
        let mut received = Vec::new();
        if let Some(reading) = self.runner.reading() {
            received.push(Msg::Sample(Box::new(reading)));
        }
        if !lines.is_empty() {
            received.push(Msg::Log(lines));
        }
        if self.stale || !received.is_empty() || self.model.is_busy() {
            received.push(Msg::Clock(self.opened.elapsed()));
        }
        received
    }

    /// This message and all messages that wait behind it.
    fn batch(&mut self, first: Msg) -> Vec<Msg> {
        let mut received = vec![first];
        while received.len() < MAX_BATCH
            && let Ok(msg) = self.messages.try_recv()
        {
            received.push(msg);
        }
        received
    }

    /// The terminal is gone. A running job finishes without it.
    fn hang_up(&mut self) -> Vec<Msg> {
        match std::mem::replace(&mut self.gone, true) {
            false => vec![Msg::HangUp],
            true => Vec::new(),
        }
    }

    fn resized(&self) -> Vec<Msg> {
        let size = crossterm::terminal::size().ok();
        size.map(|(columns, rows)| Msg::Resize(columns, rows)).into_iter().collect()
    }

    fn draw(&mut self) {
        self.stale = false;
        if !self.gone && self.screen.draw(&self.model).is_err() {
            // The keyboard reports whether the terminal is really gone. A failed draw must not end the work.
            tracing::warn!("the screen cannot be drawn");
        }
    }

    /// The job stops together with the process. Connections that time out in the meantime are opened again.
    async fn suspend(&mut self) {
        // The keyboard would read keys that are meant for the shell.
        if let Some(keys) = self.keys.take() {
            keys.close().await;
        }
        self.screen.leave();
        suspend(&mut self.signals).await;
        if self.screen.enter().is_ok() {
            self.keys = Some(Keyboard::open());
            for msg in self.resized() {
                update(&mut self.model, msg);
            }
        }
    }
}

/// A notch of the wheel. The pointer position does not matter because only one list at a time takes input.
fn wheel(kind: MouseEventKind) -> Option<Msg> {
    match kind {
        MouseEventKind::ScrollUp => Some(Msg::Wheel(-ROWS_PER_NOTCH)),
        MouseEventKind::ScrollDown => Some(Msg::Wheel(ROWS_PER_NOTCH)),
        _ => None,
    }
}

async fn next(keys: &mut Option<Keyboard>) -> Option<Result<Input>> {
    match keys {
        Some(keys) => keys.next().await,
        None => std::future::pending().await,
    }
}

/// A job can report a thousand events a second: they are drawn with the next tick. Everything else is drawn
/// immediately.
fn is_urgent(msg: &Msg) -> bool {
    !matches!(msg, Msg::JobEvent(_) | Msg::Sample(_) | Msg::Log(_))
}
