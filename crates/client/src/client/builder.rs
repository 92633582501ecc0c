//! The description of a client before it connects.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use fleetlink_proto::ticket::JoinTicket;
use fleetlink_proto::{DeviceName, HubPin, Password};

use super::meeting::Meeting;
use super::{Client, LoggedIn, Notice};
use crate::{Endpoint, Error, ErrorKind, HubAddress, KnownHubs, Result, state_folder};

/// The name of this library, for the hub's log.
const PROGRAM: &str = concat!("fleetlink-client ", env!("CARGO_PKG_VERSION"));

/// The policy for a hub that this device has never met, where no pin is given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FirstUse {
    /// A hub on this host is trusted and remembered, and so is a hub that was met at another address
    /// by the same key. Another one is refused: [`ErrorKind::UnknownHub`] has its pin, for a person
    /// to compare with the one that the hub printed.
    #[default]
    Ask,
    /// The first hub that answers is trusted and remembered. Whoever answers first in its place is
    /// trusted too: for networks in which nobody can.
    Trust,
    /// Only a hub that is known, or whose pin is given, is trusted.
    Refuse,
}

/// Describes a client, and [connects](ClientBuilder::connect) it.
#[derive(Clone)]
pub struct ClientBuilder {
    pub(super) hub: Option<String>,
    pub(super) device: Option<String>,
    pub(super) state: Option<PathBuf>,
    pub(super) pin: Option<HubPin>,
    pub(super) first_use: FirstUse,
    pub(super) plain: bool,
    pub(super) unpinned_on_this_host: bool,
    pub(super) password: Option<Password>,
    pub(super) by_key: bool,
    pub(super) enrol: bool,
    pub(super) ticket: Option<JoinTicket>,
    pub(super) wait: Duration,
    pub(super) program: String,
    pub(super) endpoint: Option<Endpoint>,
    pub(super) notices: Arc<dyn Fn(&Notice) + Send + Sync>,
}

impl ClientBuilder {
    pub(super) fn new(hub: Option<String>) -> Self {
        ClientBuilder {
            hub,
            device: None,
            state: None,
            pin: None,
            first_use: FirstUse::default(),
            plain: false,
            unpinned_on_this_host: false,
            password: None,
            by_key: true,
            enrol: false,
            ticket: None,
            wait: Duration::ZERO,
            program: PROGRAM.to_owned(),
            endpoint: None,
            notices: Arc::new(Notice::log),
        }
    }

    /// The name of this device. Required, unless a ticket is given. It is checked when the client
    /// connects.
    #[must_use]
    pub fn device(mut self, name: impl Into<String>) -> Self {
        self.device = Some(name.into());
        self
    }

    /// The folder that keeps this device's keys, the pins of its hubs and the keys of the devices
    /// that it has exchanged files with. Without it that of the command `fleetlink`:
    /// `FLEETLINK_STATE_DIR`, else `fleetlink` in the XDG state folder. Several devices and processes
    /// may share it.
    #[must_use]
    pub fn state_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.state = Some(folder.into());
        self
    }

    /// The pin of the hub's key. It is confirmed at each connection, and remembered.
    #[must_use]
    pub fn pin(mut self, pin: HubPin) -> Self {
        self.pin = Some(pin);
        self
    }

    /// The policy for a hub that this device has never met: [`FirstUse::Ask`] without this.
    #[must_use]
    pub fn first_use(mut self, policy: FirstUse) -> Self {
        self.first_use = policy;
        self
    }

    /// Uses no TLS. That is possible with a hub on this host only, and with a password only: not with
    /// a pin or a ticket.
    #[must_use]
    pub fn plain(mut self) -> Self {
        self.plain = true;
        self
    }

    /// Neither compares nor remembers the pin of a hub on this host, where none is given.
    #[must_use]
    pub fn unpinned_on_this_host(mut self) -> Self {
        self.unpinned_on_this_host = true;
        self
    }

    /// The password, for a device that has no key yet or whose key the hub does not know. It is not
    /// looked at where the hub accepts the key: [`by_key(false)`](ClientBuilder::by_key) logs in by
    /// the password alone.
    #[must_use]
    pub fn password(mut self, password: impl Into<Password>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// Whether the device may log in by the key that it has in the state folder. It may, unless this
    /// says otherwise: changes of the key need the password.
    #[must_use]
    pub fn by_key(mut self, by_key: bool) -> Self {
        self.by_key = by_key;
        self
    }

    /// Makes a device that logs in by its password a key, and enrols it: the next time it needs no
    /// password. Where that does not succeed a [`Notice`] says so. [`Client::keys`] and the changes of
    /// a key need a login by password: with [`by_key(false)`](ClientBuilder::by_key) later on.
    #[must_use]
    pub fn enrol_key(mut self) -> Self {
        self.enrol = true;
        self
    }

    /// The join ticket with which the device gets its account and its key. Once it has the key the
    /// ticket is not used again, so that a service can be started with the same ticket each time.
    ///
    /// The ticket brings the hub's addresses and its pin. An address that is given as well is tried
    /// first; a pin that is given as well must be the ticket's. [`plain`](ClientBuilder::plain) and a
    /// [`password`](ClientBuilder::password) do not go with a ticket: [`ErrorKind::Usage`].
    #[must_use]
    pub fn ticket(mut self, ticket: JoinTicket) -> Self {
        self.ticket = Some(ticket);
        self
    }

    /// Waits this long for a hub that cannot be reached yet; not at all without this. After that the last
    /// error is returned.
    #[must_use]
    pub fn wait(mut self, patience: Duration) -> Self {
        self.wait = patience;
        self
    }

    /// The name and version of the program, for the hub's log.
    #[must_use]
    pub fn program(mut self, program: impl Into<String>) -> Self {
        self.program = program.into();
        self
    }

    /// The endpoint for connections to other devices, which the program has bound to a UDP port and
    /// closes itself. Without this the client binds one to any free port when it needs it.
    #[must_use]
    pub fn endpoint(mut self, endpoint: Endpoint) -> Self {
        self.endpoint = Some(endpoint);
        self
    }

    /// Hears of what the person who runs the program should know, and what is no failure. Without
    /// this it goes to the log, as a warning where [`Notice::is_warning`] says so.
    #[must_use]
    pub fn notices(mut self, hear: impl Fn(&Notice) + Send + Sync + 'static) -> Self {
        self.notices = Arc::new(hear);
        self
    }

    /// Connects and logs in: by the ticket where one is given, else by this device's key where it
    /// has one, else by the password.
    ///
    /// # Errors
    /// The hub cannot be reached, is not trusted, or refuses the login;
    /// [`ErrorKind::PasswordNeeded`] where the device has no key and no password is given.
    pub async fn connect(self) -> Result<Client> {
        // A future of several kilobytes, which would be a part of each one that waits for it.
        Box::pin(self.log_in_and_enrol()).await
    }

    async fn log_in_and_enrol(self) -> Result<Client> {
        let state = self.state_folder()?;
        let (login, address) = match &self.ticket {
            Some(ticket) => self.log_in_by_ticket(ticket, &state).await?,
            None => {
                let meeting = Meeting::new(&self, self.address()?, &state);
                let (connection, mut hub) = meeting.connect().await?;
                let login = self.log_in(connection, &mut hub, &state).await?;
                (login, hub.address)
            }
        };
        let login = match self.enrol {
            true => self.enrol(login, &state).await,
            false => login,
        };
        Ok(Client::new(self, login, address, state))
    }

    /// Connects and checks the hub's key, without logging in; returns its pin, or nothing without
    /// TLS.
    ///
    /// # Errors
    /// The hub cannot be reached, or is not trusted.
    pub async fn check_hub(&self) -> Result<Option<HubPin>> {
        let state = self.state_folder()?;
        let meeting = Meeting::new(self, self.address()?, &state);
        let (connection, _) = meeting.connect().await?;
        Ok(connection.pin)
    }

    /// Remembers the pin of this hub, which somebody has compared: the answer to
    /// [`ErrorKind::UnknownHub`].
    ///
    /// # Errors
    /// The state folder cannot be written.
    pub fn trust_hub(&self, found: HubPin) -> Result<()> {
        KnownHubs::in_folder(self.state_folder()?).keep(&self.address()?.0, found)
    }

    pub(super) fn tell(&self, notice: &Notice) {
        (self.notices)(notice);
    }

    pub(super) fn state_folder(&self) -> Result<PathBuf> {
        match &self.state {
            Some(folder) => Ok(folder.clone()),
            None => state_folder()
                .map_err(|error| Error::new(ErrorKind::State, error.to_string()).because(error)),
        }
    }

    /// The hub's address and the pin that is given, with it or beside it.
    pub(super) fn address(&self) -> Result<(HubAddress, Option<HubPin>)> {
        let missing = || Error::usage("the address of the hub is missing");
        let text = self.hub.as_deref().ok_or_else(missing)?;
        let (address, pin) = match text.split_once('#') {
            Some((address, pin)) => {
                let pin: HubPin = pin.parse().map_err(|error| {
                    Error::usage(format!("the hub's pin: {error}")).because(error)
                })?;
                (address, Some(pin))
            }
            None => (text, None),
        };
        if let (Some(one), Some(other)) = (pin, self.pin)
            && one != other
        {
            return Err(Error::usage("two different pins of the hub are given"));
        }
        let address = address.parse().map_err(|error: crate::HubAddressError| {
            Error::usage(error.to_string()).because(error)
        })?;
        Ok((address, pin.or(self.pin)))
    }

    /// The device's name as it was given.
    pub(super) fn name(&self) -> Result<&str> {
        let missing = || Error::usage("the name of the device is missing");
        self.device.as_deref().ok_or_else(missing)
    }

    /// The device's name, where one is given.
    pub(super) fn device_name(&self) -> Result<Option<DeviceName>> {
        let name = self.device.as_deref().map(str::parse::<DeviceName>);
        name.transpose()
            .map_err(|error| Error::usage(error.to_string()).because(error))
    }
}

impl std::fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("hub", &self.hub)
            .field("device", &self.device)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for LoggedIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoggedIn")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
