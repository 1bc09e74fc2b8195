use serde::{Deserialize, Serialize};

use crate::artifacts::local;
use crate::aws::Arn;
use crate::engine::StateDir;
use crate::error::{Class, Error, Result};

/// The App that was created last and may not be ready yet. With it, an interrupted wait can continue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    arn: String,
}

impl Pending {
    pub fn save(state: &StateDir, arn: &Arn) -> Result<()> {
        let text = toml::to_string(&Self { arn: arn.to_string() })
            .map_err(|e| Error::permanent(format!("the record of the new App cannot be written: {e}")))?;
        local::write_synced(&state.app(), text.as_bytes())
    }

    /// Returns `None` when no App is recorded, or when the record was deleted because the App is ready.
    pub fn load(state: &StateDir) -> Result<Option<Arn>> {
        let path = state.app();
        let text = match std::fs::read_to_string(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            text => text.map_err(|e| Error::from(e).at(path.display()))?,
        };
        let Self { arn } =
            toml::from_str(&text).map_err(|e| Error::permanent(format!("{}: {e}", path.display())))?;
        Arn::parse(&arn).map(Some)
    }

    /// Deletes the record once the App is ready, or can never become ready.
    pub fn clear_if_done<T>(state: &StateDir, arn: &Arn, waited: &Result<T>) -> Result<()> {
        let is_open =
            waited.as_ref().is_err_and(|error| !matches!(error.class(), Class::Permanent | Class::NotFound));
        if is_open || Self::load(state)?.as_ref() != Some(arn) {
            return Ok(());
        }
        std::fs::remove_file(state.app()).map_err(|e| Error::from(e).at(state.app().display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_app_that_was_created_last_is_recorded_until_it_is_ready() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::at(folder.path().to_owned()).unwrap();
        assert_eq!(Pending::load(&state).unwrap(), None);
        let arn = Arn::parse("arn:aws:sagemaker:eu-west-1:123456789012:mlflow-app/app-ABCDEFGHIJKL").unwrap();
        Pending::save(&state, &arn).unwrap();
        assert_eq!(Pending::load(&state).unwrap(), Some(arn.clone()));
        let slow = Err::<(), _>(Error::transient("not ready after 900 s"));
        Pending::clear_if_done(&state, &arn, &slow).unwrap();
        assert_eq!(Pending::load(&state).unwrap(), Some(arn.clone()));
        Pending::clear_if_done(&state, &arn, &Ok(())).unwrap();
        assert_eq!(Pending::load(&state).unwrap(), None);
        Pending::clear_if_done(&state, &arn, &Ok(())).unwrap();
    }
}
