//! The server's rules: the response to each request.

use super::form::{Form, LineEnd};
use super::integer::{InRange, RangeError};
use super::line::Line;
use super::malformed::{ERROR, Malformed};
use super::name::Name;
use super::reply::{Reply, fitting};
use super::request::Request;

/// The effect of a number outside the range.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnOutOfRange {
    /// In the seeds' two forms it ends the server: clients and graders rely on it. In another form
    /// its client is refused.
    #[default]
    StopForSeeds,
    /// It ends the server, in every form.
    Stop,
    /// Its client is refused, and the server goes on.
    Refuse,
}

/// The number that a server tells its clients.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ServerNumber {
    /// 42; in JSON another for each client.
    #[default]
    ByForm,
    /// Always this one.
    Fixed(InRange),
    /// Another for each client.
    Random,
}

/// A server's settings.
#[derive(Debug, Clone)]
pub struct Service {
    /// Its name.
    pub name: Name,
    /// Its number.
    pub number: ServerNumber,
    /// The effect of a number outside the range.
    pub on_out_of_range: OnOutOfRange,
    /// Whether replies state the sum in every form that has room for it. The seeds' text has none;
    /// JSON always states it.
    pub reply_sum: bool,
}

/// The server's response to one request: lines to print, bytes to send, and the next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The lines that the server prints before it replies.
    pub lines: Vec<Line>,
    /// The bytes for the client; empty if the form has no room for a reply.
    pub reply: Vec<u8>,
    /// The step after the reply.
    pub next: Next,
}

/// The step after a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// The connection is open for a further request.
    Request,
    /// The connection is closed.
    Close,
    /// The connection is closed and the server stops; this is the last line that it prints.
    Stop(Line),
}

impl Service {
    /// Decides the response to a request. `random` draws the server's number if it is not fixed.
    pub fn respond(&self, request: &Request, random: impl FnOnce() -> InRange) -> Response {
        let in_range = request.number.in_range().is_some();
        let stops = match self.on_out_of_range {
            OnOutOfRange::StopForSeeds => request.form.is_seeds(),
            OnOutOfRange::Stop => true,
            OnOutOfRange::Refuse => false,
        };
        if in_range {
            let next = match request.form.is_seeds() {
                true => Next::Close,
                false => Next::Request,
            };
            return self.with_reply(request, random, next);
        }
        let last = Line::terminating(&request.number);
        match (stops, is_seeds_text(&request.form)) {
            (true, true) => self.with_reply(request, random, Next::Stop(last)),
            (true, false) => self.without_reply(request, Vec::new(), Next::Stop(last)),
            (false, _) => self.refuse(request),
        }
    }

    /// The response to malformed input. No malformed input ends the server.
    pub fn respond_to_malformed(malformed: &Malformed) -> Response {
        Response {
            lines: vec![Line::received(), Line::malformed(malformed)],
            reply: malformed.reply(),
            next: Next::Close,
        }
    }

    /// The response to a line end that comes after the reply: another line end.
    pub fn respond_to_line_end(line_end: LineEnd) -> Response {
        Response {
            lines: Vec::new(),
            reply: line_end.as_str().into(),
            next: Next::Request,
        }
    }

    fn with_reply(
        &self,
        request: &Request,
        random: impl FnOnce() -> InRange,
        next: Next,
    ) -> Response {
        let json = matches!(request.form, Form::Json(_));
        let number = match self.number {
            ServerNumber::Fixed(number) => number,
            ServerNumber::ByForm if !json => InRange::DEFAULT,
            ServerNumber::ByForm | ServerNumber::Random => random(),
        };
        let with_sum = json || self.reply_sum && !is_seeds_text(&request.form);
        let reply = Reply {
            form: request.form,
            name: fitting(&request.form, &self.name),
            number: number.into(),
            sum: with_sum.then(|| request.number.plus(&number.into())),
            closing: matches!(next, Next::Stop(_)),
        };
        let mut lines = self.greet(request);
        lines.push(Line::names(&request.name, &self.name));
        lines.push(Line::numbers(&request.number, number));
        lines.push(Line::answering());
        Response {
            lines,
            // A name that fits and a number in range are expressible.
            reply: reply.encode().unwrap_or_default(),
            next,
        }
    }

    fn greet(&self, request: &Request) -> Vec<Line> {
        let mut lines = vec![Line::received()];
        if is_seeds_text(&request.form) {
            lines.push(Line::connected(&request.name, &self.name));
        }
        lines
    }

    /// A response without the server's name and number.
    fn without_reply(&self, request: &Request, reply: Vec<u8>, next: Next) -> Response {
        let lines = self.greet(request);
        Response { lines, reply, next }
    }

    /// A refusal. Only the seeds' text has room for the reason.
    fn refuse(&self, request: &Request) -> Response {
        let end = request.form.line_end().as_str();
        let reply = match is_seeds_text(&request.form) {
            true => format!("{ERROR}{RangeError}{end}").into_bytes(),
            false => Vec::new(),
        };
        let mut response = self.without_reply(request, reply, Next::Close);
        response.lines.push(Line::refusing(&request.number));
        response
    }
}

fn is_seeds_text(form: &Form) -> bool {
    matches!(form, Form::Text(text) if text.is_seeds())
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
