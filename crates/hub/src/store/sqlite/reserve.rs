//! Room that is given up when a deletion finds none: on a full disk, to delete is what helps, and it
//! needs a little room itself.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Instant;

use super::folder::private;
use super::limits::{RESERVE_BYTES, RESERVE_INTERVAL};

pub(super) struct Reserve {
    path: PathBuf,
    held: bool,
    tried: Instant,
}

impl Reserve {
    pub(super) fn take(path: PathBuf) -> Self {
        let mut reserve = Reserve {
            path,
            held: false,
            tried: Instant::now(),
        };
        reserve.fill();
        reserve
    }

    /// Gives the room up; `false` where there is none to give.
    pub(super) fn give_up(&mut self) -> bool {
        let given = self.held && fs::remove_file(&self.path).is_ok();
        if given {
            tracing::warn!("the disk is full: the reserve for deletions is used");
        }
        self.held = false;
        self.tried = Instant::now();
        given
    }

    /// Takes it again after a while.
    pub(super) fn restore(&mut self) {
        if !self.held && self.tried.elapsed() >= RESERVE_INTERVAL {
            self.fill();
        }
    }

    pub(super) fn is_held(&self) -> bool {
        self.held
    }

    /// Takes it again at once, where it was used.
    pub(super) fn take_again(&mut self) {
        if !self.held {
            self.fill();
        }
    }

    fn fill(&mut self) {
        self.tried = Instant::now();
        match self.write() {
            Ok(()) => self.held = true,
            Err(error) => {
                tracing::warn!(%error, "there is no room for the reserve for deletions");
                // What was written of it is of more use to others.
                let _ = fs::remove_file(&self.path);
            }
        }
    }

    fn write(&self) -> io::Result<()> {
        if fs::metadata(&self.path).is_ok_and(|there| there.len() == RESERVE_BYTES as u64) {
            return Ok(());
        }
        let mut options = private();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .open(&self.path)?;
        // Written, since a hole takes no room.
        file.write_all(&vec![0; RESERVE_BYTES])?;
        file.sync_all()
    }
}
