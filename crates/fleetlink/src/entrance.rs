//! Joining under a name that may be active already, and saying what that meant.

use std::time::Duration;

use fleetlink_client::{
    Client,
    internals::off_runtime,
    kept::{ReplacedDevices, state_folder},
};
use fleetlink_proto::control::{ErrorCode, Join, JoinReply, RpcError};
use fleetlink_proto::{DeviceName, Escaped, HubPin};
use tokio::time::sleep;

use crate::failure::Failure;
use crate::output::Output;
use crate::stdin::Lines;

/// The time between two looks whether the name is free, for a service that must not take over.
const LOOK: Duration = Duration::from_secs(2);

/// Joins for a person, who is asked before somebody else's session ends. In a pipe, where nobody can
/// be asked, and with `take_over` it ends.
pub(crate) async fn of_person(
    client: &Client,
    join: &Join,
    (take_over, lines): (bool, &Lines),
    output: &Output,
) -> Result<JoinReply, Failure> {
    let joined = match take_over || !lines.terminal() {
        true => client.join_as(join).await?,
        false => match unless_active(client, join).await? {
            Ok(joined) => joined,
            Err(error) => {
                confirm(error, lines, output).await?;
                client.join_as(join).await?
            }
        },
    };
    tell(&joined, client.device(), output);
    Ok(joined)
}

/// Joins for a service that takes files. One that somebody else has replaced waits until the name is
/// free, unless it is told to take over: a service that is always started again would else end the
/// other, and the other it.
pub(crate) async fn of_service(
    client: &Client,
    join: &Join,
    take_over: bool,
    output: &Output,
) -> Result<JoinReply, Failure> {
    let hub = client.session().await?.pin();
    let joined = match !take_over && was_replaced(hub, client.device()).await? {
        true => when_free(client, join, output).await?,
        false => client.join_as(join).await?,
    };
    if let Some(hub) = hub {
        let (replaced, device) = (replaced_devices()?, client.device().clone());
        off_runtime(move || replaced.forget(hub, &device)).await?;
    }
    tell(&joined, client.device(), output);
    Ok(joined)
}

/// Somebody else has replaced this device's service.
pub(crate) async fn remember_replaced(
    hub: Option<HubPin>,
    name: &DeviceName,
) -> Result<(), Failure> {
    if let Some(hub) = hub {
        let (replaced, device) = (replaced_devices()?, name.clone());
        off_runtime(move || replaced.keep(hub, &device)).await?;
    }
    Ok(())
}

async fn was_replaced(hub: Option<HubPin>, name: &DeviceName) -> Result<bool, Failure> {
    let Some(hub) = hub else {
        return Ok(false);
    };
    let (replaced, device) = (replaced_devices()?, name.clone());
    Ok(off_runtime(move || replaced.contains(hub, &device)).await?)
}

fn replaced_devices() -> Result<ReplacedDevices, Failure> {
    Ok(ReplacedDevices::in_folder(state_folder()?))
}

async fn when_free(client: &Client, join: &Join, output: &Output) -> Result<JoinReply, Failure> {
    let mut told = false;
    loop {
        match unless_active(client, join).await? {
            Ok(joined) => return Ok(joined),
            Err(error) if !told => {
                let message = Escaped(&error.message);
                output.notice(&format!(
                    "{message}, which has replaced this device. Waiting until it leaves; \
                     --take-over ends it"
                ));
                told = true;
            }
            Err(_) => {}
        }
        sleep(LOOK).await;
    }
}

/// Joins unless somebody else is active under the name: then the hub's words for that.
async fn unless_active(
    client: &Client,
    join: &Join,
) -> Result<Result<JoinReply, RpcError>, Failure> {
    let join = Join {
        only_if_free: true,
        ..join.clone()
    };
    match client.join_as(&join).await {
        Ok(joined) => Ok(Ok(joined)),
        Err(error) => match error.refusal() {
            Some(refused) if refused.code == ErrorCode::ActiveElsewhere => Ok(Err(refused.clone())),
            _ => Err(error.into()),
        },
    }
}

async fn confirm(error: RpcError, lines: &Lines, output: &Output) -> Result<(), Failure> {
    let message = Escaped(&error.message);
    output.notice(&format!("{message}. To join here ends it there."));
    match lines.confirm(output, "Take over?").await? {
        true => Ok(()),
        false => Err(Failure::Hub(error)),
    }
}

fn tell(joined: &JoinReply, name: &DeviceName, output: &Output) {
    if !joined.took_over.is_empty() {
        let from: Vec<String> = joined.took_over.iter().map(ToString::to_string).collect();
        output.notice(&format!(
            "{name} was active elsewhere, from {}; that has ended",
            from.join(", ")
        ));
    }
    if joined.others > 0 {
        output.notice(&format!(
            "{name} has joined by other sessions of this device too ({}): files for it go to one \
             that receives, else to the newest",
            joined.others
        ));
    }
}
