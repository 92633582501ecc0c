//! Open sessions, as the operator is told of them.

use std::net::IpAddr;

use fleetlink_core::authorisation::Means;
use fleetlink_core::{SessionId, SessionStatus};
use fleetlink_proto::{DeviceName, WallTime};
use serde::{Deserialize, Serialize};

/// A session as the operator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionInfo {
    pub session: u64,
    /// The device, once the session is logged in.
    pub device: Option<DeviceName>,
    pub address: IpAddr,
    /// The time of its connection.
    pub since: WallTime,
    /// Its state.
    pub state: SessionState,
    /// The means of its login, if it has logged in.
    pub by: Option<LoginMeans>,
    /// For how many milliseconds nothing has been heard from it.
    pub idle_ms: u64,
    /// Uploads that it has open.
    pub uploads: usize,
    /// Downloads that it has open.
    pub downloads: usize,
}

/// The state of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    /// It is connected, and not logged in.
    Connected,
    /// It may issue commands.
    Attached,
    /// It is the device of its name.
    Joined,
}

/// The means of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginMeans {
    /// By the account's password.
    Password,
    /// By the device's key.
    Key,
}

impl From<SessionStatus> for SessionInfo {
    fn from(status: SessionStatus) -> Self {
        let SessionStatus {
            session: SessionId(session),
            device,
            address,
            since,
            joined,
            means,
            idle,
            uploads,
            downloads,
        } = status;
        SessionInfo {
            session,
            state: match (&device, joined) {
                (_, true) => SessionState::Joined,
                (Some(_), false) => SessionState::Attached,
                (None, false) => SessionState::Connected,
            },
            device,
            address,
            since,
            by: means.map(|means| match means {
                Means::Password => LoginMeans::Password,
                // No session is opened by a token.
                Means::Key | Means::Token => LoginMeans::Key,
            }),
            idle_ms: u64::try_from(idle.as_millis()).unwrap_or(u64::MAX),
            uploads,
            downloads,
        }
    }
}
