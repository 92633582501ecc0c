//! What a server answers to what it was told.

use super::form::{Form, LineEnd};
use super::integer::{InRange, RangeError};
use super::line::Line;
use super::malformed::{ERROR, Malformed};
use super::name::Name;
use super::reply::{Reply, fitting};
use super::request::Request;

/// What a number outside the range does.
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

/// What a server is.
#[derive(Debug, Clone)]
pub struct Service {
    /// What it calls itself.
    pub name: Name,
    /// Its number.
    pub number: ServerNumber,
    /// What a number outside the range does.
    pub on_out_of_range: OnOutOfRange,
    /// Whether replies state the sum in every form that has room for it. The seeds' text has none;
    /// JSON always states it.
    pub reply_sum: bool,
}

/// What follows from what a client said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What the server prints before it answers.
    pub lines: Vec<Line>,
    /// What the client is sent; empty where its form has no room.
    pub reply: Vec<u8>,
    /// What happens then.
    pub next: Next,
}

/// What happens after an answer.
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
    /// Answers a request; `random` draws the number for a client where it is not fixed.
    pub fn answer(&self, request: &Request, random: impl FnOnce() -> InRange) -> Answer {
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
            return self.tell(request, random, next);
        }
        let last = Line::terminating(&request.number);
        match (stops, is_seeds_text(&request.form)) {
            (true, true) => self.tell(request, random, Next::Stop(last)),
            (true, false) => self.leave(request, Vec::new(), Next::Stop(last)),
            (false, _) => self.refuse(request),
        }
    }

    /// Answers what is no request. Nothing a stranger gets wrong ends the server.
    pub fn answer_malformed(malformed: &Malformed) -> Answer {
        Answer {
            lines: vec![Line::received(), Line::malformed(malformed)],
            reply: malformed.reply(),
            next: Next::Close,
        }
    }

    /// Ends the line of a reply whose request turns out to end one.
    pub fn answer_line_end(line_end: LineEnd) -> Answer {
        Answer {
            lines: Vec::new(),
            reply: line_end.as_str().into(),
            next: Next::Request,
        }
    }

    fn tell(&self, request: &Request, random: impl FnOnce() -> InRange, next: Next) -> Answer {
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
        Answer {
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

    /// Ends the exchange without the server's name and number.
    fn leave(&self, request: &Request, reply: Vec<u8>, next: Next) -> Answer {
        let lines = self.greet(request);
        Answer { lines, reply, next }
    }

    /// The seeds' text alone has room to say why.
    fn refuse(&self, request: &Request) -> Answer {
        let end = request.form.line_end().as_str();
        let reply = match is_seeds_text(&request.form) {
            true => format!("{ERROR}{RangeError}{end}").into_bytes(),
            false => Vec::new(),
        };
        let mut answer = self.leave(request, reply, Next::Close);
        answer.lines.push(Line::refusing(&request.number));
        answer
    }
}

fn is_seeds_text(form: &Form) -> bool {
    matches!(form, Form::Text(text) if text.is_seeds())
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
