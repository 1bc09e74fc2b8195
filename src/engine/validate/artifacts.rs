use std::collections::BTreeMap;
use std::sync::PoisonError;

use bytes::BytesMut;
use futures::{StreamExt, TryStreamExt, stream};

use super::{ArtifactCheck, Compare, Difference, FieldDifference, FileFacts};
use crate::entities::{FileEntry, Kind, Owner, Run, Unreadable, is_mlmodel, with_new_ids};
use crate::error::Result;
use crate::io::ByteSource;
use crate::readers::{Reader, SourceFile, read_all};

/// The maximum number of files of one pair that are compared concurrently.
const MAX_CONCURRENT_FILES: usize = 8;
const BY_CHECKSUM: &str = "--artifacts checksum reads them";
const LISTED_AS_EMPTY: &str =
    "the source lists the artifacts as empty: check whether it can read their folder";
const WITHOUT_FILES: &str = "--artifacts none";

impl Compare {
    pub(super) async fn send_notes(&self) {
        for text in self.source.take_notes().into_iter().chain(self.target.take_notes()) {
            self.context.note(text).await;
        }
    }

    /// Compares the files of two runs. An empty list is not reliable if the run should have files, so it is reported as
    /// not compared.
    pub(super) async fn files_of_runs(&self, experiment: &str, source: &Run, target: &Run) {
        let listed = self.files(experiment, source.owner(), target.owner()).await;
        if listed == Some(0) && source.names_model_files() {
            self.not_compared(Kind::Run, "files of a logged model that a tag names", LISTED_AS_EMPTY, 1);
        }
    }

    /// Compares the files of two runs or logged models. Each file is a separate item. Returns the number of files that
    /// the source lists, or `None` when the files were not compared.
    pub(super) async fn files(
        &self,
        experiment: &str,
        source: Owner<'_>,
        target: Owner<'_>,
    ) -> Option<usize> {
        if self.artifacts == ArtifactCheck::None {
            self.not_compared(source.kind, "files", WITHOUT_FILES, 1);
            return None;
        }
        let (ours, theirs) =
            futures::join!(list(self.source.as_ref(), source), list(self.target.as_ref(), target));
        self.send_notes().await;
        let (ours, theirs) = match (ours, theirs) {
            (Ok((ours, unread)), Ok((mut theirs, unread_there))) => {
                // A file that the source cannot return is already reported, so it must not count as extra.
                theirs.retain(|path, _| unread.iter().all(|file| file.id != source.id_of(path)));
                self.unread(unread, true).await;
                self.unread(unread_there, false).await;
                (ours, theirs)
            }
            (Err(e), _) => {
                self.unlisted(experiment, source, Some(e.to_string()), None).await;
                return None;
            }
            (_, Err(e)) => {
                self.unlisted(experiment, source, None, Some(e.to_string())).await;
                return None;
            }
        };
        let extra: Vec<&FileEntry> = theirs.values().filter(|file| !ours.contains_key(&file.path)).collect();
        self.context.plan(Kind::Artifact, ours.len() + extra.len()).await;
        stream::iter(ours.values())
            .for_each_concurrent(MAX_CONCURRENT_FILES, |file| async {
                let partner = theirs.get(&file.path);
                let difference = self.file(source, target, file, partner).await;
                self.found(difference.of_experiment(experiment)).await;
            })
            .await;
        for file in extra {
            // All files of the pair are named after the owner on the source.
            let (name, id) = names(source, &file.path);
            let extra = Difference::extra(Kind::Artifact, &name, &id).of_file(None, Some(facts(file)));
            self.found(extra.of_experiment(experiment)).await;
        }
        Some(ours.len())
    }

    async fn file(
        &self,
        source: Owner<'_>,
        target: Owner<'_>,
        ours: &FileEntry,
        theirs: Option<&FileEntry>,
    ) -> Difference {
        let (name, id) = names(source, &ours.path);
        let Some(theirs) = theirs else {
            return Difference::missing(Kind::Artifact, &name, &id).of_file(Some(facts(ours)), None);
        };
        let field = |field: &str, source: String, target: String| {
            vec![FieldDifference { field: field.to_owned(), source: Some(source), target: Some(target) }]
        };
        let pair = |fields| {
            let pair = Difference::pair(Kind::Artifact, &name, &id, &target.id_of(&theirs.path), fields);
            pair.of_file(Some(facts(ours)), Some(facts(theirs)))
        };
        if is_mlmodel(&ours.path, ours.size) {
            return match self.mlmodels((source, ours), (target, theirs)).await {
                Ok(fields) => pair(fields),
                Err(e) => {
                    Difference::unreadable(Kind::Artifact, &name, &id, unreadable(Some(e.to_string()), None))
                }
            };
        }
        // A file without a size is empty, or its store reports no sizes. Only the bytes show whether such files differ.
        if let (Some(our_size), Some(their_size)) = (ours.size, theirs.size) {
            if our_size != their_size {
                return pair(field("size", our_size.to_string(), their_size.to_string()));
            }
            if self.artifacts == ArtifactCheck::Size {
                return match (&ours.sha256, &theirs.sha256) {
                    (Some(a), Some(b)) if a != b => pair(field("sha256", a.clone(), b.clone())),
                    (Some(_), Some(_)) => pair(Vec::new()),
                    _ => {
                        self.not_compared(Kind::Artifact, "bytes of files of the same size", BY_CHECKSUM, 1);
                        pair(Vec::new())
                    }
                };
            }
        }
        self.file_bytes((source, ours), (target, theirs)).await
    }

    /// Reads every byte of both files.
    pub(super) async fn file_bytes(
        &self,
        (source, ours): (Owner<'_>, &FileEntry),
        (target, theirs): (Owner<'_>, &FileEntry),
    ) -> Difference {
        let (name, id) = names(source, &ours.path);
        let their_id = target.id_of(&theirs.path);
        let sizes = (ours.size, theirs.size);
        let ours = SourceFile { reader: self.source.as_ref(), owner: source, file: ours };
        let theirs = SourceFile { reader: self.target.as_ref(), owner: target, file: theirs };
        match futures::join!(ours.sha256(), theirs.sha256()) {
            (Ok((a, bytes)), Ok((b, _))) => {
                self.context.progress().add_bytes(bytes);
                let side = |size, sha256: &String| Some(FileFacts { size, sha256: Some(sha256.clone()) });
                let sides = (side(sizes.0, &a), side(sizes.1, &b));
                let field = FieldDifference { field: "sha256".to_owned(), source: Some(a), target: Some(b) };
                let fields = if field.source == field.target { Vec::new() } else { vec![field] };
                let pair = Difference::pair(Kind::Artifact, &name, &id, &their_id, fields);
                pair.of_file(sides.0, sides.1)
            }
            (Err(e), _) => {
                Difference::unreadable(Kind::Artifact, &name, &id, unreadable(Some(e.to_string()), None))
            }
            (_, Err(e)) => {
                Difference::unreadable(Kind::Artifact, &name, &id, unreadable(None, Some(e.to_string())))
            }
        }
    }

    /// Compares two `MLmodel` files: the target's file must equal the source's file with new ids in it. The bytes are
    /// compared even if only sizes are requested, because a new id may be longer.
    async fn mlmodels(
        &self,
        (source, ours): (Owner<'_>, &FileEntry),
        (target, theirs): (Owner<'_>, &FileEntry),
    ) -> Result<Vec<FieldDifference>> {
        let ours = SourceFile { reader: self.source.as_ref(), owner: source, file: ours };
        let theirs = SourceFile { reader: self.target.as_ref(), owner: target, file: theirs };
        let (ours, theirs) = futures::try_join!(bytes(ours), bytes(theirs))?;
        self.context.progress().add_bytes(ours.len() as u64);
        let roots = (source.artifact_uri, target.artifact_uri);
        let expected = {
            let pairs = self.pairs.lock().unwrap_or_else(PoisonError::into_inner);
            with_new_ids(&ours, roots, |id| pairs.get(id).cloned())
        };
        Ok(if expected == theirs { Vec::new() } else { vec![first_line_that_differs(&expected, &theirs)] })
    }

    async fn unlisted(
        &self,
        experiment: &str,
        source: Owner<'_>,
        ours: Option<String>,
        theirs: Option<String>,
    ) {
        let (name, id) = names(source, "");
        self.context.plan(Kind::Artifact, 1).await;
        let difference = Difference::unreadable(Kind::Artifact, &name, &id, unreadable(ours, theirs));
        self.found(difference.of_experiment(experiment)).await;
    }
}

async fn bytes(file: SourceFile<'_>) -> Result<BytesMut> {
    file.open().await?.try_collect().await
}

fn first_line_that_differs(expected: &[u8], found: &[u8]) -> FieldDifference {
    let lines = |text: &[u8]| String::from_utf8_lossy(text).lines().map(str::to_owned).collect::<Vec<_>>();
    let (expected, found) = (lines(expected), lines(found));
    let at = expected.iter().zip(&found).take_while(|(a, b)| a == b).count();
    let (source, target) = (expected.get(at).cloned(), found.get(at).cloned());
    FieldDifference { field: format!("line {}", at + 1), source, target }
}

/// The facts about a file that a listing contains.
fn facts(file: &FileEntry) -> FileFacts {
    FileFacts { size: file.size, sha256: file.sha256.clone() }
}

fn unreadable(source: Option<String>, target: Option<String>) -> FieldDifference {
    FieldDifference { field: "reading it".to_owned(), source, target }
}

/// The name of a file for the user, and its id.
fn names(owner: Owner<'_>, path: &str) -> (String, String) {
    (owner.name_of(path), owner.id_of(path))
}

async fn list(of: &dyn Reader, owner: Owner<'_>) -> Result<(BTreeMap<String, FileEntry>, Vec<Unreadable>)> {
    let (files, unread) = read_all(of.files(owner)).await?;
    Ok((files.into_iter().map(|file| (file.path.clone(), file)).collect(), unread))
}
