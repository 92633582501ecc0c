//! `fleetlink sum check`: is anybody's server a good one?

mod crowd;
mod detect;
mod judge;
mod malformed;
mod probe;
mod replies;
mod stop;

use fleetlink_client::HubAddress;
use fleetlink_proto::number_exchange::{Form, Name};

use self::detect::Detected;
use self::judge::Spoken;
use self::probe::Server;
use super::form;
use crate::check::{Check, Finding, Plan, Progress, ReportOptions, Subject, Trace};
use crate::failure::Failure;
use crate::interrupt::unless_interrupted;
use crate::output::Output;

/// Which server is checked, and how far.
#[derive(Debug, clap::Args)]
pub(crate) struct CheckArguments {
    /// The server's host.
    host: String,
    /// The server's port.
    port: u16,
    /// Check this form alone: text, json, json-name, colon, comma, semicolon, pipe, blank, utf-int,
    /// utf-text or struct256. Where it is not given, text and JSON are checked, or the form that
    /// the server turns out to speak.
    #[arg(long, value_name = "FORM", value_parser = form)]
    dialect: Option<Form>,
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
    let points = arguments.report.points()?;
    let address = HubAddress::new(host, *port)
        .map_err(|_| Failure::Usage("HOST PORT is no address of a server".to_owned()))?;
    unless_interrupted(async {
        let trace = Trace::default();
        let server = Server::resolve(&address, trace.clone()).await?;
        let detected = detect(&server, arguments.dialect, output).await;
        let mut plan = plan(&server, &arguments, detected, trace);
        plan.weigh(points, is_check)?;
        let report = plan.run(output).await;
        report.show(Subject::Server(&address.to_string()), output)
    })
    .await
}

async fn detect(server: &Server, told: Option<Form>, output: &Output) -> Detected {
    let mut progress = Progress::new(output, 1);
    progress.show("answers", "something answers");
    match told {
        Some(form) => detect::told(server, form).await,
        None => detect::detect(server).await,
    }
}

fn plan(server: &Server, arguments: &CheckArguments, found: Detected, trace: Trace) -> Plan {
    let mut plan = Plan::new(trace);
    let answers = async move { found.answers };
    plan.add(Check::new("answers", "something answers", answers));
    let form = found.forms.first().copied().unwrap_or(Form::TEXT);
    let looked_at = server.clone();
    plan.watch(move || {
        let server = looked_at.clone();
        Box::pin(async move {
            let heard = server.ask(&judge::plain_request(form, 25)).await;
            heard.map_or_else(|finding| finding, |_| Finding::pass())
        })
    });
    let mut before = None;
    for &form in &found.forms {
        let spoken = Spoken { form, before };
        replies::add(&mut plan, server, spoken, arguments.server_name.as_ref());
        malformed::add(&mut plan, server, spoken);
        crowd::add(&mut plan, server, spoken);
        before = Some(form);
    }
    if let Some(form) = found.unspoken {
        let name = form.name();
        let why = format!("the server does not speak it; insist with --dialect {name}");
        let shows = "a request is answered in its form";
        plan.skip(judge::id(&form, "reply"), shows, why);
    }
    stop::add(&mut plan, server, &found.forms, arguments.allow_stop);
    plan
}

/// Whether a name in a file of points is a check's that this run need not have: another form's.
fn is_check(name: &str) -> bool {
    const CHECKS: [&str; 22] = [
        "reply",
        "close",
        "server-name",
        "server-number",
        "numbers",
        "sum",
        "boundaries",
        "odd-names",
        "no-end",
        "silence",
        "newline",
        "pieces",
        "silent-client",
        "crowd",
        "nothing",
        "cut-off",
        "no-number",
        "word",
        "binary",
        "deep",
        "over-long",
        "stop",
    ];
    match name.split_once('.') {
        Some((form, check)) => Form::named(form).is_some() && CHECKS.contains(&check),
        None => CHECKS.contains(&name),
    }
}
