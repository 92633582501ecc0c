//! The messages of the operator's socket: one JSON object a line, in both directions.

use fleetlink_core::{AccountStatus, AdminReply};
use fleetlink_proto::control::{EnrolledKey, RpcError};
use fleetlink_proto::ticket::TicketNumber;
use fleetlink_proto::{DataFile, DeviceKey, DeviceName, HubPin, Password, WallTime};
use serde::{Deserialize, Serialize};

use super::content::ContentInfo;
use super::data::{DataCall, DataCallReply};
use super::people::{PeopleCall, PeopleReply};
use super::sessions::SessionInfo;
use super::status::{DeviceInfo, StatusInfo};
use super::tickets::{IssuedTicket, TicketInfo, TicketOrder};
use super::uploads::UploadInfo;
use crate::audit::{AuditDocument, AuditWish};

/// One call of the operator.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "call", rename_all = "snake_case")]
pub enum OperatorCall {
    /// Adds an account.
    AddAccount {
        name: DeviceName,
        password: Password,
    },
    /// Changes an account's password.
    SetPassword {
        name: DeviceName,
        /// The new password.
        password: Password,
    },
    /// Removes an account and ends its sessions.
    RemoveAccount {
        name: DeviceName,
        /// Whether its files are deleted as well.
        with_data: bool,
    },
    /// Gives an account a key, instead of one that it may have.
    SetKey { name: DeviceName, key: DeviceKey },
    /// Takes an account's key away and ends its sessions.
    RevokeKey { name: DeviceName },
    /// Ends a name's lock-out.
    Unlock { name: DeviceName },
    /// Lists a page of accounts.
    ListAccounts {
        /// Only larger names.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<DeviceName>,
    },
    /// Gives the hub a new key, signed for by the one that it has.
    RotateKey,
    /// Issues a ticket.
    IssueTicket(TicketOrder),
    /// Takes a ticket back.
    RevokeTicket { ticket: TicketNumber },
    /// Lists a page of tickets.
    ListTickets {
        /// Only larger numbers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<TicketNumber>,
    },
    /// Tells how the hub does.
    Status,
    /// Lists a page of devices, by name.
    ListDevices {
        /// Only larger names.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<DeviceName>,
    },
    /// Lists the open sessions.
    ListSessions,
    /// Lists the uploads that are not finished.
    ListUploads,
    /// Does something about devices' data files.
    Data(DataCall),
    /// Reads a data file: its content follows the answer.
    Read { device: DeviceName, file: DataFile },
    /// Ends the sessions of a device.
    EndSessionsOf { name: DeviceName },
    /// Ends a session.
    EndSession { session: u64 },
    /// Does something about logins of people, tokens and one-time links.
    People(PeopleCall),
    /// Lists a page of audit records.
    ListAudit(AuditCall),
}

/// The audit records that are asked for.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct AuditCall {
    #[serde(default)]
    pub wish: AuditWish,
    /// The place that the page before told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// At most so many; the hub may give fewer.
    pub limit: u32,
}

/// The reply to a call that succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperatorReply {
    /// Nothing more than that.
    Done,
    /// A page of accounts, by name; the last page is empty.
    Accounts(Vec<AccountInfo>),
    /// The hub's key is another now.
    KeyRotated {
        /// The pin of the key before.
        old: HubPin,
        /// The pin of the new one.
        new: HubPin,
    },
    /// The ticket that was issued.
    Ticket(Box<IssuedTicket>),
    /// A page of tickets, in the order in which they were issued; the last page is empty.
    Tickets(Vec<TicketInfo>),
    /// The state of the hub.
    Status(Box<StatusInfo>),
    /// A page of devices, by name; the last page is empty.
    Devices(Vec<DeviceInfo>),
    /// The open sessions, in the order in which they connected.
    Sessions(Vec<SessionInfo>),
    /// Sessions were ended.
    Ended { sessions: usize },
    /// The uploads that are not finished, by device.
    Uploads(Vec<UploadInfo>),
    /// To a call about devices' data files.
    Data(DataCallReply),
    /// A data file, whose content follows.
    Content(ContentInfo),
    /// The data file was not read.
    NotDone(RpcError),
    /// To a call about logins of people, tokens and one-time links.
    People(Box<PeopleReply>),
    /// A page of audit records.
    Audit {
        records: Vec<AuditDocument>,
        /// The place of the next page; none behind the last record.
        next: Option<String>,
    },
}

/// An account as the operator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountInfo {
    pub name: DeviceName,
    /// The time at which it was made.
    pub created: WallTime,
    /// Whether the device is active.
    pub active: bool,
    /// For how many more milliseconds its password is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked_for_ms: Option<u64>,
    /// Its key, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<EnrolledKey>,
}

impl From<AdminReply> for OperatorReply {
    fn from(reply: AdminReply) -> Self {
        match reply {
            AdminReply::Uploads(uploads) => {
                OperatorReply::Uploads(uploads.into_iter().map(UploadInfo::from).collect())
            }
            // Of an import and transfers, which are no calls of the operator, and of data and people,
            // which are answered otherwise.
            AdminReply::Done
            | AdminReply::Imported(_)
            | AdminReply::Data(_)
            | AdminReply::LockOuts(_)
            | AdminReply::Presences(_)
            | AdminReply::Penalties(_)
            | AdminReply::Transfers(_)
            | AdminReply::Logins(_)
            | AdminReply::Token(_)
            | AdminReply::Audit(_)
            | AdminReply::Rules(_)
            | AdminReply::Tokens(_) => OperatorReply::Done,
            AdminReply::Accounts(accounts) => {
                OperatorReply::Accounts(accounts.into_iter().map(AccountInfo::from).collect())
            }
            AdminReply::Tickets(tickets) => {
                OperatorReply::Tickets(tickets.into_iter().map(TicketInfo::from).collect())
            }
            AdminReply::Sessions(sessions) => {
                OperatorReply::Sessions(sessions.into_iter().map(SessionInfo::from).collect())
            }
            AdminReply::Ended(sessions) => OperatorReply::Ended { sessions },
            // Its text is told by who has drawn its secret.
            AdminReply::Ticket(ticket) => OperatorReply::Tickets(vec![(*ticket).into()]),
        }
    }
}

impl From<AccountStatus> for AccountInfo {
    fn from(status: AccountStatus) -> Self {
        let AccountStatus {
            name,
            created,
            active,
            locked_out_for,
            key,
        } = status;
        let blocked_for_ms =
            locked_out_for.map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX));
        AccountInfo {
            name,
            created,
            active,
            blocked_for_ms,
            key,
        }
    }
}

/// The result of a line: a reply, or a sentence that says why the call was refused.
pub(super) type CallResult = Result<OperatorReply, String>;
