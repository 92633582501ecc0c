//! An upload while it arrives: in memory while it is small, then in a file of its own.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek};
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use fleetlink_core::{SegmentRef, Staged, StagedId, StoreError, UnfinishedUpload, UploadChange};
use fleetlink_proto::samples::Summary;
use fleetlink_proto::{ContentHash, WallTime};

use super::Shared;
use super::arriving_leaves::Leaves;
use super::failure::not_done;
use super::flusher::{FileError, FlushedFile};
use super::folder::private;
use super::limits::{INLINE_BYTES, READ_BACK_BYTES};
use super::partial_name::Partial;
use super::partials::Claim;
use super::quota;
use super::staged::StagedUpload;
use crate::store::{Leaf, StageReply, Staging};

pub(super) struct FileStaging {
    shared: Arc<Shared>,
    partial: Partial,
    held: u64,
    bytes: u64,
    /// The bytes that it may have by its device's quota.
    room: u64,
    body: Body,
    leaves: Leaves,
}

enum Body {
    Memory(Vec<u8>),
    File(FlushedFile),
    /// A call failed; what there is of the file goes.
    Lost,
    /// Finished or removed.
    Gone,
}

impl FileStaging {
    pub(super) fn begin(
        shared: Arc<Shared>,
        upload: UploadChange,
        room: u64,
    ) -> Result<StageReply, StoreError> {
        shared.health.check()?;
        let partial = Partial::from(upload);
        let kept = match shared.partials.claim(&partial, SystemTime::now())? {
            Claim::Busy => return Ok(StageReply::Busy),
            Claim::New => None,
            Claim::TooOld(old) => {
                remove_partial(&shared, &old);
                None
            }
            Claim::Kept(kept) => Some(kept),
        };
        let mut staging = FileStaging {
            shared,
            partial,
            held: 0,
            bytes: 0,
            room,
            body: Body::Memory(Vec::new()),
            leaves: Leaves::default(),
        };
        if let Some(kept) = kept {
            staging.resume(&kept)?;
        }
        Ok(StageReply::Begun(Box::new(staging)))
    }

    fn resume(&mut self, kept: &Partial) -> Result<(), StoreError> {
        let folder = &self.shared.folder;
        let path = folder.partial(&self.partial);
        let mut named = Ok(());
        if *kept != self.partial {
            // From here on it is told for what the upload is.
            named = fs::rename(folder.partial(kept), &path);
        }
        let opened = named.and_then(|()| OpenOptions::new().read(true).append(true).open(path));
        let file = match opened.and_then(|file| Ok((file.metadata()?.len(), file))) {
            // Somebody tidied up; the upload begins anew.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other,
        };
        let (held, file) = self.or_lost(file, "opening a partial upload")?;
        (self.held, self.bytes) = (held, held);
        self.body = Body::File(FlushedFile::new(file));
        Ok(())
    }

    /// Moves the upload from memory into a file, and adds `bytes`.
    fn spill(&mut self, begun: &[u8], bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.shared.folder.partial(&self.partial);
        // What may be there under this name is of no use: it was not kept.
        let mut options = private();
        options.read(true).append(true).create(true);
        let file = options.open(path).and_then(|file| {
            file.set_len(0)?;
            Ok(file)
        });
        let mut file = FlushedFile::new(self.or_lost(file, "creating a partial upload")?);
        let pyramid = self.shared.folder.arriving_pyramid(&self.partial.name);
        self.leaves.spill(pyramid);
        let written = file.write(begun).and_then(|()| file.write(bytes));
        self.body = Body::File(file);
        self.written(written)
    }

    fn written(&mut self, result: Result<(), FileError>) -> Result<(), StoreError> {
        result.map_err(|error| {
            self.body = Body::Lost;
            match error {
                FileError::Write(error) => not_done("writing a partial upload", &error),
                FileError::Flush(error) => self.shared.health.flush_failed(&error),
            }
        })
    }

    fn or_lost<T>(&mut self, result: io::Result<T>, doing: &str) -> Result<T, StoreError> {
        result.map_err(|error| {
            self.body = Body::Lost;
            not_done(doing, &error)
        })
    }

    /// Makes the bytes durable under the name that a commit expects.
    fn settle(&mut self, file: FlushedFile, id: StagedId) -> Result<(), StoreError> {
        let began = Instant::now();
        let flushed = file.finish();
        self.shared.meters.flushes.observe(began.elapsed());
        self.written(flushed)?;
        let folder = &self.shared.folder;
        let (from, to) = (folder.partial(&self.partial), folder.segment(id.0));
        let renamed = fs::rename(from, to);
        self.or_lost(renamed, "renaming an upload")?;
        self.shared.folder.sync_renamed().map_err(|error| {
            // No row will name it; if it stays, the next start removes it.
            let _ = fs::remove_file(self.shared.folder.segment(id.0));
            self.shared.health.flush_failed(&error)
        })
    }

    fn keep(&self) {
        for old in self.shared.partials.keep(&self.partial, SystemTime::now()) {
            remove_partial(&self.shared, &old);
            self.shared.partials.release(&old.name);
        }
    }

    fn remove(&mut self) {
        remove_partial(&self.shared, &self.partial);
        self.body = Body::Gone;
        self.shared.partials.release(&self.partial.name);
    }
}

impl Staging for FileStaging {
    fn leaf(&mut self, leaf: Leaf) {
        // Of a resumed upload the first ones are missing.
        if self.held == 0 {
            self.leaves.push(leaf);
        }
    }

    fn held(&self) -> u64 {
        self.held
    }

    fn read_held(&mut self, sink: &mut dyn FnMut(&[u8])) -> Result<(), StoreError> {
        let Body::File(file) = &mut self.body else {
            return Ok(());
        };
        let result = read_first(file.file(), self.held, sink);
        self.or_lost(result, "reading a partial upload")
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.shared.health.check()?;
        self.bytes += bytes.len() as u64;
        if self.bytes > self.room {
            self.body = Body::Lost;
            return Err(quota::no_room(self.room));
        }
        match &mut self.body {
            Body::Memory(begun) if begun.len() + bytes.len() <= INLINE_BYTES => {
                begun.extend_from_slice(bytes);
                Ok(())
            }
            Body::Memory(begun) => {
                let begun = mem::take(begun);
                self.spill(&begun, bytes)
            }
            Body::File(file) => {
                let result = file.write(bytes);
                self.written(result)
            }
            Body::Lost | Body::Gone => Err(lost()),
        }
    }

    fn finish(
        mut self: Box<Self>,
        summary: Summary,
        hash: ContentHash,
        ends_open: bool,
    ) -> Result<Staged, StoreError> {
        self.shared.health.check()?;
        let id = self.shared.staged.next_id();
        let body = match mem::replace(&mut self.body, Body::Lost) {
            Body::Memory(bytes) => Some(bytes.into()),
            Body::File(file) => {
                self.settle(file, id)?;
                let segment = SegmentRef {
                    id: id.0,
                    bytes: self.bytes,
                    hash,
                    ends_open,
                };
                let leaves = mem::take(&mut self.leaves);
                leaves.finish(&segment, &summary, &self.shared.folder);
                None
            }
            Body::Lost | Body::Gone => return Err(lost()),
        };
        let (name, bytes) = (self.partial.name.clone(), self.bytes);
        let upload = StagedUpload { name, bytes, body };
        self.shared.staged.insert(id, upload);
        self.body = Body::Gone;
        self.shared.partials.release(&self.partial.name);
        Ok(Staged {
            id,
            bytes,
            hash,
            summary,
            last: None,
            ends_open,
        })
    }

    fn abandon(mut self: Box<Self>) {
        self.remove();
    }
}

impl Drop for FileStaging {
    fn drop(&mut self) {
        match mem::replace(&mut self.body, Body::Gone) {
            Body::Gone => {}
            Body::Memory(_) => self.shared.partials.release(&self.partial.name),
            Body::Lost => self.remove(),
            // Flushed, since a flush that failed unseen would let a resumed upload pass for durable.
            // And closed first, since the next one to claim the name may come at once.
            Body::File(file) => match self.written(file.finish()) {
                Ok(()) => self.keep(),
                Err(error) => {
                    tracing::warn!(device = %self.partial.name.device, %error, "a partial upload is lost");
                    self.remove();
                }
            },
        }
    }
}

fn lost() -> StoreError {
    StoreError::Unavailable("the upload failed before".to_owned())
}

/// Removes the interrupted uploads that are too old.
pub(super) fn prune(shared: &Shared, now: WallTime) {
    let now = system_time(now);
    for partial in shared.partials.bring_back(now) {
        let file = OpenOptions::new()
            .write(true)
            .open(shared.folder.partial(&partial));
        if let Err(error) = file.and_then(|file| file.set_modified(now)) {
            let device = &partial.name.device;
            tracing::debug!(%device, %error, "the time of a partial upload stays");
        }
    }
    for partial in shared.partials.prune(now) {
        remove_partial(shared, &partial);
        shared.partials.release(&partial.name);
        let (device, key) = (&partial.name.device, partial.name.key);
        tracing::info!(%device, %key, "an interrupted upload is too old: it was removed");
    }
}

/// The uploads that are arriving or interrupted.
pub(super) fn unfinished(shared: &Shared, limit: usize) -> Vec<UnfinishedUpload> {
    let entries = shared.partials.list().into_iter().take(limit);
    let entries = entries.map(|(partial, interrupted)| UnfinishedUpload {
        bytes: fs::metadata(shared.folder.partial(&partial)).map_or(0, |file| file.len()),
        device: partial.name.device,
        key: partial.name.key,
        target: partial.target,
        interrupted: interrupted.map(WallTime::from_system),
    });
    entries.collect()
}

fn system_time(at: WallTime) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(at.unix_millis()).unwrap_or(0))
}

fn remove_partial(shared: &Shared, partial: &Partial) {
    match fs::remove_file(shared.folder.partial(partial)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(device = %partial.name.device, %error, "a partial upload cannot be removed");
        }
        _ => {}
    }
}

/// Reads from the beginning; what is appended later goes to the end all the same.
fn read_first(file: &mut File, bytes: u64, sink: &mut dyn FnMut(&[u8])) -> io::Result<()> {
    file.rewind()?;
    let mut rest = file.take(bytes);
    let mut piece = vec![0; READ_BACK_BYTES];
    loop {
        match rest.read(&mut piece) {
            Ok(0) if rest.limit() == 0 => return Ok(()),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => sink(&piece[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
