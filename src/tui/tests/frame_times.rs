//! Measures frames of the selection over large sources:
//! `cargo test --release --lib frame_times -- --ignored --nocapture`.
//!
//! A frame is one key or one page that arrives, and the drawing of the screen after it, at 120×40. There are two sources:
//! one with 100 000 experiments, and one whose only experiment has 200 000 runs, every tenth of them nested. A frame must
//! take less than 16 ms; longer ones are marked. Memory is the growth of the process, on Linux.
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::time::{Duration, Instant};

use crate::tui::effect::Msg;
use crate::tui::model::Model;
use crate::tui::update::update;
use crate::tui::view::view;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::large_source;

const FRAME: Duration = Duration::from_millis(16);

#[test]
#[ignore = "a benchmark"]
fn frame_times() {
    let before = resident();
    let mut bench = Bench::new("100 000 experiments", large_source::empty());
    bench.pages("a page of 1,000 arrives", large_source::experiments(100_000));
    bench.common();
    bench.memory(before);

    let before = resident();
    let mut bench = Bench::new("200 000 runs of one experiment", large_source::empty());
    bench.pages("the experiment arrives", large_source::experiments(1));
    bench.keys("open", "l");
    bench.pages("a page of 500 arrives", large_source::runs(200_000));
    bench.common();
    bench.memory(before);
}

struct Bench {
    model: Model,
    terminal: Terminal<TestBackend>,
}

impl Bench {
    fn new(title: &str, mut model: Model) -> Self {
        println!("{title:<32} {:>7} {:>8} {:>8} {:>8}", "frames", "p50 ms", "p99 ms", "max ms");
        model.size = (120, 40);
        Self { model, terminal: Terminal::new(TestBackend::new(120, 40)).unwrap() }
    }

    /// The keys of a user with a long list.
    fn common(&mut self) {
        self.keys("one row down", &"j".repeat(1_000));
        self.keys("a page down", &"F".repeat(300));
        self.keys("to the end and back", &"Gg".repeat(50));
        self.keys("select one", &" ".repeat(100));
        self.keys("select all, clear all", &"a".repeat(40));
        self.keys("invert", &"i".repeat(40));
        self.keys("filter, letter by letter", &"/42 7<".repeat(10));
        self.keys("filter and select all matching", &"/42\naa/<".repeat(10));
        self.keys("order", &"o".repeat(40));
        self.keys("range of everything", &"gvG iGvg ".repeat(5));
        self.keys("exclude deleted", &"d".repeat(20));
        self.keys("close and open", &"ghl".repeat(10));
        let started = Instant::now();
        self.model.selection.tree().unwrap().plan();
        println!(
            "  {:<30} {:>7} {:>8.2}",
            "the plan, once at the end",
            1,
            started.elapsed().as_secs_f64() * 1e3
        );
    }

    fn pages(&mut self, what: &str, pages: impl IntoIterator<Item = Msg>) {
        let times = pages.into_iter().map(|page| self.frame(page)).collect();
        report(what, times);
    }

    /// `F` is a page down, `<` clears the filter, a line feed is Enter.
    fn keys(&mut self, what: &str, keys: &str) {
        let times = keys.chars().map(|key| self.frame(Msg::Key(key_of(key)))).collect();
        report(what, times);
    }

    fn frame(&mut self, msg: Msg) -> Duration {
        let started = Instant::now();
        update(&mut self.model, msg);
        self.terminal.draw(|frame| view(&self.model, frame)).unwrap();
        started.elapsed()
    }

    fn memory(&self, before: Option<u64>) {
        if let (Some(before), Some(after)) = (before, resident()) {
            println!("  memory {} MB\n", after.saturating_sub(before) / 1_000_000);
        }
    }
}

fn key_of(key: char) -> KeyEvent {
    let code = match key {
        'F' => KeyCode::PageDown,
        '<' => KeyCode::Esc,
        '\n' => KeyCode::Enter,
        key => KeyCode::Char(key),
    };
    KeyEvent::new(code, KeyModifiers::NONE)
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let (p50, p99, max) = (at(0.5), at(0.99), at(1.0));
    let mark = if max > FRAME { "  over 16 ms" } else { "" };
    println!("  {what:<30} {:>7} {:>8.2} {:>8.2} {:>8.2}{mark}", times.len(), ms(p50), ms(p99), ms(max));
}

/// Bytes of memory that the process has.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}
