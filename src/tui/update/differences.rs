//! Actions on one difference: plot its curve, compare it again, import it again.

use crate::engine::Side;
use crate::engine::validate::{Curve, Difference};
use crate::entities::Kind;
use crate::error::Result;
use crate::tui::effect::Effect;
use crate::tui::effect::{CurveRequest, ItemRecheck};
use crate::tui::model::Model;
use crate::tui::model::validation::{Drawn, Pending, Picture};

/// Opens the difference at the cursor, or unfolds a heading.
pub fn enter(model: &mut Model) {
    match model.validation.current() {
        Some(_) => model.validation.detail = Some(0),
        None => drop(model.validation.outline.open()),
    }
}

/// Unfolds the row at the cursor. If it is already unfolded or empty, opens its details.
pub fn open(model: &mut Model) {
    if !model.validation.outline.open() {
        enter(model);
    }
}

/// Opens the chart of the metric at the cursor. Both histories are fetched only now, because they may have millions of
/// points.
pub fn draw(model: &mut Model) -> Vec<Effect> {
    let (Some(metric), Some(difference)) = (model.metric_at_cursor(), model.validation.current()) else {
        return Vec::new();
    };
    let (Some(source_id), Some(target_id)) = (difference.source_id.clone(), difference.target_id.clone())
    else {
        return Vec::new();
    };
    let (source, target) = (model.at(Side::Source), model.at(Side::Target));
    let drawing = CurveRequest { source, target, source_id, target_id, metric: metric.to_owned() };
    model.validation.picture = Some(Picture {
        source_id: drawing.source_id.clone(),
        metric: drawing.metric.clone(),
        drawn: Drawn::Fetching,
        scroll: 0,
    });
    vec![Effect::LoadCurve(Box::new(drawing))]
}

/// The answer is ignored if the plot has been closed in the meantime.
pub fn drawn(model: &mut Model, source_id: &str, metric: &str, result: Result<Curve>) {
    let is_shown = |picture: &&mut Picture| picture.source_id == source_id && picture.metric == metric;
    if let Some(picture) = model.validation.picture.as_mut().filter(is_shown) {
        picture.drawn = match result {
            Ok(curve) => Drawn::Curve(Box::new(curve)),
            Err(error) => Drawn::Failed(error.into()),
        };
    }
}

pub fn recheck(model: &mut Model, importing: bool) -> Vec<Effect> {
    let Some(difference) = model.validation.current().cloned() else {
        return Vec::new();
    };
    let Some(plan) = difference.plan_of(&model.plan) else {
        return Vec::new();
    };
    model.validation.pending = Some(Pending { name: difference.name.clone(), importing });
    vec![Effect::Recheck(Box::new(ItemRecheck {
        source: model.at(Side::Source),
        target: model.at(Side::Target),
        import_from: importing.then(|| model.import_source()),
        plan,
        artifacts: model.validation.artifacts,
        difference,
    }))]
}

/// The new result replaces the differences of the item and of its files.
pub fn on_rechecked(model: &mut Model, difference: &Difference, result: Result<Vec<Difference>>) {
    // The result is ignored if a whole comparison has begun in the meantime.
    if model.validation.pending.take().is_none() {
        return;
    }
    let what = format!("{} {}", difference.kind.words().0, difference.name);
    model.notice = Some(match &result {
        Err(error) => format!("{what}: {error}"),
        Ok(found) if found.is_empty() => format!("{what} is the same on both sides now"),
        Ok(found) => match found.iter().find(|now| now.kind == difference.kind) {
            Some(now) if now == difference => format!("{what} {} as before", now.mark.word()),
            Some(now) => format!("{what} {} now", now.mark.word()),
            None => format!("{what}: {} of its {} still differ", found.len(), parts_of(difference.kind)),
        },
    });
    if let Ok(found) = result {
        model.validation.replace(difference, found);
    }
}

fn parts_of(kind: Kind) -> &'static str {
    match kind {
        Kind::RegisteredModel | Kind::Prompt => "versions",
        _ => "files",
    }
}
