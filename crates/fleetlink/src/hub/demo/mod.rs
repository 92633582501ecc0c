//! `fleetlink demo`: a hub and two devices at work, as real processes over TLS on loopback, with
//! every answer checked.

mod fleet;
mod process;
mod serve;
mod stage;
mod story;

use std::time::Instant;

use self::stage::Stage;
use crate::failure::Failure;
use crate::output::Output;

/// The arguments of the demo.
#[derive(Debug, clap::Args)]
pub(crate) struct DemoArguments {
    /// Keep the folder with the hub's and the devices' files.
    #[arg(long)]
    keep: bool,
    /// Keep a small live fleet running instead, with its page, until Ctrl-C: five devices that
    /// measure, send files, fail and come back.
    #[arg(long, conflicts_with = "keep")]
    serve: bool,
}

/// Plays the whole story, or keeps the fleet running.
pub(crate) async fn run(arguments: &DemoArguments, output: &Output) -> Result<(), Failure> {
    match arguments.serve {
        true => Box::pin(serve::run(output)).await,
        // Its steps wait for other processes, on this thread.
        false => tokio::task::block_in_place(|| play(arguments, output)),
    }
}

/// Plays the whole story; an error where one answer was not the right one.
fn play(arguments: &DemoArguments, output: &Output) -> Result<(), Failure> {
    let began = Instant::now();
    let mut stage = Stage::new(output)?;
    let told = story::tell(&mut stage);
    let checks = stage.checks();
    if arguments.keep {
        output.line(&format!("\nthe files are in {}", stage.keep().display()));
    }
    told?;
    let seconds = began.elapsed().as_secs_f64();
    output.line(&format!(
        "\nEverything held: {checks} checks in {seconds:.1} s."
    ));
    Ok(())
}
