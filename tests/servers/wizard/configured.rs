//! The wizard with a configuration.

use super::terminal::Terminal;

#[test]
fn a_profile_fills_the_ends_and_actions_have_the_keys_they_were_given() {
    let state = tempfile::tempdir().unwrap();
    let config = "default_profile = \"one\"\n[profile.one]\nsource = \"http://127.0.0.1:9\"\n\
                  [keys]\nhelp = \"H\"\nquit = \"Q\"\n";
    std::fs::write(state.path().join("config.toml"), config).unwrap();
    let mut wizard = Terminal::open(&[], state.path());
    wizard.wait("http://127.0.0.1:9");
    wizard.wait("cannot be reached");
    wizard.press("\x1b");
    wizard.wait("H help");
    // The default keys are replaced: neither of these keys has an effect.
    wizard.press("?q");
    wizard.press("H");
    wizard.wait("Help: 1 Compatibility");
    wizard.wait("costs");
    wizard.press("\x1b");
    wizard.until("no help", |screen| !screen.contents().contains("costs"));
    wizard.press("Q");
    assert_eq!(wizard.ends(), 0);
}
