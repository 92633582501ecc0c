//! Reaching a hub: which one, and whether it is the right one.

use std::time::Duration;

use fleetlink_client::{
    Backoff, Connection, Credential, Dialer, Error, ErrorKind, HubAddress, KnownHubs, Moved, Retry,
    Session, Successor, Trust, connect, state_folder,
};
use fleetlink_proto::HubPin;
use fleetlink_proto::control::LoginReply;
use tokio::time::{Instant, sleep};

use crate::failure::Failure;
use crate::output::Output;
use crate::stdin::Lines;

/// What this program calls itself to the hub.
pub(crate) const CLIENT: &str = concat!("fleetlink ", env!("CARGO_PKG_VERSION"));

/// How long a login waits for a hub that says it is busy.
const BUSY_PATIENCE: Duration = Duration::from_secs(5);

/// How the hub shows that it is the right one.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct TrustArguments {
    /// The hub's pin, as the hub prints it: sha256: and 64 hexadecimal digits.
    #[arg(long, global = true, value_name = "PIN", conflicts_with = "plain")]
    pub(crate) pin: Option<HubPin>,
    /// No TLS; to a hub on this host only.
    #[arg(long, global = true)]
    pub(crate) plain: bool,
    /// How long a hub is waited for that cannot be reached yet.
    #[arg(skip)]
    pub(crate) patience: Duration,
}

/// A hub that was reached: its address, and how it is recognised from here on.
#[derive(Debug, Clone)]
pub(crate) struct Hub {
    /// Where it is.
    pub(crate) address: HubAddress,
    /// How the next connection is checked.
    trust: Trust,
    /// What happens where it announces a new key; without this the device does not follow.
    successor: Option<Successor>,
}

impl TrustArguments {
    /// Connects. The hub's key must be the given or the kept one; a new hub on this host is kept,
    /// a person is asked about another.
    pub(crate) async fn reach(
        &self,
        address: &HubAddress,
        lines: &Lines,
        output: &Output,
    ) -> Result<(Connection, Hub), Failure> {
        let known = KnownHubs::in_folder(state_folder()?);
        let pinned = match self.pin {
            Some(pin) => Some(pin),
            None if self.plain => None,
            None => known.pin(address)?,
        };
        let trust = match pinned {
            Some(pin) => Trust::Pinned(pin),
            None if self.plain => Trust::Plain,
            None => Trust::Learn,
        };
        let successor = Some(successor(self.pin.is_some(), output)?);
        let mut hub = Hub {
            successor,
            ..Hub::new(address, trust)
        };
        let connection = hub.connect_within(self.patience, output).await?;
        let on_this_host = connection.peer.ip().to_canonical().is_loopback();
        if let (Some(given), Some(found), false) = (self.pin, connection.pin, on_this_host) {
            keep_given(&known, address, (given, found), output);
        }
        let Some(found) = connection.pin.filter(|_| trust == Trust::Learn) else {
            return Ok((connection, hub));
        };
        hub.trust = Trust::Pinned(found);
        if on_this_host {
            known.keep(address, found)?;
            return Ok((connection, hub));
        }
        if let Some(met) = met_elsewhere(&known, found)? {
            known.keep(address, found)?;
            output.notice(&format!(
                "The hub at {address} has the key of the one that was met at {met}: it is the same \
                 hub, and is remembered at this address too."
            ));
            return Ok((connection, hub));
        }
        // The hub waits only so long for the first word; a person may think for longer.
        drop(connection);
        ask_trust(address, found, lines, output).await?;
        known.keep(address, found)?;
        Ok((hub.connect().await?, hub))
    }
}

/// Remembers a hub whose pin was given and confirmed, as if a person had said yes. Where that cannot
/// be written the command goes on: the pin can be given again.
fn keep_given(
    known: &KnownHubs,
    address: &HubAddress,
    (given, found): (HubPin, HubPin),
    output: &Output,
) {
    let kept = match known.pin(address) {
        Ok(Some(kept)) if kept == found => return,
        // An older pin that leads to this key was moved by whoever followed it.
        Ok(_) => known.keep(address, found),
        Err(error) => Err(error),
    };
    if let Err(error) = kept {
        output.notice(&format!("the pin {given} could not be remembered: {error}"));
    }
}

/// Another address at which this hub was met. Of a hub that was met on this host alone a person has
/// never said that it is the right one.
fn met_elsewhere(known: &KnownHubs, pin: HubPin) -> Result<Option<String>, Failure> {
    let mut addresses = known.addresses(pin)?;
    addresses.retain(|address| !is_this_host(address));
    Ok(addresses.into_iter().next())
}

fn is_this_host(address: &str) -> bool {
    let host = address.parse::<HubAddress>();
    host.is_ok_and(|hub| {
        let ip = hub.host().parse::<std::net::IpAddr>();
        hub.host() == "localhost" || ip.is_ok_and(|ip| ip.to_canonical().is_loopback())
    })
}

/// Follows to an announced key and says so; `given` where the old pin was given as an argument.
pub(crate) fn successor(given: bool, output: &Output) -> Result<Successor, Failure> {
    let output = output.clone();
    let tell = move |moved: &Moved| output.notice(&describe(moved, given));
    Ok(Successor::in_folder(state_folder()?, tell))
}

fn describe(moved: &Moved, given: bool) -> String {
    let Moved {
        address,
        old,
        new,
        not_kept,
    } = moved;
    let mut text = format!(
        "The hub at {address} has a new key, announced by its old one. Its pin is {new} now; it \
         was {old}."
    );
    if given {
        text.push_str(" Give the new one with --pin from now on.");
    }
    if let Some(why) = not_kept {
        text.push_str(&format!(" It could not be kept: {why}"));
    }
    text
}

impl Hub {
    /// The hub at this address; the device does not follow it to another key.
    pub(crate) fn new(address: &HubAddress, trust: Trust) -> Self {
        Hub {
            address: address.clone(),
            trust,
            successor: None,
        }
    }

    /// The same hub, which the device follows.
    pub(crate) fn followed_by(self, successor: Successor) -> Self {
        let successor = Some(successor);
        Hub { successor, ..self }
    }

    async fn connect(&mut self) -> Result<Connection, Error> {
        match &self.successor {
            Some(successor) => {
                let (address, trust) = (&self.address, &mut self.trust);
                successor.connect(address, trust, CLIENT).await
            }
            None => connect(&self.address, self.trust).await,
        }
    }

    /// Connects; a hub that cannot be reached yet is waited for.
    async fn connect_within(
        &mut self,
        patience: Duration,
        output: &Output,
    ) -> Result<Connection, Error> {
        let began = Instant::now();
        let mut backoff = Backoff::default();
        loop {
            let error = match self.connect().await {
                Ok(connection) => return Ok(connection),
                Err(error) => error,
            };
            let left = patience.saturating_sub(began.elapsed());
            if error.retry() != Retry::Soon || left.is_zero() {
                return Err(error);
            }
            if backoff.tries() == 0 {
                output.notice(&format!("waiting for the hub at {}: {error}", self.address));
            }
            sleep(backoff.next_wait().min(left)).await;
        }
    }

    /// Logs in over the connection at hand or a new one; a busy hub is asked again for a while.
    pub(crate) async fn attach(
        &mut self,
        mut at_hand: Option<Connection>,
        name: &str,
        credential: &Credential,
    ) -> Result<(Session, LoginReply), Error> {
        let dialer = self.dialer(name, credential.clone());
        let began = Instant::now();
        let mut backoff = Backoff::default();
        loop {
            let attempt = async {
                let connection = match at_hand.take() {
                    Some(connection) => connection,
                    None => self.connect().await?,
                };
                dialer.attach_over(connection).await
            };
            match attempt.await {
                Err(error) if is_busy(&error) && began.elapsed() < BUSY_PATIENCE => {
                    tracing::debug!(%error, "trying again");
                    sleep(backoff.next_wait()).await;
                }
                attached => return attached,
            }
        }
    }

    /// What logs in again under this name.
    pub(crate) fn dialer(&self, name: &str, credential: Credential) -> Dialer {
        Dialer {
            address: self.address.clone(),
            trust: self.trust,
            name: name.to_owned(),
            credential,
            client: CLIENT.to_owned(),
            successor: self.successor.clone(),
        }
    }
}

fn is_busy(error: &Error) -> bool {
    let answered = matches!(error.kind(), ErrorKind::Refused(_) | ErrorKind::Closed(_));
    answered && error.retry() == Retry::Soon
}

/// Asks until the answer is yes or no.
async fn ask_trust(
    address: &HubAddress,
    found: HubPin,
    lines: &Lines,
    output: &Output,
) -> Result<(), Failure> {
    if !lines.terminal() {
        return Err(Failure::UnknownHub(format!(
            "the hub at {address} is not known yet; its pin is {found}. Give it with --pin if it is \
             the one that the hub printed"
        )));
    }
    output.notice(&format!(
        "The hub at {address} is not known yet. Its pin is\n{found}\n\
         Compare it with the one that the hub printed when it started."
    ));
    match lines
        .confirm(output, "Trust this hub and remember it?")
        .await?
    {
        true => Ok(()),
        false => Err(Failure::NotTrusted),
    }
}
