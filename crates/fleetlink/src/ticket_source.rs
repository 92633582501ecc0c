//! The sources of a join ticket. A ticket is a secret for one use, so it may stand among the
//! arguments. On a host with other users a file, standard input or the environment is safer: they
//! could use it first.

use std::path::PathBuf;

use fleetlink_proto::ticket::JoinTicket;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::output::{Ask, Output};
use crate::stdin::Lines;

/// The variable that may hold a ticket.
const VARIABLE: &str = "FLEETLINK_TICKET";
/// No host's name begins as a ticket does and is as long (RFC 1035, section 2.3.4: a label has at
/// most 63 bytes).
const LONGER_THAN_A_LABEL: usize = 64;

/// The sources that an option or the environment names.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct TicketSource {
    /// Read a join ticket from this file, in place of naming the hub (else from FLEETLINK_TICKET,
    /// or from the first line of standard input: fleetlink join -). Arguments can be read by
    /// others on this host while the command runs.
    #[arg(long, value_name = "FILE")]
    ticket_file: Option<PathBuf>,
}

impl TicketSource {
    /// The ticket that the arguments or the environment bring, and the arguments behind it. None
    /// where they name a hub.
    pub(crate) async fn read<'a>(
        &self,
        target: &'a [String],
        lines: &Lines,
        output: &Output,
    ) -> Result<Option<(JoinTicket, &'a [String])>, Failure> {
        let text = if let Some(path) = &self.ticket_file {
            let text = tokio::fs::read_to_string(path).await;
            let missing = |e| Failure::NoSuchFile(format!("{}: {e}", path.display()));
            Some((Zeroizing::new(text.map_err(missing)?), target))
        } else {
            match target.split_first() {
                Some((first, rest)) if first == "-" => {
                    Some((next_line(lines, output).await?, rest))
                }
                Some((first, rest)) if is_ticket(first, rest) => {
                    Some((Zeroizing::new(first.clone()), rest))
                }
                Some((first, _)) if first.parse::<u16>().is_err() => None,
                _ => from_environment().map(|text| (text, target)),
            }
        };
        let Some((text, rest)) = text else {
            return Ok(None);
        };
        let ticket = text
            .parse()
            .map_err(|e: fleetlink_proto::ticket::TicketTextError| Failure::Usage(e.to_string()))?;
        Ok(Some((ticket, rest)))
    }
}

fn from_environment() -> Option<Zeroizing<String>> {
    let text = std::env::var(VARIABLE).ok();
    text.filter(|text| !text.is_empty()).map(Zeroizing::new)
}

async fn next_line(lines: &Lines, output: &Output) -> Result<Zeroizing<String>, Failure> {
    let line = if lines.terminal() {
        lines.ask_hidden(output, "Ticket:", Ask::Stderr).await?
    } else {
        lines.next_hidden().await?
    };
    let missing = || Failure::Usage("standard input holds no join ticket".to_owned());
    let line = line.ok_or_else(missing)?;
    Ok(Zeroizing::new(line.expose().to_owned()))
}

/// Whether the first of these arguments is a ticket and no host.
fn is_ticket(first: &str, rest: &[String]) -> bool {
    let begins = first
        .get(..3)
        .is_some_and(|mark| mark.eq_ignore_ascii_case("fl1"));
    let is_host = first.contains(['.', ':']) || first.len() < LONGER_THAN_A_LABEL;
    begins && (!is_host || rest.is_empty() && !first.contains(['.', ':']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_no_ticket() {
        let long = format!("FL1{}", "A".repeat(100));
        let port = ["7421".to_owned()];
        for (first, rest, expected) in [
            (long.as_str(), &port[..], true),
            (&long, &[], true),
            ("fl1abc", &[], true),
            ("fl1abc", &port, false),
            ("fl1.example", &[], false),
            ("fl1abc:7421", &[], false),
            ("hub", &port, false),
            ("", &[], false),
            ("é", &[], false),
        ] {
            assert_eq!(is_ticket(first, rest), expected, "{first} {rest:?}");
        }
    }
}
