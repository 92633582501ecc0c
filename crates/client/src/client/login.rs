//! Logging in by key or password.

use std::path::Path;
use std::sync::Arc;

use fleetlink_proto::control::{ErrorCode, LoginReply};

use super::meeting::Hub;
use super::{ClientBuilder, LoggedIn, Notice};
use crate::limits::OPENING_PATIENCE;
use crate::retry::{Attempt, Patience, Tries, retry};
use crate::{Connection, Credential, DeviceKeys, Error, ErrorKind, Result, Session};

impl ClientBuilder {
    /// Logs in over this connection: by the key, and by the password where there is no key or the
    /// hub does not know it any more.
    pub(super) async fn log_in(
        &self,
        connection: Connection,
        hub: &mut Hub,
        state: &Path,
    ) -> Result<LoggedIn> {
        let name = self.name()?;
        let key = match (connection.pin, self.device_name().ok().flatten()) {
            (Some(pin), Some(device)) if self.by_key => {
                DeviceKeys::in_folder(state).find(pin, &device)?
            }
            _ => None,
        };
        let mut at_hand = Some(connection);
        let mut refused = None;
        if let Some(key) = key {
            let credential = Credential::Key(Arc::new(key));
            match hub.log_in(at_hand.take(), name, credential).await {
                Err(error) if error.is_refused_with(ErrorCode::KeyRefused) => {
                    self.tell(&Notice::KeyRefused);
                    refused = Some(error);
                }
                tried => return tried,
            }
        }
        let Some(password) = self.password.clone() else {
            let needed = || {
                let message = match self.by_key {
                    true => "this device has no key for the hub yet, so its password is needed",
                    false => "the password is needed, since the login is not to be by key",
                };
                Error::new(ErrorKind::PasswordNeeded, message)
            };
            return Err(refused.unwrap_or_else(needed));
        };
        hub.log_in(at_hand, name, Credential::Password(password))
            .await
    }
}

impl Hub {
    /// Logs in over the connection at hand or a new one; a hub that is busy, or loses the
    /// connection, is asked again for a while. A password whose answer was lost is not sent again:
    /// the hub counts each as an attempt, and a wrong one would lock the name out early.
    pub(super) async fn log_in(
        &mut self,
        at_hand: Option<Connection>,
        name: &str,
        credential: Credential,
    ) -> Result<LoggedIn> {
        let mut opening = Opening {
            hub: self,
            at_hand,
            name,
            credential: &credential,
        };
        let mut tries = Tries::new(Patience::Opening(OPENING_PATIENCE));
        let (session, reply) = retry(&mut tries, &mut opening).await??;
        Ok(LoggedIn {
            session,
            dialer: self.dialer(name, credential),
            name: reply.name,
            enrolled: reply.key,
        })
    }
}

struct Opening<'a> {
    hub: &'a mut Hub,
    at_hand: Option<Connection>,
    name: &'a str,
    credential: &'a Credential,
}

impl Attempt for Opening<'_> {
    /// An error here is final.
    type Done = Result<(Session, LoginReply)>;

    async fn attempt(&mut self, _: &mut Tries) -> Result<Self::Done> {
        let connection = match self.at_hand.take() {
            Some(connection) => connection,
            None => self.hub.connect().await?,
        };
        let Credential::Password(password) = self.credential else {
            let dialer = self.hub.dialer(self.name, self.credential.clone());
            return dialer.attach_over(connection).await.map(Ok);
        };
        let (session, _) = Session::open(connection, &self.hub.program).await?;
        match session.login(self.name, password).await {
            Err(error) if !matches!(error.kind(), ErrorKind::Refused(_)) => Ok(Err(error)),
            answered => Ok(Ok((session, answered?))),
        }
    }
}
