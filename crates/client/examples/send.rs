//! Sends files straight to another device.
//!
//! ```sh
//! cargo run -p fleetlink-client --example send -- myhost:7421 porch-camera wei-smartphone lecture1.mp4
//! ```
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example shows what it does"
)]

use fleetlink_client::{Client, Error};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [hub, device, to, files @ ..] = &arguments[..] else {
        panic!("expected are HUB DEVICE TO FILE...");
    };
    let mut builder = Client::builder(hub).device(device);
    if let Ok(password) = std::env::var("FLEETLINK_PASSWORD") {
        builder = builder.password(password);
    }
    let hub = builder.connect().await?;

    let sending = hub.send(to, files).progress(|file| {
        let (path, bytes, size) = (file.path.display(), file.bytes, file.size);
        eprintln!("{path}: {bytes} of {size} bytes, {} a second", file.rate);
    });
    let receipts = sending.await?;
    for (file, receipt) in files.iter().zip(receipts) {
        println!("{to} has stored {file} as {}", receipt.stored_as);
    }
    hub.leave().await;
    Ok(())
}
