//! Converts metrics of logged models into the form that the target accepts and stores.

use crate::entities::{ModelId, ModelMetric, Point};
use crate::rest::MetricOf;

pub fn metric_of(model: &ModelId, metric: &ModelMetric) -> MetricOf {
    let (dataset_name, dataset_digest) = (metric.dataset_name.clone(), metric.dataset_digest.clone());
    MetricOf { model_id: model.clone(), dataset_name, dataset_digest }
}

/// The point as a model stores it: no store keeps a NaN of a model (MLflow 3.0 to 3.16 store 0).
pub fn of_model(point: Point) -> Point {
    Point { value: if point.value.is_nan() { 0.0 } else { point.value }, ..point }
}
