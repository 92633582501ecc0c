//! The hub's commands.

use crate::failure::Failure;

/// What runs or administers a hub.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Run a hub (not in this build).
    #[command(hide = true)]
    Serve,
}

/// Does what the command asks.
pub(crate) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve => Err(Failure::General("this build has no hub".to_owned())),
    }
}
