//! Handles Apps in step 2: list them, select one, or create one and wait for it.

use super::question;
use super::steps;
use crate::engine::{AppSummary, Arn, Provisioning, Readiness, Side};
use crate::error::Result;
use crate::tui::effect::Effect;
use crate::tui::model::apps::{Awaited, Listing, TargetInput};
use crate::tui::model::question::Question;
use crate::tui::model::{Model, Overlay};

pub fn list(model: &mut Model) -> Vec<Effect> {
    model.apps.way = TargetInput::List;
    model.apps.listing = Listing::Asked;
    vec![Effect::Apps(model.apps.region.clone())]
}

/// Lists the Apps of another region. An empty region means the region of the profile.
pub fn look_in(model: &mut Model, region: &str) -> Result<Vec<Effect>, String> {
    if !region.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') {
        return Err("a region looks like eu-central-1".to_owned());
    }
    model.apps.region = Some(region.to_owned()).filter(|region| !region.is_empty());
    Ok(list(model))
}

/// If the request for a region fails, the dialog stays open for another answer.
pub fn on_listed(model: &mut Model, result: Result<(String, Vec<AppSummary>)>) {
    match &result {
        Err(error) if matches!(model.overlay, Some(Overlay::Ask(_))) => {
            question::failed(model, Question::Region, error.to_string());
        }
        _ => question::done(model, Question::Region),
    }
    model.apps.cursor = 0;
    model.apps.listing = match result {
        Ok((region, apps)) => Listing::Known { region, apps },
        Err(error) => Listing::Failed(error.into()),
    };
}

/// Goes back by one level: from the form or the wait to the list, and from the list to the address.
pub fn leave(model: &mut Model) {
    model.apps.way = match model.apps.way {
        TargetInput::New | TargetInput::Wait => TargetInput::List,
        TargetInput::List | TargetInput::Address => TargetInput::Address,
    };
    steps::focus(model);
}

/// Waits again for an App that was being created when the user left the wizard.
pub fn resume_pending(model: &mut Model, pending: Option<Arn>) -> Vec<Effect> {
    let Some(arn) = pending else { return Vec::new() };
    let arn = arn.to_string();
    model.apps.awaited = Some(Awaited::new(&arn, Some(&arn), model.now));
    vec![Effect::AwaitApp(arn)]
}

/// Selects the App at the cursor, or waits until it is ready.
pub fn take(model: &mut Model) -> Vec<Effect> {
    let Some(app) = model.apps.current().cloned() else { return Vec::new() };
    match app.readiness() {
        Readiness::Ready => apply_plan(model, &app.arn),
        Readiness::Working if model.apps.is_waiting() => {
            model.apps.way = TargetInput::Wait;
            Vec::new()
        }
        Readiness::Working => {
            model.apps.awaited = Some(Awaited::new(&app.name, Some(&app.arn), model.now));
            model.apps.way = TargetInput::Wait;
            vec![Effect::AwaitApp(app.arn)]
        }
        Readiness::Stopped | Readiness::Failed | Readiness::Gone => {
            model.notice = Some(format!("{} is {}: it cannot be used", app.name, app.status));
            Vec::new()
        }
    }
}

/// Asks for consent once every field is valid.
pub fn ask(model: &mut Model) {
    match model.apps.form.app().check() {
        Err(error) => model.notice = Some(error.to_string()),
        Ok(()) if model.apps.is_waiting() => model.notice = Some("an App is already being created".into()),
        Ok(()) => model.overlay = Some(Overlay::Create),
    }
}

pub fn create(model: &mut Model) -> Vec<Effect> {
    let new = model.apps.form.app();
    model.apps.awaited = Some(Awaited::new(&new.name, None, model.now));
    model.apps.way = TargetInput::Wait;
    // Use the region that the list shows. It may come from the profile.
    let region = model.apps.looked_in().or_else(|| model.apps.region.clone());
    vec![Effect::CreateApp { new: Box::new(new), region }]
}

pub fn on_progress(model: &mut Model, news: Provisioning) {
    if let Some(awaited) = &mut model.apps.awaited {
        awaited.add(news);
    }
}

/// The App is ready, or the wait has failed. If the user is watching the wait, the wizard continues immediately.
pub fn on_finished(model: &mut Model, result: Result<String>) -> Vec<Effect> {
    match result {
        Ok(arn) => {
            let awaited = model.apps.awaited.take();
            if model.apps.way == TargetInput::Wait {
                return apply_plan(model, &arn);
            }
            let name = awaited.map_or(arn, |awaited| awaited.name);
            model.notice = Some(format!("the App {name} is ready"));
        }
        Err(error) => {
            if let Some(awaited) = &mut model.apps.awaited {
                awaited.trouble = Some(error.into());
            }
        }
    }
    Vec::new()
}

fn apply_plan(model: &mut Model, arn: &str) -> Vec<Effect> {
    model.apps.way = TargetInput::Address;
    model.target.form.set_uri(arn);
    steps::check(model, Side::Target)
}

pub fn open(model: &Model) -> Vec<Effect> {
    model.apps.current().map(|app| Effect::OpenApp(app.arn.clone())).into_iter().collect()
}
