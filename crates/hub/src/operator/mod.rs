//! The operator's door: a Unix socket in the data folder that only its owner can open, or, where no
//! hub runs, the store itself under its exclusive lock. Both end at the core.

mod content;
mod data;
mod desk;
mod message;
mod offline;
mod people;
mod reading;
mod sessions;
mod socket;
mod status;
mod tickets;
mod uploads;

pub use content::ContentInfo;
pub(crate) use content::{Content, Next};
pub use data::{DataCall, DataCallReply, FileInfo};
pub(crate) use desk::{Desk, random_key};
pub use message::{AccountInfo, OperatorCall, OperatorReply};
pub(crate) use people::{Drawn, draw, draw_token};
pub use people::{LoginInfo, PeopleCall, PeopleReply, TokenInfo, TokenOrder};
pub use reading::{ReadError, ReadFile};
pub use sessions::{LoginMeans, SessionInfo, SessionState};
pub(crate) use socket::OperatorSocket;
pub(crate) use status::Running;
pub use status::{CountsInfo, DeviceInfo, LatestInfo, StatusInfo};
pub(crate) use tickets::{DrawnTicket, draw_ticket};
pub use tickets::{IssuedTicket, TicketInfo, TicketOrder, TicketState, TicketUseInfo};
pub use uploads::UploadInfo;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fleetlink_proto::control::RpcError;
use tokio::time::{Instant, sleep};

use self::message::AuditCall;
use self::offline::{Offline, OpenFailure};
use self::socket::Connection;
use crate::audit::{AuditDocument, AuditWish};
use crate::rules::RuleDocument;
use crate::store::sqlite::SqliteStore;

/// The socket's name in the data folder.
const SOCKET_FILE: &str = "hub.sock";
/// The time to wait for a hub that is starting, or for another command.
const START_DEADLINE: Duration = Duration::from_secs(15);
/// The time between two tries.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A way to administer a hub.
pub struct Operator(Way);

enum Way {
    Running(Connection),
    Offline(Offline),
}

/// The reason why an operator's call failed.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// The hub refused, with a sentence that says why.
    #[error("{0}")]
    Refused(String),
    /// It was not done with a data file.
    #[error("{0}")]
    NotDone(RpcError),
    /// Nothing was made there that a command could change: a mistyped path makes no store.
    #[error(
        "there are no hub's data in {folder}; `fleetlink hub --data {folder}` starts a hub there, \
         and `fleetlink account init --data {folder}` makes its store alone",
        folder = .0.display()
    )]
    NoStore(PathBuf),
    /// The data folder cannot be used.
    #[error("cannot administer the hub in {folder}: {reason}")]
    Unreachable { folder: String, reason: String },
}

const ODD_REPLY: &str = "the hub sent a reply of another kind";

impl Operator {
    /// Tells whether there is a hub's data in `folder`, without using it.
    ///
    /// # Errors
    /// There are none.
    pub fn find(folder: &Path) -> Result<(), OperatorError> {
        match folder.join(SOCKET_FILE).exists() || SqliteStore::exists(folder) {
            true => Ok(()),
            false => Err(OperatorError::NoStore(folder.to_owned())),
        }
    }

    /// Connects to the hub whose data are in `folder`: to its socket if it runs, else to its
    /// store. If the folder is in use and has no socket, a hub is starting or another command is at
    /// work: this waits for it until a deadline.
    pub async fn connect(folder: &Path) -> Result<Self, OperatorError> {
        let unreachable = |reason: String| OperatorError::Unreachable {
            folder: folder.display().to_string(),
            reason,
        };
        let deadline = Instant::now() + START_DEADLINE;
        loop {
            match Connection::open(&folder.join(SOCKET_FILE)) {
                Ok(connection) => return Ok(Operator(Way::Running(connection))),
                Err(error) if !no_hub_runs(&error) => return Err(unreachable(error.to_string())),
                Err(_) if SqliteStore::exists(folder) => {}
                Err(_) => return Err(OperatorError::NoStore(folder.to_owned())),
            }
            match Offline::open(folder).await {
                Ok(offline) => return Ok(Operator(Way::Offline(offline))),
                Err(OpenFailure::InUse(_)) if Instant::now() < deadline => sleep(LOOK_AGAIN).await,
                Err(OpenFailure::InUse(why)) => {
                    let waited = START_DEADLINE.as_secs();
                    return Err(unreachable(format!("{why}; waited {waited} s for it")));
                }
                Err(OpenFailure::Other(why)) => return Err(unreachable(why)),
            }
        }
    }

    /// Connects to the hub that runs on the data in `folder`; `None` where none does. Nothing there is
    /// touched.
    ///
    /// # Errors
    /// There are no hub's data, or the socket cannot be used.
    pub fn connect_to_running(folder: &Path) -> Result<Option<Self>, OperatorError> {
        Self::find(folder)?;
        match Connection::open(&folder.join(SOCKET_FILE)) {
            Ok(connection) => Ok(Some(Operator(Way::Running(connection)))),
            Err(error) if no_hub_runs(&error) => Ok(None),
            Err(error) => Err(OperatorError::Unreachable {
                folder: folder.display().to_string(),
                reason: error.to_string(),
            }),
        }
    }

    /// The state of a running hub.
    ///
    /// # Errors
    /// The hub refused, or went away.
    pub async fn status(&mut self) -> Result<StatusInfo, OperatorError> {
        match self.call(OperatorCall::Status).await? {
            OperatorReply::Status(status) => Ok(*status),
            _ => Err(OperatorError::Refused(ODD_REPLY.to_owned())),
        }
    }

    /// All devices of a running hub, by name.
    ///
    /// # Errors
    /// The hub refused, or went away.
    pub async fn devices(&mut self) -> Result<Vec<DeviceInfo>, OperatorError> {
        let mut all: Vec<DeviceInfo> = Vec::new();
        loop {
            let after = all.last().map(|device| device.name.clone());
            match self.call(OperatorCall::ListDevices { after }).await? {
                OperatorReply::Devices(page) if !page.is_empty() => all.extend(page),
                OperatorReply::Devices(_) => return Ok(all),
                _ => return Err(OperatorError::Refused(ODD_REPLY.to_owned())),
            }
        }
    }

    /// Makes the store of a new hub in `folder`.
    ///
    /// # Errors
    /// A hub has its data there already, or the folder cannot be made.
    pub fn make_store(folder: &Path) -> Result<(), OperatorError> {
        if SqliteStore::exists(folder) {
            let why = format!("a hub has its data in {} already", folder.display());
            return Err(OperatorError::Refused(why));
        }
        match SqliteStore::open(folder) {
            Ok(_) => Ok(()),
            Err(error) => Err(OperatorError::Unreachable {
                folder: folder.display().to_string(),
                reason: error.to_string(),
            }),
        }
    }

    /// Whether a hub runs at this moment.
    pub fn hub_is_running(&self) -> bool {
        matches!(self.0, Way::Running(_))
    }

    /// Has one call done.
    pub async fn call(&mut self, call: OperatorCall) -> Result<OperatorReply, OperatorError> {
        match &mut self.0 {
            Way::Running(connection) => connection.call(&call).await,
            Way::Offline(offline) => offline.call(call).await,
        }
    }

    /// All accounts, by name.
    ///
    /// # Errors
    /// It was refused, or the hub went away.
    pub async fn accounts(&mut self) -> Result<Vec<AccountInfo>, OperatorError> {
        let mut all: Vec<AccountInfo> = Vec::new();
        loop {
            let after = all.last().map(|account| account.name.clone());
            match self.call(OperatorCall::ListAccounts { after }).await? {
                OperatorReply::Accounts(page) if !page.is_empty() => all.extend(page),
                OperatorReply::Accounts(_) => return Ok(all),
                _ => return Err(OperatorError::Refused(ODD_REPLY.to_owned())),
            }
        }
    }

    /// Has one call about logins of people, tokens or one-time links done.
    ///
    /// # Errors
    /// It was refused, or the hub went away.
    pub async fn people(&mut self, call: PeopleCall) -> Result<PeopleReply, OperatorError> {
        match self.call(OperatorCall::People(call)).await? {
            OperatorReply::People(reply) => Ok(*reply),
            _ => Err(OperatorError::Refused(ODD_REPLY.to_owned())),
        }
    }

    /// All logins of people, by name.
    ///
    /// # Errors
    /// It was refused, or the hub went away.
    pub async fn logins(&mut self) -> Result<Vec<LoginInfo>, OperatorError> {
        let mut all: Vec<LoginInfo> = Vec::new();
        loop {
            let after = all.last().map(|login| login.name.clone());
            match self.people(PeopleCall::ListLogins { after }).await? {
                PeopleReply::Logins(page) if !page.is_empty() => all.extend(page),
                _ => return Ok(all),
            }
        }
    }

    /// All tokens, by number.
    ///
    /// # Errors
    /// It was refused, or the hub went away.
    pub async fn tokens(&mut self) -> Result<Vec<TokenInfo>, OperatorError> {
        let mut all: Vec<TokenInfo> = Vec::new();
        loop {
            let after = all.last().map(|token| token.id);
            match self.people(PeopleCall::ListTokens { after }).await? {
                PeopleReply::Tokens(page) if !page.is_empty() => all.extend(page),
                _ => return Ok(all),
            }
        }
    }

    /// All rules about data, in the order in which they count.
    ///
    /// # Errors
    /// It was refused, or the hub went away.
    pub async fn rules(&mut self) -> Result<Vec<RuleDocument>, OperatorError> {
        match self.people(PeopleCall::ListRules).await? {
            PeopleReply::Rules(rules) => Ok(rules),
            _ => Err(OperatorError::Refused(ODD_REPLY.to_owned())),
        }
    }

    /// All tickets, in the order in which they were issued.
    ///
    /// # Errors
    /// It was refused, or the hub went away.
    pub async fn tickets(&mut self) -> Result<Vec<TicketInfo>, OperatorError> {
        let mut all: Vec<TicketInfo> = Vec::new();
        loop {
            let after = all.last().map(|ticket| ticket.number);
            match self.call(OperatorCall::ListTickets { after }).await? {
                OperatorReply::Tickets(page) if !page.is_empty() => all.extend(page),
                OperatorReply::Tickets(_) => return Ok(all),
                _ => return Err(OperatorError::Refused(ODD_REPLY.to_owned())),
            }
        }
    }

    /// The newest audit records that fit, at most so many, newest first.
    ///
    /// # Errors
    /// It was refused, or the hub went away.
    pub async fn audit(
        &mut self,
        wish: AuditWish,
        most: usize,
    ) -> Result<Vec<AuditDocument>, OperatorError> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let left = most.saturating_sub(all.len());
            let call = AuditCall {
                wish: wish.clone(),
                after,
                limit: u32::try_from(left).unwrap_or(u32::MAX),
            };
            match self.call(OperatorCall::ListAudit(call)).await? {
                OperatorReply::Audit { records, next } => {
                    all.extend(records);
                    after = next;
                }
                _ => return Err(OperatorError::Refused(ODD_REPLY.to_owned())),
            }
            if after.is_none() || all.len() >= most {
                all.truncate(most);
                return Ok(all);
            }
        }
    }

    /// Has one call about devices' data files done.
    ///
    /// # Errors
    /// It was refused, or the hub went away.
    pub async fn data(&mut self, call: DataCall) -> Result<DataCallReply, OperatorError> {
        match self.call(OperatorCall::Data(call)).await? {
            OperatorReply::Data(DataCallReply::Refused(error)) => {
                Err(OperatorError::NotDone(error))
            }
            OperatorReply::Data(answer) => Ok(answer),
            _ => Err(OperatorError::Refused(ODD_REPLY.to_owned())),
        }
    }

    /// Ends it; where no hub runs, the store is closed.
    pub async fn finish(self) {
        if let Way::Offline(offline) = self.0 {
            offline.close().await;
        }
    }
}

/// Whether a hub runs on the data in this folder.
pub(crate) fn is_served(folder: &Path) -> bool {
    Connection::open(&folder.join(SOCKET_FILE)).is_ok()
}

fn no_hub_runs(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
    )
}
