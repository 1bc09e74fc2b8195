use std::fmt::Write;

use super::table::{Group, SETTINGS, Setting, Shape};

/// A template for the file: it contains every setting, commented out with `#`. `keys` are the wizard's actions and
/// their keys.
pub fn example(keys: &[(&str, String)]) -> String {
    let mut text = String::from(
        "# Settings that you need not type each time. Remove the `#` to use a line.
#
# Precedence: command line, environment, profile, [defaults]. `mlferry config show` shows each value and its origin.
# Each setting also has a variable: MLFERRY_SOURCE for source. Passwords and tokens are not read from this file:
# set MLFERRY_SOURCE_PASSWORD, MLFERRY_SOURCE_TOKEN or MLFERRY_SOURCE_HEADERS (MLFERRY_TARGET_… for the target), or type
# a password into the wizard.

# The profile that applies without --profile NAME and MLFERRY_PROFILE
# default_profile = \"staging\"
",
    );
    of_group(&mut text, Group::Display);
    text.push_str("\n# Source, target and options. You can add any number of profiles.\n[profile.staging]\n");
    of_group(&mut text, Group::Work);
    text.push_str("\n# The same settings, for values that the profile does not set.\n[defaults]\n");
    text.push_str("\n# Keys of the wizard: one key, or a list such as [\"x\", \"F5\", \"Ctrl-x\"]. The defaults are shown.\n# Enter, Esc, Tab, F1 and F2 keep their meaning.\n[keys]\n");
    for (action, key) in keys {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "# {action} = {key:?}");
    }
    text
}

fn of_group(text: &mut String, group: Group) {
    for setting in SETTINGS.iter().filter(|setting| setting.group == group) {
        let _ = writeln!(text, "\n# {}", comment(setting));
        let value = match setting.shape {
            Shape::Switch => setting.example.to_owned(),
            Shape::Text | Shape::Address | Shape::Path | Shape::Duration | Shape::OneOf(_) => {
                format!("{:?}", setting.example)
            }
        };
        let _ = writeln!(text, "# {} = {value}", setting.key);
    }
}

fn comment(setting: &Setting) -> String {
    let mut comment = setting.help.to_owned();
    if let Shape::OneOf(all) = setting.shape {
        let _ = write!(comment, " ({})", all.join(", "));
    }
    match (setting.built_in, setting.last) {
        (Some(value), _) => {
            let _ = write!(comment, "; default: {value}");
        }
        (None, Some(variable)) => {
            let _ = write!(comment, "; default: {variable}");
        }
        (None, None) => {}
    }
    comment
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_docs_show_it() {
        let written = include_str!("../../docs/config.toml");
        assert_eq!(super::example(&[("pause", "p".to_owned())]), written, "docs/config.toml is out of date");
    }
}
