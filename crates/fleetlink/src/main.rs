//! The one binary of fleetlink: a hub, and the devices that join it.
#![allow(
    rustdoc::broken_intra_doc_links,
    rustdoc::invalid_html_tags,
    reason = "what documents an argument is shown as help, letter for letter"
)]

mod attach;
mod check;
mod chosen;
mod cli;
mod data;
mod devices;
mod duration;
mod entrance;
#[cfg(feature = "hub")]
mod everywhere;
mod failure;
mod host_name;
#[cfg(feature = "hub")]
mod hub;
mod interrupt;
mod join;
mod key;
mod lease;
mod logging;
mod login;
mod number_exchange;
mod output;
mod password;
mod progress;
mod shell;
mod size;
mod stdin;
mod terminal;
mod ticket_source;
mod transfer;
mod trust;
mod udp_port;

use std::io;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use tokio::runtime::{Builder, Runtime};

use cli::Command;
use failure::Failure;
use output::Output;

/// Gives the memory of ended sessions back to the system, in the background. The C library's
/// allocator keeps it.
#[cfg(all(feature = "hub", target_env = "gnu"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let cli = match cli::parse() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let output = Output::new(cli.command.json());
    logging::start(cli.log_format, cli.command.log(), &output);
    let runtime = match runtime(&cli.command) {
        Ok(runtime) => runtime,
        Err(error) => return output::failed(&Failure::from(error), output.is_json()),
    };
    let code = runtime.block_on(async {
        let result = run(cli.command, &output).await;
        // The threads that write them may wait for a disk.
        fleetlink_client::kept::remove_incomplete_files();
        output.end(result).await
    });
    // A thread that still reads standard input must not keep the process.
    runtime.shutdown_background();
    code
}

/// Finds out whether the descriptors are there that a runtime opens at its start: it would panic
/// without them.
fn look_for_descriptors() -> io::Result<()> {
    let (one, other) = UnixStream::pair()?;
    let more = [&one, &other, &one, &other, &one, &other].map(UnixStream::try_clone);
    let opened: io::Result<Vec<UnixStream>> = more.into_iter().collect();
    opened.map(drop)
}

fn runtime(command: &Command) -> io::Result<Runtime> {
    look_for_descriptors()?;
    let mut builder = Builder::new_multi_thread();
    if command.is_one_device() {
        // A transfer's tasks wake each other at every batch of packets: on one thread that crosses
        // no processors, which is faster and costs less. Files have threads of their own.
        builder.worker_threads(1);
    }
    builder.enable_all().build()
}

async fn run(command: Command, output: &Output) -> Result<(), Failure> {
    match command {
        Command::Join(arguments) => Box::pin(join::join(arguments, output)).await,
        Command::Client(arguments) => Box::pin(join::client(arguments, output)).await,
        Command::Data(arguments) => Box::pin(data::run(arguments, output)).await,
        Command::Hello(arguments) => Box::pin(lease::run(arguments, output)).await,
        Command::HelloRequest(arguments) => Box::pin(lease::request(arguments, output)).await,
        Command::Key(arguments) => Box::pin(key::run(arguments, output)).await,
        Command::Use(arguments) => chosen::run(arguments, output),
        Command::Device(arguments) => Box::pin(devices::run(arguments, output)).await,
        Command::Send(arguments) => Box::pin(transfer::send(arguments, output)).await,
        Command::Receive(arguments) => Box::pin(transfer::receive(arguments, output)).await,
        Command::Sum(arguments) => Box::pin(number_exchange::run(arguments, output)).await,
        #[cfg(feature = "hub")]
        Command::Hub(command) => Box::pin(hub::run(command, output)).await,
    }
}
