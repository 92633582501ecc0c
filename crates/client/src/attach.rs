//! Logging in again and again as the same device.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};

use fleetlink_proto::Password;
use fleetlink_proto::control::{Join, JoinReply, LoginReply};
use tokio::sync::Mutex;

use crate::{
    Closed, Connection, Error, HubAddress, KeyPair, Result, Session, Successor, Trust, connect,
};

/// Everything that a login needs.
#[derive(Debug, Clone)]
pub struct Dialer {
    /// The hub's address.
    pub address: HubAddress,
    /// The proof by which the hub is accepted.
    pub trust: Trust,
    /// The device's name, as the person gave it.
    pub name: String,
    /// The proof that the device has this name.
    pub credential: CurrentCredential,
    /// The program that runs on this device, for the hub's log.
    pub client: String,
    /// Follows the hub to a new key that it announces; without this the device does not follow.
    pub successor: Option<Successor>,
}

/// The proof that a device has its name.
#[derive(Debug, Clone)]
pub enum Credential {
    /// The password of the account.
    Password(Password),
    /// The key that the device has enrolled.
    Key(Arc<KeyPair>),
}

/// The credential that the next login uses. Clones share it: a key that was replaced is replaced for
/// every part of the program that logs in again.
#[derive(Debug, Clone)]
pub struct CurrentCredential(Arc<std::sync::RwLock<Credential>>);

impl From<Credential> for CurrentCredential {
    fn from(credential: Credential) -> Self {
        CurrentCredential(Arc::new(credential.into()))
    }
}

impl CurrentCredential {
    pub(crate) fn get(&self) -> Credential {
        let credential = self.0.read().unwrap_or_else(PoisonError::into_inner);
        credential.clone()
    }

    pub(crate) fn set(&self, credential: Credential) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = credential;
    }
}

impl Dialer {
    /// Connects and logs in; a new key that the hub has announced is the trusted one from then on.
    pub async fn attach(&mut self) -> Result<Session> {
        let connection = self.connect().await?;
        let (session, _) = self.attach_over(connection).await?;
        Ok(session)
    }

    /// Logs in over a new connection.
    pub async fn attach_over(&self, connection: Connection) -> Result<(Session, LoginReply)> {
        match self.credential.get() {
            Credential::Password(password) => {
                let (session, _) = Session::open(connection, &self.client).await?;
                let login = session.login(&self.name, &password).await;
                let reply = login.map_err(Error::of_password)?;
                Ok((session, reply))
            }
            Credential::Key(key) => {
                Session::attach_by_key(connection, &self.client, (&self.name, &key)).await
            }
        }
    }

    /// Connects, logs in and joins. With a `rejoin` the hub refuses that where the name was joined
    /// anew since the join of this generation.
    pub async fn join(&mut self, join: Join) -> Result<(Session, JoinReply)> {
        let connection = self.connect().await?;
        if let Credential::Key(key) = self.credential.get() {
            let who = (self.name.as_str(), &*key);
            return Session::join_by_key(connection, &self.client, who, join).await;
        }
        let (session, _) = self.attach_over(connection).await?;
        let joined = session.join_as(join).await?;
        Ok((session, joined))
    }

    async fn connect(&mut self) -> Result<Connection> {
        let connected = match &self.successor {
            Some(successor) => {
                let (address, trust) = (&self.address, &mut self.trust);
                successor.connect(address, trust, &self.client).await
            }
            None => connect(&self.address, self.trust).await,
        };
        // The device has been there: only a name's first resolution may be that of a mistyped one.
        connected.map_err(Error::of_known_host)
    }
}

/// A source of sessions for a change that is tried again.
pub trait Sessions: Sync {
    /// A session that is logged in: the one at hand or, when it is over, another.
    fn session(&self) -> impl Future<Output = Result<Session>> + Send;
}

/// Sessions of a command that attaches and does not join.
pub struct Attached {
    current: Mutex<(Session, Dialer)>,
    /// Whether the device has said goodbye: it does not come back.
    has_left: AtomicBool,
}

impl Attached {
    /// Goes on with this session, and with others that the dialer makes.
    pub fn new(dialer: Dialer, session: Session) -> Self {
        Attached {
            current: Mutex::new((session, dialer)),
            has_left: AtomicBool::new(false),
        }
    }
}

impl Attached {
    /// The session at hand, also one that has ended, and what logs in again.
    pub(crate) async fn parts(&self) -> (Session, Dialer) {
        self.current.lock().await.clone()
    }

    /// Says goodbye. No other session is opened after that, also by a call that is waiting for one.
    pub(crate) async fn leave(&self) {
        self.has_left.store(true, Ordering::SeqCst);
        self.parts().await.0.leave().await;
    }
}

impl Sessions for Attached {
    async fn session(&self) -> Result<Session> {
        let mut current = self.current.lock().await;
        if self.has_left.load(Ordering::SeqCst) {
            return Err(Error::closed(Closed::Left));
        }
        let (session, dialer) = &mut *current;
        if session.is_closed().is_some() {
            *session = dialer.attach().await?;
        }
        Ok(session.clone())
    }
}

/// A session that is not replaced when it is over.
impl Sessions for Session {
    async fn session(&self) -> Result<Session> {
        match self.is_closed() {
            Some(closed) => Err(Error::closed(closed)),
            None => Ok(self.clone()),
        }
    }
}
