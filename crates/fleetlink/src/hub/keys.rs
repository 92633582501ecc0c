//! `fleetlink key … --data DIR`: keys as the operator sees and changes them.

use std::path::{Path, PathBuf};

use fleetlink_hub::{AccountInfo, Operator, OperatorCall};
use fleetlink_proto::DeviceName;
use serde_json::json;

use crate::failure::Failure;
use crate::key::{KeyCommand, line};
use crate::output::Output;

/// Does what the command asks, at the running hub or, where none runs, at its store.
pub(crate) async fn keys(
    folder: PathBuf,
    device: Option<DeviceName>,
    command: KeyCommand,
    output: &Output,
) -> Result<(), Failure> {
    let named = || {
        let missing = "which device's key? --device NAME";
        device
            .clone()
            .ok_or_else(|| Failure::Usage(missing.to_owned()))
    };
    let (call, done) = match command {
        KeyCommand::Show | KeyCommand::List => return list(&folder, device.as_ref(), output).await,
        KeyCommand::Known | KeyCommand::Forget { .. } => {
            return Err(Failure::Usage(
                "which devices are known is no matter of the hub's: without --data".to_owned(),
            ));
        }
        KeyCommand::Revoke => {
            let name = named()?;
            let done = format!("the key of {name} is revoked");
            (OperatorCall::RevokeKey { name }, done)
        }
        KeyCommand::Replace { key: Some(key) } => {
            let name = named()?;
            let done = format!("{name} has the key {key}");
            (OperatorCall::SetKey { name, key }, done)
        }
        KeyCommand::Replace { key: None } => {
            return Err(Failure::Usage(
                "give the new key, as fleetlink key show prints it on the device".to_owned(),
            ));
        }
    };
    let mut operator = Operator::connect(&folder).await?;
    let reply = operator.call(call).await;
    operator.finish().await;
    reply?;
    output.result(&done, &json!({ "done": done }));
    Ok(())
}

async fn list(folder: &Path, device: Option<&DeviceName>, output: &Output) -> Result<(), Failure> {
    let mut operator = Operator::connect(folder).await?;
    let accounts = operator.accounts().await;
    operator.finish().await;
    let accounts = accounts?;
    let is_asked = |account: &&AccountInfo| device.is_none_or(|name| account.name == *name);
    let keys: Vec<_> = accounts
        .iter()
        .filter(is_asked)
        .filter_map(|account| Some((&account.name, account.key.as_ref()?)))
        .collect();
    let lines: Vec<String> = keys
        .iter()
        .map(|(name, key)| format!("{name}; {}", line(key)))
        .collect();
    let entry = |(name, key): &(&DeviceName, &fleetlink_proto::control::EnrolledKey)| json!({"device": name, "key": key.key, "enrolled": key.enrolled});
    let keys: Vec<_> = keys.iter().map(entry).collect();
    output.list(&lines, "no key", &json!({ "keys": keys }));
    Ok(())
}
