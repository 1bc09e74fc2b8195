//! Parses the file and keeps the line of each value.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::secret;
use super::suggestions::did_you_mean;
use super::table::{Group, SETTINGS, Setting, Shape};
use crate::error::{Error, Result};
use crate::limits::parse_duration;

/// The value of a setting at one place of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub value: String,
    pub line: usize,
}

pub type Section = BTreeMap<&'static str, Entry>;

/// A key that the user has bound to an action of the wizard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    pub action: String,
    pub keys: Vec<String>,
    /// `config.toml:12`
    pub place: String,
    pub line: usize,
}

#[derive(Debug, Default)]
pub struct File {
    pub path: PathBuf,
    pub default_profile: Option<Entry>,
    pub display: Section,
    pub defaults: Section,
    pub profiles: BTreeMap<String, Section>,
    pub bindings: Vec<Binding>,
}

impl File {
    pub fn parse(path: &Path, text: &str) -> Result<Self> {
        let reader = Reader { path, text };
        let table = DeTable::parse(text).map_err(|e| {
            let start = e.span().map_or(0, |span| span.start);
            Error::usage(e.message().to_owned())
                .at(reader.place(start))
                .hint("the file is TOML: `mlferry config init` writes an example")
        })?;
        let mut file = Self { path: path.to_owned(), ..Self::default() };
        for (key, value) in table.get_ref() {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("default_profile", DeValue::String(name)) => {
                    let line = reader.line(value.span().start);
                    file.default_profile = Some(Entry { value: name.to_string(), line });
                }
                ("defaults", DeValue::Table(table)) => file.defaults = reader.section(table, Group::Work)?,
                ("keys", DeValue::Table(table)) => file.bindings = reader.bindings(table)?,
                ("profile", DeValue::Table(table)) => file.profiles = reader.profiles(table)?,
                ("default_profile", _) => {
                    return Err(reader.bad(value, "default_profile is the name of a profile"));
                }
                ("defaults" | "keys" | "profile", _) => {
                    return Err(reader.bad(value, &format!("{} is a table", key.get_ref())));
                }
                _ => file.display.extend([reader.setting(key, value, Group::Display)?]),
            }
        }
        file.check_default_profile()?;
        Ok(file)
    }

    fn check_default_profile(&self) -> Result<()> {
        match &self.default_profile {
            Some(entry) if !self.profiles.contains_key(&entry.value) => {
                let place = format!("{}:{}", self.path.display(), entry.line);
                Err(self.no_profile(&entry.value).at(place))
            }
            _ => Ok(()),
        }
    }

    pub fn no_profile(&self, name: &str) -> Error {
        let known = self.profiles.keys().map(String::as_str);
        Error::usage(format!("there is no profile {name:?}")).hint(did_you_mean(name, known))
    }
}

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Reader<'_> {
    fn line(&self, offset: usize) -> usize {
        self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
    }

    fn place(&self, offset: usize) -> String {
        format!("{}:{}", self.path.display(), self.line(offset))
    }

    fn bad<T>(&self, at: &Spanned<T>, message: &str) -> Error {
        Error::usage(message)
            .at(self.place(at.span().start))
            .hint("`mlferry config init` writes an example with every setting")
    }

    fn profiles(&self, table: &DeTable<'_>) -> Result<BTreeMap<String, Section>> {
        let read = |(name, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| match value.get_ref() {
            DeValue::Table(table) => {
                Ok((ToString::to_string(name.get_ref()), self.section(table, Group::Work)?))
            }
            _ => Err(self.bad(value, "a profile is a table: [profile.NAME]")),
        };
        table.iter().map(read).collect()
    }

    fn section(&self, table: &DeTable<'_>, group: Group) -> Result<Section> {
        table.iter().map(|(key, value)| self.setting(key, value, group)).collect()
    }

    /// Finds the setting that a line refers to.
    fn setting(
        &self,
        key: &Spanned<DeString<'_>>,
        value: &Spanned<DeValue<'_>>,
        group: Group,
    ) -> Result<(&'static str, Entry)> {
        let (name, start) = (key.get_ref().as_ref(), key.span().start);
        let Some(setting) = Setting::find(name).filter(|setting| setting.group == group) else {
            return Err(self.unknown(name, group).at(self.place(start)));
        };
        let text = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Boolean(switch) => switch.to_string(),
            DeValue::Integer(number) => number.as_str().to_owned(),
            _ => return Err(self.bad(value, &format!("{name} takes one value"))),
        };
        let value = setting.shape.of(&text).map_err(|e| e.at(name).at(self.place(start)))?;
        if setting.shape == Shape::Address && secret::sign_in(&value).is_some() {
            let error = Error::usage("an address here must not contain a user name or a password")
                .at(name)
                .at(self.place(start));
            return Err(error.hint(secret::ELSEWHERE));
        }
        Ok((setting.key, Entry { value, line: self.line(start) }))
    }

    fn unknown(&self, name: &str, group: Group) -> Error {
        let error = Error::usage(format!("{name} is not a setting here"));
        if secret::is_for_one(name) {
            return error.hint(secret::ELSEWHERE);
        }
        match Setting::find(name) {
            Some(setting) if setting.group == Group::Work => {
                error.hint("it goes below [defaults] or [profile.NAME]")
            }
            Some(_) => error.hint("it goes to the top of the file, above every [table]"),
            None => {
                let of_group =
                    SETTINGS.iter().filter(|setting| setting.group == group).map(|setting| setting.key);
                let tables = ["default_profile", "defaults", "profile", "keys"];
                let tables = tables.into_iter().filter(|_| group == Group::Display);
                error.hint(did_you_mean(name, of_group.chain(tables)))
            }
        }
    }

    fn bindings(&self, table: &DeTable<'_>) -> Result<Vec<Binding>> {
        let read = |(action, value): (&Spanned<DeString<'_>>, &Spanned<DeValue<'_>>)| {
            let text = |value: &DeValue<'_>| value.as_str().map(str::to_owned);
            let keys = match value.get_ref() {
                DeValue::Array(keys) => keys.iter().map(|key| text(key.get_ref())).collect(),
                one => text(one).map(|key| vec![key]),
            };
            let keys: Option<Vec<String>> = keys;
            let keys = keys.filter(|keys| !keys.is_empty()).ok_or_else(|| {
                self.bad(value, "a key is a text such as \"x\", \"Ctrl-x\" or \"F5\", or a list of keys")
            })?;
            let start = action.span().start;
            let action = action.get_ref().to_string();
            Ok(Binding { action, keys, place: self.place(start), line: self.line(start) })
        };
        table.iter().map(read).collect()
    }
}

impl Shape {
    /// Returns the normalised value, or an error that explains why it is invalid.
    pub fn of(self, text: &str) -> Result<String> {
        match self {
            Self::Text | Self::Path | Self::Address if text.is_empty() => Err(Error::usage("is empty")),
            Self::Text | Self::Path | Self::Address => Ok(text.to_owned()),
            Self::Switch => match text {
                "true" | "1" => Ok("true".to_owned()),
                "false" | "0" => Ok("false".to_owned()),
                _ => Err(Error::usage(format!("{text:?} is neither true nor false"))),
            },
            Self::Duration => match parse_duration(text) {
                Some(_) => Ok(text.to_owned()),
                None => Err(Error::usage(format!("{text:?} is not a duration"))
                    .hint("write 90s, 10 min or 1h; 0 for none")),
            },
            Self::OneOf(all) if all.contains(&text) => Ok(text.to_owned()),
            Self::OneOf(all) => Err(Error::usage(format!("{text:?} is not one of {}", all.join(", ")))
                .hint(did_you_mean(text, all.iter().copied()))),
        }
    }
}
