//! `fleetlink join` and `fleetlink client`: log in, join, and open the shell.

use clap::Args;
use fleetlink_device::{ConnectError, Endpoint, HubAddress, Supervisor, Trust, connect};
use fleetlink_proto::DeviceName;

use crate::dial::{Hub, TrustArguments};
use crate::failure::Failure;
use crate::identity;
use crate::interrupt::Interrupts;
use crate::login::{self, Given, Welcome};
use crate::output::Output;
use crate::password::PasswordSource;
use crate::shell::{Shell, Transfers};
use crate::stdin::Lines;
use crate::transfer::Direct;
use crate::udp_port;

/// Which hub to join, as whom.
#[derive(Debug, Args)]
pub(crate) struct JoinArguments {
    /// The hub and, at the end, the UDP port on which this device accepts peers: HOST PORT
    /// [UDP_PORT] or HOST:PORT [UDP_PORT]. Without a UDP port, or with 0, any free one.
    #[arg(required = true, num_args = 1..=3, value_names = ["HOST", "PORT", "UDP_PORT"])]
    target: Vec<String>,
    /// This device's name; asked for where it is not given.
    #[arg(long, value_name = "NAME", env = "FLEETLINK_DEVICE")]
    device: Option<DeviceName>,
    #[command(flatten)]
    password: PasswordSource,
    #[command(flatten)]
    trust: TrustArguments,
}

/// The course's form.
#[derive(Debug, Args)]
pub(crate) struct ClientArguments {
    /// The hub's address.
    ip: String,
    /// The hub's TCP port.
    tcp_port: u16,
    /// The UDP port on which this device accepts peers; 0: any free one.
    udp_port: u16,
}

/// Joins and opens the shell.
pub(crate) async fn join(arguments: JoinArguments, output: &Output) -> Result<(), Failure> {
    let (address, udp_port) = target(&arguments.target)?;
    let joining = async |endpoint| join_at(endpoint, address, arguments, output).await;
    Box::pin(udp_port::with(udp_port, joining)).await
}

async fn join_at(
    endpoint: Endpoint,
    address: HubAddress,
    arguments: JoinArguments,
    output: &Output,
) -> Result<(), Failure> {
    let lines = Lines::new();
    let mut interrupts = Interrupts::listen()?;
    let logging_in = async {
        let (connection, hub) = arguments.trust.reach(&address, &lines, output).await?;
        let pin = connection.pin;
        let key = match &arguments.device {
            Some(device) => identity::key_for(pin, device)?,
            None => None,
        };
        let given = Given {
            name: arguments.device.map(String::from),
            key,
            password: arguments.password.read(&lines).await?,
        };
        let mut welcome = login::log_in(connection, &hub, given, &lines, output).await?;
        identity::enrol(&mut welcome, pin, output).await;
        Ok(welcome)
    };
    let welcome = interrupts.unless(Box::pin(logging_in)).await?;
    enter(welcome, endpoint, lines, interrupts, output).await
}

/// Joins as the course's client does: on loopback no pin is kept or compared, so that a fresh hub
/// in another folder is no alarm. It comes with a password each time, and leaves no key behind.
pub(crate) async fn client(arguments: ClientArguments, output: &Output) -> Result<(), Failure> {
    let address = HubAddress::new(&arguments.ip, arguments.tcp_port)
        .map_err(|e| Failure::Usage(e.to_string()))?;
    let joining = async |endpoint| client_at(endpoint, address, output).await;
    Box::pin(udp_port::with(arguments.udp_port, joining)).await
}

async fn client_at(
    endpoint: Endpoint,
    address: HubAddress,
    output: &Output,
) -> Result<(), Failure> {
    let lines = Lines::new();
    let mut interrupts = Interrupts::listen()?;
    let logging_in = async {
        let (connection, hub) = match connect(&address, Trust::Loopback).await {
            Err(ConnectError::Elsewhere(_)) => {
                let trust = TrustArguments::default();
                trust.reach(&address, &lines, output).await?
            }
            reached => (reached?, Hub::new(&address, Trust::Loopback)),
        };
        login::log_in(connection, &hub, Given::default(), &lines, output).await
    };
    let welcome = interrupts.unless(Box::pin(logging_in)).await?;
    enter(welcome, endpoint, lines, interrupts, output).await
}

/// Joins, says by which endpoint other devices reach this one, and opens the shell.
async fn enter(
    welcome: Welcome,
    endpoint: Endpoint,
    lines: Lines,
    mut interrupts: Interrupts,
    output: &Output,
) -> Result<(), Failure> {
    let udp_port = endpoint.port();
    let joined = interrupts
        .unless(async { Ok(welcome.session.join(udp_port).await?) })
        .await?;
    tracing::debug!(generation = joined.generation, "joined");
    let Welcome {
        session,
        dialer,
        name,
        ..
    } = welcome;
    let direct = Direct::new(endpoint, &session, &name, joined.since);
    // Before anything is shown: who reads that may have a file sent here at once.
    let opening = async { Ok(Transfers::open(&name, direct, &session, output).await) };
    let transfers = interrupts.unless(Box::pin(opening)).await?;
    let reached_by = transfers
        .direct()
        .map(|direct| direct.credentials().clone());
    output.line("Welcome!");
    let supervisor = Supervisor::start(session, dialer, udp_port, &joined, reached_by);
    Shell::new(name, supervisor, transfers, output.clone())
        .run(lines, interrupts)
        .await
}

fn target(arguments: &[String]) -> Result<(HubAddress, u16), Failure> {
    let wrong = |what: &str| {
        Failure::Usage(format!(
            "{what}; expected is HOST PORT [UDP_PORT] or HOST:PORT [UDP_PORT]"
        ))
    };
    let port = |text: &String| {
        text.parse::<u16>()
            .map_err(|_| wrong("a port is 0 to 65535"))
    };
    let (first, rest) = arguments
        .split_first()
        .ok_or_else(|| wrong("the hub is missing"))?;
    let (address, rest) = match first.parse::<HubAddress>() {
        Ok(address) => (address, rest),
        Err(fleetlink_device::HubAddressError::NoPort) => {
            let (tcp, rest) = rest
                .split_first()
                .ok_or_else(|| wrong("the hub's port is missing"))?;
            let address = HubAddress::new(first, port(tcp)?).map_err(|e| wrong(&e.to_string()))?;
            (address, rest)
        }
        Err(e) => return Err(wrong(&e.to_string())),
    };
    match rest {
        [] => Ok((address, 0)),
        [udp] => Ok((address, port(udp)?)),
        _ => Err(wrong("too many arguments")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<(String, u16), Failure> {
        let arguments: Vec<String> = line.split(' ').map(str::to_owned).collect();
        target(&arguments).map(|(address, udp)| (address.to_string(), udp))
    }

    #[test]
    fn reads_every_form_of_a_target() {
        for (line, address, udp) in [
            ("hub 7000", "hub:7000", 0),
            ("hub 7000 5432", "hub:7000", 5432),
            ("hub:7000", "hub:7000", 0),
            ("hub:7000 5432", "hub:7000", 5432),
            ("::1 7000 1", "[::1]:7000", 1),
            ("[::1]:7000 0", "[::1]:7000", 0),
        ] {
            assert_eq!(read(line).unwrap(), (address.to_owned(), udp), "{line}");
        }
        for line in [
            "hub",
            "hub x",
            "hub 0",
            "hub 70000",
            "hub:7000 5432 1",
            "hub 7 7 x",
        ] {
            assert!(matches!(read(line), Err(Failure::Usage(_))), "{line}");
        }
    }
}
