//! `fleetlink use`: the device and the hub that commands mean where they name none.

use fleetlink_client::{
    HubAddress,
    internals::off_runtime,
    kept::{Choice, Chosen, state_folder},
};
use fleetlink_proto::DeviceName;
use serde_json::json;

use crate::failure::Failure;
use crate::output::Output;

/// Choose the device that commands mean when they name none.
#[derive(Debug, clap::Args)]
pub(crate) struct UseArguments {
    /// The device's name; without it the present choice is shown.
    device: Option<DeviceName>,
    /// Its hub; by default the hub of the present choice.
    #[arg(long, value_name = "HOST:PORT", env = "FLEETLINK_HUB")]
    hub: Option<HubAddress>,
    /// Forget the choice.
    #[arg(long, conflicts_with_all = ["device", "hub"])]
    forget: bool,
    /// The result as one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Shows, makes or forgets the choice.
pub(crate) fn run(arguments: UseArguments, output: &Output) -> Result<(), Failure> {
    let chosen = Chosen::in_folder(state_folder()?);
    let present = chosen.read()?;
    if arguments.forget {
        chosen.forget()?;
        return show(None, output);
    }
    let Some(device) = arguments.device else {
        return show(present.as_ref(), output);
    };
    let missing = || Failure::Usage("which hub? give it with --hub HOST:PORT".to_owned());
    let hub = arguments.hub.or(present.map(|choice| choice.hub));
    let choice = Choice {
        hub: hub.ok_or_else(missing)?,
        device,
    };
    chosen.keep(&choice)?;
    show(Some(&choice), output)
}

/// Remembers the first device that joined from this machine.
pub(crate) async fn remember(choice: &Choice, output: &Output) {
    let kept = match state_folder() {
        Ok(folder) => {
            let (chosen, choice) = (Chosen::in_folder(folder), choice.clone());
            let keeping = off_runtime(move || chosen.keep_first(&choice));
            keeping.await.map_err(Failure::from)
        }
        Err(error) => Err(error.into()),
    };
    match kept {
        Ok(true) => output.notice(&format!(
            "commands mean {} at {} from now on, unless they name another device (fleetlink use)",
            choice.device, choice.hub
        )),
        Ok(false) => {}
        Err(error) => output.notice(&format!("this device could not be remembered: {error}")),
    }
}

/// The choice, if one was made.
pub(crate) fn read() -> Result<Option<Choice>, Failure> {
    Ok(Chosen::in_folder(state_folder()?).read()?)
}

fn show(choice: Option<&Choice>, output: &Output) -> Result<(), Failure> {
    let (text, document) = match choice {
        Some(Choice { hub, device }) => (
            format!("{device} at {hub}"),
            json!({ "device": device, "hub": hub.to_string() }),
        ),
        None => (
            "no device is chosen; the first that joins will be".to_owned(),
            json!({ "device": null, "hub": null }),
        ),
    };
    output.result(&text, &document);
    Ok(())
}
