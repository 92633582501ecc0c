//! `fleetlink sum check`: is anybody's server a good one?

mod crowd;
mod malformed;
mod probe;
mod replies;
mod stop;

use fleetlink_device::HubAddress;
use fleetlink_proto::number_exchange::{Form, Name};

use self::probe::{Ending, Server};
use crate::check::{Check, Finding, Plan, ReportOptions, Subject, Trace, shown};
use crate::failure::Failure;
use crate::interrupt::unless_interrupted;
use crate::output::Output;

/// The forms that are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Dialect {
    /// Client of NAME: NUMBER
    Text,
    /// A JSON object
    Json,
}

impl Dialect {
    fn form(self) -> Form {
        match self {
            Dialect::Text => Form::TEXT,
            Dialect::Json => Form::JSON,
        }
    }
}

/// Which server is checked, and how far.
#[derive(Debug, clap::Args)]
pub(crate) struct CheckArguments {
    /// The server's host.
    host: String,
    /// The server's port.
    port: u16,
    /// Check this dialect alone; both where it is not given.
    #[arg(long, value_enum)]
    dialect: Option<Dialect>,
    /// What the server must call itself.
    #[arg(long, value_name = "NAME")]
    server_name: Option<Name>,
    /// Also check that a number out of range stops the server, at the very end.
    #[arg(long)]
    allow_stop: bool,
    #[command(flatten)]
    pub(super) report: ReportOptions,
}

/// Runs every check that the arguments allow, and shows what came of them.
pub(super) async fn check(arguments: CheckArguments, output: &Output) -> Result<(), Failure> {
    let CheckArguments { host, port, .. } = &arguments;
    let address = HubAddress::new(host, *port)
        .map_err(|_| Failure::Usage("HOST PORT is no address of a server".to_owned()))?;
    unless_interrupted(async {
        let server = Server::resolve(&address).await?;
        let report = plan(server, &arguments).run(output).await;
        report.show(Subject::Server(&address.to_string()), output)
    })
    .await
}

fn plan(server: Server, arguments: &CheckArguments) -> Plan {
    let dialects = match arguments.dialect {
        Some(dialect) => vec![dialect],
        None => vec![Dialect::Text, Dialect::Json],
    };
    let mut plan = Plan::new(Trace::default());
    plan.add(answers(server, dialects[0]));
    for &dialect in &dialects {
        replies::add(&mut plan, server, dialect, arguments.server_name.as_ref());
        crowd::add(&mut plan, server, dialect);
        malformed::add(&mut plan, server, dialect);
    }
    stop::add(&mut plan, server, &dialects, arguments.allow_stop);
    plan
}

/// Whether there is a server at all; its answer is judged by others.
fn answers(server: Server, dialect: Dialect) -> Check {
    let shows = "something answers";
    Check::new("answers", shows, async move {
        let request = probe::request(dialect, "fleetlink", 25);
        let finding = match server.ask(&request, Ending::Stream).await {
            Ok(heard) if heard.bytes.is_empty() => {
                Finding::fail("a request has to be answered").came(heard.shown())
            }
            Ok(heard) => Finding::pass().came(heard.shown()),
            Err(reason) => Finding::fail(reason),
        };
        finding.sent(shown(&request)).expected("a reply")
    })
}
