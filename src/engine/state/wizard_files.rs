use std::path::PathBuf;
use std::time::SystemTime;

use super::lock::Lock;
use crate::engine::StateDir;
use crate::error::{Class, Error, Result};

/// The files of one wizard: its session, its plan and its reports. Two wizards that are open at the same time never
/// share files, so that neither overwrites the selection of the other.
pub struct WizardFiles {
    folder: PathBuf,
    /// The number in the file names, such as `plan-2.toml`. Names do not contain the number 1.
    number: u32,
    is_another_open: bool,
    /// The lock is held as long as the wizard is open. It is released when the process ends in any way.
    _lock: Lock,
}

impl WizardFiles {
    /// Claims the files of the newest session that no open wizard uses. Without such a session, claims the first
    /// unused files.
    pub fn claim(state: &StateDir) -> Result<Self> {
        let (mut saved, mut unused) = (None::<(SystemTime, Self)>, None);
        let mut is_another_open = false;
        for number in 1_u32.. {
            let session = state.path().join(numbered("session", number, "toml"));
            let lock = state.path().join("locks").join(numbered("wizard", number, "lock"));
            let is_new = !session.exists() && !lock.exists();
            if is_new && (saved.is_some() || unused.is_some()) {
                break;
            }
            let lock = match Lock::take(&lock, "the wizard") {
                Err(error) if error.class() == Class::Locked => {
                    is_another_open = true;
                    continue;
                }
                taken => taken?,
            };
            let written = session.metadata().and_then(|session| session.modified()).ok();
            let files = Self { folder: state.path().to_owned(), number, is_another_open, _lock: lock };
            match written {
                None => unused = unused.or(Some(files)),
                Some(time) if saved.as_ref().is_none_or(|(newest, _)| *newest < time) => {
                    saved = Some((time, files));
                }
                Some(_) => {}
            }
        }
        let claimed = saved.map(|(_, files)| files).or(unused);
        let claimed = claimed.map(|files| Self { is_another_open, ..files });
        claimed.ok_or_else(|| Error::permanent("too many wizards are open"))
    }

    /// True when another wizard was open when these files were claimed.
    pub fn is_another_open(&self) -> bool {
        self.is_another_open
    }

    pub fn session(&self) -> PathBuf {
        self.file("session", "toml")
    }

    pub fn plan(&self) -> PathBuf {
        self.file("plan", "toml")
    }

    /// The report as JSON. The other formats are next to it.
    pub fn report(&self) -> PathBuf {
        self.file("report", "json")
    }

    fn file(&self, name: &str, extension: &str) -> PathBuf {
        self.folder.join(numbered(name, self.number, extension))
    }
}

/// `plan.toml`, `plan-2.toml`, …
fn numbered(name: &str, number: u32, extension: &str) -> String {
    match number {
        1 => format!("{name}.{extension}"),
        _ => format!("{name}-{number}.{extension}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_wizards_have_their_own_files_and_a_saved_session_is_claimed_again() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::at(folder.path().to_owned()).unwrap();
        let claim = || WizardFiles::claim(&state).unwrap();
        let (first, second) = (claim(), claim());
        assert_eq!(first.plan(), folder.path().join("plan.toml"));
        assert_eq!(second.plan(), folder.path().join("plan-2.toml"));
        assert_eq!(second.session(), folder.path().join("session-2.toml"));
        assert!(!first.is_another_open() && second.is_another_open());
        drop(first);
        assert_eq!(claim().plan(), folder.path().join("plan.toml"), "free again");
        std::fs::write(second.session(), "step = \"plan\"").unwrap();
        assert_eq!(claim().plan(), folder.path().join("plan.toml"), "the other wizard is still open");
        drop(second);
        assert_eq!(claim().session(), folder.path().join("session-2.toml"), "the interrupted session");
        assert_eq!(
            std::fs::read_dir(folder.path().join("locks")).unwrap().count(),
            2,
            "a new start does not create a new lock file"
        );
    }
}
