use std::hash::{DefaultHasher, Hash, Hasher};

use serde::{Deserialize, Serialize};

use super::{RunId, float, integer};

/// One logged value of one metric.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Point {
    #[serde(with = "float")]
    pub value: f64,
    /// Milliseconds since 1970.
    #[serde(with = "integer")]
    pub timestamp: i64,
    /// It may be negative.
    #[serde(default, with = "integer")]
    pub step: i64,
}

/// Time, step and value, as precisely as servers distinguish them.
pub type PointIdentity = (i64, i64, u64);

impl Point {
    /// Equal for points that a tracking server cannot distinguish: SQL stores keep ±Inf as ±`f64::MAX`, and have one
    /// zero and one NaN (MLflow 3.10, `store/tracking/sqlalchemy_store.py`, `sanitize_metric_value`).
    pub fn identity(&self) -> PointIdentity {
        let value = match self.value {
            v if v.is_nan() => f64::NAN,
            v if v.is_infinite() => f64::MAX.copysign(v),
            // Matches -0.0 too.
            0.0 => 0.0,
            v => v,
        };
        (self.timestamp, self.step, value.to_bits())
    }

    /// A hash of [`identity`](Self::identity). The sum over a series does not depend on the order.
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.identity().hash(&mut hasher);
        hasher.finish()
    }

    /// True when this is later by the server's definition of the latest value: the greatest by step, then time, then
    /// value.
    pub fn is_later_than(&self, other: &Self) -> bool {
        (self.step, self.timestamp)
            .cmp(&(other.step, other.timestamp))
            .then(self.value.total_cmp(&other.value))
            .is_gt()
    }
}

/// Some consecutive points of one metric of one run. The chunks of a series come directly after each other.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricChunk {
    pub run_id: RunId,
    pub key: String,
    pub points: Vec<Point>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(value: f64) -> Point {
        Point { value, timestamp: 1, step: -3 }
    }

    #[test]
    fn points_that_a_sql_store_cannot_distinguish_are_the_same() {
        assert_eq!(point(f64::INFINITY).identity(), point(f64::MAX).identity());
        assert_eq!(point(f64::NEG_INFINITY).identity(), point(f64::MIN).identity());
        assert_eq!(point(-0.0).identity(), point(0.0).identity());
        assert_eq!(point(f64::NAN).identity(), point(-f64::NAN).identity());
        assert_ne!(point(f64::NAN).identity(), point(0.0).identity());
        assert_ne!(point(5e-324).identity(), point(0.0).identity());
    }

    #[test]
    fn every_float_survives_json() {
        for value in [0.1, 5e-324, f64::MAX, f64::MIN, 1e-7, f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
            let text = serde_json::to_string(&point(value)).unwrap();
            let back: Point = serde_json::from_str(&text).unwrap();
            assert!(
                back.value.to_bits() == value.to_bits() || value.is_nan() && back.value.is_nan(),
                "{text}"
            );
        }
        assert!(serde_json::to_string(&point(f64::NAN)).unwrap().contains("\"NaN\""));
    }
}
