//! `fleetlink join` and `fleetlink client`: log in, join, and open the shell.

use std::time::Duration;

use clap::Args;
use fleetlink_client::{Client, HubAddress, kept::Choice, transfer::Endpoint};
use fleetlink_proto::control::Join;
use fleetlink_proto::{DeviceName, HubPin};

use crate::chosen;
use crate::duration;
use crate::entrance;
use crate::failure::Failure;
use crate::interrupt::Interrupts;
use crate::login;
use crate::output::Output;
use crate::password::PasswordSource;
use crate::shell::{Prompt, Shell, Transfers};
use crate::stdin::Lines;
use crate::ticket_source::TicketSource;
use crate::transfer::PatienceArguments;
use crate::trust::{self, TrustArguments};
use crate::udp_port;

/// The hub to join, and the device.
#[derive(Debug, Args)]
pub(crate) struct JoinArguments {
    /// The hub and, at the end, the UDP port on which this device accepts peers: HOST PORT
    /// [UDP_PORT] or HOST:PORT [UDP_PORT]. Without a UDP port, or with 0, any free one. In place
    /// of the hub a join ticket, fl1…, or - to read one from standard input.
    #[arg(num_args = 0..=3, value_names = ["HOST", "PORT", "UDP_PORT"])]
    target: Vec<String>,
    /// This device's name; the program asks for it if it is not given.
    #[arg(long, value_name = "NAME", env = "FLEETLINK_DEVICE")]
    device: Option<DeviceName>,
    /// The hub, where the arguments name none.
    #[arg(long, hide = true, value_name = "HOST:PORT", env = "FLEETLINK_HUB")]
    hub: Option<HubAddress>,
    /// Wait for a hub that cannot be reached yet: this long, or without an end. A host name that
    /// nobody has is tried five times.
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true,
          default_value = "0s", default_missing_value = "forever", hide_default_value = true,
          value_parser = duration::or_forever)]
    wait: Duration,
    #[command(flatten)]
    ticket: TicketSource,
    #[command(flatten)]
    password: PasswordSource,
    #[command(flatten)]
    trust: TrustArguments,
    #[command(flatten)]
    patience: PatienceArguments,
    /// End the sessions of another device that uses the name, without a question.
    #[arg(long)]
    take_over: bool,
    /// The prompt of the shell: the device's name, or the names of the commands.
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "PROMPT",
        env = "FLEETLINK_PROMPT"
    )]
    prompt: Prompt,
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
    /// The hub's pin, as the hub prints it: sha256: and 64 hexadecimal digits.
    #[arg(long, value_name = "PIN")]
    pin: Option<HubPin>,
    /// End the sessions of another device that uses the name, without a question.
    #[arg(long)]
    take_over: bool,
}

/// The way to enter the shell.
struct Manner {
    prompt: Prompt,
    patience: PatienceArguments,
    take_over: bool,
}

impl JoinArguments {
    /// The hub and the UDP port. Where the arguments name no hub, it is the one of the environment,
    /// or that of the device that was chosen for this machine, and then so is the device.
    fn target(&mut self) -> Result<(HubAddress, u16), Failure> {
        // A lone port is the UDP port: no host has such a name.
        let rest = match self.target.as_slice() {
            [] => &[][..],
            [port] if port.parse::<u16>().is_ok() => &self.target[..],
            named => return target(named),
        };
        let udp_port = udp_port_behind(rest)?;
        let chosen = chosen::read()?;
        let hub = match (self.hub.take(), chosen) {
            (Some(hub), _) => hub,
            (None, Some(choice)) => {
                self.device.get_or_insert(choice.device);
                choice.hub
            }
            (None, None) => return Err(wrong("the hub is missing")),
        };
        Ok((hub, udp_port))
    }
}

/// The first device that joins from this machine is the one that its commands mean. A device
/// without a key would be asked for its password by each of them.
async fn remember(client: &Client, output: &Output) -> Result<(), Failure> {
    if client.has_key() {
        let choice = Choice {
            hub: client.address().clone(),
            device: client.device().clone(),
        };
        chosen::remember(&choice, output).await;
    }
    Ok(())
}

/// Joins and opens the shell.
pub(crate) async fn join(mut arguments: JoinArguments, output: &Output) -> Result<(), Failure> {
    arguments.trust.patience = arguments.wait;
    arguments.trust.dialogue = true;
    let lines = Lines::of_dialogue();
    let mut interrupts = Interrupts::listen()?;
    let manner = Manner {
        prompt: arguments.prompt,
        patience: arguments.patience,
        take_over: arguments.take_over,
    };
    let reading = arguments.ticket.read(&arguments.target, &lines, output);
    if let Some((ticket, rest)) = interrupts.unless(reading).await? {
        if arguments.trust.pin.is_some() || arguments.trust.plain {
            let message = "a join ticket brings the hub's pin: --pin and --plain are for others";
            return Err(Failure::Usage(message.to_owned()));
        }
        let joining = async |endpoint: Endpoint| {
            let builder = Client::builder_with_ticket(ticket);
            let builder = trust::of_this_program(builder, (false, true), output)?;
            let mut builder = builder.endpoint(endpoint.clone()).wait(arguments.wait);
            if let Some(device) = &arguments.device {
                builder = builder.device(device.as_str());
            }
            let connecting = async { Ok(builder.connect().await?) };
            let client = interrupts.unless(Box::pin(connecting)).await?;
            interrupts.unless(remember(&client, output)).await?;
            enter(client, &endpoint, manner, (lines, interrupts), output).await
        };
        return Box::pin(udp_port::with(udp_port_behind(rest)?, joining)).await;
    }
    let (address, udp_port) = arguments.target()?;
    let joining = async |endpoint| {
        let connecting = log_in(&address, (arguments, &endpoint), &lines, output);
        let client = interrupts.unless(Box::pin(connecting)).await?;
        interrupts.unless(remember(&client, output)).await?;
        enter(client, &endpoint, manner, (lines, interrupts), output).await
    };
    Box::pin(udp_port::with(udp_port, joining)).await
}

/// By the key, or by the dialogue; a device that came by its password gets a key.
async fn log_in(
    address: &HubAddress,
    (arguments, endpoint): (JoinArguments, &Endpoint),
    lines: &Lines,
    output: &Output,
) -> Result<Client, Failure> {
    let builder = arguments.trust.builder(address, output)?;
    let builder = builder.endpoint(endpoint.clone()).enrol_key();
    let password = arguments.password.read(lines).await?;
    match arguments.device {
        Some(device) => {
            login::of_device(builder.device(device.as_str()), password, lines, output).await
        }
        None => login::of_person(builder, password, lines, output).await,
    }
}

/// Joins as the course's client does: on loopback no pin is kept or compared, so that a fresh hub
/// in another folder is no alarm. It comes with a password each time, and leaves no key behind.
pub(crate) async fn client(arguments: ClientArguments, output: &Output) -> Result<(), Failure> {
    let address = HubAddress::new(&arguments.ip, arguments.tcp_port)
        .map_err(|e| Failure::Usage(e.to_string()))?;
    let trust = TrustArguments {
        pin: arguments.pin,
        plain: false,
        dialogue: true,
        ..TrustArguments::default()
    };
    let lines = Lines::of_dialogue();
    let manner = Manner {
        prompt: Prompt::Full,
        patience: PatienceArguments::default(),
        take_over: arguments.take_over,
    };
    let joining =
        async |endpoint| client_at(endpoint, address, (trust, lines), manner, output).await;
    Box::pin(udp_port::with(arguments.udp_port, joining)).await
}

async fn client_at(
    endpoint: Endpoint,
    address: HubAddress,
    (trust, lines): (TrustArguments, Lines),
    manner: Manner,
    output: &Output,
) -> Result<(), Failure> {
    let mut interrupts = Interrupts::listen()?;
    let builder = trust.builder(&address, output)?.endpoint(endpoint.clone());
    let builder = builder.unpinned_on_this_host();
    let connecting = login::of_person(builder, None, &lines, output);
    let client = interrupts.unless(Box::pin(connecting)).await?;
    enter(client, &endpoint, manner, (lines, interrupts), output).await
}

/// Joins, says by which endpoint other devices reach this one, and opens the shell.
async fn enter(
    client: Client,
    endpoint: &Endpoint,
    Manner {
        prompt,
        patience,
        take_over,
    }: Manner,
    (lines, mut interrupts): (Lines, Interrupts),
    output: &Output,
) -> Result<(), Failure> {
    let join = Join {
        udp_port: endpoint.port(),
        ..Join::default()
    };
    let joining = entrance::of_person(&client, &join, (take_over, &lines), output);
    let joined = interrupts.unless(Box::pin(joining)).await?;
    tracing::debug!(generation = joined.generation.get(), "joined");
    // Before anything is shown: who reads that may have a file sent here at once.
    let opening = async { Ok(Transfers::open(&client, patience, output).await) };
    let transfers = interrupts.unless(opening).await?;
    output.line("Welcome!");
    let link = client.stay(&join, &joined, transfers.receives()).await?;
    Shell::new(client, link, transfers, prompt, output.clone())
        .run(lines, interrupts)
        .await
}

fn wrong(what: &str) -> Failure {
    Failure::Usage(format!(
        "{what}; expected is HOST PORT [UDP_PORT], HOST:PORT [UDP_PORT] or TICKET [UDP_PORT]"
    ))
}

fn port(text: &str) -> Result<u16, Failure> {
    text.parse().map_err(|_| wrong("a port is 0 to 65535"))
}

/// The UDP port, where nothing else is left to say.
fn udp_port_behind(rest: &[String]) -> Result<u16, Failure> {
    match rest {
        [] => Ok(0),
        [udp] => port(udp),
        _ => Err(wrong("too many arguments")),
    }
}

fn target(arguments: &[String]) -> Result<(HubAddress, u16), Failure> {
    let (first, rest) = arguments
        .split_first()
        .ok_or_else(|| wrong("the hub is missing"))?;
    let address: HubAddress = first.parse().map_err(|e| wrong(&format!("{e}")))?;
    // HOST PORT: the host has named none itself.
    match rest.split_first() {
        Some((tcp, rest)) if !HubAddress::names_port(first) => {
            let address =
                HubAddress::new(address.host(), port(tcp)?).map_err(|e| wrong(&e.to_string()))?;
            Ok((address, udp_port_behind(rest)?))
        }
        _ => Ok((address, udp_port_behind(rest)?)),
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
            ("hub", "hub:7421", 0),
            ("::1", "[::1]:7421", 0),
            ("https://hub:7000 5432", "hub:7000", 5432),
            ("https://hub/ 7000", "hub:7000", 0),
        ] {
            assert_eq!(read(line).unwrap(), (address.to_owned(), udp), "{line}");
        }
        for line in [
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
