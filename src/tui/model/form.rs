//! Text fields, and the form of a server with three of them.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use secrecy::{ExposeSecret, SecretString};
use tui_input::backend::crossterm::EventHandler;
use tui_input::{Input, InputRequest};

use super::address;
use crate::engine::{Access, Side, unquoted};

#[derive(Clone, Default)]
pub struct Field {
    pub input: Input,
    /// The text is a proposal: what the user types replaces it.
    is_proposed: bool,
}

impl Field {
    pub fn new(text: &str) -> Self {
        Self { input: Input::new(text.to_owned()), is_proposed: false }
    }

    /// A text that the first typed character replaces. Any other key keeps it.
    pub fn proposed(text: &str) -> Self {
        Self { is_proposed: true, ..Self::new(text) }
    }

    pub fn text(&self) -> &str {
        self.input.value()
    }

    /// Returns true if the text has changed.
    pub fn key(&mut self, key: KeyEvent) -> bool {
        let is_command = key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
        if std::mem::take(&mut self.is_proposed) && matches!(key.code, KeyCode::Char(_)) && !is_command {
            self.input.reset();
        }
        let change = self.input.handle_event(&Event::Key(key));
        change.is_some_and(|change| change.value)
    }

    /// Pasted text stays on one line.
    pub fn paste(&mut self, text: &str) {
        if std::mem::take(&mut self.is_proposed) {
            self.input.reset();
        }
        for c in text.chars().filter(|c| !c.is_control()) {
            self.input.handle(InputRequest::InsertChar(c));
        }
    }
}

/// The fields in the form of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    Uri,
    User,
    /// A password if a user name is given, otherwise a token.
    Secret,
}

impl Asked {
    pub const ALL: [Self; 3] = [Self::Uri, Self::User, Self::Secret];
}

/// The address of a server and its login. Not `Debug`: it contains a password.
#[derive(Clone)]
pub struct Form {
    pub end: Side,
    fields: [Field; 3],
    /// The field that has the focus.
    pub focus: Option<Asked>,
    /// The login from the environment. Typed values take precedence.
    pub environment: Access,
    /// The server for which the login was given, and that login. It is not sent to another server.
    login: Option<(String, [SecretString; 2])>,
}

impl Form {
    pub fn new(end: Side, uri: &str, environment: Access) -> Self {
        let mut form = Self {
            end,
            fields: [Field::new(uri), Field::default(), Field::default()],
            focus: Some(Asked::Uri),
            environment,
            login: None,
        };
        form.split_login();
        form
    }

    pub fn field(&self, asked: Asked) -> &Field {
        &self.fields[asked as usize]
    }

    pub fn focused(&mut self) -> Option<&mut Field> {
        self.focus.map(|asked| &mut self.fields[asked as usize])
    }

    pub fn uri(&self) -> &str {
        unquoted(self.field(Asked::Uri).text())
    }

    pub fn set_uri(&mut self, uri: &str) {
        self.fields[Asked::Uri as usize] = Field::new(uri);
        self.split_login();
    }

    /// Fills the address in, until the user types another one.
    pub fn propose_uri(&mut self, uri: &str) {
        self.fields[Asked::Uri as usize] = Field::proposed(uri);
    }

    /// The address without its login: safe to show, log and store.
    pub fn bare_uri(&self) -> String {
        address::part(self.uri()).0
    }

    pub fn trouble(&self) -> Option<String> {
        address::trouble(self.uri(), self.end)
    }

    /// Moves the focus to the next or previous field and wraps around.
    pub fn turn(&mut self, forward: bool) {
        if !self.takes_login() {
            self.focus = Some(Asked::Uri);
            return;
        }
        let last = Asked::ALL.len() - 1;
        let at = match (self.focus, forward) {
            (None, true) => 0,
            (None, false) => last,
            (Some(asked), true) => (asked as usize + 1) % Asked::ALL.len(),
            (Some(asked), false) => (asked as usize).checked_sub(1).unwrap_or(last),
        };
        self.focus = Some(Asked::ALL[at]);
    }

    /// Moves a login that was typed into the address to its own fields.
    pub fn split_login(&mut self) {
        if let (uri, Some((user, password))) = address::part(self.uri()) {
            self.fields = [uri.as_str(), &user, password.expose_secret()].map(Field::new);
        }
        self.forget_login_of_another();
    }

    fn forget_login_of_another(&mut self) {
        let server = address::server(self.uri());
        let typed = [Asked::User, Asked::Secret].map(|asked| self.field(asked).text().to_owned());
        let is_old = |(of, old): &(String, [SecretString; 2])| {
            *of != server && old.iter().zip(&typed).all(|(old, new)| old.expose_secret() == new)
        };
        if self.login.as_ref().is_some_and(is_old) {
            self.fields[Asked::User as usize] = Field::default();
            self.fields[Asked::Secret as usize] = Field::default();
            self.login = None;
        } else if typed.iter().any(|text| !text.is_empty()) {
            self.login = Some((server, typed.map(SecretString::from)));
        }
    }

    /// The address is an ARN. AWS credentials are used to sign in, so a user and a password do not apply.
    pub fn is_arn(&self) -> bool {
        address::is_arn(self.uri())
    }

    /// The scheme and the path, if the source is a folder or file of this machine.
    pub fn path(&self) -> Option<(&str, &str)> {
        address::path_of(self.uri()).filter(|_| self.end == Side::Source)
    }

    /// A user and a password apply to the address.
    pub fn takes_login(&self) -> bool {
        !self.is_arn() && self.path().is_none()
    }

    pub fn access(&self) -> Access {
        let mut access = self.environment.clone();
        if !self.takes_login() {
            return Access { username: None, password: None, token: None, ..access };
        }
        let user = self.field(Asked::User).text().trim();
        let secret = self.field(Asked::Secret).text();
        if !user.is_empty() {
            access.username = Some(user.to_owned());
            access.token = None;
        }
        match (secret.is_empty(), user.is_empty()) {
            (true, _) => {}
            (false, true) if access.username.is_some() => access.password = Some(SecretString::from(secret)),
            (false, true) => access.token = Some(SecretString::from(secret)),
            (false, false) => access.password = Some(SecretString::from(secret)),
        }
        access
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_a_password_with_a_user_and_a_token_without() {
        let mut form = Form::new(Side::Source, "http://h", Access::default());
        form.focus = Some(Asked::Secret);
        form.focused().unwrap().paste("s3cret\n");
        assert_eq!(form.access().token.unwrap().expose_secret(), "s3cret");
        form.focus = Some(Asked::User);
        form.focused().unwrap().paste("ann");
        let access = form.access();
        assert_eq!(access.username.as_deref(), Some("ann"));
        assert_eq!(access.password.unwrap().expose_secret(), "s3cret");
        assert!(access.token.is_none());
    }

    #[test]
    fn a_login_is_not_sent_to_another_server() {
        let mut form = Form::new(Side::Source, "postgresql://ann:pw@h/db", Access::default());
        assert!(form.access().password.is_some());
        form.set_uri("postgresql://h/other");
        assert!(form.access().password.is_some(), "the same server");
        form.set_uri("http://h:5000");
        let access = form.access();
        assert!(access.username.is_none() && access.password.is_none() && access.token.is_none());
        form.focus = Some(Asked::User);
        form.focused().unwrap().paste("bob");
        form.set_uri("http://bob-was-typed-for-this:5000");
        assert_eq!(form.access().username.as_deref(), Some("bob"));
    }

    #[test]
    fn a_login_in_the_address_moves_to_its_fields() {
        let form = Form::new(Side::Source, "http://ann:pw@h:1", Access::default());
        assert_eq!(form.uri(), "http://h:1");
        assert_eq!(form.access().password.unwrap().expose_secret(), "pw");
    }

    #[test]
    fn an_arn_takes_neither_user_nor_password() {
        let arn = "arn:aws:sagemaker:eu-west-1:123456789012:mlflow-app/app-ABCDEFGHIJKL";
        let environment = Access { username: Some("ann".into()), ..Access::default() };
        let mut form = Form::new(Side::Target, arn, environment);
        assert_eq!((form.trouble(), form.bare_uri().as_str()), (None, arn));
        assert!(form.access().username.is_none());
        form.turn(true);
        assert_eq!(form.focus, Some(Asked::Uri));
    }

    #[test]
    fn a_folder_takes_neither_user_nor_password() {
        let environment = Access { username: Some("ann".into()), ..Access::default() };
        let mut form = Form::new(Side::Source, "./mlruns", environment.clone());
        assert!(form.access().username.is_none());
        form.turn(true);
        assert_eq!(form.focus, Some(Asked::Uri));
        let form = Form::new(Side::Target, "host", environment);
        assert!(form.access().username.is_some(), "a target is never a folder");
    }

    #[test]
    fn tab_goes_round() {
        let mut form = Form::new(Side::Source, "", Access::default());
        form.turn(false);
        assert_eq!(form.focus, Some(Asked::Secret));
        form.turn(true);
        assert_eq!(form.focus, Some(Asked::Uri));
    }
}
