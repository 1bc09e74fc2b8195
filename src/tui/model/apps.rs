//! Step 2: the Apps and tracking servers of the account, and a new App that is being created.

use std::time::Duration;

use super::form::Field;
use super::job::ErrorText;
use crate::engine::{AppSummary, NewApp, Provisioning};

#[derive(Default)]
pub struct Apps {
    pub way: TargetInput,
    /// The requested region. `None` means the region of the profile.
    pub region: Option<String>,
    pub listing: Listing,
    pub cursor: usize,
    pub form: AppForm,
    /// The App that the wizard waits for. It is kept while the screen shows another way to name the target.
    pub awaited: Option<Awaited>,
}

/// The ways to name the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TargetInput {
    /// The user types the address.
    #[default]
    Address,
    List,
    New,
    Wait,
}

#[derive(Default)]
pub enum Listing {
    #[default]
    Unasked,
    Asked,
    Known {
        region: String,
        apps: Vec<AppSummary>,
    },
    Failed(ErrorText),
}

/// An App that is not ready yet.
pub struct Awaited {
    /// The name of the App, or its ARN.
    pub name: String,
    /// The status from SageMaker, or the current action until there is a status.
    pub status: String,
    pub arn: Option<String>,
    /// Start time, measured since the wizard opened.
    pub started: Duration,
    pub trouble: Option<ErrorText>,
}

impl Awaited {
    pub fn new(name: &str, arn: Option<&str>, now: Duration) -> Self {
        let (name, arn) = (name.to_owned(), arn.map(str::to_owned));
        Self { name, status: "asking SageMaker".into(), arn, started: now, trouble: None }
    }

    pub fn add(&mut self, news: Provisioning) {
        match news {
            Provisioning::AppStatus { arn, status, .. } => (self.arn, self.status) = (Some(arn), status),
            Provisioning::AppRoleAwaited { .. } => {
                self.status = "the role is new: waiting until IAM has distributed it".into();
            }
        }
    }
}

impl Apps {
    pub fn is_busy(&self) -> bool {
        matches!(self.listing, Listing::Asked) || self.is_waiting()
    }

    pub fn is_waiting(&self) -> bool {
        self.awaited.as_ref().is_some_and(|awaited| awaited.trouble.is_none())
    }

    pub fn rows(&self) -> &[AppSummary] {
        match &self.listing {
            Listing::Known { apps, .. } => apps,
            _ => &[],
        }
    }

    /// The region that the list shows.
    pub fn looked_in(&self) -> Option<String> {
        match &self.listing {
            Listing::Known { region, .. } => Some(region.clone()),
            _ => None,
        }
    }

    pub fn current(&self) -> Option<&AppSummary> {
        self.rows().get(self.cursor)
    }
}

/// The fields of the form for a new App.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppField {
    Name,
    Store,
    Role,
    Key,
}

impl AppField {
    pub const ALL: [Self; 4] = [Self::Name, Self::Store, Self::Role, Self::Key];
}

#[derive(Clone, Default)]
pub struct AppForm {
    fields: [Field; 4],
    focus: usize,
}

impl AppForm {
    /// A form that is filled with the known settings.
    pub fn of(app: &NewApp) -> Self {
        let key = app.kms_key_id.as_deref().unwrap_or_default();
        let fields = [&app.name, &app.artifact_store_uri, &app.role_arn, key].map(Field::new);
        Self { fields, focus: 0 }
    }

    pub fn field(&self, of: AppField) -> &Field {
        &self.fields[of as usize]
    }

    pub fn focus(&self) -> AppField {
        AppField::ALL[self.focus]
    }

    pub fn focused(&mut self) -> &mut Field {
        &mut self.fields[self.focus]
    }

    pub fn turn(&mut self, forward: bool) {
        let count = AppField::ALL.len();
        self.focus = (self.focus + if forward { 1 } else { count - 1 }) % count;
    }

    pub fn app(&self) -> NewApp {
        let text = |of: AppField| self.field(of).text().trim().to_owned();
        NewApp {
            name: text(AppField::Name),
            artifact_store_uri: text(AppField::Store),
            role_arn: text(AppField::Role),
            kms_key_id: Some(text(AppField::Key)).filter(|key| !key.is_empty()),
            ..NewApp::default()
        }
    }

    /// The problem in a field, if one is visible. An empty field is not a problem yet.
    pub fn trouble(&self, of: AppField) -> Option<String> {
        if self.field(of).text().trim().is_empty() {
            return None;
        }
        // All other fields have valid values.
        let fine = NewApp {
            name: "app".into(),
            artifact_store_uri: "s3://bucket".into(),
            role_arn: "arn:aws:iam::123456789012:role/app".into(),
            ..NewApp::default()
        };
        let app = self.app();
        let alone = match of {
            AppField::Name => NewApp { name: app.name, ..fine },
            AppField::Store => NewApp { artifact_store_uri: app.artifact_store_uri, ..fine },
            AppField::Role => NewApp { role_arn: app.role_arn, ..fine },
            AppField::Key => NewApp { kms_key_id: app.kms_key_id, ..fine },
        };
        alone.check().err().map(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(form: &mut AppForm, text: &str) {
        form.focused().paste(text);
        form.turn(true);
    }

    #[test]
    fn each_field_is_checked_while_it_is_typed() {
        let mut form = AppForm::default();
        assert!(AppField::ALL.iter().all(|field| form.trouble(*field).is_none()));
        assert!(form.app().check().is_err());
        for wrong in ["-app", "https://bucket", "arn:aws:iam::1:user/ann", "not a key!"] {
            typed(&mut form, wrong);
        }
        for field in AppField::ALL.into_iter().take(3) {
            assert!(form.trouble(field).is_some(), "{field:?}");
        }
        let mut form = AppForm::default();
        for right in ["mlflow", "s3://my-bucket/mlflow", "arn:aws:iam::123456789012:role/mlflow"] {
            typed(&mut form, right);
        }
        form.app().check().unwrap();
        assert!(!form.app().registers_models);
    }

    #[test]
    fn a_role_that_is_not_visible_yet_is_explained() {
        let mut awaited = Awaited::new("mlflow", None, Duration::ZERO);
        awaited.add(Provisioning::AppRoleAwaited { reason: "sts:AssumeRole".into(), seconds: 1.0 });
        assert!(awaited.status.contains("IAM"));
        let arn = "arn:aws:sagemaker:eu-west-1:123456789012:mlflow-app/app-ABCDEFGHIJKL".to_owned();
        awaited.add(Provisioning::AppStatus { arn: arn.clone(), status: "Creating".into(), seconds: 13.0 });
        assert_eq!((awaited.arn, awaited.status), (Some(arn), "Creating".into()));
    }
}
