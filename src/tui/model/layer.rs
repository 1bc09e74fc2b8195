//! The receiver of key presses: the dialog on top, or else the open part of the screen.

use super::apps::TargetInput;
use super::{Model, Overlay};
use crate::engine::Step;

/// The layer that receives keys now, the topmost first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    Resume,
    Quit,
    Help,
    /// A question that asks for a line of text. Letters are input.
    Ask,
    /// The choice for names that the target has already.
    SameNames,
    /// Consent to create a new App.
    Create,
    /// Consent to write to the target.
    Confirm,
    Link,
    /// The plot of a metric.
    Picture,
    Detail,
    Filter,
    /// The form of a new App. Letters are input.
    NewApp,
    /// The list of Apps, or the wait for an App.
    Apps,
    /// The list of stores in the working directory.
    Stores,
    /// A text field of the screen. Letters are input.
    Field,
    Screen,
}

impl Layer {
    /// Letters are part of a text in this layer.
    pub fn takes_text(self) -> bool {
        matches!(self, Self::Ask | Self::Filter | Self::NewApp | Self::Field)
    }
}

impl Model {
    pub fn layer(&self) -> Layer {
        match &self.overlay {
            Some(Overlay::Resume(..)) => Layer::Resume,
            Some(Overlay::Quit(_)) => Layer::Quit,
            Some(Overlay::Help(_)) => Layer::Help,
            Some(Overlay::Ask(..)) => Layer::Ask,
            Some(Overlay::SameNames(_)) => Layer::SameNames,
            Some(Overlay::Create) => Layer::Create,
            Some(Overlay::Confirm(..)) => Layer::Confirm,
            Some(Overlay::Link(_)) => Layer::Link,
            None => self.layer_of_screen(),
        }
    }

    /// The layer if no dialog covers the screen.
    pub fn layer_of_screen(&self) -> Layer {
        let has_focus = self.asked_side().is_some_and(|end| self.side(end).form.focus.is_some());
        match self.step {
            Step::Validate if self.validation.picture.is_some() => Layer::Picture,
            Step::Validate if self.validation.detail.is_some() => Layer::Detail,
            Step::Check if self.stores.is_open => Layer::Stores,
            Step::App if self.apps.way == TargetInput::New => Layer::NewApp,
            Step::App if self.apps.way != TargetInput::Address => Layer::Apps,
            Step::Plan if self.selection.filtering.is_some() => Layer::Filter,
            Step::Connect if self.route.typing => Layer::Field,
            _ if has_focus => Layer::Field,
            _ => Layer::Screen,
        }
    }
}
