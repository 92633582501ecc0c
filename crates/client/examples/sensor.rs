//! A sensor: uploads its readings, and has the hub compute on them.
//!
//! ```sh
//! FLEETLINK_PASSWORD=… cargo run --example sensor -- myhost:7421 porch-camera temperature 21.5 21.7
//! ```
//!
//! The first run needs the password, and enrols a key; later ones need none.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use fleetlink_client::{Client, Error, Operation};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [hub, device, file, readings @ ..] = &arguments[..] else {
        panic!("expected are HUB DEVICE FILE READING...");
    };
    let mut builder = Client::builder(hub).device(device).enrol_key();
    if let Ok(password) = std::env::var("FLEETLINK_PASSWORD") {
        builder = builder.password(password);
    }
    let hub = builder.connect().await?;

    let uploaded = hub
        .upload(file.as_str(), readings.join("\n"))
        .append()
        .await?;
    println!("the hub holds {} samples", uploaded.receipt.samples);
    for operation in [Operation::Average, Operation::Max] {
        let computed = hub.compute(file.as_str(), operation).await?;
        println!("{operation}: {}", computed.result);
    }
    hub.leave().await;
    Ok(())
}
