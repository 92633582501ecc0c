//! Both ends of a transfer from device to device.

use std::env;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fleetlink_client::{
    Arrival, ReceivePolicy,
    internals::{Listener, Peer},
    transfer::{Control, Endpoint, Inbox},
};
use fleetlink_proto::transfer::limits::Deadlines;
use fleetlink_proto::transfer::{Party, Reason};
use tokio::time::timeout;

use super::flow::{self, CONTROLLERS};
use crate::BenchResult;
use crate::report::say;
use crate::transfer::{Hub, runtime};

/// The name of the file that is sent, in the folder of keys.
pub(super) const FILE: &str = "file";

const RECEIVER: &str = "receiver";
const SENDER: &str = "sender";

/// Takes one file, or as much of it as comes in time.
pub(crate) fn receive() -> BenchResult {
    let arguments: Vec<String> = env::args().skip(3).collect();
    let [address, millis, folder, inbox] = &arguments[..] else {
        return Err("an address, milliseconds, the folder of keys, the inbox".into());
    };
    let address: IpAddr = address.parse()?;
    let time = Duration::from_millis(millis.parse()?);
    runtime()?.block_on(async {
        let overflowed = flow::overflowed()?;
        let endpoint = Endpoint::bind(0).await?;
        let hub = Hub::open(Path::new(folder))?;
        let credentials = hub.device(Path::new(folder), RECEIVER, &endpoint).await?;
        let inbox = Arc::new(Inbox::open(
            Path::new(inbox),
            ReceivePolicy::from_everybody(),
        )?);
        let at = SocketAddr::new(address, endpoint.port());
        let party = credentials.party();
        say(&format!("reached by {at} {} {}", party.endpoint, party.key));
        let (credentials, deadlines) = (Arc::new(credentials), Deadlines::default());
        let (listener, mut arrivals) = Listener::new(endpoint, credentials, inbox, deadlines);
        tokio::spawn(listener.run());
        let Some(Arrival::Coming { control, .. }) = arrivals.recv().await else {
            return Err("no file is coming".into());
        };
        let begun = Instant::now();
        let bytes = match timeout(time, arrivals.recv()).await {
            Err(_) => control.progress().borrow().bytes,
            Ok(Some(Arrival::Stored { stored, .. })) => stored.bytes,
            Ok(Some(Arrival::Failed { failure, .. })) => return Err(failure.into()),
            Ok(_) => return Err("the listener ended".into()),
        };
        say(&flow::received(bytes, begun.elapsed(), overflowed)?);
        Ok(())
    })
}

/// Sends the file.
pub(crate) fn send() -> BenchResult {
    let arguments: Vec<String> = env::args().skip(3).collect();
    let [controller, folder, at, endpoint, key] = &arguments[..] else {
        return Err("a controller, the folder of keys, the receiver's place and keys".into());
    };
    let mut controllers = CONTROLLERS.into_iter();
    let congestion = controllers.find(|c| format!("{c:?}") == *controller);
    let congestion = congestion.ok_or("no such controller")?;
    let to = Party {
        name: RECEIVER.parse()?,
        endpoint: endpoint.parse()?,
        key: key.clone().try_into()?,
    };
    let (at, folder) = (at.parse()?, Path::new(folder));
    runtime()?.block_on(async {
        let own = Endpoint::bind_with(0, congestion).await?;
        let hub = Hub::open(folder)?;
        let credentials = hub.device(folder, SENDER, &own).await?;
        let grant = hub.grant(credentials.party(), to)?;
        let peer = Peer::connect(&own, &credentials, grant, &[at], Deadlines::default()).await?;
        peer.send_file(folder.join(FILE), &Control::new()).await?;
        // Else the receiver waits for its receipt to be acknowledged.
        peer.close(Reason::Closing);
        own.close().await;
        Ok(())
    })
}
