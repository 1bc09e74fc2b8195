use std::collections::HashMap;

use crate::entities::{MetricChunk, Point, Run, RunId};

/// The latest points of runs that have not been read from `metrics`. That table lacks a point if rows were deleted to
/// get a smaller database. A server shows such a point with its run.
pub struct UnseenPoints<'a> {
    of_runs: HashMap<&'a RunId, HashMap<&'a str, &'a Point>>,
    /// The metric that is being read.
    current: Option<(RunId, String)>,
}

impl<'a> UnseenPoints<'a> {
    pub fn of(runs: &[&'a Run]) -> Self {
        let latest =
            |run: &&'a Run| (&run.id, run.latest.iter().map(|(key, point)| (key.as_str(), point)).collect());
        Self { of_runs: runs.iter().map(latest).collect(), current: None }
    }

    /// Takes note of the next points, in the order of runs and metrics. Returns the latest point of the metric before
    /// them, if that metric lacks it.
    pub fn read(&mut self, chunk: &MetricChunk) -> Option<MetricChunk> {
        let is_current =
            self.current.as_ref().is_some_and(|(run, key)| *run == chunk.run_id && *key == chunk.key);
        let lacking = if is_current { None } else { self.end_metric() };
        if !is_current {
            self.current = Some((chunk.run_id.clone(), chunk.key.clone()));
        }
        let of_run = self.of_runs.get_mut(&chunk.run_id);
        let latest = of_run.as_ref().and_then(|of_run| of_run.get(chunk.key.as_str()).copied());
        if let (Some(of_run), Some(latest)) = (of_run, latest)
            && chunk.points.iter().any(|point| point.identity() == latest.identity())
        {
            of_run.remove(chunk.key.as_str());
        }
        lacking
    }

    /// The points of this run cannot all be read.
    pub fn forget(&mut self, run: &RunId) {
        self.of_runs.remove(run);
    }

    pub fn forget_all(&mut self) {
        self.of_runs.clear();
    }

    /// The remaining points, when all rows were read.
    pub fn end(&mut self) -> Vec<MetricChunk> {
        let last = self.end_metric();
        let of_run = |(id, latest): (&'a RunId, HashMap<&'a str, &'a Point>)| {
            latest.into_iter().map(move |(key, point)| chunk_of(id, key, point))
        };
        last.into_iter().chain(std::mem::take(&mut self.of_runs).into_iter().flat_map(of_run)).collect()
    }

    fn end_metric(&mut self) -> Option<MetricChunk> {
        let (run, key) = self.current.take()?;
        let point = self.of_runs.get_mut(&run)?.remove(key.as_str())?;
        Some(chunk_of(&run, &key, point))
    }
}

fn chunk_of(run: &RunId, key: &str, point: &Point) -> MetricChunk {
    MetricChunk { run_id: run.clone(), key: key.to_owned(), points: vec![*point] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lacking_point_follows_the_other_points_of_its_metric() {
        let at = |step| Point { value: 1.0, timestamp: 1, step };
        let latest = [("a", 9), ("b", 2), ("c", 3)].map(|(key, step)| (key.to_owned(), at(step)));
        let run = Run { id: "r".into(), latest: latest.into(), ..Run::default() };
        let chunk =
            |key: &str, step| MetricChunk { run_id: "r".into(), key: key.to_owned(), points: vec![at(step)] };
        let mut unseen = UnseenPoints::of(&[&run]);
        let added = |found: Option<MetricChunk>| found.map(|chunk| (chunk.key, chunk.points[0].step));
        assert_eq!(added(unseen.read(&chunk("a", 1))), None);
        assert_eq!(added(unseen.read(&chunk("a", 2))), None);
        assert_eq!(added(unseen.read(&chunk("b", 2))), Some(("a".to_owned(), 9)));
        let rest: Vec<_> = unseen.end().into_iter().map(|chunk| chunk.key).collect();
        assert_eq!(rest, ["c"], "b has its latest point, and c has no others");
    }
}
