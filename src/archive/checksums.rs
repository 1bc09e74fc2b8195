//! Checksums of the files of an export directory. They show which files are missing, truncated or changed since the
//! export.
//!
//! Each experiment's folder has a list of the files below it, and the root has a list of all other files and of the
//! `experiment.json` files: so a missing folder is noticed. A list is plain text in the format of `sha256sum`. Lines
//! are only appended, and the last line of a path counts. A line is written after its file, so a killed export leaves
//! at most a file without a line.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fs::{self, File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};

use super::Layout;
use crate::artifacts::local;
use crate::error::{Class, Error, Result};

/// The first line of a list. A list without it was truncated.
const HEAD: &str = "# SHA-256 of the files that mlferry exported\n";
/// An export never writes a longer line.
const MAX_LINE: u64 = 64 * 1024;
/// The number of lists in memory: one for each experiment that is exported at the same time, and a few more.
const MAX_LISTS: usize = 16;
const BUFFER: usize = 256 * 1024;
/// The advice for a missing or changed file.
pub const ADVICE: &str = "put it back from a copy, or export again into the same directory";

/// SHA-256 of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sum([u8; 32]);

impl Sum {
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    pub fn of_file(path: &Path) -> io::Result<Self> {
        let mut file = Hashing::new(File::open(path)?);
        io::copy(&mut file, &mut io::sink())?;
        Ok(file.finish().1)
    }

    /// `None` when the text is not hexadecimal.
    pub fn parse(text: &str) -> Option<Self> {
        let mut sum = [0; 32];
        hex::decode_to_slice(text, &mut sum).ok()?;
        Some(Self(sum))
    }

    fn short(self) -> Short {
        let [first, second] = [&self.0[..8], &self.0[8..16]].map(|half| half.try_into().unwrap_or_default());
        (u64::from_be_bytes(first), u64::from_be_bytes(second))
    }
}

/// Half of a checksum, to save memory: a million files need some tens of megabytes.
type Short = (u64, u64);

/// Hashes all bytes that pass through it.
pub struct Hashing<T> {
    inner: T,
    hasher: Sha256,
}

impl<T> Hashing<T> {
    pub fn new(inner: T) -> Self {
        Self { inner, hasher: Sha256::new() }
    }

    pub fn finish(self) -> (T, Sum) {
        (self.inner, Sum(self.hasher.finalize().into()))
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(buffer)?;
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// The lists of one export directory.
pub struct Checksums {
    layout: Layout,
    /// A file without a line does not belong to the export. False for directories that an older release started.
    is_strict: bool,
    /// See [`Checksums::reads_files`].
    reads_files: bool,
    recent: Mutex<VecDeque<(PathBuf, List)>>,
}

#[derive(Default)]
struct List {
    /// The key is the hash of the path below the list's folder.
    known: HashMap<u64, Short>,
    /// Some lines cannot be read.
    is_damaged: bool,
    /// The error when the whole list cannot be read.
    gone: Option<Error>,
}

impl Checksums {
    pub fn new(layout: &Layout, is_strict: bool) -> Self {
        Self { layout: layout.clone(), is_strict, reads_files: false, recent: Mutex::default() }
    }

    #[must_use]
    pub fn reading_files(self, reads_files: bool) -> Self {
        Self { reads_files, ..self }
    }

    /// An earlier export may have left damaged files of the right size: their content must be compared, too.
    pub fn reads_files(&self) -> bool {
        self.reads_files
    }

    pub fn is_strict(&self) -> bool {
        self.is_strict
    }

    /// Reads a file, and compares its whole content with the checksum in its line.
    ///
    /// # Errors
    /// [`Class::NotFound`] when the file does not exist and is not listed; [`Class::Permanent`] when its path leads out
    /// of the directory, or the file is missing, changed since the export, or not part of it.
    pub fn read<T>(&self, path: &Path, parse: impl FnOnce(&mut dyn BufRead) -> Result<T>) -> Result<T> {
        self.layout.guard(path)?;
        let (listed, unlisted) = self.line_of(path);
        let file = match File::open(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound && listed.is_some() => {
                return Err(Error::permanent(format!(
                    "{} is missing, although the export wrote it: {ADVICE}",
                    path.display()
                )));
            }
            other => other.map_err(|e| Error::from(e).at(path.display()))?,
        };
        let Some(listed) = listed else {
            return match unlisted {
                Some(reason) => Err(Error::permanent(format!("{} {reason}", path.display()))),
                None => parse(&mut BufReader::with_capacity(BUFFER, file)),
            };
        };
        let mut file = BufReader::with_capacity(BUFFER, Hashing::new(file));
        let parsed = parse(&mut file);
        let place = |e: io::Error| Error::from(e).at(path.display());
        // The rest is hashed, too: bytes after the end of the document were not exported either.
        io::copy(&mut file, &mut io::sink()).map_err(place)?;
        let (file, sum) = file.into_inner().finish();
        if sum.short() == listed {
            return parsed;
        }
        let now = file.metadata().map_err(place)?.len();
        Err(Error::permanent(format!(
            "{} was changed or cut since it was exported (it has {now} bytes now): {ADVICE}",
            path.display()
        )))
    }

    /// The same as [`read`](Self::read), but only compares.
    pub fn check(&self, path: &Path) -> Result<()> {
        self.read(path, |_| Ok(()))
    }

    /// False when a file must be written again. A file that neither exists nor is listed need not be written.
    pub fn is_sound(&self, path: &Path) -> bool {
        self.check(path).map_or_else(|error| error.class() == Class::NotFound, |()| true)
    }

    /// Writes a small file and its line.
    pub fn write(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        local::write(path, bytes)?;
        self.add(&[(path, Sum::of(bytes))])
    }

    /// Adds lines for files that are on disk.
    pub fn add(&self, files: &[(&Path, Sum)]) -> Result<()> {
        let mut lists: BTreeMap<PathBuf, Vec<(String, Sum)>> = BTreeMap::new();
        for (path, sum) in files {
            for (list, name) in self.layout.lists_of(path) {
                lists.entry(list).or_default().push((name, *sum));
            }
        }
        for (path, new) in lists {
            let text: String =
                new.iter().map(|(name, sum)| format!("{}  {name}\n", hex::encode(sum.0))).collect();
            let place = |e: io::Error| Error::from(e).at(path.display());
            self.layout.guard(path.parent().unwrap_or(&path))?;
            let mut recent = self.recent();
            let list = self.list(&mut recent, &path);
            if list.gone.is_some() || list.is_damaged {
                repair(&path)?;
                (list.gone, list.is_damaged) = (None, false);
            }
            let mut file = OpenOptions::new().append(true).open(&path).map_err(place)?;
            file.write_all(text.as_bytes()).map_err(place)?;
            list.known.extend(new.iter().map(|(name, sum)| (key_of(name), sum.short())));
        }
        Ok(())
    }

    /// Creates the list of a folder if it does not exist.
    pub fn begin(&self, folder: &Path) -> Result<()> {
        let path = folder.join(Layout::CHECKSUMS);
        self.layout.guard(&path)?;
        let mut recent = self.recent();
        let list = self.list(&mut recent, &path);
        if list.gone.is_some() {
            repair(&path)?;
            list.gone = None;
        }
        Ok(())
    }

    /// The reason why the list of a folder is incomplete, if it is.
    pub fn problem(&self, folder: &Path) -> Option<String> {
        let path = folder.join(Layout::CHECKSUMS);
        let mut recent = self.recent();
        let list = self.list(&mut recent, &path);
        match &list.gone {
            Some(error) if error.class() == Class::NotFound => self.is_strict.then(|| {
                format!("{} is missing: the files that it listed were not checked; {ADVICE}", path.display())
            }),
            Some(error) => Some(format!("the files that it listed were not checked: {error}")),
            None => list
                .is_damaged
                .then(|| format!("{} was changed or cut since the export: {ADVICE}", path.display())),
        }
    }

    /// Calls `each` with the path below `folder` of every listed file in it. A path may be passed more than once.
    pub fn each_listed(&self, folder: &Path, each: &mut dyn FnMut(&str)) -> Result<()> {
        // Any file name directly in the folder leads to its list.
        let Some((list, below)) = self.layout.lists_of(&folder.join("_")).into_iter().next() else {
            return Ok(());
        };
        if self.layout.guard(&list).is_err() {
            return Ok(());
        }
        let Ok(file) = File::open(&list) else { return Ok(()) };
        let below = below.trim_end_matches('_').to_owned();
        let read = each_line(file, &mut |line| {
            if let Line::File(name, _) = line
                && let Some(name) = name.strip_prefix(below.as_str())
            {
                each(name);
            }
        });
        // `problem` reports a damaged list separately.
        read.or(Ok(()))
    }

    /// The checksum of a file, and the error text for a file without a line. The text is `None` when no line is needed.
    fn line_of(&self, path: &Path) -> (Option<Short>, Option<&'static str>) {
        let Some((list, name)) = self.layout.lists_of(path).into_iter().next() else { return (None, None) };
        let mut recent = self.recent();
        let list = self.list(&mut recent, &list);
        let unlisted = match list.is_damaged {
            true => {
                "cannot be checked: its line in checksums.sha256 was lost; export again into the same directory"
            }
            false => {
                "is not in checksums.sha256: it is a copy, or its export was killed; delete it, or export again into the same directory"
            }
        };
        let is_needed = self.is_strict && list.gone.is_none();
        (list.known.get(&key_of(&name)).copied(), is_needed.then_some(unlisted))
    }

    fn recent(&self) -> MutexGuard<'_, VecDeque<(PathBuf, List)>> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The list of this path. It becomes the most recent one.
    fn list<'a>(&self, recent: &'a mut VecDeque<(PathBuf, List)>, path: &Path) -> &'a mut List {
        let known = recent.iter().position(|(known, _)| known == path).and_then(|at| recent.remove(at));
        let known = known.unwrap_or_else(|| {
            let gone = |error| List { gone: Some(error), ..List::default() };
            (path.to_owned(), self.layout.guard(path).and_then(|()| load(path)).unwrap_or_else(gone))
        });
        recent.truncate(recent.len().min(MAX_LISTS - 1));
        recent.push_front(known);
        &mut recent[0].1
    }
}

enum Line<'a> {
    Head,
    File(&'a str, Sum),
    Damaged,
}

fn parse(line: &[u8]) -> Line<'_> {
    if line == HEAD.as_bytes() {
        return Line::Head;
    }
    let text = std::str::from_utf8(line).ok().and_then(|line| line.strip_suffix('\n'));
    let parsed =
        text.and_then(|text| text.split_once("  ")).and_then(|(sum, name)| Some((name, Sum::parse(sum)?)));
    parsed.map_or(Line::Damaged, |(name, sum)| Line::File(name, sum))
}

fn each_line(file: File, each: &mut dyn FnMut(Line<'_>)) -> io::Result<()> {
    let (mut file, mut line) = (BufReader::with_capacity(BUFFER, file), Vec::new());
    loop {
        line.clear();
        if file.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        each(parse(&line));
    }
}

fn load(path: &Path) -> Result<List> {
    let place = |e: io::Error| Error::from(e).at(path.display());
    let (mut list, mut has_head) = (List::default(), false);
    let file = File::open(path).map_err(place)?;
    each_line(file, &mut |line| match line {
        Line::Head => has_head = true,
        Line::File(name, sum) => drop(list.known.insert(key_of(name), sum.short())),
        Line::Damaged => list.is_damaged = true,
    })
    .map_err(place)?;
    list.is_damaged |= !has_head;
    match list.known.is_empty() && list.is_damaged {
        true => Err(Error::permanent(format!("{} has no readable line: {ADVICE}", path.display()))),
        false => Ok(list),
    }
}

/// Writes a list again, with its readable lines.
fn repair(path: &Path) -> Result<()> {
    let mut text = HEAD.to_owned();
    if let Ok(file) = File::open(path) {
        let read = each_line(file, &mut |line| {
            if let Line::File(name, sum) = line {
                text.push_str(&format!("{}  {name}\n", hex::encode(sum.0)));
            }
        });
        read.map_err(|e| Error::from(e).at(path.display()))?;
    }
    if path.is_dir() {
        fs::remove_dir(path).map_err(|e| Error::from(e).at(path.display()))?;
    }
    local::write(path, text.as_bytes())
}

fn key_of(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}
