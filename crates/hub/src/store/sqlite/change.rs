//! The changes that the writer makes, each within a transaction that others share.

use std::sync::Arc;
use std::time::SystemTime;

use fleetlink_core::{
    Admission, Change, ChangeKind, Commit, Delete, Ended, Made, Provenance, SightingNotes, Staged,
    StagedId, StoreError, StoreReply, change_event, state_before,
};
use fleetlink_proto::DeviceName;
use fleetlink_proto::control::{DeleteReply, Receipt, UploadMode};
use rusqlite::Connection;

use super::error::OpError;
use super::files::{self, StoredFile, Totals};
use super::holds::{FileKey, Holds, Merging};
use super::journal::Bounds;
use super::journal::{self, Entry};
use super::latest::{self, FoundLatest, Latest};
use super::limits::INLINE_BYTES;
use super::merge::Merge;
use super::partial_name::PartialName;
use super::partials::{Partials, other_change};
use super::segments::NewSegment;
use super::{
    Shared, accounts, audit, audit_surplus, imports, merge, page_sessions, query, quota, rules,
    segments, sightings, tickets, tokens, web_logins,
};

/// A write of the store: a change that it was asked for, or one of its own upkeep.
pub(super) enum Write {
    Change(Change),
    /// A change and the record of it.
    Recorded(Change, Box<Provenance>),
    Discard(StagedId),
    Merge(Box<Merge>),
    PruneJournal(Bounds),
    NoteSightings(Box<SightingNotes>),
    PruneAudit(audit_surplus::Step),
    /// Last samples of data files of an older version.
    PutLatest(Vec<FoundLatest>),
}

/// A change that takes effect with the commit of its transaction.
pub(super) struct Applied {
    pub(super) reply: StoreReply,
    /// The staged upload that is a segment from then on.
    pub(super) taken: Option<StagedId>,
    /// A staged upload that nobody needs any more.
    pub(super) discarded: Option<StagedId>,
    /// The files of segments that are no longer any file's.
    pub(super) replaced: Vec<u64>,
    /// A file that has many segments now.
    pub(super) grown: Option<FileKey>,
    /// A new segment whose bytes are in a file.
    pub(super) filed: Option<u64>,
    /// Whether it was made before, and this was a repetition.
    repeated: bool,
    /// Keeps snapshots waiting until a merge is committed or rolled back.
    _merging: Option<Merging>,
}

impl Applied {
    fn with(reply: StoreReply) -> Self {
        Applied {
            reply,
            taken: None,
            discarded: None,
            replaced: Vec::new(),
            grown: None,
            filed: None,
            repeated: false,
            _merging: None,
        }
    }
}

impl Write {
    /// The bytes of samples that it adds to the database, at most.
    pub(super) fn inline_bytes(&self) -> u64 {
        let bytes = match self {
            Write::Change(Change::Commit(commit)) | Write::Recorded(Change::Commit(commit), _) => {
                commit.staged.bytes
            }
            Write::Merge(merge) => merge.merged.bytes,
            _ => 0,
        };
        bytes.min(INLINE_BYTES as u64)
    }

    pub(super) fn apply(
        &self,
        connection: &Connection,
        shared: &Shared,
    ) -> Result<Applied, OpError> {
        match self {
            Write::Change(asked) => change(connection, shared, asked),
            Write::Recorded(asked, by) => recorded(connection, shared, asked, by),
            Write::Discard(id) => {
                let mut applied = Applied::with(StoreReply::Done);
                applied.discarded = unless_taken(connection, *id)?;
                Ok(applied)
            }
            Write::Merge(merge) => apply_merge(connection, &shared.holds, merge),
            Write::PutLatest(found) => {
                latest::put(connection, found)?;
                Ok(Applied::with(StoreReply::Done))
            }
            Write::PruneJournal(bounds) => {
                journal::prune(connection, bounds)?;
                Ok(Applied::with(StoreReply::Done))
            }
            Write::NoteSightings(notes) => {
                sightings::note(connection, notes)?;
                Ok(Applied::with(StoreReply::Done))
            }
            Write::PruneAudit(step) => {
                audit_surplus::prune(connection, step)?;
                Ok(Applied::with(StoreReply::Done))
            }
        }
    }
}

/// Makes a change and adds the record of it, in the same transaction.
fn recorded(
    connection: &Connection,
    shared: &Shared,
    asked: &Change,
    Provenance { author, at }: &Provenance,
) -> Result<Applied, OpError> {
    let before = state_before(asked);
    let before = before.map(|state| query::run(&state, connection, shared));
    let before = before.transpose()?;
    let applied = change(connection, shared, asked)?;
    if !applied.repeated {
        let event = change_event(author, *at, asked, before.as_ref(), &applied.reply);
        event.map_or(Ok(()), |event| audit::add(connection, &event))?;
    }
    Ok(applied)
}

fn change(connection: &Connection, shared: &Shared, asked: &Change) -> Result<Applied, OpError> {
    let reply = match asked {
        Change::AddAccount(account) => {
            accounts::add(connection, account)?;
            imports::disown(connection, &account.name)?;
            account_after(connection, &account.name)?
        }
        Change::ImportLogin { given, at, applies } => {
            imports::import(connection, given, *at, *applies)?;
            account_after(connection, &given.name)?
        }
        Change::RemoveLogin { name, origin } => {
            imports::remove_login(connection, name, origin)?;
            account_after(connection, name)?
        }
        Change::FinishImport {
            origin,
            whole,
            forget,
        } => {
            imports::finish(connection, origin, whole, forget)?;
            StoreReply::Done
        }
        Change::SetPassword {
            name,
            password_hash,
        } => {
            accounts::set_password(connection, name, password_hash)?;
            account_after(connection, name)?
        }
        Change::SetKey { name, key, replace } => {
            accounts::set_key(connection, name, key, *replace)?;
            account_after(connection, name)?
        }
        Change::RemoveKey { name } => {
            accounts::remove_key(connection, name)?;
            account_after(connection, name)?
        }
        Change::RemoveAccount { name } => {
            accounts::remove(connection, name)?;
            let tokens = tokens::revoke_of(connection, name)?;
            StoreReply::Ended(Ended {
                tokens,
                ..Ended::default()
            })
        }
        Change::AddTicket { ticket, room } => {
            let added = tickets::add(connection, ticket, *room)?;
            StoreReply::Ticket(added.map(Box::new))
        }
        Change::RevokeTicket { ticket, at } => {
            let after = tickets::revoke(connection, *ticket, *at)?;
            StoreReply::Ticket(Some(Box::new(after)))
        }
        Change::RedeemTicket { ticket, name, key } => {
            tickets::redeem(connection, *ticket, name, key)?;
            account_after(connection, name)?
        }
        Change::AddWebLogin(login) => {
            web_logins::add(connection, login)?;
            StoreReply::Done
        }
        Change::SetWebPassword {
            name,
            password_hash,
        } => {
            let sessions = web_logins::set_password(connection, name, password_hash)?;
            StoreReply::Ended(Ended {
                sessions,
                ..Ended::default()
            })
        }
        Change::RemoveWebLogin { name } => {
            let sessions = web_logins::remove(connection, name)?;
            StoreReply::Ended(Ended {
                sessions,
                ..Ended::default()
            })
        }
        Change::AddToken { hash, token } => {
            StoreReply::Token(tokens::add(connection, hash, token)?)
        }
        Change::RevokeToken { token } => {
            tokens::revoke(connection, *token)?;
            StoreReply::Done
        }
        Change::AddLink { link, at, expires } => {
            page_sessions::add_link(connection, link, *at, *expires)?;
            StoreReply::Done
        }
        Change::UseLink { link, session, at } => {
            let opened = page_sessions::use_link(connection, link, session, *at)?;
            StoreReply::Admission(Some(Admission::Session(opened)))
        }
        Change::OpenPageSession {
            login,
            password_hash,
            session,
            at,
        } => {
            let login = web_logins::with_hash(connection, login, password_hash)?;
            let opened = page_sessions::open(connection, Some(&login), session, *at)?;
            StoreReply::Admission(Some(Admission::Session(opened)))
        }
        Change::EndPageSession { session } => {
            page_sessions::end(connection, session)?;
            StoreReply::Done
        }
        Change::EndPageSessions(sessions) => {
            StoreReply::Ended(page_sessions::end_all(connection, sessions)?)
        }
        Change::SetRule(rule) => {
            rules::set(connection, rule)?;
            StoreReply::Done
        }
        Change::RemoveRule(name) => {
            rules::remove(connection, name)?;
            StoreReply::Done
        }
        Change::NoteUses(uses) => {
            page_sessions::note_uses(connection, uses)?;
            StoreReply::Done
        }
        Change::Record(events) => {
            events
                .iter()
                .try_for_each(|event| audit::add(connection, event))?;
            StoreReply::Done
        }
        Change::Commit(asked) => return commit(connection, shared, asked),
        Change::Delete(asked) => return delete(connection, &shared.partials, asked),
    };
    Ok(Applied::with(reply))
}

/// The account of this name as a change has left it, or the one whose name differs from it only by case.
fn account_after(connection: &Connection, name: &DeviceName) -> Result<StoreReply, OpError> {
    Ok(StoreReply::Account(accounts::holder(connection, name)?))
}

fn apply_merge(connection: &Connection, holds: &Holds, change: &Merge) -> Result<Applied, OpError> {
    let in_use = || StoreError::Conflict("a snapshot of the file is in use".to_owned());
    let merging = holds.begin_merge(&change.file).ok_or_else(in_use)?;
    Ok(Applied {
        replaced: merge::apply(connection, change)?,
        filed: change.merged.body.is_none().then_some(change.merged.id),
        _merging: Some(merging),
        ..Applied::with(StoreReply::Done)
    })
}

/// The upload, unless it is a segment: then its file is that segment's.
fn unless_taken(connection: &Connection, id: StagedId) -> Result<Option<StagedId>, OpError> {
    Ok((!segments::exists(connection, id)?).then_some(id))
}

fn commit(connection: &Connection, shared: &Shared, change: &Commit) -> Result<Applied, OpError> {
    let id = change.staged.id;
    if let Some(earlier) = journal::find(connection, &change.device, change.key)? {
        let receipt = earlier.receipt_of(&change.file, change.mode)?;
        let mut applied = Applied::with(StoreReply::Committed(receipt, Made::Before));
        applied.repeated = true;
        applied.discarded = unless_taken(connection, id)?;
        return Ok(applied);
    }
    let upload = shared.staged.get(id).filter(|upload| {
        (&upload.name.device, upload.name.key, upload.bytes)
            == (&change.device, change.key, change.staged.bytes)
    });
    let gone = || StoreError::Unavailable("the upload is no longer there: send it again".into());
    let upload = upload.ok_or_else(gone)?;
    accounts::require(connection, &change.device)?;

    let before = match change.mode {
        UploadMode::Append => files::find(connection, &change.device, &change.file)?,
        UploadMode::Replace => None,
    };
    let (mut totals, latest) = match before {
        Some(file) => (file.totals, file.latest),
        None => (Totals::default(), Latest::Known(None)),
    };
    let new = &change.staged;
    let latest = latest.behind(new);
    totals.append(new.bytes, &new.summary, new.ends_open)?;
    let quota = rules::quota(connection, &change.device, shared.quotas.get())?;
    let file = (&change.device, &change.file);
    quota::check(connection, quota, file, totals.bytes)?;
    let replaced = match change.mode {
        UploadMode::Append => Vec::new(),
        UploadMode::Replace => segments::remove(connection, &change.device, &change.file)?,
    };
    let grown = merge::is_due(totals.segments);
    let receipt = record_upload(connection, change, (totals, latest))?;
    let file = (change.device.clone(), change.file.clone());
    let position = segments::next_position(connection, &file)?;
    let filed = upload.body.is_none().then_some(id.0);
    segments::insert(connection, &file, position, &segment_of(new, upload.body))?;
    Ok(Applied {
        taken: Some(id),
        replaced,
        grown: grown.then_some(file),
        filed,
        ..Applied::with(StoreReply::Committed(receipt, Made::Now))
    })
}

fn segment_of(staged: &Staged, body: Option<Arc<[u8]>>) -> NewSegment {
    NewSegment {
        id: staged.id.0,
        bytes: staged.bytes,
        ends_open: staged.ends_open,
        hash: staged.hash,
        summary: staged.summary,
        body,
    }
}

/// Adds the upload to the journal and makes the file's row what it is with it.
fn record_upload(
    connection: &Connection,
    change: &Commit,
    (totals, latest): (Totals, Latest),
) -> Result<Receipt, OpError> {
    let (samples, bytes) = (change.staged.summary.count(), change.staged.bytes);
    let entry = Entry {
        device: &change.device,
        key: change.key,
        kind: ChangeKind::Upload(change.mode),
        file: change.file.clone(),
        samples,
        bytes,
        at: change.at,
    };
    let version = journal::append(connection, &entry)?;
    let after = StoredFile {
        version,
        totals,
        latest,
    };
    files::put(connection, &change.device, &change.file, &after, change.at)?;
    Ok(Receipt {
        file: change.file.clone(),
        mode: change.mode,
        samples,
        bytes,
        version,
        at: change.at,
    })
}

fn delete(
    connection: &Connection,
    partials: &Partials,
    change: &Delete,
) -> Result<Applied, OpError> {
    if let Some(earlier) = journal::find(connection, &change.device, change.key)? {
        let reply = earlier.deletion_of(&change.file)?;
        return Ok(Applied {
            repeated: true,
            ..Applied::with(StoreReply::Deleted(reply, Made::Before))
        });
    }
    let name = PartialName {
        device: change.device.clone(),
        key: change.key,
    };
    if partials.has(&name, SystemTime::now()) {
        return Err(other_change().into());
    }
    let found = files::find(connection, &change.device, &change.file)?;
    let StoredFile {
        version, totals, ..
    } = found.ok_or(StoreError::NotFound)?;
    if change.version.is_some_and(|meant| meant != version) {
        let message = "the file has changed meanwhile";
        return Err(StoreError::Conflict(message.to_owned()).into());
    }
    let replaced = segments::remove(connection, &change.device, &change.file)?;
    files::remove(connection, &change.device, &change.file)?;
    let samples = totals.summary.count();
    let entry = Entry {
        device: &change.device,
        key: change.key,
        kind: ChangeKind::Delete(change.by),
        file: change.file.clone(),
        samples,
        bytes: totals.bytes,
        at: change.at,
    };
    journal::append(connection, &entry)?;
    let file = change.file.clone();
    Ok(Applied {
        replaced,
        ..Applied::with(StoreReply::Deleted(
            DeleteReply { file, samples },
            Made::Now,
        ))
    })
}
