//! `fleetlink sum send`.

use fleetlink_client::{HubAddress, number_exchange::NumberExchange};
use fleetlink_proto::Escaped;
use fleetlink_proto::number_exchange::limits::{DEFAULT_PORT, MAX_NUMBER, MIN_NUMBER};
use fleetlink_proto::number_exchange::{Form, Integer, Line, Name, Reply, Request};

use super::print::Printer;
use super::{form, name_or_host};
use crate::failure::Failure;
use crate::interrupt::unless_interrupted;
use crate::output::{Ask, Output};
use crate::stdin::Lines;

/// The server, the name and the number.
#[derive(Debug, clap::Args)]
#[command(override_usage = "fleetlink sum send [OPTIONS] [HOST PORT] [NUMBER]")]
pub(crate) struct SendArguments {
    /// The server, by default 127.0.0.1 8000; and the number, which the program asks for if it is
    /// not given.
    #[arg(value_name = "HOST PORT NUMBER", num_args = 0..=3, allow_negative_numbers = true)]
    what: Vec<String>,
    /// The client's name; the host's name by default.
    #[arg(long)]
    name: Option<Name>,
    /// The form of the request: text, json, json-name, colon, comma, semicolon, pipe, blank,
    /// utf-int, utf-text or struct256. It must be the server's form: no other one is tried.
    #[arg(long, value_name = "FORM", default_value = "json", value_parser = form)]
    dialect: Form,
}

/// Exchanges numbers with one server.
pub(super) async fn send(arguments: SendArguments, output: &Output) -> Result<(), Failure> {
    let (server, number) = where_and_what(&arguments.what)?;
    let name = name_or_host(arguments.name)?;
    unless_interrupted(async {
        let number = match number {
            Some(number) => number,
            None => ask(output).await?,
        };
        let request = Request {
            form: arguments.dialect,
            name,
            number,
        };
        // Before anything is said.
        request
            .encode()
            .map_err(|reason| Failure::Usage(reason.to_string()))?;
        exchange(&server, &request, &Printer::new(output), output).await
    })
    .await
}

fn where_and_what(what: &[String]) -> Result<(HubAddress, Option<Integer>), Failure> {
    let address = |host: &str, port: &str| {
        let port = port.parse().unwrap_or(0);
        HubAddress::new(host, port).map_err(|error| {
            // Its words are for hubs.
            let what = error.to_string().replace("the hub's", "the server's");
            Failure::Usage(what)
        })
    };
    let here = || address("127.0.0.1", &DEFAULT_PORT.to_string());
    match what {
        [] => Ok((here()?, None)),
        [number] => Ok((here()?, Some(integer(number)?))),
        [host, port] => Ok((address(host, port)?, None)),
        [host, port, number, ..] => Ok((address(host, port)?, Some(integer(number)?))),
    }
}

fn integer(text: &str) -> Result<Integer, Failure> {
    text.parse()
        .map_err(|_| Failure::Usage(format!("\"{}\" is not an integer", Escaped(text))))
}

/// Asks until there is an integer; where nobody types, once.
async fn ask(output: &Output) -> Result<Integer, Failure> {
    let lines = Lines::new();
    let question = format!("Enter an integer between {MIN_NUMBER} and {MAX_NUMBER}:");
    loop {
        let Some(line) = lines.ask(output, &question, Ask::Stdout).await? else {
            return Err(Failure::Usage("there is no number to send".to_owned()));
        };
        match integer(line.trim()) {
            Ok(number) => return Ok(number),
            Err(failure) if lines.terminal() => output.notice(&failure.to_string()),
            Err(failure) => return Err(failure),
        }
    }
}

async fn exchange(
    server: &HubAddress,
    request: &Request,
    printer: &Printer,
    output: &Output,
) -> Result<(), Failure> {
    let connection = NumberExchange::connect(server).await?;
    printer.line(&Line::connected_to(connection.server()));
    let in_range = request.number.in_range().is_some();
    if !in_range {
        printer.line(&Line::will_terminate());
    }
    let asked = connection.ask(request).await;
    let bytes = match asked {
        Ok(bytes) => bytes,
        // The number has arrived, and the server need not say anything to it.
        Err(_) if !in_range => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if request.form == Form::TEXT {
        for line in String::from_utf8_lossy(&bytes).lines() {
            output.line(&Escaped(line).to_string());
        }
    }
    if !in_range {
        return Ok(());
    }
    let reply = Reply::parse(&request.form, &request.number, &bytes)
        .map_err(|bad| Failure::General(bad.to_string()))?;
    printer.line(&Line::both_names(&request.name, &reply.name));
    printer.line(&Line::both_numbers(&request.number, &reply.number));
    check_sum(request, &reply)
}

/// A server that states none has not stated a wrong one.
fn check_sum(request: &Request, reply: &Reply) -> Result<(), Failure> {
    let sum = request.number.plus(&reply.number);
    match &reply.sum {
        Some(stated) if *stated != sum => Err(Failure::General(format!(
            "the server states a wrong sum: {stated}; {} and {} make {sum}",
            request.number, reply.number
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(what: &[&str]) -> Option<(String, Option<String>)> {
        let what: Vec<String> = what.iter().map(|&w| w.to_owned()).collect();
        let (server, number) = where_and_what(&what).ok()?;
        Some((server.to_string(), number.map(|n| n.to_string())))
    }

    #[test]
    fn the_server_and_the_number_may_be_left_out() {
        let here = "127.0.0.1:8000".to_owned();
        let there = "[::1]:9".to_owned();
        assert_eq!(parsed(&[]), Some((here.clone(), None)));
        assert_eq!(parsed(&["-5"]), Some((here, Some("-5".to_owned()))));
        assert_eq!(parsed(&["::1", "9"]), Some((there.clone(), None)));
        let all = parsed(&["::1", "9", "101"]);
        assert_eq!(all, Some((there, Some("101".to_owned()))));
        for bad in [&["x"][..], &["h", "0"], &["h", "x", "1"], &["h", "1", "x"]] {
            assert_eq!(parsed(bad), None, "{bad:?}");
        }
    }
}
