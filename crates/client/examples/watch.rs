//! Joins, takes files into a folder, and prints what happens until its session ends for good.
//!
//! ```sh
//! cargo run -p fleetlink-client --example watch -- myhost:7421 wei-smartphone inbox
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use fleetlink_client::{Arrival, Client, Error, Event, ReceivePolicy};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [hub, device, inbox] = &arguments[..] else {
        panic!("expected are HUB DEVICE INBOX");
    };
    let mut builder = Client::builder(hub).device(device);
    if let Ok(password) = std::env::var("FLEETLINK_PASSWORD") {
        builder = builder.password(password);
    }
    let hub = builder.connect().await?;

    let mut events = hub
        .join()
        .inbox(inbox, ReceivePolicy::from_everybody())
        .await?;
    while let Some(event) = events.next().await {
        match event {
            Event::Joined(joined) => {
                println!("present, as generation {}", joined.generation);
                for address in joined.took_over {
                    println!("took over from {address}");
                }
            }
            Event::HubAway(why) => println!("the hub is away: {why}"),
            Event::HubBack => println!("the hub is back"),
            Event::Arrival(Arrival::Stored { sender, stored, .. }) => {
                println!(
                    "{} from {sender} is here as {}",
                    stored.name,
                    stored.path.display()
                );
            }
            Event::Arrival(other) => println!("{other:?}"),
            Event::Ended(why) => return Err(why),
            _ => {}
        }
    }
    Ok(())
}
