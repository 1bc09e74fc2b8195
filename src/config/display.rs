/// The look of the wizard, as far as the user has set it. The wizard derives the rest from the terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Display {
    pub theme: Option<Theme>,
    pub ascii: Option<bool>,
    pub mouse: Option<bool>,
}

/// The colour theme. Without a theme, the terminal and `NO_COLOR` decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    Dark,
    Light,
    /// The 16 colours that the user can set in every terminal.
    Sixteen,
    /// No colours.
    None,
}

impl Theme {
    /// Returns `None` for `auto` and for an unknown theme.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "dark" => Some(Self::Dark),
            "light" => Some(Self::Light),
            "16" => Some(Self::Sixteen),
            "none" => Some(Self::None),
            _ => None,
        }
    }
}
