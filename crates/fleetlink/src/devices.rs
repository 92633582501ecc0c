//! `fleetlink device …`: the other devices of the hub.

use clap::{Args, Subcommand};
use fleetlink_proto::control::ActiveDevice;
use serde_json::json;

use crate::attach::HubArguments;
use crate::failure::Failure;
use crate::interrupt::unless_interrupted;
use crate::output::Output;

/// Looks at the other devices, without joining.
#[derive(Debug, Args)]
pub(crate) struct DeviceArguments {
    /// The hub and the device.
    #[command(flatten)]
    pub(crate) hub: HubArguments,
    #[command(subcommand)]
    command: DeviceCommand,
}

#[derive(Debug, Subcommand)]
enum DeviceCommand {
    /// List the other active devices, in the order they joined.
    List,
}

/// Does what the command asks.
pub(crate) async fn run(arguments: DeviceArguments, output: &Output) -> Result<(), Failure> {
    let DeviceCommand::List = arguments.command;
    unless_interrupted(async {
        let client = arguments.hub.or_chosen()?.connect(output).await?;
        let devices = client.devices().await?;
        output.result(&list(&devices), &json!({"devices": devices}));
        client.leave().await;
        Ok(())
    })
    .await
}

/// A line for each, in the words of AED.
pub(crate) fn list(devices: &[ActiveDevice]) -> String {
    if devices.is_empty() {
        return "no other active edge devices".to_owned();
    }
    let lines: Vec<String> = devices.iter().map(ToString::to_string).collect();
    lines.join("\n")
}
