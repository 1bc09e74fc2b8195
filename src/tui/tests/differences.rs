//! The details of one difference: its curve, comparing it again, and importing it again.

use std::collections::BTreeSet;

use crate::engine::validate::{Curve, Difference, FieldDifference};
use crate::entities::Kind;
use crate::tui::effect::{Effect, Msg};
use crate::tui::model::Model;
use crate::tui::update::update;

use super::fixtures::press;
use super::frames::{kept, picture, pictured};
use super::job_fixtures::{at_work, end_validation, imported};

const MISSING: &str = "99999a0a93a84a8e8a1d6c1c9e1b2d3e";
const SOURCE_ID: &str = "4f1c6a0a93a84a8e8a1d6c1c9e1b2d3e";

fn run() -> Difference {
    let field = |field: &str, source: &str, target: &str| FieldDifference {
        field: field.into(),
        source: Some(source.into()),
        target: Some(target.into()),
    };
    let fields = vec![
        field(
            "metric val/loss",
            "60 points",
            "57 points, 2 only here: step 30 at 30 = 0.9; step 31 at 31 = 0.88",
        ),
        field("param lr", "0.01", "0.02"),
    ];
    Difference::pair(Kind::Run, "trial-03", SOURCE_ID, "8a9137b8e11e4b0cb09c658fc1d2a3b4", fields)
        .of_experiment("fraud/detector-eu")
}

/// A falling loss. The target's curve has a bump and ends early.
fn curve() -> Curve {
    let loss = |step: i64| 1.0 / (1.0 + step as f64 / 8.0);
    let points = |last: i64, bump: bool| -> BTreeSet<_> {
        (0..last)
            .map(|step| {
                let bumped = bump && (30..32).contains(&step);
                let value = if bumped { 0.9 - 0.02 * (step - 30) as f64 } else { loss(step) };
                (step, step, value.to_bits())
            })
            .collect()
    };
    Curve::new((SOURCE_ID, "8a91"), "val/loss", &points(60, false), &points(57, true))
}

fn compared(differences: &[Difference]) -> Model {
    let mut model = imported();
    press(&mut model, "Enter");
    at_work(&mut model);
    end_validation(&mut model, differences);
    model
}

#[test]
fn a_metric_is_drawn_once_its_histories_have_come() {
    let mut model = compared(&[run()]);
    let asked = press(&mut model, "Enter Enter");
    let [Effect::LoadCurve(drawing)] = &asked[..] else { panic!("nothing was asked for") };
    assert_eq!((drawing.source_id.as_str(), drawing.metric.as_str()), (SOURCE_ID, "val/loss"));
    assert!(picture(&mut model, 80, 24).contains("both histories are being read"));
    let answer = |result| Msg::CurveLoaded { source_id: SOURCE_ID.into(), metric: "val/loss".into(), result };
    update(&mut model, answer(Ok(curve())));
    press(&mut model, "j");
    pictured("validate_curve", &mut model);
    // The screen was closed, so the response is ignored.
    press(&mut model, "Esc");
    update(&mut model, answer(Ok(curve())));
    assert!(model.validation.picture.is_none() && model.validation.detail.is_some());
    assert!(press(&mut model, "j Enter").is_empty(), "a param has no curve");
}

#[test]
fn one_item_is_compared_and_imported_again() {
    let missing = Difference::missing(Kind::Run, "trial-04", MISSING).of_experiment("fraud/detector-eu");
    let mut model = compared(&[missing.clone(), run()]);
    press(&mut model, "Enter");
    let asked = press(&mut model, "i Tab Enter");
    let [Effect::Recheck(again)] = &asked[..] else { panic!("nothing was asked for") };
    assert!(again.import_from.is_some());
    let runs = again.plan.experiments[0].runs.as_ref().unwrap();
    assert_eq!(runs.iter().map(ToString::to_string).collect::<Vec<_>>(), [MISSING]);
    assert!(picture(&mut model, 80, 24).contains("trial-04 is being imported again"));
    // Only one action runs at a time, and the user cannot leave by mistake.
    assert!(press(&mut model, "r i Esc q").is_empty());
    assert!(model.notice.as_ref().unwrap().contains("still running"));
    update(&mut model, Msg::Rechecked { difference: Box::new(missing), result: Ok(Vec::new()) });
    assert_eq!(model.notice.as_deref(), Some("run trial-04 is the same on both sides now"));
    kept("validate_mended_80x24", &picture(&mut model, 80, 24));
    press(&mut model, "Enter");
    assert!(matches!(&press(&mut model, "r")[..], [Effect::Recheck(again)] if again.import_from.is_none()));
}
