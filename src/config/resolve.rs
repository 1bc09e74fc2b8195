//! The effective settings and the origin of each value.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use super::display::{Display, Theme};
use super::file::{Binding, Entry, File};
use super::place::DefaultPath;
use super::table::{Group, SETTINGS, Setting, Shape};
use crate::error::{Error, Result};

/// The origin of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Variable(String),
    Profile {
        name: String,
        line: usize,
    },
    Defaults {
        line: usize,
    },
    /// The top level of the file.
    File {
        line: usize,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    pub text: String,
    pub origin: Origin,
}

/// The settings for this start of the program, without the command line.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The file that was read.
    pub path: Option<PathBuf>,
    /// The selected profile.
    pub profile: Option<String>,
    pub bindings: Vec<Binding>,
    values: BTreeMap<&'static str, Value>,
}

impl Config {
    /// `file` and `profile` are the values from the command line; `get` reads the environment.
    pub fn load(
        file: Option<PathBuf>,
        profile: Option<String>,
        get: impl Fn(&str) -> Option<String>,
    ) -> Result<Self> {
        let place = DefaultPath::find(file, &get);
        let text = place.read()?;
        let path = place.path.filter(|_| text.is_some());
        let file = match (&path, text) {
            (Some(path), Some(text)) => File::parse(path, &text)?,
            _ => File::default(),
        };
        let wanted = profile.or_else(|| get("MLFERRY_PROFILE").filter(|name| !name.is_empty()));
        let profile = wanted.or_else(|| file.default_profile.as_ref().map(|entry| entry.value.clone()));
        if let Some(name) = profile.as_ref().filter(|name| !file.profiles.contains_key(*name)) {
            return Err(match &path {
                Some(path) => file.no_profile(name).at(path.display()),
                None => Error::usage(format!("there is no configuration file, and so no profile {name:?}"))
                    .hint("`mlferry config init` writes one to start from"),
            });
        }
        let home = get("HOME").map(PathBuf::from);
        let mut values = BTreeMap::new();
        for setting in SETTINGS {
            let of_environment = environment(setting, &get)?;
            let found = of_environment.or_else(|| of_file(&file, profile.as_deref(), setting));
            if let Some(value) = found {
                values.insert(setting.key, value.at_home(setting.shape, home.as_deref()));
            }
        }
        Ok(Self { path, profile, bindings: file.bindings, values })
    }

    pub fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(key)
    }

    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key).map(|value| value.text.as_str())
    }

    /// The value of a variable, or of the setting with the same name.
    pub fn variable(&self, name: &str) -> Option<String> {
        let key = name.strip_prefix("MLFERRY_").map(str::to_lowercase);
        let known = key.and_then(|key| self.text(&key).map(str::to_owned));
        known.or_else(|| std::env::var(name).ok())
    }

    /// A configuration with only the display settings and the keys, for a wizard that does not use the user's servers.
    pub fn looks(&self) -> Result<String> {
        let of_display = SETTINGS.iter().filter(|setting| setting.group == Group::Display);
        let display: BTreeMap<_, _> =
            of_display.filter_map(|setting| Some((setting.key, self.text(setting.key)?))).collect();
        let keys: BTreeMap<_, _> = self.bindings.iter().map(|one| (&one.action, &one.keys)).collect();
        let written = toml::to_string(&display).and_then(|top| Ok(top + &toml::to_string(&Keys { keys })?));
        written.map_err(|e| Error::permanent(e.to_string()))
    }

    pub fn display(&self) -> Display {
        let switch = |key| self.text(key).map(|text| text == "true");
        Display {
            theme: self.text("theme").and_then(Theme::from_name),
            ascii: switch("ascii"),
            mouse: switch("mouse"),
        }
    }
}

#[derive(Serialize)]
struct Keys<'a> {
    keys: BTreeMap<&'a String, &'a Vec<String>>,
}

impl Value {
    /// Replaces the tilde, because no shell does it here.
    fn at_home(self, shape: Shape, home: Option<&std::path::Path>) -> Self {
        match (shape, self.text.strip_prefix("~/"), home) {
            (Shape::Path, Some(rest), Some(home)) => {
                Self { text: home.join(rest).display().to_string(), ..self }
            }
            _ => self,
        }
    }
}

fn environment(setting: &Setting, get: &impl Fn(&str) -> Option<String>) -> Result<Option<Value>> {
    let name = setting.variable();
    let Some(given) = get(&name).filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    let text = setting.shape.of(&given).map_err(|e| e.at(&name))?;
    Ok(Some(Value { text, origin: Origin::Variable(name) }))
}

fn of_file(file: &File, profile: Option<&str>, setting: &Setting) -> Option<Value> {
    let value = |entry: &Entry, origin: Origin| Value { text: entry.value.clone(), origin };
    if setting.group == Group::Display {
        let entry = file.display.get(setting.key)?;
        return Some(value(entry, Origin::File { line: entry.line }));
    }
    let of_profile = profile.and_then(|name| {
        let entry = file.profiles.get(name)?.get(setting.key)?;
        Some(value(entry, Origin::Profile { name: name.to_owned(), line: entry.line }))
    });
    let of_defaults =
        || file.defaults.get(setting.key).map(|entry| value(entry, Origin::Defaults { line: entry.line }));
    of_profile.or_else(of_defaults)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
default_profile = \"staging\"
theme = \"light\"
[defaults]
artifacts = \"checksum\"
source = \"http://of-defaults\"
[profile.staging]
source = \"http://staging\"
source_server_cert_path = \"~/ca.pem\"
[profile.prod]
target = \"http://prod\"
[keys]
pause = [\"x\", \"F5\"]
";

    fn load(text: &str, profile: Option<&str>, env: &[(&str, &str)]) -> Result<Config> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, text).unwrap();
        let get = |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Config::load(Some(path), profile.map(str::to_owned), get)
    }

    #[test]
    fn environment_before_profile_before_defaults() {
        let config = load(FILE, None, &[("HOME", "/home/ann"), ("MLFERRY_ARTIFACTS", "none")]).unwrap();
        assert_eq!(config.profile.as_deref(), Some("staging"));
        let source = config.get("source").unwrap();
        assert_eq!(source.text, "http://staging");
        assert_eq!(source.origin, Origin::Profile { name: "staging".to_owned(), line: 7 });
        assert_eq!(config.text("artifacts"), Some("none"));
        assert_eq!(config.variable("MLFERRY_SOURCE_SERVER_CERT_PATH").unwrap(), "/home/ann/ca.pem");
        assert_eq!(config.display().theme, Some(Theme::Light));
        assert_eq!(config.bindings[0].keys, ["x", "F5"]);
        assert_eq!(config.bindings[0].line, 12);
        let looks = load(&config.looks().unwrap(), None, &[]).unwrap();
        assert_eq!((looks.display(), &looks.bindings[0].keys), (config.display(), &config.bindings[0].keys));
        assert!(looks.get("source").is_none());

        let config = load(FILE, Some("prod"), &[("MLFERRY_PROFILE", "staging")]).unwrap();
        assert_eq!(config.get("source").unwrap().origin, Origin::Defaults { line: 5 });
        assert_eq!(config.text("artifacts"), Some("checksum"));
        assert_eq!(config.text("target"), Some("http://prod"));
    }

    #[test]
    fn errors_show_the_line_and_a_suggestion() {
        for (text, message, hint) in [
            (
                "[profile.a]\nsorce = \"x\"",
                "config.toml:2: sorce is not a setting here",
                "did you mean source",
            ),
            (
                "\ntarget = \"x\"",
                "config.toml:2: target is not a setting here",
                "below [defaults] or [profile.NAME]",
            ),
            ("[defaults]\ntheme = \"dark\"", "config.toml:2: theme", "to the top of the file"),
            (
                "[profile.a]\nsource_password = \"p\"",
                "config.toml:2: source_password",
                "MLFERRY_SOURCE_PASSWORD",
            ),
            (
                "[defaults]\nsource = \"http://a:b@h\"",
                "config.toml:2: source: an address here",
                "MLFERRY_SOURCE_PASSWORD",
            ),
            (
                "[defaults]\nartifacts = \"checksums\"",
                "config.toml:2: artifacts: \"checksums\"",
                "did you mean checksum?",
            ),
            ("mouse = \"maybe\"", "config.toml:1: mouse: \"maybe\" is neither", ""),
            ("default_profile = \"a\"", "config.toml:1: there is no profile \"a\"", "there is none"),
            ("[keys]\npause = 3", "config.toml:2: a key is a text", ""),
            ("a = \n", "config.toml:1: ", "TOML"),
        ] {
            let error = load(text, None, &[]).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains(message), "{error}");
            assert!(error.get_hint().unwrap_or_default().contains(hint), "{message}: {:?}", error.get_hint());
        }
        let error = load(FILE, Some("stagin"), &[]).unwrap_err();
        assert_eq!(error.get_hint(), Some("did you mean staging?"));
        let error = load("", None, &[("MLFERRY_TRACES", "some")]).unwrap_err();
        assert!(error.to_string().starts_with("MLFERRY_TRACES: \"some\" is not one of"), "{error}");
    }

    #[test]
    fn the_example_sets_nothing_until_uncommented() {
        let example = super::super::example(&[("pause", "p".to_owned())]);
        assert!(load(&example, None, &[]).unwrap().values.is_empty());
        let taken_in: String = example
            .lines()
            .map(|line| {
                line.strip_prefix("# ").filter(|line| line.contains(" = ")).unwrap_or(line).to_owned() + "\n"
            })
            .collect();
        let config = load(&taken_in, None, &[]).unwrap();
        assert!(SETTINGS.iter().all(|setting| config.get(setting.key).is_some()), "{config:?}");
        assert_eq!(config.bindings.len(), 1);
    }

    proptest::proptest! {
        #[test]
        fn no_file_makes_it_panic_and_no_secret_is_taken(
            parts in proptest::collection::vec("(\\[|\\]|\"|=|\n|profile|defaults|keys|source|target_password|x|\\.|true|1|[a-z ]{0,4})", 0..14),
            value in "[a-z]{8}",
        ) {
            let _ = load(&parts.concat(), None, &[]);
            let text = format!("[profile.a]\nsource_headers = \"X: {value}\"\n");
            let error = load(&text, None, &[]).unwrap_err();
            let shown = format!("{error} {:?}", error.get_hint());
            proptest::prop_assert!(!shown.contains(&value));
        }
    }
}
