//! The command line.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::failure::{EXIT_CODES, Failure};
use crate::logging::LogFormat;
use crate::{chosen, data, devices, join, key, lease, number_exchange, output, transfer};

/// One binary makes a device network: a hub, devices that join it by name, data, files.
#[derive(Debug, Parser)]
#[command(name = "fleetlink", version, after_help = EXIT_CODES, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// The form of the log on standard error; FLEETLINK_LOG says what is logged.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        env = "FLEETLINK_LOG_FORMAT"
    )]
    pub(crate) log_format: LogFormat,
    /// The command.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands of fleetlink.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Join a hub under a name and open the shell.
    Join(join::JoinArguments),
    /// Join as the course's client does: IP TCP_PORT UDP_PORT.
    Client(join::ClientArguments),
    /// Make, upload and compute on this device's data.
    Data(data::DataArguments),
    /// Choose the device and the hub that commands mean if they name none.
    Use(chosen::UseArguments),
    /// List the other devices.
    Device(devices::DeviceArguments),
    /// Send files straight to another device, without joining.
    Send(transfer::SendArguments),
    /// Join and receive files from other devices into a folder, until interrupted.
    Receive(transfer::ReceiveArguments),
    /// Connection-ID leases: serve them, ask for one, check a server or a client.
    Hello(lease::LeaseArguments),
    /// The lease client with the course's own four arguments.
    #[command(name = "HELLO", hide = true)]
    HelloRequest(lease::RequestArguments),
    /// The number exchange: serve it, take part in it, check a server or a client.
    Sum(number_exchange::NumberExchangeArguments),
    /// Manage the key by which a device logs in, and the remembered keys of other devices.
    Key(key::KeyArguments),
    /// Commands that run or administer a hub.
    #[cfg(feature = "hub")]
    #[command(flatten)]
    Hub(crate::hub::Command),
}

impl Command {
    /// Whether the result is one JSON document.
    pub(crate) fn json(&self) -> bool {
        match self {
            Command::Data(arguments) => arguments.hub.json,
            Command::Use(arguments) => arguments.json,
            Command::Device(arguments) => arguments.hub.json,
            Command::Send(arguments) => arguments.hub.json,
            Command::Receive(arguments) => arguments.hub.json,
            Command::Hello(arguments) => arguments.json(),
            Command::Sum(arguments) => arguments.json(),
            Command::Key(arguments) => arguments.hub.json,
            #[cfg(feature = "hub")]
            Command::Hub(command) => command.json(),
            _ => false,
        }
    }

    /// The filter of the log, where the command has an option for it.
    pub(crate) fn log(&self) -> Option<&str> {
        match self {
            #[cfg(feature = "hub")]
            Command::Hub(command) => command.log(),
            _ => None,
        }
    }

    /// Whether it is the work of one device, not of a server or of many clients.
    pub(crate) fn is_one_device(&self) -> bool {
        matches!(
            self,
            Command::Join(_)
                | Command::Client(_)
                | Command::Data(_)
                | Command::Device(_)
                | Command::Send(_)
                | Command::Receive(_)
                | Command::Key(_)
        )
    }
}

/// Reads the command line, and the settings file of a hub that is to run.
///
/// # Errors
/// The exit code, once it has been said what is wrong.
pub(crate) fn parse() -> Result<Cli, ExitCode> {
    let given: Vec<_> = std::env::args_os().collect();
    let cli = Cli::try_parse_from(&given).map_err(|error| report(&error))?;
    #[cfg(feature = "hub")]
    if matches!(&cli.command, Command::Hub(command) if command.runs_hub()) {
        let json = cli.command.json();
        return crate::hub::with_settings(given).map_err(|why| output::failed(&why, json));
    }
    Ok(cli)
}

/// Shows what clap has to say: help, the version, or what is wrong with the arguments.
pub(crate) fn report(error: &clap::Error) -> ExitCode {
    let wants_json = std::env::args_os().any(|argument| argument == "--json");
    if error.use_stderr() && wants_json {
        return output::failed(&Failure::Usage(error.to_string()), true);
    }
    match error.print().and_then(|()| io::stdout().flush()) {
        Ok(()) => ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2)),
        // Nobody is there to be told.
        Err(_) if error.use_stderr() => ExitCode::from(2),
        Err(error) => match Failure::output(&error) {
            Failure::OutputClosed => ExitCode::from(Failure::OutputClosed.exit_code()),
            failure => output::failed(&failure, false),
        },
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_forms_of_the_specification_are_understood() {
        for line in [
            "fleetlink join hub 7000",
            "fleetlink join hub:7000",
            "fleetlink join [::1]:7000 5432 --device d --plain",
            "fleetlink join fl1abc",
            "fleetlink join - 5432",
            "fleetlink join --ticket-file t --device camera-7",
            "fleetlink client 127.0.0.1 7000 5432",
            "fleetlink client 192.0.2.1 7000 0 --pin sha256:0000000000000000000000000000000000000000000000000000000000000000",
            "fleetlink join h 7000 --prompt full",
            "fleetlink server 7000 3 --times",
            "fleetlink hub --event-format json",
            "fleetlink data generate 1 10 --device d --force",
            "fleetlink data upload 1 - --hub h:1 --device d --json",
            "fleetlink data get 1 out.txt --hub h:1 --device d",
            "fleetlink data compute 1 average --hub h:1 --device d",
            "fleetlink data generate 1 10 --device d",
            "fleetlink use cam --hub h",
            "fleetlink use --forget",
            "fleetlink device list --hub h:1 --device d",
            "fleetlink hello request h 20009 8877 --tcp --timeout 2s",
            "fleetlink hello HELLO 192.168.0.15 20009 8877",
            "fleetlink HELLO 192.168.0.15 20009 8877",
            "fleetlink hello check h 20009 --tcp --lease 2s --idle-exit 3s --json",
            "fleetlink hello check-client --timeout 2 --tcp -- python3 c.py {host} {port} {id}",
            "fleetlink hello check h 20009 --points marks.txt",
            "fleetlink sum send",
            "fleetlink sum send -5",
            "fleetlink sum send 127.0.0.1 8000 101 --dialect text",
            "fleetlink sum check 127.0.0.1 8000 --allow-stop --json",
            "fleetlink sum check 127.0.0.1 8000 --dialect comma --points marks.txt",
            "fleetlink sum check-client --dialect json -- ./client {host} {port} {number}",
            "fleetlink send uav a.mp4 b.mp4 --hub h:1 --device d --events",
            "fleetlink receive --inbox d --from uav --from cam-* --max-size 2GB --max-total 20GiB",
            "fleetlink key show --hub h:1 --device d",
            "fleetlink key known --json",
            "fleetlink key forget uav --hub h:1",
            "fleetlink hub --data d --listen 127.0.0.1:0",
            "fleetlink session list --data d --json",
            "fleetlink status --data d --json",
            "fleetlink status --present --data d",
            "fleetlink session end cam --data d",
            "fleetlink session end 7",
            "fleetlink data upload 01 --hub h:1 --device d",
            "fleetlink hub rotate-key --data d --json",
            "fleetlink admin add ana@example.org --role viewer --data d",
            "fleetlink admin link --data d",
            "fleetlink admin logout ana --data d",
            "fleetlink admin logout --links",
            "fleetlink admin logout --all --json",
            "fleetlink token add grafana --role viewer --expires 90d --json",
            "fleetlink token add sensor --role device=cam-1",
            "fleetlink token revoke 3 --data d",
            "fleetlink rule set quota cam-*=10G --data d --json",
            "fleetlink rule remove retain log/*",
            "fleetlink backup --data d --to b.tar --replace --json",
            "fleetlink backup --data d --to b/ --keep 7",
            "fleetlink restore --from b --at 3 --data d",
            "fleetlink verify --data d --json",
            "fleetlink verify --backup b --at 3",
            "fleetlink key revoke --device d --hub h:1 --password-stdin",
        ] {
            let parsed = Cli::try_parse_from(line.split(' '));
            assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
        }
        for line in [
            "fleetlink use cam --forget",
            "fleetlink send uav",
            "fleetlink send a/b x",
            "fleetlink send uav x --events --json",
            "fleetlink receive",
            "fleetlink receive --inbox d --max-size 2\u{a0}GB",
            "fleetlink receive --inbox d --from a*b",
            "fleetlink data upload lab//1 --hub h:1 --device d",
            "fleetlink client 127.0.0.1 7000",
            "fleetlink data compute 1 median --hub h:1 --device d",
            "fleetlink data upload 1 --password secret",
            "fleetlink hello HELLO 192.168.0.15 20009 887",
            "fleetlink hello request h 20009 8877 --timeout 2",
            "fleetlink HELLO 192.168.0.15 20009 887",
            "fleetlink hello h 20009 8877",
            "fleetlink Hello 192.168.0.15 20009 8877",
            "fleetlink hello check-client python3 c.py",
            "fleetlink sum send 127.0.0.1 8000 1 2",
            "fleetlink sum check 127.0.0.1",
            "fleetlink hub --listen 127.0.0.1:0 rotate-key --data d",
            "fleetlink admin add a/b",
            "fleetlink admin logout",
            "fleetlink admin logout ana --links",
            "fleetlink admin logout --links --all",
            "fleetlink admin add ana --role operator",
            "fleetlink token add grafana",
            "fleetlink backup --data d",
            "fleetlink backup --data d --to b/ --keep 0",
            "fleetlink restore --data d",
            "fleetlink verify --data d --at 3",
            "fleetlink token add grafana --role device=",
            "fleetlink token add grafana --role viewer --expires soon",
        ] {
            assert!(Cli::try_parse_from(line.split(' ')).is_err(), "{line}");
        }
    }
}
