//! Logging in again and again as the same device.

use std::sync::Arc;

use fleetlink_proto::Password;
use fleetlink_proto::control::{ErrorCode, Join, JoinReply, LoginReply};
use tokio::sync::Mutex;

use crate::{
    CallError, ConnectError, Connection, HubAddress, KeyPair, Session, Successor, Trust,
    Unfollowed, connect,
};

/// Everything that a login needs.
#[derive(Debug, Clone)]
pub struct Dialer {
    /// Where the hub is.
    pub address: HubAddress,
    /// How it shows that it is the right one.
    pub trust: Trust,
    /// The device's name, as the person gave it.
    pub name: String,
    /// What shows that it bears it.
    pub credential: Credential,
    /// What this device runs, for the hub's log.
    pub client: String,
    /// What becomes of it when the hub announces a new key; without this it does not follow.
    pub successor: Option<Successor>,
}

/// What shows who a device is.
#[derive(Debug, Clone)]
pub enum Credential {
    /// What somebody knows.
    Password(Password),
    /// What the device holds.
    Key(Arc<KeyPair>),
}

/// Why a login did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// There is no connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The hub did not accept the hello, the login or the join.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl AttachError {
    /// Whether the same login can succeed later: the hub was away or had no time. A block passes,
    /// and was not about this password.
    pub fn may_pass(&self) -> bool {
        match self {
            AttachError::Connect(ConnectError::PinChanged { why, .. }) => {
                matches!(**why, Unfollowed::Unasked(_))
            }
            AttachError::Connect(e) => !matches!(
                e,
                ConnectError::PlainElsewhere(_) | ConnectError::Elsewhere(_)
            ),
            AttachError::Call(CallError::Refused(error)) => matches!(
                error.code,
                ErrorCode::Busy
                    | ErrorCode::Closing
                    | ErrorCode::Blocked
                    | ErrorCode::Penalised
                    | ErrorCode::StoreUnavailable
                    | ErrorCode::OutcomeUnknown
                    | ErrorCode::Internal
            ),
            AttachError::Call(CallError::Closed(closed)) => closed.may_return(),
            AttachError::Call(_) => true,
        }
    }
}

impl Dialer {
    /// Connects and logs in; a new key that the hub has announced is the trusted one from then on.
    pub async fn attach(&mut self) -> Result<Session, AttachError> {
        let connection = self.connect().await?;
        let (session, _) = self.attach_over(connection).await?;
        Ok(session)
    }

    /// Logs in over a new connection.
    pub async fn attach_over(
        &self,
        connection: Connection,
    ) -> Result<(Session, LoginReply), CallError> {
        match &self.credential {
            Credential::Password(password) => {
                let (session, _) = Session::open(connection, &self.client).await?;
                let reply = session.login(&self.name, password).await?;
                Ok((session, reply))
            }
            Credential::Key(key) => {
                Session::attach_by_key(connection, &self.client, (&self.name, key)).await
            }
        }
    }

    /// Connects, logs in and joins. With a `rejoin` the hub refuses that where the name was joined
    /// anew since the join of this generation.
    pub async fn join(&mut self, join: Join) -> Result<(Session, JoinReply), AttachError> {
        let connection = self.connect().await?;
        if let Credential::Key(key) = &self.credential {
            let who = (self.name.as_str(), &**key);
            return Ok(Session::join_by_key(connection, &self.client, who, join).await?);
        }
        let (session, _) = self.attach_over(connection).await?;
        let joined = session.join_as(join).await?;
        Ok((session, joined))
    }

    async fn connect(&mut self) -> Result<Connection, AttachError> {
        Ok(match &self.successor {
            Some(successor) => {
                let (address, trust) = (&self.address, &mut self.trust);
                successor.connect(address, trust, &self.client).await?
            }
            None => connect(&self.address, self.trust).await?,
        })
    }
}

/// Where a change that is tried again finds a session.
pub trait Sessions: Sync {
    /// A session that is logged in: the one at hand or, when it is over, another.
    fn session(&self) -> impl Future<Output = Result<Session, AttachError>> + Send;
}

/// Sessions of a command that attaches and does not join.
pub struct Attached {
    current: Mutex<(Session, Dialer)>,
}

impl Attached {
    /// Goes on with this session, and with others that the dialer makes.
    pub fn new(dialer: Dialer, session: Session) -> Self {
        Attached {
            current: Mutex::new((session, dialer)),
        }
    }
}

impl Sessions for Attached {
    async fn session(&self) -> Result<Session, AttachError> {
        let mut current = self.current.lock().await;
        let (session, dialer) = &mut *current;
        if session.is_closed().is_some() {
            *session = dialer.attach().await?;
        }
        Ok(session.clone())
    }
}

/// A session that is not replaced when it is over.
impl Sessions for Session {
    async fn session(&self) -> Result<Session, AttachError> {
        match self.is_closed() {
            Some(closed) => Err(CallError::Closed(closed).into()),
            None => Ok(self.clone()),
        }
    }
}
