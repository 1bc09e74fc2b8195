//! Metrics of logged models as the target takes and keeps them.

use crate::entities::{ModelId, ModelMetric, Point};
use crate::rest::MetricOf;

pub fn metric_of(model: &ModelId, metric: &ModelMetric) -> MetricOf {
    let (dataset_name, dataset_digest) = (metric.dataset_name.clone(), metric.dataset_digest.clone());
    MetricOf { model_id: model.clone(), dataset_name, dataset_digest }
}

/// The point as a model has it: no store keeps a model's NaN (MLflow 3.0 to 3.16 store 0).
pub fn of_model(point: Point) -> Point {
    Point { value: if point.value.is_nan() { 0.0 } else { point.value }, ..point }
}
