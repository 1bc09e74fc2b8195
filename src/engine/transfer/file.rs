use futures::{StreamExt, stream};

use super::Copy;
use crate::artifacts::{Digest, differs_from_record};
use crate::engine::state::journal::KnownFile;
use crate::entities::{FileEntry, Kind, Owner, Readable, is_safe_path};
use crate::error::{Error, Result};
use crate::io::Pages;
use crate::readers::SourceFile;
use crate::writers::FileWriter;

/// The maximum number of files of one owner that are moved concurrently.
const MAX_CONCURRENT_FILES: usize = 8;

/// The result of moving an owner's files.
#[derive(Default)]
pub(super) struct Files {
    pub there: Vec<FileEntry>,
    /// The path and the reason, for each file that is not on the target.
    pub missing: Vec<(String, String)>,
    /// The reason why the list of files may be incomplete.
    pub unread: Option<Error>,
}

impl Copy {
    /// Moves every file of a run or a logged model. If one file fails, the others are still moved.
    pub(super) async fn write_files(
        &self,
        owner: Owner<'_>,
        target: &str,
        writer: &dyn FileWriter,
    ) -> Result<Files> {
        self.write_listed(owner, target, writer, self.source.files(owner)).await
    }

    pub(super) async fn write_listed(
        &self,
        owner: Owner<'_>,
        target: &str,
        writer: &dyn FileWriter,
        mut pages: Pages<'_, Readable<FileEntry>>,
    ) -> Result<Files> {
        let mut files = Files::default();
        // If an earlier job could not list the files, this job reports it again, or it is over.
        self.journal.listed(&owner.id_of(""))?;
        while let Some(page) = pages.next().await {
            let page = match page {
                Ok(page) => page,
                Err(error) => {
                    files.unread = Some(error.at("its artifacts cannot be listed"));
                    break;
                }
            };
            let (page, unlisted): (Vec<_>, Vec<_>) = page.into_iter().partition(Result::is_ok);
            for unreadable in unlisted.into_iter().filter_map(Result::err) {
                self.journal.plan(Kind::Artifact, [unreadable.id.as_str()])?;
                self.context.plan(Kind::Artifact, 1).await;
                // An unreadable folder is listed as missing in the same form as a file.
                files.missing.push((unreadable.id.clone(), unreadable.reason.clone()));
                self.report_unreadable(std::iter::once(unreadable), None).await?;
            }
            let page: Vec<FileEntry> = page.into_iter().flatten().collect();
            let ids: Vec<String> = page.iter().map(|file| owner.id_of(&file.path)).collect();
            self.journal.plan(Kind::Artifact, ids.iter().map(String::as_str))?;
            self.context.plan(Kind::Artifact, page.len()).await;
            let moving = page.into_iter().map(|file| async move {
                let moved = self.write_file(owner, target, writer, &file).await?;
                Ok::<_, Error>((file, moved))
            });
            let mut moving = stream::iter(moving).buffer_unordered(MAX_CONCURRENT_FILES);
            while let Some(moved) = moving.next().await {
                match moved? {
                    (file, Ok(digest)) => files.there.push(FileEntry {
                        sha256: digest.sha256,
                        ..FileEntry::new(file.path, Some(digest.bytes))
                    }),
                    (file, Err(reason)) => files.missing.push((file.path, reason)),
                }
            }
        }
        self.send_notes().await;
        files.there.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }

    /// Moves one file, or skips it if the target already has it. The outer error ends the job. The inner error concerns
    /// this file only.
    async fn write_file(
        &self,
        owner: Owner<'_>,
        target: &str,
        writer: &dyn FileWriter,
        file: &FileEntry,
    ) -> Result<Result<Digest, String>> {
        let id = owner.id_of(&file.path);
        let name = owner.name_of(&file.path);
        let known = self.journal.known_file(&id, target)?.filter(|known| is_same(file, known));
        let source = SourceFile { reader: self.source.as_ref(), owner, file };
        if let Some(known) = known {
            let is_as_written = match writer.has(file, &known.digest, self.update).await {
                Ok(true) => self.is_unchanged(&source, &known.digest).await,
                other => other,
            };
            match is_as_written {
                Ok(true) => {
                    self.context.skipped(Kind::Artifact, &id, &name, "already there").await;
                    return Ok(Ok(known.digest));
                }
                Ok(false) => {}
                Err(error) => return self.fail_file(&id, &name, &error).await,
            }
        }
        if !is_safe_path(&file.path) {
            let error = Error::permanent(format!(
                "{:?} is not a valid path of a file: it has empty parts, or it leads out of its folder",
                file.path
            ));
            return self.fail_file(&id, &name, &error).await;
        }
        self.context.started(Kind::Artifact, &id, &name).await;
        match writer.write(file, &source).await.and_then(|digest| check(file, digest)) {
            Ok(digest) => {
                self.journal.file_done(&id, target, &digest, file.stamp.as_deref())?;
                self.context.progress().add_bytes(digest.bytes);
                self.context.done(Kind::Artifact, &id, &name).await;
                Ok(Ok(digest))
            }
            Err(error) => self.fail_file(&id, &name, &error).await,
        }
    }

    /// Whether the source still has the bytes that were written. The bytes are only read if the user has requested it.
    async fn is_unchanged(&self, source: &SourceFile<'_>, known: &Digest) -> Result<bool> {
        if !self.reread {
            return Ok(true);
        }
        match &known.sha256 {
            Some(known) => Ok(source.sha256().await?.0 == *known),
            // S3 has copied this object in parts, so its checksum is unknown. Copying it again is cheap.
            None => Ok(false),
        }
    }

    /// Reports notes of both ends. Must also be called after files were moved, because the route of the files is
    /// decided with the first file.
    pub(super) async fn send_notes(&self) {
        for text in self.source.take_notes().into_iter().chain(self.target.take_notes()) {
            self.context.note(text).await;
        }
    }

    async fn fail_file(&self, id: &str, name: &str, error: &Error) -> Result<Result<Digest, String>> {
        self.fail(Kind::Artifact, (id, name), None, error).await?;
        Ok(Err(error.to_string()))
    }
}

/// True when neither size, checksum nor stamp shows that the file has changed. A server's listing only contains the
/// size.
fn is_same(file: &FileEntry, KnownFile { digest, stamp }: &KnownFile) -> bool {
    file.size.is_none_or(|size| size == digest.bytes)
        && !differ(file.sha256.as_ref(), digest.sha256.as_ref())
        && !differ(file.stamp.as_ref(), stamp.as_ref())
}

/// True when both values are known and differ.
fn differ(a: Option<&String>, b: Option<&String>) -> bool {
    a.zip(b).is_some_and(|(a, b)| a != b)
}

/// Checks that the received bytes match the size and checksum in the listing.
fn check(file: &FileEntry, digest: Digest) -> Result<Digest> {
    if let Some(size) = file.size.filter(|size| *size != digest.bytes) {
        return Err(Error::permanent(format!("{} bytes were read, but {size} were expected", digest.bytes)));
    }
    if differ(file.sha256.as_ref(), digest.sha256.as_ref()) {
        return Err(differs_from_record());
    }
    Ok(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_written_again_is_not_the_same() {
        let file = |size, stamp: Option<&str>| FileEntry {
            stamp: stamp.map(str::to_owned),
            ..FileEntry::new("x", size)
        };
        let known = |stamp: Option<&str>| KnownFile {
            digest: Digest { bytes: 3, sha256: None },
            stamp: stamp.map(str::to_owned),
        };
        assert!(is_same(&file(Some(3), Some("tag a")), &known(Some("tag a"))));
        assert!(!is_same(&file(Some(3), Some("tag b")), &known(Some("tag a"))));
        assert!(!is_same(&file(Some(4), Some("tag a")), &known(Some("tag a"))));
        // An older journal or a server's listing has no stamp, so a change cannot be detected.
        assert!(is_same(&file(Some(3), Some("tag b")), &known(None)));
        assert!(is_same(&file(None, None), &known(Some("tag a"))));
    }
}
