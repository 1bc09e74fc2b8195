//! The look of the wizard: roles that become styles, and the signs that belong to them. A role never depends on colour
//! alone: every use also writes a glyph or a word.

use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::border;

use crate::config::{self, Display};

/// Styles by role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    pub title: Style,
    pub accent: Style,
    pub ok: Style,
    pub warn: Style,
    pub bad: Style,
    pub dim: Style,
    pub selected: Style,
    /// The differing part of a text.
    pub changed: Style,
}

impl Theme {
    /// Uses the 256 colours, readable on a dark background.
    pub const fn dark() -> Self {
        let style = Style::new();
        Self {
            title: style.add_modifier(Modifier::BOLD),
            accent: style.fg(Color::Indexed(80)).add_modifier(Modifier::BOLD),
            ok: style.fg(Color::Indexed(114)),
            warn: style.fg(Color::Indexed(221)),
            bad: style.fg(Color::Indexed(210)).add_modifier(Modifier::BOLD),
            dim: style.fg(Color::Indexed(247)),
            selected: style.add_modifier(Modifier::REVERSED),
            changed: style
                .fg(Color::Indexed(221))
                .add_modifier(Modifier::BOLD)
                .add_modifier(Modifier::UNDERLINED),
        }
    }

    /// Uses the 256 colours, readable on a light background.
    pub const fn light() -> Self {
        let style = Style::new();
        Self {
            title: style.add_modifier(Modifier::BOLD),
            accent: style.fg(Color::Indexed(24)).add_modifier(Modifier::BOLD),
            ok: style.fg(Color::Indexed(22)),
            warn: style.fg(Color::Indexed(94)),
            bad: style.fg(Color::Indexed(124)).add_modifier(Modifier::BOLD),
            dim: style.fg(Color::Indexed(240)),
            selected: style.add_modifier(Modifier::REVERSED),
            changed: style
                .fg(Color::Indexed(94))
                .add_modifier(Modifier::BOLD)
                .add_modifier(Modifier::UNDERLINED),
        }
    }

    /// Uses the 16 colours that the user can configure in every terminal: they suit both backgrounds.
    pub const fn sixteen() -> Self {
        let style = Style::new();
        Self {
            title: style.add_modifier(Modifier::BOLD),
            accent: style.fg(Color::Cyan).add_modifier(Modifier::BOLD),
            ok: style.fg(Color::Green),
            warn: style.fg(Color::Yellow),
            bad: style.fg(Color::Red).add_modifier(Modifier::BOLD),
            dim: style.fg(Color::DarkGray),
            selected: style.add_modifier(Modifier::REVERSED),
            changed: style.fg(Color::Yellow).add_modifier(Modifier::BOLD).add_modifier(Modifier::UNDERLINED),
        }
    }

    /// For `NO_COLOR`. It uses no colour at all, not even the default colour: crossterm 0.29 writes a suppressed colour
    /// as an empty command, which switches reverse and bold off.
    pub const fn plain() -> Self {
        let style = Style::new();
        Self {
            title: style.add_modifier(Modifier::BOLD),
            accent: style.add_modifier(Modifier::BOLD),
            ok: style,
            warn: style.add_modifier(Modifier::BOLD),
            bad: style.add_modifier(Modifier::BOLD).add_modifier(Modifier::UNDERLINED),
            dim: style,
            selected: style.add_modifier(Modifier::REVERSED),
            changed: style.add_modifier(Modifier::BOLD).add_modifier(Modifier::UNDERLINED),
        }
    }
}

/// Signs. Each is one column wide unless noted otherwise.
#[derive(Debug, PartialEq, Eq)]
pub struct Glyphs {
    pub ok: &'static str,
    pub warn: &'static str,
    pub bad: &'static str,
    pub current: &'static str,
    pub ready: &'static str,
    pub blocked: &'static str,
    pub stale: &'static str,
    pub unneeded: &'static str,
    pub spinner: &'static [&'static str],
    pub bar_full: &'static str,
    pub bar_empty: &'static str,
    /// From the lowest to the highest level.
    pub spark: &'static [&'static str],
    pub opened: &'static str,
    pub closed: &'static str,
    /// Three columns each: all, some, none, excluded.
    pub boxes: [&'static str; 4],
    /// Three columns each: selected, not selected.
    pub radio: [&'static str; 2],
    pub ellipsis: &'static str,
    pub arrow: &'static str,
    pub rule: &'static str,
    pub upright: &'static str,
    pub mask: &'static str,
    pub dot: &'static str,
    pub dash: &'static str,
    /// Brackets around the differing part of a text.
    pub changed: [&'static str; 2],
    pub up: &'static str,
    pub down: &'static str,
    pub left: &'static str,
    pub right: &'static str,
    pub border: border::Set<'static>,
}

pub const UNICODE: Glyphs = Glyphs {
    ok: "✓",
    warn: "!",
    bad: "✗",
    current: "▶",
    ready: "○",
    blocked: "·",
    stale: "~",
    unneeded: "–",
    spinner: &["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧"],
    bar_full: "█",
    bar_empty: "░",
    spark: &["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
    opened: "▾",
    closed: "▸",
    boxes: ["[✓]", "[~]", "[ ]", "[–]"],
    radio: ["(•)", "( )"],
    ellipsis: "…",
    arrow: "→",
    rule: "─",
    upright: "│",
    mask: "•",
    dot: "·",
    dash: "–",
    changed: ["‹", "›"],
    up: "↑",
    down: "↓",
    left: "←",
    right: "→",
    border: border::ROUNDED,
};

pub const ASCII: Glyphs = Glyphs {
    ok: "v",
    warn: "!",
    bad: "x",
    current: ">",
    ready: "o",
    blocked: ".",
    stale: "~",
    unneeded: "-",
    spinner: &["|", "/", "-", "\\"],
    bar_full: "#",
    bar_empty: ".",
    spark: &["_", ".", "-", "=", "+", "#"],
    opened: "v",
    closed: ">",
    boxes: ["[x]", "[~]", "[ ]", "[-]"],
    radio: ["(*)", "( )"],
    ellipsis: "...",
    arrow: "->",
    rule: "-",
    upright: "|",
    mask: "*",
    dot: "-",
    dash: "-",
    changed: ["[", "]"],
    up: "Up",
    down: "Down",
    left: "Left",
    right: "Right",
    border: border::Set {
        top_left: "+",
        top_right: "+",
        bottom_left: "+",
        bottom_right: "+",
        vertical_left: "|",
        vertical_right: "|",
        horizontal_top: "-",
        horizontal_bottom: "-",
    },
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    pub theme: Theme,
    pub glyphs: &'static Glyphs,
}

impl Look {
    /// `get` reads the environment.
    pub fn of(get: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| get(name).filter(|value| !value.is_empty());
        let terminal = set("TERM").unwrap_or_default();
        let locale =
            ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set).unwrap_or_default().to_lowercase();
        let is_utf8 = locale.contains("utf-8") || locale.contains("utf8");
        // The Linux console has only 256 glyphs, independent of the locale.
        let is_poor = matches!(terminal.as_str(), "dumb" | "linux");
        Self {
            theme: if set("NO_COLOR").is_some() || terminal == "dumb" {
                Theme::plain()
            } else {
                Theme::sixteen()
            },
            glyphs: if is_utf8 && !is_poor { &UNICODE } else { &ASCII },
        }
    }

    /// An explicit setting of the user takes precedence over the guess from the terminal.
    #[must_use]
    pub fn with(self, display: Display) -> Self {
        let theme = match display.theme {
            Some(config::Theme::Dark) => Theme::dark(),
            Some(config::Theme::Light) => Theme::light(),
            Some(config::Theme::Sixteen) => Theme::sixteen(),
            Some(config::Theme::None) => Theme::plain(),
            None => self.theme,
        };
        let glyphs = match display.ascii {
            Some(true) => &ASCII,
            Some(false) => &UNICODE,
            None => self.glyphs,
        };
        Self { theme, glyphs }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(env: &[(&str, &str)]) -> Look {
        Look::of(|name| env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn the_environment_decides() {
        let modern = [("TERM", "xterm-256color"), ("LANG", "de_DE.UTF-8")];
        assert_eq!(look(&modern), Look { theme: Theme::sixteen(), glyphs: &UNICODE });
        assert_eq!(look(&[("LANG", "C")]).glyphs, &ASCII);
        assert_eq!(look(&[("LC_ALL", "C"), ("LANG", "en_US.utf8")]).glyphs, &ASCII);
        assert_eq!(look(&[("TERM", "linux"), ("LANG", "C.UTF-8")]).glyphs, &ASCII);
        assert_eq!(look(&[("NO_COLOR", "1")]).theme, Theme::plain());
        assert_eq!(look(&[("NO_COLOR", "")]).theme, Theme::sixteen());
    }

    #[test]
    fn the_plain_theme_names_no_colour() {
        let theme = Theme::plain();
        for style in [
            theme.title,
            theme.accent,
            theme.ok,
            theme.warn,
            theme.bad,
            theme.dim,
            theme.selected,
            theme.changed,
        ] {
            assert_eq!((style.fg, style.bg), (None, None));
        }
    }
}
