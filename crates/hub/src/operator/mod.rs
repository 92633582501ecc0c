//! The operator's door: a Unix socket in the data folder that only its owner can open, or, where no
//! hub runs, the store itself under its exclusive lock. Both end at the core.

mod message;
mod offline;
mod socket;
mod tickets;

pub use message::{AccountInfo, OperatorCall, OperatorReply};
pub(crate) use socket::OperatorSocket;
pub use tickets::{IssuedTicket, TicketInfo, TicketOrder, TicketState, TicketUseInfo};

use std::io;
use std::path::Path;

use fleetlink_core::AdminRequest;
use fleetlink_proto::IdempotencyKey;

use self::offline::Offline;
use self::socket::Connection;
use crate::driver::DriverHandle;
use crate::passwords::Passwords;
use crate::reach::Reach;

/// The socket's name in the data folder.
const SOCKET_FILE: &str = "hub.sock";

/// What the operator's calls are done with.
#[derive(Clone)]
pub(crate) struct OperatorContext {
    pub(crate) driver: DriverHandle,
    pub(crate) passwords: Passwords,
    pub(crate) reach: Reach,
}

/// A way to administer a hub.
pub struct Operator(Way);

enum Way {
    Running(Connection),
    Offline(Offline),
}

/// Why an operator's call was not done.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// The hub refused, with a sentence that says why.
    #[error("{0}")]
    Refused(String),
    /// The data folder cannot be used.
    #[error("cannot administer the hub in {folder}: {reason}")]
    Unreachable {
        /// The folder.
        folder: String,
        /// Why not.
        reason: String,
    },
}

impl Operator {
    /// Reaches the hub whose data are in `folder`: the one that runs, or the store of one that
    /// does not.
    pub async fn reach(folder: &Path) -> Result<Self, OperatorError> {
        let unreachable = |reason: String| OperatorError::Unreachable {
            folder: folder.display().to_string(),
            reason,
        };
        match Connection::open(&folder.join(SOCKET_FILE)) {
            Ok(connection) => Ok(Operator(Way::Running(connection))),
            Err(error) if no_hub_runs(&error) => Offline::open(folder)
                .await
                .map(|o| Operator(Way::Offline(o)))
                .map_err(unreachable),
            Err(error) => Err(unreachable(error.to_string())),
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

    /// Ends it; where no hub runs, the store is closed.
    pub async fn finish(self) {
        if let Way::Offline(offline) = self.0 {
            offline.close().await;
        }
    }
}

fn no_hub_runs(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
    )
}

/// Has the core do an operator's call.
async fn perform(call: OperatorCall, context: &OperatorContext) -> Result<OperatorReply, String> {
    let OperatorContext {
        driver, passwords, ..
    } = context;
    let request = match call {
        OperatorCall::AddAccount { name, password } => {
            password.check_for_account().map_err(|e| e.to_string())?;
            AdminRequest::AddAccount {
                name,
                password_hash: passwords.hash(password).await,
            }
        }
        OperatorCall::SetPassword { name, password } => {
            password.check_for_account().map_err(|e| e.to_string())?;
            AdminRequest::SetPassword {
                name,
                password_hash: passwords.hash(password).await,
            }
        }
        OperatorCall::RemoveAccount { name, with_data } => {
            let key = random_key().map_err(|e| e.to_string())?;
            AdminRequest::RemoveAccount {
                name,
                with_data,
                key,
            }
        }
        OperatorCall::SetKey { name, key } => AdminRequest::SetKey { name, key },
        OperatorCall::RevokeKey { name } => AdminRequest::RevokeKey { name },
        OperatorCall::Unlock { name } => AdminRequest::Unlock { name },
        OperatorCall::ListAccounts => AdminRequest::ListAccounts,
        OperatorCall::IssueTicket(order) => return tickets::issue(order, context).await,
        OperatorCall::RevokeTicket { ticket } => AdminRequest::RevokeTicket { ticket },
        OperatorCall::ListTickets => AdminRequest::ListTickets,
    };
    driver.admin(request).await.map(OperatorReply::from)
}

fn random_key() -> Result<IdempotencyKey, getrandom::Error> {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits)?;
    Ok(IdempotencyKey::from_bits(u128::from_be_bytes(bits)))
}
