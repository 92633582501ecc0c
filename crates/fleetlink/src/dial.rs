//! Reaching a hub: which one, and whether it is the right one.

use std::time::Duration;

use fleetlink_device::{
    AttachError, Backoff, CallError, Closed, Connection, Credential, Dialer, HubAddress, KnownHubs,
    Session, Trust, connect, state_folder,
};
use fleetlink_proto::HubPin;
use fleetlink_proto::control::{EndReason, ErrorCode, LoginReply};
use tokio::time::{Instant, sleep};

use crate::failure::Failure;
use crate::output::{Ask, Output};
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
}

/// A hub that was reached: its address, and how it is recognised from here on.
#[derive(Debug, Clone)]
pub(crate) struct Hub {
    /// Where it is.
    pub(crate) address: HubAddress,
    /// How the next connection is checked.
    pub(crate) trust: Trust,
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
        let connection = connect(address, trust).await?;
        let Some(found) = connection.pin.filter(|_| trust == Trust::Learn) else {
            return Ok((connection, Hub::new(address, trust)));
        };
        if !connection.peer.ip().to_canonical().is_loopback() {
            // The hub waits only so long for the first word; a person may think for longer.
            drop(connection);
            ask_trust(address, found, lines, output).await?;
            known.keep(address, found)?;
            let trust = Trust::Pinned(found);
            let connection = connect(address, trust).await?;
            return Ok((connection, Hub::new(address, trust)));
        }
        known.keep(address, found)?;
        Ok((connection, Hub::new(address, Trust::Pinned(found))))
    }
}

impl Hub {
    /// The hub at this address.
    pub(crate) fn new(address: &HubAddress, trust: Trust) -> Self {
        Hub {
            address: address.clone(),
            trust,
        }
    }

    /// Logs in over the connection at hand or a new one; a busy hub is asked again for a while.
    pub(crate) async fn attach(
        &self,
        mut at_hand: Option<Connection>,
        name: &str,
        credential: &Credential,
    ) -> Result<(Session, LoginReply), AttachError> {
        let dialer = self.dialer(name, credential.clone());
        let began = Instant::now();
        let mut backoff = Backoff::default();
        loop {
            let attempt = async {
                let connection = match at_hand.take() {
                    Some(connection) => connection,
                    None => connect(&self.address, self.trust).await?,
                };
                Ok(dialer.attach_over(connection).await?)
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
        }
    }
}

fn is_busy(error: &AttachError) -> bool {
    match error {
        AttachError::Call(CallError::Refused(error)) => error.code == ErrorCode::Busy,
        AttachError::Call(CallError::Closed(Closed::ByHub { reason, .. })) => {
            *reason == EndReason::Busy
        }
        _ => false,
    }
}

/// Asks until the answer is yes or no.
async fn ask_trust(
    address: &HubAddress,
    found: HubPin,
    lines: &Lines,
    output: &Output,
) -> Result<(), Failure> {
    if !lines.terminal() {
        return Err(Failure::UnknownHub {
            address: address.clone(),
            found,
        });
    }
    output.notice(&format!(
        "The hub at {address} is not known yet. Its pin is {found}.\n\
         Compare it with the one that the hub printed when it started."
    ));
    loop {
        output.ask(
            "Trust this hub and remember it? (yes/no)",
            Ask::Stderr,
            true,
        );
        match lines.next().await?.as_deref().map(str::trim) {
            Some("yes") => return Ok(()),
            Some("no") | None => return Err(Failure::NotTrusted),
            Some(_) => output.notice("Please answer yes or no."),
        }
    }
}
