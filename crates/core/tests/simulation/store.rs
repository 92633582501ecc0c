//! A store as a plain model: idempotent, one operation of a name at a time, and it fails at will.

use std::collections::{BTreeMap, BTreeSet};

use fleetlink_core::{
    Account, AccountVersion, Change, Commit, Delete, GivenLogin, Hold, Made, NewTicket,
    OperationId, Provenance, Query, SegmentRef, Snapshot, Staged, StagedId, StoreCall, StoreError,
    StoreReply, Ticket, TicketRoom, TicketStanding, TicketUse, Totals,
};
use fleetlink_proto::control::{
    DeleteReply, EnrolledKey, FileEntry, FileList, Receipt, UploadMode,
};
use fleetlink_proto::samples::{SampleParser, Summary};
use fleetlink_proto::ticket::{TicketNumber, TicketSubject};
use fleetlink_proto::{
    ContentHash, DataFile, DeviceKey, DeviceName, IdempotencyKey, Version, WallTime,
};

use crate::rng::Rng;

type Answer = Result<StoreReply, StoreError>;

#[derive(Default)]
pub(crate) struct Store {
    pub(crate) accounts: BTreeMap<DeviceName, Account>,
    pub(crate) tickets: BTreeMap<TicketNumber, Ticket>,
    files: BTreeMap<(DeviceName, DataFile), File>,
    done: BTreeMap<(DeviceName, IdempotencyKey), StoreReply>,
    /// Every change that was made, with its key.
    pub(crate) journal: Vec<(DeviceName, IdempotencyKey)>,
    staged: BTreeMap<StagedId, Vec<i64>>,
    last_staged: u64,
    last_version: u64,
    pub(crate) running: BTreeMap<OperationId, StoreCall>,
    /// The authors of the running changes.
    pub(crate) authors: BTreeMap<OperationId, Provenance>,
    /// The audit records of changes, and the events without a change.
    pub(crate) records: u64,
    pub(crate) events: u64,
}

#[derive(Default)]
struct File {
    segments: Vec<Vec<i64>>,
    version: Version,
}

/// The device that a call is about; none where it is about a ticket.
pub(crate) fn whose(call: &StoreCall) -> Option<&DeviceName> {
    match call {
        StoreCall::Recorded(..) => panic!("its author was taken off"),
        StoreCall::Change(Change::AddAccount(account)) => Some(&account.name),
        StoreCall::Change(Change::SetPassword { name, .. })
        | StoreCall::Change(Change::SetKey { name, .. })
        | StoreCall::Change(Change::RemoveKey { name })
        | StoreCall::Change(Change::RemoveAccount { name })
        | StoreCall::Change(Change::RemoveLogin { name, .. })
        | StoreCall::Change(Change::RedeemTicket { name, .. }) => Some(name),
        StoreCall::Change(Change::ImportLogin { given, .. }) => Some(&given.name),
        StoreCall::Change(Change::Commit(commit)) => Some(&commit.device),
        StoreCall::Query(Query::FindReceipt { device, .. })
        | StoreCall::Change(Change::Delete(Delete { device, .. }))
        | StoreCall::Query(Query::Summary { device, .. })
        | StoreCall::Query(Query::ListFiles { device, .. })
        | StoreCall::Query(Query::Snapshot { device, .. }) => Some(device),
        // A question about an account may come beside an operation of its device.
        StoreCall::Query(
            Query::Account { .. }
            | Query::Accounts { .. }
            | Query::FreeName { .. }
            | Query::TicketOf(_)
            | Query::Ticket(_)
            | Query::Tickets { .. }
            | Query::Totals { .. },
        )
        | StoreCall::Change(Change::AddTicket { .. })
        | StoreCall::Change(Change::RevokeTicket { .. })
        | StoreCall::Change(Change::FinishImport { .. })
        | StoreCall::Change(Change::Record(_)) => None,
        StoreCall::Change(
            Change::AddWebLogin(_)
            | Change::SetWebPassword { .. }
            | Change::RemoveWebLogin { .. }
            | Change::AddToken { .. }
            | Change::RevokeToken { .. }
            | Change::AddLink { .. }
            | Change::UseLink { .. }
            | Change::OpenPageSession { .. }
            | Change::EndPageSession { .. }
            | Change::EndPageSessions(_)
            | Change::SetRule(_)
            | Change::RemoveRule(_)
            | Change::NoteUses(_),
        )
        | StoreCall::Query(
            Query::WebLogin { .. }
            | Query::WebLogins { .. }
            | Query::Tokens { .. }
            | Query::Rules
            | Query::Audit { .. }
            | Query::AuditSince { .. }
            | Query::Admission { .. },
        ) => panic!("no person is in the simulation"),
    }
}

impl Store {
    /// The keys of the accounts that have one.
    pub(crate) fn keys(&self) -> impl Iterator<Item = (DeviceName, DeviceKey)> {
        let key = |account: &Account| Some((account.name.clone(), account.key.as_ref()?.key));
        self.accounts.values().filter_map(key)
    }

    pub(crate) fn begin(&mut self, operation: OperationId, call: StoreCall) {
        let own = whose(&call);
        let other = |other: &&StoreCall| own.is_some() && whose(other) == own;
        let other = self.running.values().find(other);
        assert!(
            other.is_none(),
            "two operations of one name: {other:?}, {call:?}"
        );
        assert!(
            self.running.insert(operation, call).is_none(),
            "an id twice"
        );
    }

    /// Does the operation, or fails at it, with or without an effect.
    pub(crate) fn finish(&mut self, operation: OperationId, faults: u64, rng: &mut Rng) -> Answer {
        let call = self.running.remove(&operation).expect("is running");
        if !rng.percent(faults) {
            return self.apply_operation(operation, &call);
        }
        let why = "injected".to_owned();
        Err(match rng.below(6) {
            0 => StoreError::Conflict(why),
            1 => StoreError::Unavailable(why),
            2 => StoreError::Full,
            3 => StoreError::Corrupt(why),
            4 => StoreError::Unknown(why),
            _ => {
                drop(self.apply_operation(operation, &call));
                StoreError::Unknown(why)
            }
        })
    }

    /// Another hub of the same store changes something.
    pub(crate) fn change_elsewhere(&mut self, call: &StoreCall) {
        drop(self.apply(call));
    }

    /// The process dies: what was under way is done or not, and staged bytes are forgotten.
    pub(crate) fn crash(&mut self, rng: &mut Rng) {
        for (operation, call) in std::mem::take(&mut self.running) {
            if rng.percent(50) {
                drop(self.apply_operation(operation, &call));
            }
        }
        self.authors.clear();
        self.staged.clear();
    }

    pub(crate) fn stage(&mut self, samples: &[i64]) -> Staged {
        self.last_staged += 1;
        let id = StagedId(self.last_staged);
        self.staged.insert(id, samples.to_vec());
        Staged {
            id,
            bytes: samples.len() as u64 * 4,
            hash: ContentHash::from_bytes([7; 32]),
            summary: summary(samples),
            last: None,
            ends_open: false,
        }
    }

    pub(crate) fn discard(&mut self, staged: StagedId) {
        assert!(
            self.staged.remove(&staged).is_some(),
            "{staged:?} is not staged"
        );
    }

    pub(crate) fn is_staged(&self, staged: StagedId) -> bool {
        self.staged.contains_key(&staged)
    }

    pub(crate) fn staged(&self) -> impl Iterator<Item = StagedId> {
        self.staged.keys().copied()
    }

    /// The outcome of the upload or deletion with this key.
    pub(crate) fn outcome(&self, device: &DeviceName, key: IdempotencyKey) -> Option<&StoreReply> {
        self.done.get(&(device.clone(), key))
    }

    pub(crate) fn samples(&self, device: &DeviceName, file: DataFile) -> Option<Vec<i64>> {
        let file = self.files.get(&(device.clone(), file))?;
        Some(file.segments.concat())
    }

    fn apply_operation(&mut self, operation: OperationId, call: &StoreCall) -> Answer {
        match self.authors.remove(&operation) {
            Some(by) => self.apply_recorded(call, &by),
            None => self.apply(call),
        }
    }

    pub(crate) fn apply(&mut self, call: &StoreCall) -> Answer {
        match call {
            StoreCall::Recorded(..) => panic!("its author was taken off"),
            StoreCall::Change(Change::Record(events)) => {
                self.events += events.len() as u64;
                Ok(StoreReply::Done)
            }
            StoreCall::Change(Change::AddAccount(account)) => {
                let folded = account.name.folded();
                if self.accounts.keys().any(|name| name.folded() == folded) {
                    return Err(StoreError::Conflict("there is such an account".to_owned()));
                }
                Ok(self.put(account.clone()))
            }
            StoreCall::Change(Change::SetPassword {
                name,
                password_hash,
            }) => {
                let account = self.accounts.get_mut(name).ok_or(StoreError::NotFound)?;
                account.password_hash = Some(password_hash.clone());
                Ok(self.changed(name))
            }
            StoreCall::Change(Change::SetKey { name, key, replace }) => {
                let account = self.accounts.get_mut(name).ok_or(StoreError::NotFound)?;
                match &account.key {
                    Some(before) if before.key == key.key => {}
                    Some(_) if !replace => {
                        return Err(StoreError::Conflict("it has another".to_owned()));
                    }
                    _ => account.key = Some(key.clone()),
                }
                Ok(self.changed(name))
            }
            StoreCall::Change(Change::RemoveKey { name }) => {
                let account = self.accounts.get_mut(name).ok_or(StoreError::NotFound)?;
                account.key.take().ok_or(StoreError::NotFound)?;
                Ok(self.changed(name))
            }
            StoreCall::Change(Change::RemoveAccount { name }) => {
                if self.files.keys().any(|(device, _)| device == name) {
                    return Err(StoreError::Conflict("it has files".to_owned()));
                }
                self.accounts.remove(name).ok_or(StoreError::NotFound)?;
                Ok(StoreReply::Done)
            }
            StoreCall::Change(Change::ImportLogin { given, at, applies }) => {
                self.import(given, *at, *applies)
            }
            StoreCall::Change(Change::RemoveLogin { name, .. }) => {
                if let Some(account) = self.accounts.get_mut(name) {
                    (account.password_hash, account.key) = (None, None);
                }
                Ok(self.changed(name))
            }
            StoreCall::Change(Change::FinishImport { .. }) => Ok(StoreReply::Done),
            StoreCall::Change(
                Change::AddWebLogin(_)
                | Change::SetWebPassword { .. }
                | Change::RemoveWebLogin { .. }
                | Change::AddToken { .. }
                | Change::RevokeToken { .. }
                | Change::AddLink { .. }
                | Change::UseLink { .. }
                | Change::OpenPageSession { .. }
                | Change::EndPageSession { .. }
                | Change::EndPageSessions(_)
                | Change::SetRule(_)
                | Change::RemoveRule(_)
                | Change::NoteUses(_),
            ) => panic!("no person is in the simulation"),
            StoreCall::Change(Change::AddTicket { ticket, room }) => self.issue(ticket, *room),
            StoreCall::Change(Change::RevokeTicket { ticket, at }) => {
                let ticket = self.tickets.get_mut(ticket).ok_or(StoreError::NotFound)?;
                if ticket.standing(*at) == TicketStanding::Open {
                    ticket.revoked = Some(*at);
                }
                Ok(StoreReply::Ticket(Some(Box::new(ticket.clone()))))
            }
            StoreCall::Change(Change::RedeemTicket { ticket, name, key }) => {
                self.redeem(*ticket, name, key)
            }
            StoreCall::Change(Change::Commit(commit)) => self.commit(commit),
            StoreCall::Change(Change::Delete(Delete {
                device,
                file,
                key,
                at: _,
                by: _,
                version: _,
            })) => self.delete(device, file.clone(), *key),
            StoreCall::Query(query) => self.query(query),
        }
    }

    fn import(&mut self, given: &GivenLogin, at: WallTime, applies: bool) -> Answer {
        let GivenLogin {
            name,
            password_hash,
            ..
        } = given;
        if !applies {
            return Ok(StoreReply::Account(self.accounts.get(name).cloned()));
        }
        if let Some(account) = self.accounts.get_mut(name) {
            account.password_hash = Some(password_hash.clone());
            return Ok(self.changed(name));
        }
        self.apply(&StoreCall::Change(Change::AddAccount(Account {
            name: name.clone(),
            password_hash: Some(password_hash.clone()),
            created: at,
            key: None,
            version: AccountVersion::default(),
        })))
    }

    fn put(&mut self, account: Account) -> StoreReply {
        let name = account.name.clone();
        self.accounts.insert(name.clone(), account);
        self.changed(&name)
    }

    /// Gives the account a new version.
    fn changed(&mut self, name: &DeviceName) -> StoreReply {
        self.last_version += 1;
        let account = self.accounts.get_mut(name);
        StoreReply::Account(account.map(|account| {
            account.version = AccountVersion(self.last_version);
            account.clone()
        }))
    }

    pub(crate) fn query(&self, query: &Query) -> Answer {
        Ok(match query {
            Query::Account { name } => {
                let mut accounts = self.accounts.values();
                let found = accounts.find(|account| account.name.folded() == name.folded());
                StoreReply::Account(found.cloned())
            }
            Query::Accounts { after, limit } => {
                let later = self.accounts.values();
                let later = later.filter(|a| Some(&a.name) > after.as_ref()).cloned();
                StoreReply::Accounts(later.take(*limit as usize).collect())
            }
            Query::FreeName {
                ticket,
                prefix,
                from,
            } => {
                let taken: BTreeSet<_> = self.accounts.keys().map(DeviceName::folded).collect();
                let used = self
                    .tickets
                    .get(ticket)
                    .map_or(&[][..], |ticket| &ticket.used);
                let is_used = |name: &DeviceName| used.iter().any(|used| used.name == *name);
                let is_free = |name: &DeviceName| !taken.contains(&name.folded()) && !is_used(name);
                let mut names = (*from..u32::MAX).map_while(|n| prefix.numbered(n));
                StoreReply::FreeName(names.find(is_free))
            }
            Query::TicketOf(hash) => {
                let found = self.tickets.values().find(|ticket| ticket.hash == *hash);
                StoreReply::Ticket(found.cloned().map(Box::new))
            }
            Query::Ticket(number) => {
                StoreReply::Ticket(self.tickets.get(number).cloned().map(Box::new))
            }
            Query::Tickets { after, limit } => {
                let later = self.tickets.values();
                let later = later.filter(|t| Some(t.number) > *after).cloned();
                StoreReply::Tickets(later.take(*limit as usize).collect())
            }
            Query::Totals { .. } => StoreReply::Totals(Totals::default()),
            Query::FindReceipt { device, key } => match self.outcome(device, *key) {
                Some(StoreReply::Committed(receipt, _)) => {
                    StoreReply::Receipt(Some(receipt.clone()))
                }
                _ => StoreReply::Receipt(None),
            },
            Query::Summary { device, file } => {
                let samples = self.samples(device, file.clone());
                StoreReply::Summary(summary(&samples.ok_or(StoreError::NotFound)?))
            }
            Query::ListFiles {
                device,
                after,
                limit,
            } => StoreReply::Files(self.list(device, after.as_ref(), *limit)),
            Query::Snapshot { device, file } => return self.snapshot(device, file.clone()),
            Query::WebLogin { .. }
            | Query::WebLogins { .. }
            | Query::Tokens { .. }
            | Query::Rules
            | Query::Audit { .. }
            | Query::AuditSince { .. }
            | Query::Admission { .. } => panic!("no person is in the simulation"),
        })
    }

    fn issue(&mut self, new: &NewTicket, room: TicketRoom) -> Answer {
        if self.tickets.values().any(|other| other.hash == new.hash) {
            return Err(StoreError::Conflict("there is such a ticket".to_owned()));
        }
        let is_open = |ticket: &&Ticket| ticket.standing(new.created) == TicketStanding::Open;
        let open = self.tickets.values().filter(is_open).count();
        if open >= room.open {
            return Ok(StoreReply::Ticket(None));
        }
        let last = self.tickets.keys().next_back().copied();
        let number = TicketNumber(last.unwrap_or_default().0 + 1);
        let excess = (self.tickets.len() - open + 1).saturating_sub(room.finished);
        let finished = self.tickets.values().filter(|ticket| !is_open(ticket));
        let oldest: Vec<_> = finished.take(excess).map(|ticket| ticket.number).collect();
        for number in oldest {
            self.tickets.remove(&number);
        }
        let ticket = new.clone().numbered(number);
        self.tickets.insert(number, ticket.clone());
        Ok(StoreReply::Ticket(Some(Box::new(ticket))))
    }

    fn redeem(&mut self, number: TicketNumber, name: &DeviceName, key: &EnrolledKey) -> Answer {
        let ticket = self.tickets.get_mut(&number).ok_or(StoreError::NotFound)?;
        let before = ticket.used.iter().find(|used| used.name == *name);
        let account = self.accounts.get(name);
        let has_key = account.and_then(|a| a.key.as_ref()).map(|k| k.key) == Some(key.key);
        if let (Some(account), Some(used)) = (account, before)
            && used.key == key.key
            && has_key
        {
            return Ok(StoreReply::Account(Some(account.clone())));
        }
        if ticket.standing(key.enrolled) != TicketStanding::Open {
            return Err(StoreError::NotFound);
        }
        let of_prefix = matches!(ticket.subject, TicketSubject::Prefix(_));
        let taken = match account {
            Some(_) => of_prefix,
            None => self
                .accounts
                .keys()
                .any(|other| other.folded() == name.folded()),
        };
        if taken || before.is_some() {
            return Err(StoreError::Conflict("there is such an account".to_owned()));
        }
        ticket.used.push(TicketUse {
            name: name.clone(),
            key: key.key,
            at: key.enrolled,
        });
        let account = self
            .accounts
            .entry(name.clone())
            .or_insert_with(|| Account {
                name: name.clone(),
                password_hash: None,
                created: key.enrolled,
                key: None,
                version: AccountVersion::default(),
            });
        if !has_key {
            account.key = Some(key.clone());
        }
        Ok(self.changed(name))
    }

    fn commit(&mut self, commit: &Commit) -> Answer {
        if !self.accounts.contains_key(&commit.device) {
            return Err(StoreError::NotFound);
        }
        let key = (commit.device.clone(), commit.key);
        if let Some(done) = self.done.get(&key) {
            let reply = done.clone();
            if let StoreReply::Committed(receipt, _) = reply
                && (&receipt.file, receipt.mode) == (&commit.file, commit.mode)
            {
                self.discard(commit.staged.id);
                return Ok(StoreReply::Committed(receipt, Made::Before));
            }
            return Err(StoreError::Conflict("used for another change".to_owned()));
        }
        let samples = self.staged.remove(&commit.staged.id).expect("is staged");
        let receipt = Receipt {
            file: commit.file.clone(),
            mode: commit.mode,
            samples: samples.len() as u64,
            bytes: commit.staged.bytes,
            version: Version::at_most(self.journal.len() as u64 + 1),
            at: commit.at,
        };
        let file = (commit.device.clone(), commit.file.clone());
        let file = self.files.entry(file).or_default();
        if commit.mode == UploadMode::Replace {
            file.segments.clear();
        }
        file.segments.push(samples);
        file.version = receipt.version;
        self.journal.push(key.clone());
        let reply = StoreReply::Committed(receipt, Made::Now);
        self.done.insert(key, reply.clone());
        Ok(reply)
    }

    fn delete(&mut self, device: &DeviceName, file: DataFile, key: IdempotencyKey) -> Answer {
        let key = (device.clone(), key);
        match self.done.get(&key) {
            Some(StoreReply::Deleted(reply, _)) if reply.file == file => {
                return Ok(StoreReply::Deleted(reply.clone(), Made::Before));
            }
            Some(_) => return Err(StoreError::Conflict("used for another change".to_owned())),
            None => {}
        }
        let removed = self.files.remove(&(device.clone(), file.clone()));
        let removed = removed.ok_or(StoreError::NotFound)?;
        let samples = removed.segments.concat().len() as u64;
        self.journal.push(key.clone());
        let reply = StoreReply::Deleted(DeleteReply { file, samples }, Made::Now);
        self.done.insert(key, reply.clone());
        Ok(reply)
    }

    fn list(&self, device: &DeviceName, after: Option<&DataFile>, limit: u32) -> FileList {
        let of_device = |((owner, id), file): (&(DeviceName, DataFile), &File)| {
            let listed = owner == device && Some(id) > after;
            listed.then(|| FileEntry {
                file: id.clone(),
                samples: file.segments.concat().len() as u64,
                bytes: 0,
                segments: file.segments.len() as u64,
                version: file.version,
                changed: WallTime::from_unix_millis(0),
            })
        };
        let files = self.files.iter().filter_map(of_device);
        FileList {
            files: files.take(limit as usize).collect(),
            next: None,
        }
    }

    fn snapshot(&self, device: &DeviceName, id: DataFile) -> Answer {
        let file = self.files.get(&(device.clone(), id));
        let file = file.ok_or(StoreError::NotFound)?;
        let segment = |samples: &Vec<i64>| SegmentRef {
            id: 0,
            bytes: samples.len() as u64 * 4,
            hash: ContentHash::from_bytes([7; 32]),
            ends_open: false,
        };
        Ok(StoreReply::Snapshot(Snapshot {
            hold: Hold::default(),
            version: file.version,
            samples: file.segments.concat().len() as u64,
            segments: file.segments.iter().map(segment).collect(),
        }))
    }
}

fn summary(samples: &[i64]) -> Summary {
    let mut parser = SampleParser::new();
    for sample in samples {
        parser.feed(format!("{sample}\n").as_bytes()).unwrap();
    }
    parser.finish().unwrap()
}
