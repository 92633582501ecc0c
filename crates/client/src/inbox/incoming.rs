//! A file on its way into the inbox.

use std::io::{self, Write as _};
use std::sync::Arc;

use cap_std::fs::File;
use fleetlink_proto::transfer::{End, Ended, FileName, Reason};
use fleetlink_proto::{ContentHash, DeviceName};
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

use super::folder::Folder;
use super::ledger::Promise;
use super::numbers::{Numbers, last_taken};
use super::write_back::WriteBack;
use crate::partial::Listed;
use crate::shortage;

/// The place of a file in the inbox, and its sender.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) folder: Arc<Folder>,
    pub(super) numbers: Arc<Numbers>,
    pub(super) sender: DeviceName,
    /// The name that the sender gave it.
    pub(super) name: FileName,
}

/// A file that is not complete: hidden, and gone when dropped. Its calls block.
#[derive(Debug)]
pub struct Incoming {
    place: Place,
    promise: Option<Promise>,
    file: File,
    partial: String,
    _listed: Listed,
    hasher: blake3::Hasher,
    write_back: WriteBack,
}

impl Incoming {
    pub(super) fn create(place: Place, promise: Promise, size: u64) -> Result<Self, Ended> {
        let (file, partial) = place.folder.create_partial().map_err(cannot_write)?;
        let (folder, hidden) = (place.folder.clone(), partial.clone());
        let listed = Listed::new(move || drop(folder.remove(&hidden)));
        let incoming = Incoming {
            place,
            promise: Some(promise),
            file,
            partial,
            _listed: listed.map_err(cannot_write)?,
            hasher: blake3::Hasher::new(),
            write_back: WriteBack::default(),
        };
        // Taken before the file is accepted, so that no disk fills up in its midst.
        match fallocate(&incoming.file, FallocateFlags::empty(), 0, size) {
            _ if size == 0 => Ok(incoming),
            Ok(()) | Err(Errno::NOTSUP | Errno::NOSYS) => Ok(incoming),
            Err(e) => Err(cannot_write(e.into())),
        }
    }

    /// The name that the sender gave it.
    pub fn name(&self) -> &FileName {
        &self.place.name
    }

    /// Adds these bytes to the end.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Ended> {
        self.file.write_all(bytes).map_err(cannot_write)?;
        self.hasher.update(bytes);
        let written = self.write_back.wrote(&self.file, bytes.len() as u64);
        written.map_err(cannot_write)
    }

    /// Compares what came with what the sender says it sent, makes it durable and gives it its
    /// final name, which is returned. On an error nothing stays.
    pub fn finish(self, end: &End) -> Result<FileName, Ended> {
        self.finish_if(end, || true)
    }

    /// The same, where that is still wanted once the file is durable.
    pub(crate) fn finish_if(
        mut self,
        end: &End,
        wanted: impl FnOnce() -> bool,
    ) -> Result<FileName, Ended> {
        let hash = ContentHash::from(self.hasher.finalize());
        if hash != end.hash || self.hasher.count() != end.bytes {
            let message = "what came is not what was sent: its hash differs";
            return Err(Ended::new(Reason::HashMismatch, message));
        }
        self.write_back.wait().map_err(cannot_write)?;
        self.file.sync_all().map_err(cannot_write)?;
        if !wanted() {
            return Err(Ended::new(
                Reason::Cancelled,
                "nobody waits for it any more",
            ));
        }
        let stored = self.give_name().map_err(cannot_write)?;
        if let Err(error) = self.place.folder.sync() {
            // Both sides say that it failed: then it is not here.
            if let Err(error) = self.place.folder.take_back(&self.file, stored.as_str()) {
                tracing::warn!(%error, name = stored.as_str(), "a file that failed stays behind");
            }
            return Err(cannot_write(error));
        }
        if let Some(promise) = self.promise.take() {
            promise.kept();
        }
        Ok(stored)
    }

    /// The name that the sender's gives, with a number where that is taken. Another file can take
    /// one meanwhile, so each is simply tried.
    fn give_name(&mut self) -> io::Result<FileName> {
        let first = self.place.stored(1);
        let mut number = 1;
        loop {
            let name = self.place.stored(number);
            let placed = self
                .place
                .folder
                .place(&self.file, &self.partial, name.as_str());
            match placed {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(e),
                Ok(()) => {
                    self.partial.clear();
                    if number > 1 {
                        self.place.numbers.note(first.as_str(), number);
                    }
                    return Ok(name);
                }
            }
            let taken = number.max(self.place.numbers.last(first.as_str()));
            number = last_taken(taken, |number| self.place.is_taken(number))? + 1;
        }
    }
}

impl Place {
    fn stored(&self, number: u32) -> FileName {
        self.name.stored(&self.sender, number)
    }

    fn is_taken(&self, number: u32) -> io::Result<bool> {
        self.folder.holds(self.stored(number).as_str())
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.partial.is_empty() {
            let removed = self.place.folder.remove(&self.partial);
            if let Err(error) = removed {
                tracing::warn!(%error, partial = self.partial, "an incomplete file stays behind");
            }
        }
    }
}

/// An error of the disk as the sender is told it.
#[expect(clippy::needless_pass_by_value, reason = "it is what map_err takes")]
pub(super) fn cannot_write(error: io::Error) -> Ended {
    if let Some(refusal) = shortage::refusal(&error) {
        return refusal;
    }
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            Ended::new(
                Reason::NoSpace,
                "the receiver's disk has no room for the file",
            )
        }
        _ => {
            let message = format!("the receiver cannot write: {error}");
            Ended::new(Reason::CannotWrite, message)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::super::ledger::Ledger;
    use super::*;

    #[test]
    fn a_name_that_is_not_durable_is_taken_back() {
        let place = tempfile::tempdir().unwrap();
        let folder = Arc::new(Folder::open(place.path()).unwrap());
        let content = b"content";
        let end = End {
            bytes: 7,
            hash: ContentHash::of(content),
        };
        for fails in [true, false] {
            folder.fails_to_sync.store(fails, Ordering::Relaxed);
            let ledger = Arc::new(Ledger::default());
            let promise = ledger.promise(7, None, || Ok(0)).unwrap();
            let target = Place {
                folder: folder.clone(),
                numbers: Arc::default(),
                sender: "cam".parse().unwrap(),
                name: "a.txt".parse().unwrap(),
            };
            let mut incoming = Incoming::create(target, promise, 7).unwrap();
            incoming.write(content).unwrap();
            let finished = incoming.finish(&end);
            let left = std::fs::read_dir(place.path()).unwrap().count();
            assert_eq!((finished.is_ok(), left), (!fails, usize::from(!fails)));
        }
    }
}
