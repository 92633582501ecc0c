//! Room for the writer: what the database does not use is given back to the disk, and on a full disk
//! deletions find the little that they need.
//!
//! On a disk that is full, the log must still be copied into the database, or no deletion could begin.
//! While the reserve is held, its room is enough for that. Once it is used, every transaction's log is
//! copied at once, and where that finds no room, nothing but deletions is taken until it does.

use fleetlink_core::Change;
use rusqlite::Connection;
use tokio::sync::mpsc;

use super::super::change::Write;
use super::super::checkpoint::{self, Copied};
use super::super::error::{SqlFault, fault};
use super::super::limits::COPY_TRIES;
use super::super::vacuum;
use super::{Broken, Desk, Job};

impl Desk {
    /// Copies the log where it is time to.
    pub(super) fn copy_log(&mut self) {
        let health = &self.shared.health;
        let copied = if self.reserve.is_held() {
            checkpoint::if_due(&self.connection, health)
        } else {
            checkpoint::now(&self.connection, health)
        };
        self.is_stuck = copied == Copied::NoRoom && !self.reserve.is_held();
    }

    /// Gives room back while nobody waits.
    pub(super) fn tidy_up(&mut self, queue: &mpsc::Receiver<Job>) {
        let is_due = |desk: &Self| {
            let unused = vacuum::unused(&desk.connection).unwrap_or(0);
            let is_short = !desk.reserve.is_held() && unused > 0;
            is_short || vacuum::is_due(&desk.connection).unwrap_or(false)
        };
        let mut made_room = false;
        while queue.is_empty() && self.shared.health.check().is_ok() && is_due(self) {
            if !self.give_room_back() {
                break;
            }
            made_room = true;
        }
        // The file gets shorter with the last page of the log, which a reader may have held.
        let mut tries = 0;
        while made_room && queue.is_empty() && tries < COPY_TRIES {
            if checkpoint::rest(&self.connection, &self.shared.health) == 0 {
                break;
            }
            tries += 1;
        }
        if queue.is_empty() {
            let (folder, health) = (&self.shared.folder, &self.shared.health);
            checkpoint::shorten(&self.connection, folder, health);
        }
    }

    /// Gives up some unused pages of the database; whether that succeeded.
    fn give_room_back(&mut self) -> bool {
        if !vacuum::is_possible(&self.connection).unwrap_or(false) {
            return false;
        }
        let before = unused(&self.connection);
        let step = vacuum::step(&self.connection);
        // The file gets shorter only now.
        self.is_stuck = checkpoint::now(&self.connection, &self.shared.health) == Copied::NoRoom;
        self.reserve.take_again();
        match step {
            Ok(()) => unused(&self.connection) < before,
            Err(error) => {
                if fault(&error) == SqlFault::Broken {
                    self.shared.health.fail(format!("the database: {error}"));
                }
                tracing::debug!(%error, "unused room of the database does not come back yet");
                false
            }
        }
    }

    /// Whether changes that found no room may find some now: that which the database did not use.
    pub(super) fn makes_room(&mut self) -> bool {
        let mut made = false;
        while self.give_room_back() {
            made = true;
        }
        made
    }

    /// Whether a change that is worth it has room now that it did not have.
    pub(super) fn gives_up_reserve(&mut self, batch: &[Job], broken: &Broken) -> bool {
        let [job] = batch else {
            return false;
        };
        let given =
            broken.fault == SqlFault::Full && may_use_reserve(&job.write) && self.reserve.give_up();
        if given {
            // With the log copied, the room that it takes is there for what comes.
            checkpoint::now(&self.connection, &self.shared.health);
        }
        given
    }

    /// Whether the write has to wait until the log can be copied again.
    pub(super) fn refuses(&mut self, write: &Write) -> bool {
        self.is_stuck && !may_use_reserve(write) && !self.makes_room()
    }
}

fn unused(connection: &Connection) -> u64 {
    vacuum::unused(connection).unwrap_or(0)
}

/// Writes that make room, those by which the operator takes something away, and those by which a person
/// logs in to do so.
fn may_use_reserve(write: &Write) -> bool {
    match write {
        Write::Discard(_) | Write::PruneJournal(_) | Write::PruneAudit(_) => true,
        Write::Merge(_) | Write::NoteSightings(_) | Write::PutLatest(_) => false,
        Write::Change(change) | Write::Recorded(change, _) => match change {
            Change::Delete(_)
            | Change::RemoveAccount { .. }
            | Change::RemoveKey { .. }
            | Change::RemoveLogin { .. }
            | Change::RevokeTicket { .. }
            | Change::SetPassword { .. }
            | Change::SetWebPassword { .. }
            | Change::RemoveWebLogin { .. }
            | Change::RevokeToken { .. }
            | Change::EndPageSession { .. }
            | Change::EndPageSessions(_)
            | Change::RemoveRule(_) => true,
            // Who wants to make room logs in first, and a rule makes room too. Their tables are bounded.
            Change::AddLink { .. }
            | Change::UseLink { .. }
            | Change::OpenPageSession { .. }
            | Change::SetRule(_) => true,
            Change::AddAccount(_)
            | Change::ImportLogin { .. }
            | Change::FinishImport { .. }
            | Change::SetKey { .. }
            | Change::AddTicket { .. }
            | Change::RedeemTicket { .. }
            | Change::AddWebLogin(_)
            | Change::AddToken { .. }
            | Change::NoteUses(_)
            | Change::Record(_)
            | Change::Commit(_) => false,
        },
    }
}
