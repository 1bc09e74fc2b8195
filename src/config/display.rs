/// How the wizard is to look, as far as somebody has said. Whoever draws decides the rest by the terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Display {
    pub theme: Option<Theme>,
    pub ascii: Option<bool>,
    pub mouse: Option<bool>,
}

/// Which colours. None of these: as the terminal and `NO_COLOR` suggest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    Dark,
    Light,
    /// The 16 colours that every terminal lets its user choose.
    Sixteen,
    /// Not one colour.
    None,
}

impl Theme {
    /// None for `auto`, and for what is no theme.
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
