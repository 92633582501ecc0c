//! The operator's requests.

use std::net::IpAddr;
use std::time::Duration;

use fleetlink_proto::access::{AccessName, TokenRole};
use fleetlink_proto::control::EnrolledKey;
use fleetlink_proto::ticket::{TicketHash, TicketNumber, TicketSubject};
use fleetlink_proto::{ClientNetwork, DeviceKey, DeviceName, IdempotencyKey, WallTime};

use crate::caller::Means;
use crate::ids::SessionId;
use crate::operator::data::{DataReply, DataRequest};
use crate::operator::people::PeopleOrder;
use crate::operator::presences::{PresenceChoice, Presences};
use crate::store::admission::{Token, TokenId, WebLogin};
use crate::store::audit::event::AuditRecord;
use crate::store::audit::filter::{AuditFilter, AuditPart};
use crate::store::calls::{PasswordHash, UnfinishedUpload};
use crate::store::rule::Rule;
use crate::store::ticket::{Ticket, TicketStanding};
use crate::transfers::status::{TransferChoice, TransferStatus};

/// One call of the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdminRequest {
    /// Changes an account, in its turn among the operations of its name.
    Change {
        name: DeviceName,
        order: AccountOrder,
    },
    /// Gives an account a key, instead of one that it may have.
    SetKey { name: DeviceName, key: DeviceKey },
    /// Takes an account's key away and ends its sessions, also where it has none.
    RevokeKey { name: DeviceName },
    /// Ends a name's lock-out and forgets its wrong passwords.
    Unlock { name: DeviceName },
    /// The same of a person's login.
    UnlockLogin { name: AccessName },
    /// Asks whether the caller may follow the events of this device, or of all.
    Follow { device: Option<DeviceName> },
    /// Lists the names that are locked out.
    ListLockOuts,
    /// Lists the client networks that are under a penalty.
    ListPenalties,
    /// Lists a page of accounts, by name; the page after the last is empty.
    ListAccounts {
        /// Only larger names.
        after: Option<DeviceName>,
    },
    /// Issues a ticket.
    IssueTicket {
        /// The hash by which its secret is found.
        hash: TicketHash,
        /// For whom it is.
        subject: TicketSubject,
        /// The number of permitted uses; one for a single name.
        uses: u32,
        /// For how long.
        life: Duration,
    },
    /// Takes a ticket back.
    RevokeTicket { ticket: TicketNumber },
    /// Lists a page of tickets, in the order in which they were issued; the page after the last is empty.
    ListTickets {
        /// Only larger numbers.
        after: Option<TicketNumber>,
    },
    /// Lists the uploads that are not finished.
    ListUploads,
    /// Tells which devices are there.
    ListPresences(PresenceChoice),
    /// Lists the open sessions, in the order in which they connected.
    ListSessions,
    /// Lists a page of transfers between devices, the newest first; the page after the last is empty.
    ListTransfers(TransferChoice),
    /// Ends sessions.
    EndSessions(SessionChoice),
    /// Asks for something about data files.
    Data(DataRequest),
    /// Changes logins of people, tokens, one-time links, and rules about data.
    People(PeopleOrder),
    /// Lists a page of logins, by name.
    ListLogins {
        /// Only larger names.
        after: Option<AccessName>,
    },
    /// Lists a page of tokens, by number.
    ListTokens {
        /// Only larger numbers.
        after: Option<TokenId>,
    },
    /// Lists the rules about data that are stored.
    ListRules,
    /// Lists audit records.
    ListAudit {
        filter: Box<AuditFilter>,
        part: AuditPart,
        /// At most so many.
        limit: u32,
    },
}

impl AdminRequest {
    /// The name of the account that has to be known before the request is decided.
    pub(crate) fn account(&self) -> Option<&DeviceName> {
        match self {
            AdminRequest::Change { name, .. }
            | AdminRequest::SetKey { name, .. }
            | AdminRequest::RevokeKey { name }
            | AdminRequest::Unlock { name }
            | AdminRequest::EndSessions(SessionChoice::OfDevice(name))
            | AdminRequest::IssueTicket {
                subject: TicketSubject::Name(name),
                ..
            } => Some(name),
            AdminRequest::Data(request) => request.device(),
            AdminRequest::People(PeopleOrder::AddToken {
                role: TokenRole::Device(name),
                ..
            }) => Some(name),
            AdminRequest::EndSessions(SessionChoice::Number(_))
            | AdminRequest::IssueTicket {
                subject: TicketSubject::Prefix(_),
                ..
            }
            | AdminRequest::ListAccounts { .. }
            | AdminRequest::RevokeTicket { .. }
            | AdminRequest::ListTickets { .. }
            | AdminRequest::ListUploads
            | AdminRequest::People(_)
            | AdminRequest::UnlockLogin { .. }
            | AdminRequest::Follow { .. }
            | AdminRequest::ListLockOuts
            | AdminRequest::ListPenalties
            | AdminRequest::ListLogins { .. }
            | AdminRequest::ListTokens { .. }
            | AdminRequest::ListAudit { .. }
            | AdminRequest::ListRules
            | AdminRequest::ListPresences(_)
            | AdminRequest::ListTransfers(_)
            | AdminRequest::ListSessions => None,
        }
    }
}

/// A change of an account that somebody orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountOrder {
    /// Adds an account with a password of this hash.
    Add(PasswordHash),
    /// Changes the account's password to one of this hash, and ends the sessions that the old one
    /// opened.
    SetPassword(PasswordHash),
    /// Removes the account and ends its sessions.
    Remove {
        /// Whether its files are deleted as well; without this an account with files stays.
        with_data: bool,
        /// The first of the keys of those deletions; the following count up from it.
        key: IdempotencyKey,
    },
    /// Applies a line of a credentials file that is new or has changed.
    Import(ImportOrder),
    /// Takes the account's password and key away; its data stay.
    RemoveLogin { origin: Box<str> },
    /// Notes that all of a credentials file is imported. The account is one of the file.
    FinishImport {
        origin: Box<str>,
        /// The hash of all of it.
        whole: PasswordHash,
        /// Names that it no longer gives.
        forget: Vec<DeviceName>,
    },
}

/// One line of a credentials file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportOrder {
    pub origin: Box<str>,
    /// The hash of the line's password.
    pub password_hash: PasswordHash,
    /// The account's hash when the file was read.
    pub before: Option<PasswordHash>,
}

/// The result of one line of a credentials file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportEffect {
    /// The account is new.
    Added,
    /// The account has another password.
    Changed,
    /// The account is as it was.
    Remembered,
}

/// The sessions to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionChoice {
    /// Those of a device.
    OfDevice(DeviceName),
    /// The one of this number.
    Number(SessionId),
}

/// The reply to the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdminReply {
    /// It is done.
    Done,
    /// A page of accounts, by name.
    Accounts(Vec<AccountStatus>),
    /// The ticket that was issued.
    Ticket(Box<TicketStatus>),
    /// A page of tickets, in the order in which they were issued.
    Tickets(Vec<TicketStatus>),
    /// The open sessions, in the order in which they connected.
    Sessions(Vec<SessionStatus>),
    /// The devices that are there.
    Presences(Presences),
    /// The number of ended sessions.
    Ended(usize),
    /// The uploads that are not finished.
    Uploads(Vec<UnfinishedUpload>),
    /// To what was asked about data files.
    Data(DataReply),
    /// The line of a credentials file is applied.
    Imported(ImportEffect),
    /// The names that are locked out. A person's login has `login/` in front, and what was tried as the name
    /// of a device and has a slash `device/`.
    LockOuts(Vec<LockOutStatus>),
    /// The client networks that are under a penalty.
    Penalties(Vec<PenaltyStatus>),
    /// A page of logins, by name.
    Logins(Vec<WebLogin>),
    /// The token that was added.
    Token(Token),
    /// A page of tokens, by number.
    Tokens(Vec<Token>),
    /// The rules about data that are stored.
    Rules(Vec<Rule>),
    /// Audit records.
    Audit(Vec<AuditRecord>),
    /// A page of transfers, the newest first.
    Transfers(Vec<TransferStatus>),
}

/// A session as the operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionStatus {
    pub session: SessionId,
    /// The device, once it has logged in.
    pub device: Option<DeviceName>,
    pub address: IpAddr,
    /// The time of its connection.
    pub since: WallTime,
    /// Whether it is the device of its name, and not only attached.
    pub joined: bool,
    /// The means of its login, once it has logged in.
    pub means: Option<Means>,
    /// For how long nothing has been heard from it.
    pub idle: Duration,
    /// Uploads that it has open.
    pub uploads: usize,
    /// Downloads that it has open.
    pub downloads: usize,
}

/// A name that is locked out, as the operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockOutStatus {
    /// As it was tried; it need not be anybody's.
    pub name: Box<str>,
    /// For how much longer.
    pub left: Duration,
}

/// A client network that is under a penalty, as the operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PenaltyStatus {
    pub source: ClientNetwork,
    /// Whether it may not try one name alone.
    pub is_of_one_name: bool,
    /// For how much longer.
    pub left: Duration,
}

/// A ticket as the operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketStatus {
    pub ticket: Ticket,
    /// Whether it can be used now.
    pub standing: TicketStanding,
}

/// An account as the operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountStatus {
    pub name: DeviceName,
    /// The time at which it was made.
    pub created: WallTime,
    /// Whether the device is active.
    pub active: bool,
    /// For how long it stays locked out.
    pub locked_out_for: Option<Duration>,
    /// Its key, where it has one.
    pub key: Option<EnrolledKey>,
}
