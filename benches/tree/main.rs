//! How long a frame of the tree takes where a server holds very much: `cargo bench --bench tree`.
//!
//! A frame is one key or one page that came, and the drawing of the screen after it, at 120×40. Two sources are made up:
//! one of 100 000 experiments, and one whose only experiment has 200 000 runs, every tenth of them nested. It must take
//! less than 16 ms; what takes longer is marked. Memory is what the process has more than before, on Linux.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints its figures and panics when it cannot"
)]

mod source;

use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use mlferry::tui::effect::Msg;
use mlferry::tui::model::Model;
use mlferry::tui::update::update;
use mlferry::tui::view::view;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

const FRAME: Duration = Duration::from_millis(16);

fn main() {
    let before = resident();
    let mut bench = Bench::new("100 000 experiments", source::empty());
    bench.pages("a page of 1,000 comes", source::experiments(100_000));
    bench.common();
    bench.memory(before);

    let before = resident();
    let mut bench = Bench::new("200 000 runs of one experiment", source::empty());
    bench.pages("the experiment comes", source::experiments(1));
    bench.keys("open", "l");
    bench.pages("a page of 500 comes", source::runs(200_000));
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

    /// What somebody does with a long list.
    fn common(&mut self) {
        self.keys("one row down", &"j".repeat(1_000));
        self.keys("a page down", &"F".repeat(300));
        self.keys("to the end and back", &"Gg".repeat(50));
        self.keys("pick one", &" ".repeat(100));
        self.keys("pick all, unpick all", &"a".repeat(40));
        self.keys("invert", &"i".repeat(40));
        self.keys("filter, letter by letter", &"/42 7<".repeat(10));
        self.keys("filter and pick all matching", &"/42\naa/<".repeat(10));
        self.keys("order", &"o".repeat(40));
        self.keys("range of everything", &"gvG iGvg ".repeat(5));
        self.keys("leave out deleted", &"d".repeat(20));
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
