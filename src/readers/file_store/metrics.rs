//! Metric files. They may be of any size, so they are read line by line.

use std::collections::HashSet;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use super::disk::Disk;
use super::{Store, metric_line};
use crate::entities::{Point, PointIdentity};
use crate::error::{Error, Result};

/// A longer line is not a point; it is skipped without holding it in memory.
const MAX_LINE: u64 = 64 * 1024;
/// The part of a file that is kept when it is read twice.
const MAX_IN_MEMORY: usize = 64 * 1024;
/// The part of a bad line that a message shows, in bytes.
const MAX_SHOWN: usize = 60;

/// The lines of a file that are not points.
#[derive(Debug, Default, PartialEq)]
pub struct BadLines {
    count: u64,
    /// The number of the first one, counted from 1, and its beginning.
    first: (u64, String),
}

impl BadLines {
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn add(&mut self, number: u64, line: &[u8]) {
        if self.count == 0 {
            let shown = &line[..line.len().min(MAX_SHOWN)];
            self.first = (number, String::from_utf8_lossy(shown).trim_end().to_owned());
        }
        self.count += 1;
    }
}

impl fmt::Display for BadLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, line) = &self.first;
        match self.count {
            1 => write!(f, "line {number} is not a point: {line:?}"),
            count => write!(f, "{count} lines are not points, the first is line {number}: {line:?}"),
        }
    }
}

/// Passes each line to `parse`, which returns false for a line that is not valid. Empty lines are skipped. A last line
/// that has no end and fewer fields than the line before it was cut off while it was written, so it is not valid
/// either: its value may be cut, too.
pub fn each_line(mut lines: impl BufRead, parse: &mut dyn FnMut(&[u8]) -> Verdict) -> io::Result<BadLines> {
    let (mut bad, mut line, mut number, mut fields) = (BadLines::default(), Vec::new(), 0, 0);
    loop {
        line.clear();
        if lines.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(bad);
        }
        number += 1;
        let has_end = line.ends_with(b"\n");
        if !has_end && line.len() as u64 == MAX_LINE {
            skip_line(&mut lines)?;
            bad.add(number, &line);
            continue;
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let now = metric_line::fields(&line);
        if !has_end && now < fields {
            bad.add(number, &line);
            continue;
        }
        fields = now;
        match parse(&line) {
            Verdict::Good => {}
            Verdict::Bad => bad.add(number, &line),
            Verdict::Stop => return Ok(bad),
        }
    }
}

/// The result of reading a line.
#[derive(Clone, Copy)]
pub enum Verdict {
    Good,
    Bad,
    /// No further line is needed.
    Stop,
}

fn skip_line(lines: &mut impl BufRead) -> io::Result<()> {
    loop {
        let (used, is_end) = match lines.fill_buf()? {
            [] => return Ok(()),
            buffer => match buffer.iter().position(|byte| *byte == b'\n') {
                Some(end) => (end + 1, true),
                None => (buffer.len(), false),
            },
        };
        lines.consume(used);
        if is_end {
            return Ok(());
        }
    }
}

/// A metric file that is read more than once.
pub struct MetricFile<'a> {
    disk: &'a Disk,
    path: &'a Path,
    /// The whole file, if it is small: most are, and opening a file takes longer than reading it.
    content: Option<Vec<u8>>,
}

impl<'a> MetricFile<'a> {
    pub fn open(disk: &'a Disk, path: &'a Path) -> Result<Self> {
        let (content, is_whole) = disk.read_start(path, MAX_IN_MEMORY)?;
        Ok(Self { disk, path, content: is_whole.then_some(content) })
    }

    /// Every point of a run's metric, in the order of the file. `sink` returns false to stop.
    pub fn each_point(&self, sink: &mut dyn FnMut(Point) -> bool) -> Result<BadLines> {
        let mut parse = |line: &[u8]| match metric_line::of_run(line) {
            None => Verdict::Bad,
            Some(point) if sink(point) => Verdict::Good,
            Some(_) => Verdict::Stop,
        };
        let read = match &self.content {
            Some(content) => each_line(content.as_slice(), &mut parse),
            None => each_line(BufReader::new(self.disk.open_file(self.path)?), &mut parse),
        };
        read.map_err(|e| Error::from(e).at(self.path.display()))
    }
}

impl Store {
    /// The latest point: the greatest by step, time and value. NaN is neither greater nor less than another value, so
    /// the first one wins, as with Python's `max` (MLflow 3.18, `store/tracking/file_store.py`).
    pub fn latest(&self, path: &Path) -> Result<(Option<Point>, BadLines)> {
        let mut latest = None;
        let bad = MetricFile::open(&self.disk, path)?.each_point(&mut |point| {
            keep_latest(&mut latest, point);
            true
        })?;
        Ok((latest, bad))
    }

    /// The latest point in the last 64 KiB. It is the latest of all unless points were logged in another order, which
    /// is good enough for display.
    pub fn latest_of_end(&self, path: &Path) -> Result<(Option<Point>, BadLines)> {
        let place = |e: io::Error| Error::from(e).at(path.display());
        let mut file = self.disk.open_file(path)?;
        let start = file.metadata().map_err(place)?.len().saturating_sub(MAX_LINE);
        file.seek(SeekFrom::Start(start)).map_err(place)?;
        let mut lines = BufReader::new(file);
        if start > 0 {
            skip_line(&mut lines).map_err(place)?;
        }
        let mut latest = None;
        let bad = each_line(lines, &mut |line| {
            let Some(point) = metric_line::of_run(line) else { return Verdict::Bad };
            keep_latest(&mut latest, point);
            Verdict::Good
        });
        Ok((latest, bad.map_err(place)?))
    }
}

fn keep_latest(latest: &mut Option<Point>, point: Point) {
    let is_later = latest.is_none_or(|known| {
        let order = (point.step, point.timestamp).cmp(&(known.step, known.timestamp));
        order.is_gt() || (order.is_eq() && point.value > known.value)
    });
    if is_later {
        *latest = Some(point);
    }
}

/// Finds repeated points, which file stores keep and databases cannot hold. Loggers write points in the order of their
/// times, so only points that come too late are remembered, and the points with the newest time and step.
#[derive(Default)]
pub struct Repeats {
    /// The points that come after a point with a greater time or step.
    late: HashSet<PointIdentity>,
    /// Those of them that were seen.
    seen: HashSet<PointIdentity>,
    newest: Option<(i64, i64)>,
    at_newest: HashSet<PointIdentity>,
}

impl Repeats {
    /// Reads the file once to find the points that come too late.
    pub fn of(file: &MetricFile<'_>) -> Result<Self> {
        let (mut late, mut newest) = (HashSet::new(), None);
        file.each_point(&mut |point| {
            let position = Some((point.timestamp, point.step));
            if position < newest {
                late.insert(point.identity());
            }
            newest = newest.max(position);
            true
        })?;
        Ok(Self { late, ..Self::default() })
    }

    pub fn is_new(&mut self, point: &Point) -> bool {
        let (identity, position) = (point.identity(), Some((point.timestamp, point.step)));
        if self.late.contains(&identity) {
            return self.seen.insert(identity);
        }
        if position > self.newest {
            self.newest = position;
            self.at_newest.clear();
        }
        position < self.newest || self.at_newest.insert(identity)
    }
}
