use serde::{Deserialize, Serialize};

use super::StateDir;
use crate::artifacts::local;
use crate::aws::Arn;
use crate::error::{Error, Result};

/// The App that was created last and may not be ready yet, so that an interrupted wait can go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    arn: String,
}

impl Pending {
    pub fn keep(state: &StateDir, arn: &Arn) -> Result<()> {
        let text = toml::to_string(&Self { arn: arn.to_string() })
            .map_err(|e| Error::permanent(format!("the App cannot be noted down: {e}")))?;
        local::write(&state.app(), text.as_bytes())
    }

    /// None when there was none, or it is ready by now.
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_app_that_was_created_last_is_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::at(folder.path().to_owned()).unwrap();
        assert_eq!(Pending::load(&state).unwrap(), None);
        let arn = Arn::parse("arn:aws:sagemaker:eu-west-1:123456789012:mlflow-app/app-ABCDEFGHIJKL").unwrap();
        Pending::keep(&state, &arn).unwrap();
        assert_eq!(Pending::load(&state).unwrap(), Some(arn));
    }
}
