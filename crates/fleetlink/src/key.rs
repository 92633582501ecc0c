//! `fleetlink key …`: the key by which a device proves who it is.

use clap::{Args, Subcommand};
use fleetlink_client::kept::{DeviceKeys, KnownDevices, KnownHubs, state_folder};
use fleetlink_proto::control::EnrolledKey;
use fleetlink_proto::{DeviceKey, DeviceName, HubPin, WallTime};
use serde::Serialize;
use serde_json::json;

use crate::attach::HubArguments;
use crate::failure::Failure;
use crate::interrupt::unless_interrupted;
use crate::output::Output;

/// Shows, revokes and replaces keys: by a device's owner with its password, or by the hub's
/// operator.
#[derive(Debug, Args)]
pub(crate) struct KeyArguments {
    /// The hub and the device.
    #[command(flatten)]
    pub(crate) hub: HubArguments,
    #[cfg(feature = "hub")]
    #[command(flatten)]
    operator: crate::hub::AsOperator,
    #[command(subcommand)]
    command: KeyCommand,
}

/// The commands for keys.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum KeyCommand {
    /// Show the public half of this device's own key.
    Show,
    /// List the device's key at the hub, or with --data the keys of all devices.
    List,
    /// List the remembered keys of other devices, with which this one has exchanged files.
    Known,
    /// Forget the key of another device, after a change that you know to be right: the next key is
    /// remembered instead.
    Forget {
        /// The other device.
        name: DeviceName,
    },
    /// Remove the device's key from the hub and end its sessions.
    Revoke,
    /// Make a new key for this device, which replaces its key at the hub.
    Replace {
        /// With --data: the public half of the new key, as `fleetlink key show` prints it.
        key: Option<DeviceKey>,
    },
}

/// Does what the command asks.
pub(crate) async fn run(arguments: KeyArguments, output: &Output) -> Result<(), Failure> {
    #[cfg(feature = "hub")]
    if let Some(folder) = arguments.operator.folder {
        let device = arguments.hub.device.clone();
        return crate::hub::keys(folder, device, arguments.command, output).await;
    }
    unless_interrupted(Box::pin(as_owner(
        &arguments.hub,
        arguments.command,
        output,
    )))
    .await
}

async fn as_owner(hub: &HubArguments, command: KeyCommand, output: &Output) -> Result<(), Failure> {
    // What is known of others is told of every hub, unless one is named.
    let of_all_hubs = matches!(command, KeyCommand::Known | KeyCommand::Forget { .. });
    let chosen = match of_all_hubs {
        true => None,
        false => Some(hub.clone().or_chosen()?),
    };
    let hub = chosen.as_ref().unwrap_or(hub);
    match command {
        KeyCommand::Show => show(hub, output),
        KeyCommand::Known => known(hub, output),
        KeyCommand::Forget { name } => forget(hub, &name, output),
        KeyCommand::List => {
            let client = hub.connect_as_owner(output).await?;
            let keys = client.keys().await?;
            let lines: Vec<String> = keys.iter().map(line).collect();
            output.list(&lines, "no key", &json!({"keys": keys}));
            client.leave().await;
            Ok(())
        }
        KeyCommand::Revoke => {
            let client = hub.connect_as_owner(output).await?;
            client.revoke_key().await?;
            let done = format!("the key of {} is revoked", hub.device()?);
            output.result(&done, &json!({ "done": done }));
            client.leave().await;
            Ok(())
        }
        KeyCommand::Replace { key: Some(_) } => Err(Failure::Usage(
            "a device makes its own new key; one is given with --data only".to_owned(),
        )),
        KeyCommand::Replace { key: None } => {
            let client = hub.connect_as_owner(output).await?;
            let key = client.replace_key().await?;
            output.result(&key.to_string(), &json!({ "key": key }));
            client.leave().await;
            Ok(())
        }
    }
}

fn show(hub: &HubArguments, output: &Output) -> Result<(), Failure> {
    let device = hub.device()?;
    let missing = || Failure::General(format!("{device} has no key for this hub; join it once"));
    let pin = hub.known_pin()?.ok_or_else(missing)?;
    let keys = DeviceKeys::in_folder(state_folder()?);
    let key = keys.find(pin, device)?.ok_or_else(missing)?;
    let path = keys.path(pin, device);
    let document = json!({"key": key.public(), "path": path});
    output.result(&key.public().to_string(), &document);
    Ok(())
}

/// A known device, and where its hub was met.
#[derive(Serialize)]
struct Known {
    hub: HubPin,
    addresses: Vec<String>,
    device: DeviceName,
    key: DeviceKey,
    since: WallTime,
}

fn known(hub: &HubArguments, output: &Output) -> Result<(), Failure> {
    let folder = state_folder()?;
    let hubs = KnownHubs::in_folder(&folder);
    let devices = KnownDevices::in_folder(folder).list(hub.named_pin()?)?;
    let known = devices.into_iter().map(|device| {
        Ok(Known {
            addresses: hubs.addresses(device.hub)?,
            hub: device.hub,
            device: device.name,
            key: device.key,
            since: device.since,
        })
    });
    let known: Vec<Known> = known.collect::<Result<_, Failure>>()?;
    let lines: Vec<String> = known.iter().map(Known::line).collect();
    output.list(&lines, "no devices", &json!({ "known": known }));
    Ok(())
}

impl Known {
    fn line(&self) -> String {
        let hub = match self.addresses.is_empty() {
            true => self.hub.to_string(),
            false => self.addresses.join(", "),
        };
        let (device, key, since) = (&self.device, self.key, self.since.local());
        format!("{device}; {key}; since {since}; {hub}")
    }
}

fn forget(hub: &HubArguments, name: &DeviceName, output: &Output) -> Result<(), Failure> {
    let devices = KnownDevices::in_folder(state_folder()?);
    let mut of_name = devices.list(hub.named_pin()?)?;
    of_name.retain(|device| device.name.folded() == name.folded());
    let device = match &of_name[..] {
        [device] => device,
        [] => return Err(Failure::General(format!("no key of {name} is known"))),
        several => {
            let pins: Vec<String> = several.iter().map(|d| d.hub.to_string()).collect();
            let pins = pins.join(", ");
            return Err(Failure::Usage(format!(
                "{name} is known at several hubs; say which by --hub or --pin: {pins}"
            )));
        }
    };
    devices.forget(device.hub, &device.name)?;
    let done = format!("the key of {name} is forgotten: {}", device.key);
    output.result(&done, &json!({ "done": done, "key": device.key }));
    Ok(())
}

/// The line of a key in a list.
pub(crate) fn line(enrolled: &EnrolledKey) -> String {
    format!("{}; since {}", enrolled.key, enrolled.enrolled.local())
}
