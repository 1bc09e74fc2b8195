//! How to renew credentials of each kind: the command, and whether this process can see the new ones.

use aws_credential_types::Credentials;
use aws_credential_types::credential_feature::AwsCredentialFeature as Feature;

/// The origin of credentials. It decides how they are renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `AWS_ACCESS_KEY_ID` and the related variables, which are fixed for the life of a process.
    Environment,
    /// IAM Identity Center: `aws sso login`.
    Sso,
    /// `credential_process` of a profile.
    Process,
    /// Keys in the credentials file, and roles that a profile assumes with them.
    Profile,
    /// Web identity, container, instance: renewed by the machine's own agent.
    Machine,
}

impl Origin {
    /// The origin that aws-config records in the credentials: the providers that were involved.
    pub fn of(credentials: &Credentials) -> Self {
        let features = credentials.get_property::<Vec<Feature>>().map(Vec::as_slice).unwrap_or_default();
        let has = |any: &[Feature]| features.iter().any(|feature| any.contains(feature));
        match () {
            () if has(&[Feature::CredentialsSso, Feature::CredentialsProfileSso]) => Self::Sso,
            () if has(&[Feature::CredentialsProcess]) => Self::Process,
            () if has(&[Feature::CredentialsEnvVars]) => Self::Environment,
            () if has(&[Feature::CredentialsProfile]) => Self::Profile,
            () => Self::Machine,
        }
    }

    /// Whether new credentials can appear while this process runs.
    pub fn can_change(self) -> bool {
        self != Self::Environment
    }

    /// The step with which the user renews them. `profile` is the profile in use.
    pub fn remedy(self, profile: &str) -> String {
        match self {
            Self::Environment => {
                "export new AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN".into()
            }
            Self::Sso => format!("aws sso login --profile {profile}"),
            Self::Process => format!(
                "sign in again where the credential_process of profile {profile} gets its credentials"
            ),
            Self::Profile => format!("put new keys for profile {profile} into ~/.aws/credentials"),
            Self::Machine => {
                "check that this machine's role (instance, container, web identity) provides credentials"
                    .into()
            }
        }
    }
}

/// The profile that aws-config reads.
pub fn profile() -> String {
    std::env::var("AWS_PROFILE").ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "default".to_owned())
}

/// The remedy for a chain that returns no credentials, chosen by its error message.
pub fn remedy_for(load_error: &str) -> String {
    let (lower, profile) = (load_error.to_lowercase(), profile());
    match () {
        () if lower.contains("sso") => Origin::Sso.remedy(&profile),
        () if lower.contains("process") => Origin::Process.remedy(&profile),
        () => format!(
            "sign in (`aws sso login --profile {profile}`), or set AWS_PROFILE to a profile of ~/.aws/config, or export \
             AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_is_read_from_the_records_of_the_providers() {
        let with = |features: Vec<Feature>| {
            let mut credentials = Credentials::new("AKID", "secret", None, None, "test");
            credentials.set_property(features);
            Origin::of(&credentials)
        };
        assert_eq!(with(vec![Feature::CredentialsEnvVars]), Origin::Environment);
        assert_eq!(with(vec![Feature::CredentialsSso, Feature::CredentialsProfile]), Origin::Sso);
        assert_eq!(with(vec![Feature::CredentialsProcess, Feature::CredentialsProfile]), Origin::Process);
        assert_eq!(with(vec![Feature::CredentialsProfile]), Origin::Profile);
        assert_eq!(with(vec![Feature::CredentialsImds]), Origin::Machine);
    }

    #[test]
    fn the_remedy_for_an_empty_chain_names_the_command() {
        assert!(remedy_for("the SSO token has expired and cannot be refreshed").starts_with("aws sso login"));
        assert!(remedy_for("nothing was found").contains("AWS_PROFILE"));
    }
}
