//! A hub in the foreground: what it says at the start, its lines, its end.

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use fleetlink_hub::{HubConfig, RunningHub};
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};

use super::console::Console;
use super::course::CredentialsWatch;
use super::credentials::Import;
use super::event::EventForm;
use super::http;
use super::settings_file::Reload;
use super::shares;
use crate::failure::Failure;
use crate::host_name::host_name;
use crate::output::Output;

/// With which command devices join.
pub(crate) enum Joining {
    /// `fleetlink join`.
    Join,
    /// `fleetlink client`.
    Course,
}

/// The files that a running hub follows.
#[derive(Default)]
pub(crate) struct Follows {
    /// The credentials file of the course's server.
    pub(crate) credentials: Option<CredentialsWatch>,
    /// The settings, which SIGHUP reads again.
    pub(crate) settings: Option<Reload>,
}

/// Runs a hub until Ctrl-C, SIGTERM or a failure of its own.
pub(crate) async fn run(
    config: HubConfig,
    (joining, events, prints_login): (&Joining, EventForm, bool),
    follows: Follows,
    output: &Output,
) -> Result<(), Failure> {
    let Follows {
        credentials: mut watch,
        mut settings,
    } = follows;
    let data = config.data.clone();
    let capacity = config.settings.capacity;
    // Before anything is announced: who reads the announcement may end us at once.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let at_terminal = std::io::stdin().is_terminal();
    let metrics_are_public = config
        .http
        .as_ref()
        .is_some_and(|http| http.metrics_are_public);
    // A large store takes a while.
    let started = tokio::select! {
        started = fleetlink_hub::start(config) => Some(started),
        _ = interrupt.recv() => None,
        _ = terminate.recv() => None,
    };
    let Some(started) = started else {
        output.line("the hub was ended before it began");
        return Ok(());
    };
    let (mut hub, lines) = started.map_err(|e| Failure::General(e.to_string()))?;
    let shown = std::path::absolute(&data).unwrap_or(data.clone());
    announce(&hub, data, (joining, events), output);
    let say = |text: &str| output.line(&events.own("hub", text));
    http::how_to_log_in(&hub, (prints_login, &shown), say).await;
    http::explain(hub.http_listening(), metrics_are_public, output);
    shares::explain(capacity, hub.capacity(), output);
    // Without them nobody knows the address and the pin.
    match output.opened(0).await {
        // Whoever read the first line and went has what it needs.
        Ok(()) | Err(Failure::OutputClosed) => {}
        Err(failure) => {
            hub.close().await;
            return Err(failure);
        }
    }
    let console = Console::follow(lines, events, output);
    let mut import = Import::of(&mut hub, output);
    let ended = loop {
        tokio::select! {
            _ = interrupt.recv() => break None,
            _ = terminate.recv() => break None,
            _ = hangup.recv() => {
                if at_terminal && !std::io::stdin().is_terminal() {
                    // It was the terminal that went, not somebody who rotates the log files.
                    break None;
                }
                hub.reopen_logs();
                if let Some(settings) = &mut settings {
                    let said = settings.again(&hub).await;
                    said.iter().for_each(|line| output.notice(line));
                }
            }
            error = hub.failed() => break Some(error),
            read = CredentialsWatch::changed(&mut watch), if !import.is_under_way() => {
                import.begin_again(&hub, watch.as_ref(), read, output).await;
            }
            imported = import.ended() => import.report(imported, &console, output),
        }
    };
    output.asked_to_end();
    console.line("the hub is shutting down");
    let ending = async {
        hub.close().await;
        console.finish("the hub has ended").await;
    };
    tokio::select! {
        () = ending => match ended {
            Some(error) => Err(Failure::General(error.to_string())),
            None => Ok(()),
        },
        // Whoever asks a second time does not want to wait.
        _ = interrupt.recv() => Err(Failure::Interrupted),
        _ = terminate.recv() => Err(Failure::Interrupted),
    }
}

fn announce(
    hub: &RunningHub,
    data: PathBuf,
    (joining, events): (&Joining, EventForm),
    output: &Output,
) {
    let data = std::path::absolute(&data).unwrap_or(data);
    let say = |text: &str| output.line(&events.own("hub", text));
    let listening = format!(
        "fleetlink hub {} listening on {}",
        env!("CARGO_PKG_VERSION"),
        hub.address()
    );
    let started = started(hub, &data);
    output.line(&events.own_with("started", &listening, started));
    if !events.is_json() {
        say_more(hub, &data, &say);
    }
    say(&how_to_join(hub, joining));
    if hub.accounts() == 0 {
        say(&format!(
            "there are no accounts yet; add one with: fleetlink account add NAME --data {}",
            data.display()
        ));
    }
}

/// The event that tells a program of a started hub.
fn started(hub: &RunningHub, data: &Path) -> Value {
    let leases = hub.leases().and_then(|leases| leases.udp_address());
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "listening": hub.address(),
        "data": data,
        "pin": hub.pin(),
        "number_exchange": hub.number_exchange(),
        "leases": leases,
        "page": http::page(hub.http_listening()),
        "accounts": hub.accounts(),
    })
}

/// The same for people.
fn say_more(hub: &RunningHub, data: &Path, say: &dyn Fn(&str)) {
    say(&format!("data in {}", data.display()));
    if let Some(address) = hub.number_exchange() {
        say(&format!("number exchange at {address}"));
    }
    if let Some(address) = hub.leases().and_then(|leases| leases.udp_address()) {
        say(&format!("connection-ID leases at {address}, UDP and TCP"));
    }
    if let Some(page) = http::page(hub.http_listening()) {
        say(&format!("page at {page}"));
    }
    match hub.pin() {
        Some(pin) => say(&format!("pin {pin}")),
        None => say("without TLS: loopback alone"),
    }
}

fn how_to_join(hub: &RunningHub, joining: &Joining) -> String {
    let address = hub.address();
    let (host, port) = (reachable_host(address), address.port());
    match (joining, hub.pin()) {
        // A client on this host keeps no pin; on another it has to know the hub.
        (Joining::Course, _) => format!("devices join with: fleetlink client {host} {port} 0"),
        (Joining::Join, _) if address.ip().is_loopback() => {
            let plain = if hub.pin().is_none() { " --plain" } else { "" };
            format!("devices join with: fleetlink join {host} {port}{plain}")
        }
        (Joining::Join, Some(pin)) => {
            format!("devices join with: fleetlink join {host} {port} --pin {pin}")
        }
        (Joining::Join, None) => format!("devices join with: fleetlink join {host} {port} --plain"),
    }
}

/// A host under which devices may find a hub that listens everywhere.
fn reachable_host(address: SocketAddr) -> String {
    if !address.ip().is_unspecified() {
        return address.ip().to_string();
    }
    host_name().unwrap_or_else(|| "HOST".to_owned())
}
