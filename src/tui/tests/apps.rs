//! The keys of step 2 on the list of Apps and on the form for a new App.

use crate::tui::effect::{Effect, Msg};
use crate::tui::update::update;

use super::fixtures::{APP, app, checked, new_app, press, type_in};
use super::frames::picture;
use super::keys::pressed;

#[test]
fn an_app_is_created_awaited_and_taken() {
    let mut model = checked();
    press(&mut model, "Enter");
    assert_eq!(pressed(&mut model, "F2"), ["apps"]);
    update(&mut model, Msg::Apps(Ok(("eu-west-1".into(), Vec::new()))));
    // An invalid form does not open the question.
    press(&mut model, "n");
    type_in(&mut model, "mlflow");
    press(&mut model, "Enter");
    assert!(model.overlay.is_none() && model.notice.is_some());
    new_app(&mut model);
    press(&mut model, "Enter");
    press(&mut model, "Esc");
    assert!(model.overlay.is_none() && model.apps.awaited.is_none(), "no is no");
    press(&mut model, "Enter");
    assert_eq!(pressed(&mut model, "Enter"), ["create app"]);
    // After Esc, no second App can be created. The list waits for the App that is being created.
    press(&mut model, "Esc n Enter");
    assert!(model.overlay.is_none());
    press(&mut model, "Esc");
    update(&mut model, Msg::Apps(Ok(("eu-west-1".into(), vec![app("mlflow", "Creating")]))));
    assert_eq!(pressed(&mut model, "Enter"), [""; 0]);
    let taken = update(&mut model, Msg::AppReady(Ok(APP.into())));
    assert_eq!(model.target.form.uri(), APP);
    assert!(model.apps.awaited.is_none() && taken.len() <= 1);
}

#[test]
fn an_abandoned_wait_continues_from_the_list() {
    let mut model = checked();
    press(&mut model, "Enter F2");
    let apps = vec![app("mlflow", "Creating"), app("broken", "CreateFailed"), app("ready", "Created")];
    update(&mut model, Msg::Apps(Ok(("eu-west-1".into(), apps))));
    assert_eq!(pressed(&mut model, "Enter"), ["await app"]);
    press(&mut model, "Esc j");
    assert_eq!(pressed(&mut model, "Enter o"), [""; 0], "what failed cannot be used");
    press(&mut model, "j");
    // Copies the App under the cursor; then changes the region.
    let effects = press(&mut model, "y");
    assert!(matches!(&effects[..], [Effect::Clip(text)] if text == APP));
    press(&mut model, "g");
    type_in(&mut model, "eu-north-1");
    let effects = press(&mut model, "Enter");
    assert!(matches!(&effects[..], [Effect::Apps(Some(region))] if region == "eu-north-1"));
    update(&mut model, Msg::Apps(Ok(("eu-north-1".into(), vec![app("ready", "Created")]))));
    assert_eq!(pressed(&mut model, "o"), ["open app"]);
    let link = "https://app.example.com/auth?token=once";
    update(&mut model, Msg::AppLink(Ok(link.into())));
    assert!(picture(&mut model, 80, 24).contains(link));
    press(&mut model, "Esc");
    assert!(!picture(&mut model, 80, 24).contains("once"));
    // The App becomes ready while another screen is open: a notice appears, but the target is not set.
    update(&mut model, Msg::AppReady(Ok(APP.into())));
    assert!(model.target.form.uri().is_empty() && model.notice.is_some());
}
