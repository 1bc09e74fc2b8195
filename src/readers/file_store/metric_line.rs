//! One line of a metric file. Its fields are separated by single spaces (MLflow 3.18, `store/tracking/file_store.py`,
//! `_log_run_metric` and `_log_model_metric`):
//!
//! - of a run: `time value` (to MLflow 0.9), `time value step`, or `time value step dataset digest` (MLflow 3 on);
//! - of a logged model: `time value step run`, or `time value step run dataset digest`.
//!
//! A name of a dataset may contain spaces, so it is all that lies between the other fields. MLflow itself refuses such
//! a line, and reads step 0 from every line with a dataset.

use crate::entities::{ModelMetric, Point};

/// A line of a run's metric. `None` if it has another form.
pub fn of_run(line: &[u8]) -> Option<Point> {
    let mut fields = Fields(Some(line.trim_ascii()));
    let (timestamp, value) = (fields.integer()?, fields.float()?);
    let step = if fields.0.is_some() { fields.integer()? } else { 0 };
    // A dataset has a name and a digest.
    let is_whole = fields.0.is_none_or(|dataset| dataset.contains(&b' '));
    is_whole.then_some(Point { value, timestamp, step })
}

/// A line of a logged model's metric. `None` if it has another form.
pub fn of_model(key: &str, line: &[u8]) -> Option<ModelMetric> {
    let mut fields = Fields(Some(line.trim_ascii()));
    let point = Point { timestamp: fields.integer()?, value: fields.float()?, step: fields.integer()? };
    let run_id = fields.text()?.into();
    let dataset = match fields.0 {
        None => None,
        Some(dataset) => Some(std::str::from_utf8(dataset).ok()?.rsplit_once(' ')?),
    };
    let (name, digest) = dataset.map(|(name, digest)| (name.to_owned(), digest.to_owned())).unzip();
    Some(ModelMetric { key: key.to_owned(), point, run_id, dataset_name: name, dataset_digest: digest })
}

/// The number of fields, at most 4: a line that was cut has fewer than the one before.
pub fn fields(line: &[u8]) -> usize {
    line.trim_ascii().split(|byte| *byte == b' ').take(4).count()
}

/// The rest of a line.
struct Fields<'a>(Option<&'a [u8]>);

impl<'a> Fields<'a> {
    fn text(&mut self) -> Option<&'a str> {
        let rest = self.0.take()?;
        let end = rest.iter().position(|byte| *byte == b' ');
        self.0 = end.map(|end| &rest[end + 1..]);
        std::str::from_utf8(&rest[..end.unwrap_or(rest.len())]).ok()
    }

    /// Times of MLflow 0.x may be floats.
    fn integer(&mut self) -> Option<i64> {
        let text = self.text()?;
        text.parse().ok().or_else(|| {
            let value: f64 = text.parse().ok()?;
            (value.abs() < 9.2e18).then_some(value.trunc() as i64)
        })
    }

    /// Rust reads the words of Python too: `nan`, `inf` and `infinity` in any case.
    fn float(&mut self) -> Option<f64> {
        self.text()?.parse().ok()
    }
}
