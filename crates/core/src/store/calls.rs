//! The calls of the core to a store, and the replies: plain data. A store is a set of accounts, of
//! files made of immutable segments, and a journal of changes.

use fleetlink_proto::access::{AccessHash, AccessName};
use fleetlink_proto::control::{
    DeleteReply, EnrolledKey, FileEntry, FileList, Receipt, UploadMode,
};
use fleetlink_proto::samples::{LastSample, Summary};
use fleetlink_proto::ticket::{NamePrefix, TicketHash, TicketNumber};
use fleetlink_proto::{ContentHash, DataFile, DeviceName, IdempotencyKey, Version, WallTime};

use crate::store::admission::{Admission, PageSessions, Token, TokenId, WebLogin};
use crate::store::audit::author::Author;
use crate::store::audit::event::{AuditEvent, AuditId, AuditRecord};
use crate::store::audit::filter::{AuditFilter, AuditPlace};
use crate::store::journal::Deleter;
pub use crate::store::password_hash::PasswordHash;
use crate::store::rule::{Rule, RuleName};
use crate::store::snapshot::Snapshot;
use crate::store::ticket::{NewTicket, Ticket, TicketRoom};

/// A device that may join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its name; no other account's differs only by case.
    pub name: DeviceName,
    /// The hash that its password is checked against. An account that a ticket made has none until
    /// the operator sets one: until then no password is right.
    pub password_hash: Option<PasswordHash>,
    /// The time at which it was made.
    pub created: WallTime,
    /// The key by which the device proves who it is, once it has one.
    pub key: Option<EnrolledKey>,
    /// The store's number of this state. Of an account that is to be added, it says nothing.
    pub version: AccountVersion,
}

/// Counts the changes of all accounts of a store. A later state of an account has a larger number, also
/// where the account was removed and made anew.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountVersion(pub u64);

/// The line of a credentials file that was applied last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenLogin {
    pub origin: Box<str>,
    pub name: DeviceName,
    /// The hash of the password that the line had then, whatever the account has now.
    pub password_hash: PasswordHash,
    /// Whether the account's login is the file's, and not somebody else's word.
    pub gives: bool,
}

/// The memory of a credentials file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportMemory {
    /// The hash of all of the file, as it was last applied.
    pub whole: Option<PasswordHash>,
    /// The logins that the file has given.
    pub logins: Vec<GivenLogin>,
}

/// The accounts and given logins of some names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownNames {
    /// The logins that any credentials file has given.
    pub given: Vec<GivenLogin>,
    pub accounts: Vec<Account>,
}

/// Names staged bytes within the running store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StagedId(pub u64);

/// An upload whose bytes the store holds durably, but which is not yet visible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staged {
    /// The place at which the store finds it again.
    pub id: StagedId,
    pub bytes: u64,
    /// Their BLAKE3 hash.
    pub hash: ContentHash,
    /// The summary that was computed while they arrived.
    pub summary: Summary,
    /// The last of its samples, as far as it was looked at while they arrived.
    pub last: Option<LastSample>,
    /// Whether its last line lacks its newline.
    pub ends_open: bool,
}

/// A data file as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRecord {
    pub entry: FileEntry,
    /// The summary of all its samples.
    pub summary: Summary,
    /// The last sample in the order of arrival; `None` where there is none, or it is not known yet.
    pub latest: Option<LastSample>,
}

/// A change that makes a staged upload part of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    pub device: DeviceName,
    pub file: DataFile,
    /// The effect on the file's earlier content.
    pub mode: UploadMode,
    /// Names this change across retries.
    pub key: IdempotencyKey,
    /// The added samples.
    pub staged: Staged,
    pub at: WallTime,
}

/// A change that removes a data file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delete {
    pub device: DeviceName,
    pub file: DataFile,
    /// Names this change across retries.
    pub key: IdempotencyKey,
    pub at: WallTime,
    /// The deleter.
    pub by: Deleter,
    /// The version that is meant; any where it is not given.
    pub version: Option<Version>,
}

/// A change or a query for a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreCall {
    /// To change something.
    Change(Change),
    /// To change something and to write down, in the same transaction, who did it. Of a change that is
    /// not made, or changes nothing, nothing is written.
    Recorded(Change, Box<Provenance>),
    /// To look something up.
    Query(Query),
}

/// The author and the time of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    pub author: Author,
    pub at: WallTime,
}

impl StoreCall {
    /// The change, if it is one.
    pub fn change(&self) -> Option<&Change> {
        match self {
            StoreCall::Change(change) | StoreCall::Recorded(change, _) => Some(change),
            StoreCall::Query(_) => None,
        }
    }
}

/// A change of what is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Adds an account; `Conflict` where one of this name, or one that differs only by case, is.
    AddAccount(Account),
    /// Replaces an account's password hash; `NotFound` without the account.
    SetPassword {
        name: DeviceName,
        /// The new hash.
        password_hash: PasswordHash,
    },
    /// Remembers what a credentials file gives, and with `applies` makes the account so, all of it
    /// or nothing: adds it, or sets its password. `Conflict` where there is an account whose name
    /// differs only by case.
    ImportLogin {
        /// The login that the file gives.
        given: GivenLogin,
        at: WallTime,
        /// Whether the account follows.
        applies: bool,
    },
    /// Takes an account's password and key away, where there is one, and forgets that this file has
    /// given them.
    RemoveLogin { name: DeviceName, origin: Box<str> },
    /// Notes that all of a credentials file is imported, and forgets what it no longer gives.
    FinishImport {
        origin: Box<str>,
        /// The hash of all of it.
        whole: PasswordHash,
        /// Names that it no longer gives.
        forget: Vec<DeviceName>,
    },
    /// Gives an account a key; `NotFound` without the account, `Conflict` where it has another and
    /// that shall not be replaced. A key that it has already stays, with its first time.
    SetKey {
        name: DeviceName,
        key: EnrolledKey,
        /// Whether another one is replaced.
        replace: bool,
    },
    /// Takes an account's key away; `NotFound` where there is none.
    RemoveKey { name: DeviceName },
    /// Removes an account and the tokens that act as its device; `NotFound` without it, `Conflict`
    /// while it has files.
    RemoveAccount { name: DeviceName },
    /// Adds a ticket under the number after the largest one, unless as many as may be are open at the
    /// time at which it is issued. The finished ones that are too many make room, the oldest first.
    /// `Conflict` where there is one of this hash.
    AddTicket { ticket: NewTicket, room: TicketRoom },
    /// Revokes a ticket that can be used at this time; one that is used, revoked or expired stays as it
    /// is. `NotFound` without it.
    RevokeTicket { ticket: TicketNumber, at: WallTime },
    /// Uses a ticket for a name, all of it or nothing: counts the use, makes the account, without a
    /// password, where there is none, and gives it the key, instead of one that it may have.
    /// `NotFound` where the ticket cannot be used at this time (see
    /// [`Ticket::standing`](crate::Ticket::standing)) or is not there; `Conflict` where there is an
    /// account whose name differs only by case or, where the ticket is for a prefix, one of this
    /// name. The same ticket, name and key again answer the same, also when the ticket cannot be
    /// used any more, as long as the account has the key.
    RedeemTicket {
        ticket: TicketNumber,
        name: DeviceName,
        /// The device's key, and when it is used.
        key: EnrolledKey,
    },
    /// Adds a login of a person; `Conflict` where one of this name, or one that differs only by case,
    /// is, or where there are as many as there may be.
    AddWebLogin(WebLogin),
    /// Replaces a login's password hash and ends its sessions; `NotFound` without the login.
    SetWebPassword {
        name: AccessName,
        password_hash: PasswordHash,
    },
    /// Removes a login and its sessions; `NotFound` without it.
    RemoveWebLogin { name: AccessName },
    /// Adds a token, whose number the store chooses; `NotFound` where it acts as a device without an
    /// account, `Conflict` where there are as many as there may be.
    AddToken { hash: AccessHash, token: Token },
    /// Removes a token; `NotFound` without it.
    RevokeToken { token: TokenId },
    /// Adds a one-time link. The oldest makes room where there are too many.
    AddLink {
        link: AccessHash,
        at: WallTime,
        /// From when on it is of no use.
        expires: WallTime,
    },
    /// Uses a one-time link, all of it or nothing: removes it and opens a session of an administrator.
    /// `NotFound` where it is not there or its time is over.
    UseLink {
        link: AccessHash,
        /// The new session's secret.
        session: AccessHash,
        at: WallTime,
    },
    /// Opens a session of a login whose password has been checked; `NotFound` where it has another one
    /// by now.
    OpenPageSession {
        login: AccessName,
        /// The hash that the password was checked against.
        password_hash: PasswordHash,
        /// The new session's secret.
        session: AccessHash,
        at: WallTime,
    },
    /// Ends a session, where there is one.
    EndPageSession { session: AccessHash },
    /// Ends these sessions. With those of one-time links, and with all, the links that were not used go as
    /// well. `NotFound` without the login.
    EndPageSessions(PageSessions),
    /// Sets a rule, in place of one of the same name; `Conflict` where it is none, or where there are as
    /// many as there may be.
    SetRule(Rule),
    /// Removes a rule; `NotFound` without it.
    RemoveRule(RuleName),
    /// Notes when tokens and sessions were used last.
    NoteUses(Vec<(AccessHash, WallTime)>),
    /// Adds audit events that no change goes with, all of them or none.
    Record(Vec<AuditEvent>),
    /// Makes an upload visible, durably, and adds it to the journal. A repeated key answers the
    /// first receipt again and discards what is staged; a key used for another change is a
    /// `Conflict`, and so is appending timed samples to plain ones or the other way round.
    Commit(Box<Commit>),
    /// Removes a file, durably, and adds that to the journal; `NotFound` where there is none,
    /// `Conflict` where it has another version than the given one, or where the key is that of an
    /// upload. A repeated key answers the first answer again.
    Delete(Delete),
}

/// A question about what is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// The account of this name, or the one whose name differs from it only by case.
    Account { name: DeviceName },
    /// A page of accounts, by name.
    Accounts {
        /// Only larger names.
        after: Option<DeviceName>,
        /// At most so many.
        limit: u32,
    },
    /// The first name of a prefix and a number for which there is no account, and for which this ticket
    /// was not used.
    FreeName {
        ticket: TicketNumber,
        prefix: NamePrefix,
        /// The smallest number.
        from: u32,
    },
    /// The ticket that is found by this hash.
    TicketOf(TicketHash),
    /// The ticket of this number.
    Ticket(TicketNumber),
    /// A page of tickets, by number.
    Tickets {
        /// Only larger numbers.
        after: Option<TicketNumber>,
        /// At most so many.
        limit: u32,
    },
    /// The login of this name, or the one whose name differs from it only by case.
    WebLogin { name: AccessName },
    /// A page of logins, by name.
    WebLogins {
        /// Only larger names.
        after: Option<AccessName>,
        /// At most so many.
        limit: u32,
    },
    /// A page of tokens, by number.
    Tokens {
        /// Only larger numbers.
        after: Option<TokenId>,
        /// At most so many.
        limit: u32,
    },
    /// All rules: of each kind, those that go before others first.
    Rules,
    /// The admission of this secret's holder.
    Admission { secret: AccessHash },
    /// The amount at this time.
    Totals { at: WallTime },
    /// A page of audit records, newest first.
    Audit {
        filter: Box<AuditFilter>,
        /// Only those behind this place.
        after: Option<AuditPlace>,
        /// At most so many.
        limit: u32,
    },
    /// The audit records with larger numbers than this one, oldest first.
    AuditSince {
        filter: Box<AuditFilter>,
        id: AuditId,
        /// At most so many.
        limit: u32,
    },
    /// Looks up what an earlier commit of this key answered.
    FindReceipt {
        device: DeviceName,
        /// The commit's key.
        key: IdempotencyKey,
    },
    /// The summary of a whole file; `NotFound` where there is none.
    Summary { device: DeviceName, file: DataFile },
    /// A page of a device's files, by id.
    ListFiles {
        device: DeviceName,
        /// Only larger ids.
        after: Option<DataFile>,
        /// At most so many.
        limit: u32,
    },
    /// The segments that a file has now; `NotFound` where there is none.
    Snapshot { device: DeviceName, file: DataFile },
}

/// A store's reply to a [`StoreCall`] that it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreReply {
    /// To changes that leave nothing behind that the caller does not know.
    Done,
    /// To changes of one account, and to `Query::Account`: the account of this name as it is stored, or
    /// the one whose name differs from it only by case; `None` where there is neither.
    Account(Option<Account>),
    /// To `Accounts`.
    Accounts(Vec<Account>),
    /// To `FreeName`; `None` where no number is left.
    FreeName(Option<DeviceName>),
    /// To `Ticket` and `TicketOf`: the ticket with its uses, where there is one. To `AddTicket` the new
    /// one, or `None` where as many as may be are open. To `RevokeTicket` the ticket as it is then.
    Ticket(Option<Box<Ticket>>),
    /// To `Tickets`.
    Tickets(Vec<Ticket>),
    /// To `WebLogin`.
    WebLogin(Option<WebLogin>),
    /// To `WebLogins`.
    WebLogins(Vec<WebLogin>),
    /// To `AddToken`: the token with its number.
    Token(Token),
    /// To `Tokens`.
    Tokens(Vec<Token>),
    /// To `Rules`.
    Rules(Vec<Rule>),
    /// To `Admission`, and to changes that open a session.
    Admission(Option<Admission>),
    /// To `Totals`.
    Totals(Totals),
    /// To `Audit` and `AuditSince`.
    Audit(Vec<AuditRecord>),
    /// To `FindReceipt`.
    Receipt(Option<Receipt>),
    /// To `Commit`.
    Committed(Receipt, Made),
    /// To `Delete`.
    Deleted(DeleteReply, Made),
    /// To changes that end sessions of the page, and to `RemoveAccount`.
    Ended(Ended),
    /// To `Summary`.
    Summary(Summary),
    /// To `ListFiles`.
    Files(FileList),
    /// To `Snapshot`.
    Snapshot(Snapshot),
}

/// The moment at which a change of data was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// By this call.
    Now,
    /// By an earlier one of the same key: this one has changed nothing.
    Before,
}

/// The numbers of what a change has ended beside what it is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ended {
    /// Sessions of the page.
    pub sessions: usize,
    /// One-time links that nobody had used.
    pub links: usize,
    /// Tokens that acted as a device.
    pub tokens: usize,
}

/// The amounts of a store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    pub accounts: u64,
    /// Tickets that can be used.
    pub open_tickets: u64,
    /// Logins of people.
    pub logins: u64,
}

/// The reason why a store did not do a call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Something else is there, or came between.
    #[error("{0}")]
    Conflict(String),
    /// There is no such account or file.
    #[error("not found")]
    NotFound,
    /// It was not done.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// It may be done; ask again with the same key.
    #[error("the store may or may not have done it: {0}")]
    Unknown(String),
    /// It was not done: there is no room.
    #[error("the hub's disk is full")]
    Full,
    /// It was not done: the device's data have reached their quota, in words for the device.
    #[error("{0}")]
    Quota(String),
    /// The stored content is damaged.
    #[error("stored data are damaged: {0}")]
    Corrupt(String),
}

/// A change that an upload will make once it is committed: it tells the upload from others across
/// sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadChange {
    pub device: DeviceName,
    /// Names the change across retries.
    pub key: IdempotencyKey,
    pub file: DataFile,
    pub mode: UploadMode,
}

/// An upload that is not finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnfinishedUpload {
    pub device: DeviceName,
    /// Names the upload across retries.
    pub key: IdempotencyKey,
    /// The data file and the mode. `None` where an earlier version has kept it, which noted neither.
    pub target: Option<(DataFile, UploadMode)>,
    /// The bytes that are kept of it.
    pub bytes: u64,
    /// Since when it is interrupted; `None` while it arrives.
    pub interrupted: Option<WallTime>,
}
