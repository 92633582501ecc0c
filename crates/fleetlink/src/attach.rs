//! Attaching: logging in without joining, as one-shot commands do.

use std::sync::Arc;
use std::time::Duration;

use fleetlink_client::{
    Attached, Choice, Connection, Credential, HubAddress, KnownHubs, Session, state_folder,
};
use fleetlink_proto::control::LoginReply;
use fleetlink_proto::{DeviceName, HubPin, Password};

use crate::chosen;
use crate::dial::{Hub, TrustArguments};
use crate::failure::Failure;
use crate::identity;
use crate::login::{self, Welcome};
use crate::output::Output;
use crate::password::PasswordSource;
use crate::stdin::Lines;

/// The hub and the account of a command that attaches and does not join.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct HubArguments {
    /// The hub: HOST:PORT or [IPv6]:PORT.
    #[arg(long, global = true, value_name = "HOST:PORT", env = "FLEETLINK_HUB")]
    hub: Option<HubAddress>,
    /// This device's name.
    #[arg(long, global = true, value_name = "NAME", env = "FLEETLINK_DEVICE")]
    pub(crate) device: Option<DeviceName>,
    #[command(flatten)]
    password: PasswordSource,
    #[command(flatten)]
    trust: TrustArguments,
    /// Show one JSON document on standard output, for failures too.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

impl HubArguments {
    /// The same with the device and the hub that were chosen for this machine, where these
    /// arguments name none. A device of another hub is not meant.
    pub(crate) fn or_chosen(mut self) -> Result<Self, Failure> {
        if (self.hub.is_some() && self.device.is_some()) || self.trust.plain {
            return Ok(self);
        }
        if let Some(Choice { hub, device }) = chosen::read()? {
            match (&self.hub, &self.device) {
                (Some(named), None) if *named != hub => {}
                _ => {
                    self.hub.get_or_insert(hub);
                    self.device.get_or_insert(device);
                }
            }
        }
        Ok(self)
    }

    /// The same with this patience for a hub that cannot be reached yet.
    pub(crate) fn waiting(mut self, patience: Duration) -> Self {
        self.trust.patience = patience;
        self
    }

    /// This device's name.
    pub(crate) fn device(&self) -> Result<&DeviceName, Failure> {
        let missing = "this device's name is needed: --device NAME or FLEETLINK_DEVICE; the first \
                       device that joins from this machine is remembered (fleetlink use)";
        self.device
            .as_ref()
            .ok_or_else(|| Failure::Usage(missing.to_owned()))
    }

    /// Where the hub is.
    pub(crate) fn hub(&self) -> Result<&HubAddress, Failure> {
        let missing = "the hub is needed: --hub HOST:PORT or FLEETLINK_HUB; the one of the first \
                       device that joins from this machine is remembered (fleetlink use)";
        let address = self.hub.as_ref();
        address.ok_or_else(|| Failure::Usage(missing.to_owned()))
    }

    /// The pin that the hub must have, as far as that is known without asking it.
    pub(crate) fn known_pin(&self) -> Result<Option<HubPin>, Failure> {
        match self.trust.pin {
            Some(pin) => Ok(Some(pin)),
            None => Ok(KnownHubs::in_folder(state_folder()?).pin(self.hub()?)?),
        }
    }

    /// The same of the hub that is named, if one is. It must have been met.
    pub(crate) fn named_pin(&self) -> Result<Option<HubPin>, Failure> {
        let Some(hub) = &self.hub else {
            return Ok(self.trust.pin);
        };
        let unknown = || Failure::General(format!("this device has not met the hub at {hub}"));
        self.known_pin()?.ok_or_else(unknown).map(Some)
    }

    /// Connects and logs in, without joining: by this device's key where it has one, else by the
    /// password.
    pub(crate) async fn attach(&self, output: &Output) -> Result<Attached, Failure> {
        let welcome = self.log_in(output).await?;
        Ok(Attached::new(welcome.dialer, welcome.session))
    }

    /// The same, with everything that a login brings.
    pub(crate) async fn log_in(&self, output: &Output) -> Result<Welcome, Failure> {
        let device = self.device()?;
        let lines = Lines::new();
        let (connection, mut hub) = self.trust.reach(self.hub()?, &lines, output).await?;
        let key = identity::key_for(connection.pin, device)?;
        let mut at_hand = Some(connection);
        let mut refused = None;
        if let Some(key) = key {
            let credential = Credential::Key(Arc::new(key));
            let attached = hub.attach(at_hand.take(), device.as_str(), &credential);
            match identity::unless_refused(attached.await)? {
                Ok(attached) => {
                    return Ok(login::welcome(attached, &hub, device.as_str(), credential));
                }
                Err(error) => refused = Some(error),
            }
        }
        let password = self.password.read(&lines).await?;
        if let (Some(error), None, false) = (refused, &password, lines.terminal()) {
            return Err(Failure::Hub(error));
        }
        let (attached, credential) = self
            .by_password(&mut hub, at_hand, password, &lines, output)
            .await?;
        Ok(login::welcome(attached, &hub, device.as_str(), credential))
    }

    /// Connects and logs in by the password alone, for what its owner only may do; with the pin of
    /// the hub, which has one.
    pub(crate) async fn attach_as_owner(
        &self,
        output: &Output,
    ) -> Result<(Session, HubPin), Failure> {
        let lines = Lines::new();
        let (connection, mut hub) = self.trust.reach(self.hub()?, &lines, output).await?;
        let without_tls = || Failure::Usage("a hub without TLS knows no keys".to_owned());
        connection.pin.ok_or_else(without_tls)?;
        let password = self.password.read(&lines).await?;
        let ((session, _), _) = self
            .by_password(&mut hub, Some(connection), password, &lines, output)
            .await?;
        // While the password was typed the hub may have got a new key.
        let pin = session.pin().ok_or_else(without_tls)?;
        Ok((session, pin))
    }

    async fn by_password(
        &self,
        hub: &mut Hub,
        at_hand: Option<Connection>,
        given: Option<Password>,
        lines: &Lines,
        output: &Output,
    ) -> Result<((Session, LoginReply), Credential), Failure> {
        let (password, at_hand) = match given {
            Some(password) => (password, at_hand),
            None => {
                // The hub has few places for those who have not logged in.
                drop(at_hand);
                (self.password.read_or_ask(lines, output).await?, None)
            }
        };
        let credential = Credential::Password(password);
        let attached = hub
            .attach(at_hand, self.device()?.as_str(), &credential)
            .await?;
        Ok((attached, credential))
    }
}
