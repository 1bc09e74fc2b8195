//! Ids from the server. The types are distinct, so that an experiment is never confused with a run.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<String> for $name {
            fn from(id: String) -> Self {
                Self(id)
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(id.to_owned())
            }
        }
    };
}

id!(
    /// A decimal number. Ids of file stores have 18 digits.
    ExperimentId
);
id!(
    /// 32 hexadecimal digits, chosen by the server.
    RunId
);
id!(
    /// `m-` and 32 hexadecimal digits, chosen by the server.
    ModelId
);

impl ExperimentId {
    /// True for the long random numbers of file stores (MLflow 2.0 and later). Databases count up.
    pub fn is_of_file_store(&self) -> bool {
        self.0.len() >= 15
    }
}

impl ModelId {
    /// The 32 digits. Texts name a model by them in the same way as a run.
    pub fn digits(&self) -> RunId {
        RunId(self.0.strip_prefix("m-").unwrap_or(&self.0).to_owned())
    }

    pub fn of_digits(digits: &RunId) -> Self {
        Self(format!("m-{digits}"))
    }
}
