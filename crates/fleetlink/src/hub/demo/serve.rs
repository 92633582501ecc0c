//! `fleetlink demo --serve`: a small live fleet with the page, until it is told to end.

use std::path::Path;
use std::time::Duration;

use fleetlink_hub::{
    HttpAddress, HttpConfig, HubConfig, Operator, OperatorCall, PeopleReply, RunningHub,
};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::super::admin;
use super::fleet::{DEVICES, Way};
use super::stage::PASSWORD;
use crate::failure::Failure;
use crate::output::Output;

/// The time for the devices to end.
const END_DEADLINE: Duration = Duration::from_secs(2);

/// Runs the fleet until Ctrl-C or SIGTERM, and removes what it made.
pub(super) async fn run(output: &Output) -> Result<(), Failure> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let folder = tempfile::Builder::new()
        .prefix("fleetlink-demo-")
        .tempdir()?;
    let told = async {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    };
    let mut told = std::pin::pin!(told);
    output.line("A hub and five devices start in a folder of their own.");
    let started = tokio::select! {
        started = Box::pin(start(folder.path())) => Some(started?),
        () = &mut told => None,
    };
    let mut ended = Ok(());
    if let Some((mut hub, mut devices, ending)) = started {
        let shown = Box::pin(show(&hub, output)).await;
        if shown.is_ok() {
            tokio::select! {
                () = &mut told => {}
                why = hub.failed() => ended = Err(Failure::General(why.to_string())),
            }
        }
        output.asked_to_end();
        output.line("The fleet ends.");
        ending.send_replace(true);
        let _ = timeout(END_DEADLINE, async {
            while devices.join_next().await.is_some() {}
        })
        .await;
        hub.close().await;
        ended = ended.and(shown);
    }
    // A file that is gone meanwhile is no fault.
    let _ = folder.close();
    ended
}

/// The hub, its devices, and what ends these.
type Started = (RunningHub, JoinSet<()>, watch::Sender<bool>);

/// Starts the hub, and each device as a task.
async fn start(folder: &Path) -> Result<Started, Failure> {
    let data = folder.join("hub");
    Operator::make_store(&data)?;
    let mut operator = Operator::connect(&data).await?;
    for device in &DEVICES {
        let name = device.name.parse();
        let name =
            name.map_err(|e: fleetlink_proto::DeviceNameError| Failure::General(e.to_string()))?;
        let password = PASSWORD.into();
        operator
            .call(OperatorCall::AddAccount { name, password })
            .await?;
    }
    operator.finish().await;
    let local = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let config = HubConfig {
        http: Some(HttpConfig::new(HttpAddress::Needed(local))),
        ..HubConfig::new(local, &data)
    };
    let started = fleetlink_hub::start(config).await;
    let (hub, mut lines) = started.map_err(|e| Failure::General(e.to_string()))?;
    let mut tasks = JoinSet::new();
    let (ending, ended) = watch::channel(false);
    // Nobody reads them.
    tokio::spawn(async move { while lines.recv().await.is_some() {} });
    let way = Way {
        hub: hub.address().to_string(),
        pin: hub.pin(),
        folder: folder.to_owned(),
    };
    for device in &DEVICES {
        tasks.spawn(device.live(way.clone(), ended.clone()));
    }
    Ok((hub, tasks, ending))
}

/// Says where the fleet is to be seen. The link stands alone on its line, so that it can be taken.
async fn show(hub: &RunningHub, output: &Output) -> Result<(), Failure> {
    let page = hub.http_listening().page().unwrap_or_default();
    let link = match hub.make_link().await {
        Ok(PeopleReply::Link { link, .. }) => link,
        Ok(_) => return Err(Failure::General("the hub made no link".to_owned())),
        Err(why) => return Err(Failure::General(why)),
    };
    let names: Vec<&str> = DEVICES.iter().map(|device| device.name).collect();
    let (first, rest) = names.split_at(3);
    output.line(&format!("  {},", first.join(", ")));
    output.line(&format!("  {}", rest.join(", ")));
    output.line("They measure, send files, fail and come back.");
    output.line("");
    output.line(&format!("The page is at {page}"));
    output.line("Log in once, within 15 minutes, by this link:");
    output.line("");
    output.line(&admin::url(&page, &link));
    output.line("");
    output.line("Ctrl-C ends the fleet and removes its folder.");
    match output.opened(0).await {
        Ok(()) | Err(Failure::OutputClosed) => Ok(()),
        Err(failure) => Err(failure),
    }
}
