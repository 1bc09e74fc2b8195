use mlferry::testing::Screen;
use portable_pty::CommandBuilder;

use super::terminal::Terminal;

const PANICS: &str = "MLFERRY_TEST_PANICS";

/// The code of the child process in the test below, on its own terminal.
fn panic_on_screen() {
    let _screen = Screen::open(true).unwrap();
    panic!("an invariant is broken");
}

#[test]
fn a_panic_leaves_the_terminal_clean_and_is_read_on_it() {
    if std::env::var_os(PANICS).is_some() {
        // The harness would print more lines after the panic, and scroll it off the screen.
        let _ = std::panic::catch_unwind(panic_on_screen);
        std::process::exit(101);
    }
    let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
    command.args([
        "--exact",
        "wizard::panics::a_panic_leaves_the_terminal_clean_and_is_read_on_it",
        "--nocapture",
    ]);
    command.env(PANICS, "1");
    command.env("RUST_BACKTRACE", "0");
    let wizard = Terminal::spawn(command);
    wizard.until("the panic on the terminal as it was", |screen| {
        let is_left = !screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste();
        is_left && screen.contents().contains("an invariant is broken")
    });
    assert_eq!(wizard.ends(), 101);
}
