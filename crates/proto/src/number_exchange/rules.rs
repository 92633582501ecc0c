//! What a server answers to what it was told.

use super::integer::InRange;
use super::line::Line;
use super::name::Name;
use super::reply::{Reply, encode_error};
use super::request::{BadRequest, Dialect, Request};

/// What a number outside the range does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnOutOfRange {
    /// It ends the server: clients and graders rely on it.
    #[default]
    Stop,
    /// Its client is refused, and the server goes on.
    Refuse,
}

/// The number that a server tells its clients.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ServerNumber {
    /// 42 in text; in JSON another for each client.
    #[default]
    ByDialect,
    /// Always this one.
    Fixed(InRange),
    /// Another for each client.
    Random,
}

/// What a server is.
#[derive(Debug, Clone)]
pub struct Service {
    /// What it calls itself.
    pub name: Name,
    /// Its number.
    pub number: ServerNumber,
    /// What a number outside the range does.
    pub on_out_of_range: OnOutOfRange,
}

/// What follows from what a client said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What the server prints before it answers.
    pub lines: Vec<Line>,
    /// What the client is sent before the close; empty where the dialect has no room.
    pub reply: Vec<u8>,
    /// Whether the server stops.
    pub stop: bool,
}

impl Service {
    /// Answers a request; `random` draws the number for a client where it is not fixed.
    pub fn answer(&self, request: &Request, random: impl FnOnce() -> InRange) -> Answer {
        let number = match (self.number, request.dialect) {
            (ServerNumber::Fixed(number), _) => number,
            (ServerNumber::ByDialect, Dialect::Text) => InRange::TEXT,
            (ServerNumber::ByDialect, Dialect::Json) | (ServerNumber::Random, _) => random(),
        };
        let stop = match (request.number.in_range(), self.on_out_of_range) {
            (Some(_), _) => false,
            (None, OnOutOfRange::Stop) => true,
            (None, OnOutOfRange::Refuse) => return self.refuse(request),
        };
        let mut lines = self.greet(request);
        if stop && request.dialect == Dialect::Json {
            lines.push(Line::terminating(&request.number));
            return Answer {
                lines,
                reply: Vec::new(),
                stop,
            };
        }
        lines.push(Line::names(&request.name, &self.name));
        lines.push(Line::numbers(&request.number, number));
        if stop {
            lines.push(Line::terminating(&request.number));
        }
        lines.push(Line::answering());
        let reply = Reply {
            dialect: request.dialect,
            name: self.name.clone(),
            number: number.into(),
            sum: (request.dialect == Dialect::Json).then(|| request.number.plus(&number.into())),
            closing: stop,
        };
        Answer {
            lines,
            reply: reply.encode(),
            stop,
        }
    }

    /// Answers what is no request. Nothing a stranger gets wrong ends the server.
    pub fn answer_malformed(dialect: Dialect, bad: &BadRequest) -> Answer {
        Answer {
            lines: vec![Line::received(), Line::malformed(bad)],
            reply: error_reply(dialect, &bad.to_string()),
            stop: false,
        }
    }

    fn greet(&self, request: &Request) -> Vec<Line> {
        let mut lines = vec![Line::received()];
        if request.dialect == Dialect::Text {
            lines.push(Line::connected(&request.name, &self.name));
        }
        lines
    }

    fn refuse(&self, request: &Request) -> Answer {
        let mut lines = self.greet(request);
        lines.push(Line::refusing(&request.number));
        Answer {
            lines,
            reply: error_reply(request.dialect, &super::integer::RangeError.to_string()),
            stop: false,
        }
    }
}

/// In JSON a close without a reply is what says that something is wrong.
fn error_reply(dialect: Dialect, what: &str) -> Vec<u8> {
    match dialect {
        Dialect::Text => encode_error(what),
        Dialect::Json => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number_exchange::Integer;

    fn service(number: Option<u8>, on_out_of_range: OnOutOfRange) -> Service {
        Service {
            name: "A Server".parse().unwrap(),
            number: match number {
                Some(number) => ServerNumber::Fixed(InRange::new(number).unwrap()),
                None => ServerNumber::ByDialect,
            },
            on_out_of_range,
        }
    }

    fn ask(service: &Service, dialect: Dialect, number: i128) -> (String, bool, Vec<String>) {
        let request = Request {
            dialect,
            name: "A Client".parse().unwrap(),
            number: Integer::from(number),
        };
        let answer = service.answer(&request, || InRange::new(77).unwrap());
        let lines = answer.lines.iter().map(Line::to_string).collect();
        let reply = String::from_utf8(answer.reply).unwrap();
        (reply, answer.stop, lines)
    }

    #[test]
    fn in_text_the_number_is_42_and_in_json_random_unless_it_is_set() {
        let unset = service(None, OnOutOfRange::Stop);
        assert_eq!(ask(&unset, Dialect::Text, 1).0, "Server of A Server: 42");
        assert_eq!(
            ask(&unset, Dialect::Json, 100).0,
            r#"{"server_name": "A Server", "server_number": 77, "sum": 177}"#
        );
        let set = service(Some(10), OnOutOfRange::Stop);
        assert_eq!(ask(&set, Dialect::Text, 25).0, "Server of A Server: 10");
        assert!(ask(&set, Dialect::Json, 25).0.contains(r#""sum": 35"#));
        let random = Service {
            number: ServerNumber::Random,
            ..set
        };
        assert_eq!(ask(&random, Dialect::Text, 25).0, "Server of A Server: 77");
    }

    #[test]
    fn a_number_out_of_range_stops_the_server_each_dialect_in_its_way() {
        let service = service(None, OnOutOfRange::Stop);
        for number in [0, 101, -5, i128::MAX] {
            let (reply, stop, lines) = ask(&service, Dialect::Text, number);
            assert_eq!(reply, "Server of A Server: 42\nServer closing...");
            assert!(stop);
            let sum = Integer::from(number).plus(&42.into());
            assert!(lines[3].ends_with(&format!("Server Number: 42 | Sum: {sum}")));
            assert!(lines[4].starts_with("[WARNING] [handle_client]: Client int out of range"));

            let (reply, stop, lines) = ask(&service, Dialect::Json, number);
            assert_eq!((reply.as_str(), stop, lines.len()), ("", true, 2));
        }
    }

    #[test]
    fn a_server_that_refuses_goes_on() {
        let service = service(None, OnOutOfRange::Refuse);
        let (reply, stop, _) = ask(&service, Dialect::Text, 0);
        assert_eq!(reply, "Error: the number must be an integer from 1 to 100");
        assert!(!stop);
        let (reply, stop, _) = ask(&service, Dialect::Json, 101);
        assert_eq!((reply.as_str(), stop), ("", false));
    }

    #[test]
    fn malformed_input_is_answered_where_there_is_room() {
        let text = Service::answer_malformed(Dialect::Text, &BadRequest::Form);
        assert_eq!(
            String::from_utf8(text.reply).unwrap(),
            "Error: expected is: Client of <name>: <integer>"
        );
        let json = Service::answer_malformed(Dialect::Json, &BadRequest::Number);
        assert!(json.reply.is_empty() && !json.stop);
    }
}
