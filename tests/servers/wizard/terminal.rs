//! The program on its own terminal: the test sends keys and reads the screen like a user.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use vt100::Parser;

/// Servers that have just started on a busy machine are slow.
const PATIENCE: Duration = Duration::from_secs(240);

type Shown = Arc<(Mutex<Parser>, Condvar)>;

pub struct Terminal {
    screen: Shown,
    reading: JoinHandle<()>,
    closed: Arc<AtomicBool>,
    received: Arc<AtomicU64>,
    keys: Box<dyn Write + Send>,
    master: Box<dyn MasterPty + Send>,
    child: Box<dyn Child + Send + Sync>,
}

impl Terminal {
    pub fn open(args: &[&str], state: &Path) -> Self {
        Self::open_with(args, state, &[])
    }

    pub fn open_with(args: &[&str], state: &Path, more: &[(String, String)]) -> Self {
        Self::spawn(command(state, args, state, more))
    }

    /// Starts in this working directory.
    pub fn open_in(folder: &Path, args: &[&str], state: &Path) -> Self {
        Self::spawn(command(folder, args, state, &[]))
    }

    pub fn spawn(mut command: CommandBuilder) -> Self {
        let pty = native_pty_system().openpty(size(80, 24)).unwrap();
        command.env("TERM", "xterm-256color");
        command.env("LC_ALL", "C.UTF-8");
        let child = pty.slave.spawn_command(command).unwrap();
        let screen = Arc::new((Mutex::new(Parser::new(24, 80, 0)), Condvar::new()));
        let mut output = pty.master.try_clone_reader().unwrap();
        let shown = Arc::clone(&screen);
        let closed = Arc::new(AtomicBool::new(false));
        let is_closed = Arc::clone(&closed);
        let received = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&received);
        let reading = thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length @ 1..) = output.read(&mut bytes) {
                count.fetch_add(length as u64, Relaxed);
                if is_closed.load(Relaxed) {
                    return;
                }
                shown.0.lock().unwrap().process(&bytes[..length]);
                shown.1.notify_all();
            }
        });
        let keys = pty.master.take_writer().unwrap();
        Self { screen, reading, closed, received, keys, master: pty.master, child }
    }

    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.screen.0.lock().unwrap().screen_mut().set_size(rows, columns);
        self.master.resize(size(columns, rows)).unwrap();
    }

    /// Waits until the screen shows this text.
    #[track_caller]
    pub fn wait(&self, text: &str) {
        self.until(text, |screen| screen.contents().contains(text));
    }

    #[track_caller]
    pub fn until(&self, what: &str, is_so: impl Fn(&vt100::Screen) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let mut parser = self.screen.0.lock().unwrap();
        while !is_so(parser.screen()) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "never seen: {what}\n{}", parser.screen().contents());
            parser = self.screen.1.wait_timeout(parser, left).unwrap().0;
        }
    }

    /// The number of bytes that the program has sent to the terminal.
    pub fn received(&self) -> u64 {
        self.received.load(Relaxed)
    }

    pub fn pid(&self) -> i32 {
        self.child.process_id().unwrap().cast_signed()
    }

    /// Closes the terminal, as a lost connection does. Returns the exit code.
    #[track_caller]
    pub fn hang_up(mut self) -> u32 {
        self.closed.store(true, Relaxed);
        // The next frame makes the reader release the last handle.
        self.press("\u{c}");
        let Self { reading, keys, master, mut child, .. } = self;
        reading.join().unwrap();
        drop((keys, master));
        ended(child.as_mut()).expect("it does not end without its terminal")
    }

    /// Returns the exit code, and checks that the terminal is as it was before.
    #[track_caller]
    pub fn ends(mut self) -> u32 {
        let Some(code) = ended(self.child.as_mut()) else {
            panic!("it does not end\n{}", self.screen.0.lock().unwrap().screen().contents());
        };
        self.until("the terminal as it was", |screen| !screen.alternate_screen() && !screen.hide_cursor());
        code
    }
}

fn command(folder: &Path, args: &[&str], state: &Path, more: &[(String, String)]) -> CommandBuilder {
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_mlferry"));
    for (name, _) in std::env::vars() {
        if ["MLFLOW_", "MLFERRY_", "AWS_", "NO_COLOR", "LC_", "SSH_"].iter().any(|p| name.starts_with(p)) {
            command.env_remove(name);
        }
    }
    command.args(args);
    command.env("MLFERRY_STATE_DIR", state);
    // The developer who runs the tests may have a configuration of their own.
    let config = state.join("config.toml");
    std::fs::OpenOptions::new().append(true).create(true).open(&config).unwrap();
    command.env("MLFERRY_CONFIG", config);
    more.iter().for_each(|(name, value)| command.env(name, value));
    command.cwd(folder);
    command
}

/// Kills a program that does not end.
fn ended(child: &mut dyn Child) -> Option<u32> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status.exit_code());
        }
        thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    None
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}
