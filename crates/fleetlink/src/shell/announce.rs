//! Saying that the hub went away and that it is back.

use fleetlink_client::presence::Link;
use fleetlink_proto::DeviceName;
use tokio::sync::watch;

use crate::output::Output;

pub(super) async fn announce(mut link: watch::Receiver<Link>, device: DeviceName, output: Output) {
    link.mark_unchanged();
    while link.changed().await.is_ok() {
        let text = match &*link.borrow_and_update() {
            Link::Up(_) => format!("The hub is back; {device} has joined again."),
            Link::Away(closed) => format!("The hub is away: {closed}. Reconnecting…"),
            // The shell itself ends with the reason.
            Link::Over(_) => return,
        };
        output.line(&text);
    }
}
