//! The choice for objects whose names the target has already, from another source.

use crate::entities::quoted;

/// The settings of a plan that let several sources share a target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SameNames {
    /// The text before all names of experiments. Empty if there is none.
    pub prefix: String,
    pub merge: bool,
    pub append_versions: bool,
}

impl SameNames {
    /// The choice in a few words.
    pub fn words(&self) -> String {
        let experiments = match (self.prefix.as_str(), self.merge) {
            ("", false) => "fail".to_owned(),
            ("", true) => "merge".to_owned(),
            (prefix, false) => format!("prefix {prefix}"),
            (prefix, true) => format!("prefix {prefix}, merge"),
        };
        if self.append_versions { format!("{experiments}, append versions") } else { experiments }
    }

    /// The choice in one sentence, without its end.
    pub fn sentence(&self) -> String {
        let experiments = match (self.prefix.as_str(), self.merge) {
            ("", false) => "a name that another source has on the target fails".to_owned(),
            ("", true) => "experiments of one name are merged".to_owned(),
            (prefix, false) => format!("all experiments get the prefix {prefix}"),
            (prefix, true) => format!("all experiments get the prefix {prefix}, and are merged by name"),
        };
        if self.append_versions { format!("{experiments}; versions are appended") } else { experiments }
    }

    /// The same choice as options of a command.
    pub fn options(&self) -> Vec<String> {
        let prefix =
            (!self.prefix.is_empty()).then(|| format!("--experiments-prefix {}", quoted(&self.prefix)));
        let merge = self.merge.then(|| "--merge".to_owned());
        let append = self.append_versions.then(|| "--append-versions".to_owned());
        [prefix, merge, append].into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_has_the_same_words_and_options_everywhere() {
        let choice = |prefix: &str, merge, append_versions| SameNames {
            prefix: prefix.into(),
            merge,
            append_versions,
        };
        assert_eq!(choice("", false, false).words(), "fail");
        assert!(choice("", false, false).options().is_empty());
        assert_eq!(choice("team a/", false, true).words(), "prefix team a/, append versions");
        assert_eq!(
            choice("team a/", true, true).options(),
            ["--experiments-prefix 'team a/'", "--merge", "--append-versions"]
        );
        assert_eq!(choice("", true, false).words(), "merge");
    }
}
