//! Lists of Python packages that pin every package to exactly one version, including indirect dependencies.

use sha2::{Digest, Sha256};

/// Number of digits of the text's digest in the name of an environment. They distinguish locks with the same name.
const DIGITS: usize = 10;

/// A `requirements.txt` that `tests/support/locks/refresh.sh` generates from the `.in` file next to it, for Python 3.10
/// and newer.
#[derive(Clone, Copy, Debug)]
pub struct Lock {
    pub name: &'static str,
    pub text: &'static str,
}

impl Lock {
    /// The name of the environment. A different text gives a different environment.
    pub(super) fn environment(&self) -> String {
        let digest = hex::encode(Sha256::digest(self.text));
        format!("{}-{}", self.name, &digest[..DIGITS])
    }

    /// The newest Python for which all packages have wheels, if this is not every Python: MLflow 1.x requires pandas 1,
    /// and MLflow 2.x requires numpy and pyarrow of its time.
    pub(super) fn newest_python(&self) -> Option<(u32, u32)> {
        let version = self.text.lines().find_map(|line| line.strip_prefix("mlflow=="))?;
        match version.split('.').next() {
            Some("1") => Some((3, 11)),
            Some("2") => Some((3, 12)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_lock_is_another_environment() {
        let [first, second] = ["mlflow==2.9.2\n", "mlflow==2.22.4\n"].map(|text| Lock { name: "a", text });
        assert_ne!(first.environment(), second.environment());
        assert_eq!(first.environment().len(), "a-".len() + DIGITS);
    }

    #[test]
    fn old_releases_want_an_old_python() {
        let newest = |text| Lock { name: "a", text }.newest_python();
        assert_eq!(newest("# uv\nalembic==1.20.1\nmlflow==1.30.1\n"), Some((3, 11)));
        assert_eq!(newest("mlflow==2.9.2\n"), Some((3, 12)));
        assert_eq!(newest("mlflow==3.10.1\n"), None);
        assert_eq!(newest("uv==0.1.0\nmlflow-skinny==2.9.2\n"), None);
    }
}
