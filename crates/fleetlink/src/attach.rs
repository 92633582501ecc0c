//! Attaching: logging in without joining, as one-shot commands do.

use std::time::Duration;

use fleetlink_client::{
    Client, ClientBuilder, HubAddress,
    kept::{Choice, KnownHubs, state_folder},
    transfer::Endpoint,
};
use fleetlink_proto::{DeviceName, HubPin};

use crate::chosen;
use crate::failure::Failure;
use crate::login::needs_password;
use crate::output::Output;
use crate::password::PasswordSource;
use crate::stdin::Lines;
use crate::trust::{self, TrustArguments};

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

    /// The hub's address.
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
    pub(crate) async fn connect(&self, output: &Output) -> Result<Client, Failure> {
        self.log_in(self.builder(output)?, output).await
    }

    /// The same, with this endpoint for other devices.
    pub(crate) async fn connect_at(
        &self,
        endpoint: Endpoint,
        output: &Output,
    ) -> Result<Client, Failure> {
        let builder = self.builder(output)?.endpoint(endpoint);
        self.log_in(builder, output).await
    }

    /// The same; a device that came by its password gets a key.
    pub(crate) async fn connect_enrolled(
        &self,
        endpoint: Endpoint,
        output: &Output,
    ) -> Result<Client, Failure> {
        let builder = self.builder(output)?.endpoint(endpoint).enrol_key();
        self.log_in(builder, output).await
    }

    /// Connects and logs in by the password alone, for what its owner only may do.
    pub(crate) async fn connect_as_owner(&self, output: &Output) -> Result<Client, Failure> {
        if self.trust.plain {
            let text = "a hub without TLS knows no keys";
            return Err(Failure::Usage(text.to_owned()));
        }
        self.log_in(self.builder(output)?.by_key(false), output)
            .await
    }

    fn builder(&self, output: &Output) -> Result<ClientBuilder, Failure> {
        let device = self.device()?;
        let builder = self.trust.builder(self.hub()?, output)?;
        Ok(builder.device(device.as_str()))
    }

    async fn log_in(&self, builder: ClientBuilder, output: &Output) -> Result<Client, Failure> {
        let lines = Lines::new();
        let first = match self.password.of_environment() {
            Some(password) => builder.clone().password(password),
            None => builder.clone(),
        };
        let error = match trust::connect(&first, &lines, output).await? {
            Ok(client) => return Ok(client),
            Err(error) if needs_password(&error) => error,
            Err(error) => return Err(error.into()),
        };
        let password = match self.password.read(&lines).await? {
            Some(password) => password,
            None if error.refusal().is_some() && !lines.terminal() => return Err(error.into()),
            None => self.password.read_or_ask(&lines, output).await?,
        };
        let builder = builder.by_key(false).password(password);
        Ok(trust::connect(&builder, &lines, output).await??)
    }
}
