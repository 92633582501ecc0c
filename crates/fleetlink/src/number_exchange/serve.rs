//! `fleetlink sum serve`.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use fleetlink_hub::number_exchange::{self, Config, LINE_QUEUE, Lines};
use fleetlink_proto::number_exchange::limits::{DEFAULT_PORT, QUIET_TIME, STALL_TIME};
use fleetlink_proto::number_exchange::{
    Line, Name, OnOutOfRange, RangeError, ServerNumber, Service,
};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::name_or_host;
use super::print::Printer;
use crate::failure::Failure;
use crate::interrupt::Interrupts;
use crate::output::Output;

/// Lines that are printed at once at most.
const MAX_BATCH: usize = 256;
/// The time for the last lines to be queued.
const LAST_LINES_DEADLINE: Duration = Duration::from_secs(1);

/// The arguments of a server.
#[derive(Debug, clap::Args)]
pub(crate) struct ServeArguments {
    /// The port on 127.0.0.1; 8000 if neither this nor --listen is given.
    #[arg(conflicts_with = "listen")]
    port: Option<u16>,
    /// Address to listen on.
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// The server's name; the host's name by default.
    #[arg(long)]
    name: Option<Name>,
    /// The server's number, 1 to 100, or random. By default random in JSON and 42 in every other
    /// form.
    #[arg(long, value_name = "N|random", value_parser = server_number, allow_hyphen_values = true)]
    number: Option<ServerNumber>,
    /// The effect of a number outside 1 to 100, in every form. By default a request in "Client of
    /// NAME: N" or with "client_name" ends the server, and others are closed.
    #[arg(long, value_enum)]
    on_out_of_range: Option<OutOfRangeArgument>,
    /// State the sum also in the forms whose clients do not expect it.
    #[arg(long)]
    reply_sum: bool,
    /// Silence of a client after which its bytes count as the whole request.
    #[arg(long, value_name = "TIME", default_value = "50ms", value_parser = quiet_time)]
    quiet_time: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum OutOfRangeArgument {
    /// Reply to earlier clients, and end with status 0
    Stop,
    /// Refuse that client and go on
    Refuse,
}

impl From<OutOfRangeArgument> for OnOutOfRange {
    fn from(argument: OutOfRangeArgument) -> Self {
        match argument {
            OutOfRangeArgument::Stop => OnOutOfRange::Stop,
            OutOfRangeArgument::Refuse => OnOutOfRange::Refuse,
        }
    }
}

fn server_number(text: &str) -> Result<ServerNumber, String> {
    if text == "random" {
        return Ok(ServerNumber::Random);
    }
    text.parse()
        .map(ServerNumber::Fixed)
        .map_err(|error: RangeError| format!("{error}, or random"))
}

fn quiet_time(text: &str) -> Result<Duration, String> {
    crate::duration::parse(text)
        .ok()
        .filter(|time| !time.is_zero() && *time <= STALL_TIME)
        .ok_or_else(|| format!("expected a time up to {STALL_TIME:?}, such as 50ms"))
}

/// The number exchange that a hub serves beside other things: no stranger may stop it.
pub(crate) fn beside_hub(listen: SocketAddr) -> Result<Config, Failure> {
    Ok(Config {
        listen,
        service: Service {
            name: name_or_host(None)?,
            number: ServerNumber::ByForm,
            on_out_of_range: OnOutOfRange::Refuse,
            reply_sum: false,
        },
        quiet_time: QUIET_TIME,
    })
}

/// Serves until a number out of range, Ctrl-C or SIGTERM; all of them are a good end.
pub(super) async fn serve(arguments: ServeArguments, output: &Output) -> Result<(), Failure> {
    let ServeArguments {
        port,
        listen,
        name,
        number,
        on_out_of_range,
        reply_sum,
        quiet_time,
    } = arguments;
    let loopback = (Ipv4Addr::LOCALHOST, port.unwrap_or(DEFAULT_PORT)).into();
    let config = Config {
        listen: listen.unwrap_or(loopback),
        service: Service {
            name: name_or_host(name)?,
            number: number.unwrap_or_default(),
            on_out_of_range: on_out_of_range.map(Into::into).unwrap_or_default(),
            reply_sum,
        },
        quiet_time,
    };
    // Before anything is announced: who reads the announcement may end us at once.
    let mut interrupts = Interrupts::listen()?;
    let (lines, printed) = mpsc::channel(LINE_QUEUE);
    let mut server = number_exchange::start(config, Lines::Printed(lines))
        .await
        .map_err(|error| Failure::General(error.to_string()))?;
    let printer = Printer::new(output);
    let printing = tokio::task::spawn_blocking(move || print(&printer, printed));
    // Whoever starts it learns the address there.
    output.opened(1).await?;
    let interrupted = tokio::select! {
        () = server.ended() => false,
        () = interrupts.next() => true,
    };
    if interrupted {
        output.asked_to_end();
        tokio::select! {
            () = server.close() => {}
            () = interrupts.next() => return Err(Failure::Interrupted),
        }
    }
    // A printer that panicked has printed what it could, and one that waits for a reader may go on.
    let _ = timeout(LAST_LINES_DEADLINE, printing).await;
    Ok(())
}

/// Prints until the server is gone, on a thread of its own: a terminal may be slow.
fn print(printer: &Printer, mut lines: mpsc::Receiver<Line>) {
    let mut batch = Vec::new();
    while lines.blocking_recv_many(&mut batch, MAX_BATCH) > 0 {
        printer.lines(&batch);
        batch.clear();
    }
}
