//! `fleetlink hub rotate-key`: a new key for the hub, announced by the old one.

use fleetlink_hub::{Operator, OperatorCall, OperatorReply};
use serde_json::json;

use super::data_folder::OperatorArguments;
use crate::failure::Failure;
use crate::output::Output;

/// The hub that gets a new key.
#[derive(Debug, clap::Args)]
pub(crate) struct RotateArguments {
    #[command(flatten)]
    operator: OperatorArguments,
}

impl RotateArguments {
    /// Whether the result is one JSON document.
    pub(crate) fn json(&self) -> bool {
        self.operator.json()
    }
}

/// Rotates the key of the running hub or, where none runs, the one that its next start uses.
pub(crate) async fn rotate(arguments: RotateArguments, output: &Output) -> Result<(), Failure> {
    let folder = arguments.operator.folder()?;
    let mut operator = Operator::connect(&folder).await?;
    let running = operator.hub_is_running();
    let reply = operator.call(OperatorCall::RotateKey).await;
    operator.finish().await;
    let OperatorReply::KeyRotated { old, new } = reply? else {
        let odd = "the hub did not say which key it has now";
        return Err(Failure::General(odd.to_owned()));
    };
    let from = if running {
        "from now on"
    } else {
        "from its next start"
    };
    let text = format!(
        "the hub has a new key; new connections see it {from}\npin {new}\nbefore {old}\ndevices \
         that know the pin from before follow by themselves; give new ones the new pin\nkeep a new \
         copy of {}, and no old one",
        folder.join("hub.key").display()
    );
    output.result(
        &text,
        &json!({"pin": new, "before": old, "running": running}),
    );
    Ok(())
}
