//! `fleetlink ticket`: what lets devices join without a password.

use std::io::IsTerminal as _;
use std::time::Duration;

use fleetlink_client::HubAddress;
use fleetlink_hub::{
    IssuedTicket, Operator, OperatorCall, OperatorReply, TicketInfo, TicketOrder, TicketState,
};
use fleetlink_proto::DeviceName;
use fleetlink_proto::control::limits::DEFAULT_TICKET_LIFE;
use fleetlink_proto::ticket::{NamePrefix, TicketNumber, TicketSubject};
use serde_json::json;

use super::data_folder::OperatorArguments;
use super::qr;
use crate::duration;
use crate::failure::Failure;
use crate::interrupt::unless_interrupted;
use crate::output::Output;

/// Manage tickets, beside a running hub too.
#[derive(Debug, clap::Args)]
pub(crate) struct TicketArguments {
    #[command(subcommand)]
    action: Option<Action>,
    /// For the device of this name: a new one, or one that has lost its key. The ticket works once.
    #[arg(long, value_name = "NAME", conflicts_with = "prefix")]
    name: Option<DeviceName>,
    /// For new devices whose names begin so. If the device gives no name, the hub adds the lowest
    /// free number to the prefix.
    #[arg(long, value_name = "PREFIX")]
    prefix: Option<NamePrefix>,
    /// Number of devices that a ticket for a prefix lets in.
    #[arg(long, value_name = "N", default_value_t = 1)]
    uses: u32,
    /// Life of the ticket, as 90m or 24h; by default 15m, at most 720h.
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    expires: Option<Duration>,
    /// Address at which devices find the hub; may be given several times, the best first. By
    /// default the running hub's own addresses.
    #[arg(long = "address", value_name = "HOST:PORT")]
    addresses: Vec<HubAddress>,
    #[command(flatten)]
    operator: OperatorArguments,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List the tickets: open, used, revoked and expired ones.
    List,
    /// Revoke an open ticket.
    Revoke {
        /// Its number, as the list shows it.
        number: u32,
    },
}

impl TicketArguments {
    /// Whether the result is one JSON document.
    pub(crate) fn json(&self) -> bool {
        self.operator.json()
    }

    fn order(&self) -> Result<TicketOrder, Failure> {
        let subject = match (&self.name, &self.prefix) {
            (Some(name), _) => TicketSubject::Name(name.clone()),
            (None, Some(prefix)) => TicketSubject::Prefix(prefix.clone()),
            (None, None) => {
                let missing = "give the device of the ticket: --name NAME or --prefix PREFIX";
                return Err(Failure::Usage(missing.to_owned()));
            }
        };
        if self.name.is_some() && self.uses != 1 {
            let message = "a ticket for one name works once; --uses is for --prefix";
            return Err(Failure::Usage(message.to_owned()));
        }
        let life = self.expires.unwrap_or(DEFAULT_TICKET_LIFE);
        Ok(TicketOrder {
            subject,
            uses: self.uses,
            life_ms: u64::try_from(life.as_millis()).unwrap_or(u64::MAX),
            addresses: self.addresses.iter().map(HubAddress::to_string).collect(),
        })
    }
}

/// Does what the command asks, at the running hub or, where none runs, at its store.
pub(crate) async fn run(arguments: TicketArguments, output: &Output) -> Result<(), Failure> {
    let call = match &arguments.action {
        None => OperatorCall::IssueTicket(arguments.order()?),
        Some(_) if arguments.name.is_some() || arguments.prefix.is_some() => {
            let message = "--name and --prefix are for a new ticket: fleetlink ticket --name NAME";
            return Err(Failure::Usage(message.to_owned()));
        }
        Some(Action::List) => return list(arguments, output).await,
        Some(Action::Revoke { number }) => OperatorCall::RevokeTicket {
            ticket: TicketNumber(*number),
        },
    };
    let folder = arguments.operator.folder()?;
    let mut operator = Operator::connect(&folder).await?;
    let answered = operator.call(call).await;
    let told = match &answered {
        Ok(OperatorReply::Ticket(issued)) => hand_over(issued, &mut operator, output).await,
        _ => Ok(()),
    };
    operator.finish().await;
    told?;
    match answered? {
        OperatorReply::Ticket(_) => {}
        _ => {
            let done = "the ticket is revoked";
            output.result(done, &json!({ "done": done }));
        }
    }
    Ok(())
}

/// Shows a new ticket. Where that cannot be done nobody has it, so it is taken back.
async fn hand_over(
    issued: &IssuedTicket,
    operator: &mut Operator,
    output: &Output,
) -> Result<(), Failure> {
    show(issued, output);
    let Err(failure) = unless_interrupted(output.shown()).await else {
        return Ok(());
    };
    let ticket = issued.info.number;
    let revoked = operator.call(OperatorCall::RevokeTicket { ticket }).await;
    let end = match revoked {
        Ok(_) => format!("ticket {ticket} is revoked again"),
        Err(error) => format!(
            "ticket {ticket} could not be revoked ({error}); revoke it with: fleetlink ticket \
             revoke {ticket}"
        ),
    };
    Err(match failure {
        Failure::Output(why) => Failure::Output(format!("{why}; {end}")),
        failure => {
            output.notice(&format!("the ticket was not shown: {end}"));
            failure
        }
    })
}

/// The text alone on standard output, so that a script can take it; the code for a camera only at a
/// terminal.
fn show(issued: &IssuedTicket, output: &Output) {
    let IssuedTicket { ticket, info } = issued;
    let text = ticket.to_text();
    let addresses = ticket.addresses();
    if output.is_json() {
        let document = json!({"ticket": *text, "addresses": addresses, "info": info});
        return output.result("", &document);
    }
    if std::io::stdout().is_terminal() {
        draw(&text.to_uppercase(), output);
    }
    output.result(&text, &());
    let uses = match info.uses {
        1 => "one use".to_owned(),
        uses => format!("{uses} devices"),
    };
    output.notice(&format!(
        "ticket {} for {}, valid for {uses}, until {}; the hub is at {}\n\
         on the device: fleetlink join TICKET",
        info.number,
        info.subject,
        info.expires.local(),
        addresses.join(", ")
    ));
}

fn draw(text: &str, output: &Output) {
    let coloured = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let Some(drawing) = qr::draw(text, coloured) else {
        return;
    };
    let width = rustix::termios::tcgetwinsize(std::io::stdout()).map(|size| size.ws_col);
    if width.is_ok_and(|width| width > 0 && usize::from(width) < drawing.columns) {
        let columns = drawing.columns;
        return output.notice(&format!(
            "the QR code of the ticket needs a terminal of {columns} columns"
        ));
    }
    for line in drawing.lines {
        output.line(&line);
    }
}

async fn list(arguments: TicketArguments, output: &Output) -> Result<(), Failure> {
    let folder = arguments.operator.folder()?;
    let mut operator = Operator::connect(&folder).await?;
    let tickets = operator.tickets().await;
    operator.finish().await;
    let tickets = tickets?;
    let lines: Vec<String> = tickets.iter().map(line).collect();
    output.list(&lines, "no tickets", &json!({ "tickets": tickets }));
    Ok(())
}

fn line(ticket: &TicketInfo) -> String {
    let state = match ticket.state {
        TicketState::Open => format!("open until {}", ticket.expires.local()),
        TicketState::Used => "used".to_owned(),
        TicketState::Revoked => "revoked".to_owned(),
        TicketState::Expired => format!("expired {}", ticket.expires.local()),
    };
    let mut line = format!(
        "{}; {}; {state}; used {} of {}",
        ticket.number,
        ticket.subject,
        ticket.used.len(),
        ticket.uses
    );
    let names: Vec<&str> = ticket.used.iter().map(|used| used.name.as_str()).collect();
    if !names.is_empty() {
        line.push_str(&format!(" by {}", names.join(", ")));
    }
    line
}
