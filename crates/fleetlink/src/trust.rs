//! The ways to recognise the right hub.

use std::time::Duration;

use fleetlink_client::{
    Client, ClientBuilder, Error, ErrorKind, HubAddress, Notice, kept::state_folder,
};
use fleetlink_proto::HubPin;

use crate::failure::Failure;
use crate::output::Output;
use crate::stdin::Lines;

/// The program's name and version, as the hub sees it.
const PROGRAM: &str = concat!("fleetlink ", env!("CARGO_PKG_VERSION"));

/// The way to recognise the right hub.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct TrustArguments {
    /// The hub's pin, as the hub prints it: sha256: and 64 hexadecimal digits.
    #[arg(long, global = true, value_name = "PIN", conflicts_with = "plain")]
    pub(crate) pin: Option<HubPin>,
    /// No TLS; to a hub on this host only.
    #[arg(long, global = true)]
    pub(crate) plain: bool,
    /// The time to wait for a hub that cannot be reached yet.
    #[arg(skip)]
    pub(crate) patience: Duration,
    /// Whether a person is asked for a password at any rate.
    #[arg(skip)]
    pub(crate) dialogue: bool,
}

impl TrustArguments {
    /// A client of the hub at this address. What a person should know it tells as a notice.
    pub(crate) fn builder(
        &self,
        address: &HubAddress,
        output: &Output,
    ) -> Result<ClientBuilder, Failure> {
        let builder = Client::builder(address.to_string());
        let builder = of_this_program(builder, (self.pin.is_some(), self.dialogue), output)?;
        let builder = builder.wait(self.patience);
        let builder = match self.pin {
            Some(pin) => builder.pin(pin),
            None => builder,
        };
        Ok(match self.plain {
            true => builder.plain(),
            false => builder,
        })
    }
}

/// A client of this program; `given` where the hub's pin is an argument, `dialogue` where a person is
/// asked for a password.
pub(crate) fn of_this_program(
    builder: ClientBuilder,
    (given, dialogue): (bool, bool),
    output: &Output,
) -> Result<ClientBuilder, Failure> {
    let output = output.clone();
    let tell = move |notice: &Notice| match notice {
        // A command uses its password; a person who is asked for it is told why.
        Notice::KeyRefused if !dialogue => {}
        notice => output.notice(&describe(notice, given)),
    };
    Ok(builder
        .state_dir(state_folder()?)
        .program(PROGRAM)
        .notices(tell))
}

/// The text of a notice for the user.
fn describe(notice: &Notice, given: bool) -> String {
    match notice {
        Notice::HubMoved(moved) if given => {
            let mut text = format!("{moved}");
            text.push_str(" Give the new one with --pin from now on.");
            text
        }
        Notice::Enrolled { device } => format!(
            "this device now has a key: with --device {device} no password is needed any more"
        ),
        Notice::AnotherKey => {
            format!("{notice}; to make it this device's: fleetlink key replace")
        }
        Notice::Redeemed { device, address } => {
            format!("{notice}; the next time: fleetlink join {address} --device {device}")
        }
        Notice::PeerNotRemembered { error, .. }
            if matches!(error.kind(), ErrorKind::KnownDevicesFull) =>
        {
            format!("{notice}; fleetlink key forget removes one")
        }
        Notice::NotEnrolled(error) if matches!(error.kind(), ErrorKind::KeyDamaged) => {
            format!("{notice}: fleetlink key replace")
        }
        notice => notice.to_string(),
    }
}

/// Connects and logs in. A person is asked about a hub that was never met.
pub(crate) async fn connect(
    builder: &ClientBuilder,
    lines: &Lines,
    output: &Output,
) -> Result<Result<Client, Error>, Failure> {
    match builder.clone().connect().await {
        Err(error) if is_unknown(&error) => {
            ask_trust(error, builder, lines, output).await?;
            Ok(builder.clone().connect().await)
        }
        tried => Ok(tried),
    }
}

/// Checks that the hub is the right one, without logging in. A person is asked about a hub that was
/// never met.
pub(crate) async fn check(
    builder: &ClientBuilder,
    lines: &Lines,
    output: &Output,
) -> Result<(), Failure> {
    match builder.check_hub().await {
        Err(error) if is_unknown(&error) => ask_trust(error, builder, lines, output).await,
        checked => Ok(checked.map(drop)?),
    }
}

fn is_unknown(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::UnknownHub { .. })
}

/// Asks until the answer is yes or no, and remembers the hub after a yes.
async fn ask_trust(
    error: Error,
    builder: &ClientBuilder,
    lines: &Lines,
    output: &Output,
) -> Result<(), Failure> {
    let ErrorKind::UnknownHub { address, found } = error.kind() else {
        return Err(error.into());
    };
    if !lines.terminal() {
        return Err(error.into());
    }
    output.notice(&format!(
        "The hub at {address} is not known yet. Its pin is\n{found}\n\
         Compare it with the one that the hub printed when it started."
    ));
    match lines
        .confirm(output, "Trust this hub and remember it?")
        .await?
    {
        true => Ok(builder.trust_hub(*found)?),
        false => Err(Failure::NotTrusted),
    }
}
