//! Finds the end of unframed requests: a state machine with the time as an argument.

use std::time::Duration;

use serde::de::IgnoredAny;

use super::binary::{self, INTEGER_BYTES, LENGTH_BYTES, STRUCT_BYTES};
use super::form::{Form, Kind, LineEnd};
use super::json_object::ObjectEnd;
use super::limits::{
    MAX_REQUEST_BYTES, MAX_UTF_NAME_BYTES, REQUEST_DEADLINE, ROUND_TIME, ROUNDS_DEADLINE,
    STALL_TIME,
};
use super::malformed::Malformed;
use super::request::{BadRequest, Request};
use super::text_form::CLIENT;

/// A decoded input of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoded {
    /// A request.
    Request(Request),
    /// Something else; to be answered where there is room.
    Malformed(Malformed),
    /// The line end of the request before, which had been answered without one.
    LateLineEnd(LineEnd),
    /// Not one byte came, and none will.
    Nothing,
}

/// Reads requests however they arrive in pieces. Times are since the connection was accepted.
///
/// A request in text ends with a newline, one in JSON where its object is complete, one in a binary
/// form where its last byte is, and each with the stream. For clients that do none of this, silence
/// ends it: the quiet time where what came is a request or can never become one, and 2 seconds
/// where it may go on.
///
/// After a [`Decoded::Request`] the decoder keeps what follows. [`Decoder::next_request`] goes on
/// with it; who answers one request a connection does not call it. After
/// [`Decoded::Malformed`] and [`Decoded::Nothing`] the decoder is done.
#[derive(Debug)]
pub struct Decoder {
    quiet_time: Duration,
    /// The bytes of the current request and those behind it.
    bytes: Vec<u8>,
    /// The number of bytes already searched for an end.
    searched: usize,
    object: ObjectEnd,
    /// There is a zero in what began like text: it is the form of fixed size, or nothing.
    zero: bool,
    /// The stream has ended.
    ended: bool,
    /// Since when the current request is waited for.
    opened: Duration,
    /// The time of the last bytes.
    heard: Duration,
    /// The quiet time has passed since, and the request may go on.
    stalled: bool,
    /// The state that the request before has left; none before the first.
    before: Option<Before>,
}

/// The state that a request leaves for the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// Its line end may still come.
    Open,
    /// Nothing.
    Done,
}

impl Decoder {
    /// For a connection on which nothing came yet.
    pub fn new(quiet_time: Duration) -> Self {
        Decoder {
            quiet_time,
            bytes: Vec::new(),
            searched: 0,
            object: ObjectEnd::default(),
            zero: false,
            ended: false,
            opened: Duration::ZERO,
            heard: Duration::ZERO,
            stalled: false,
            before: None,
        }
    }

    /// Takes bytes that came at `now`.
    pub fn handle_bytes(&mut self, piece: &[u8], now: Duration) -> Option<Decoded> {
        if piece.is_empty() {
            return None;
        }
        self.heard = now;
        self.stalled = false;
        self.bytes.extend_from_slice(piece);
        self.find()
    }

    /// The client has ended its side of the stream.
    pub fn handle_end(&mut self) -> Decoded {
        self.ended = true;
        self.whole()
    }

    /// Goes on to a further request, after the answer to the one before was sent at `now`.
    pub fn next_request(&mut self, now: Duration) -> Option<Decoded> {
        self.searched = 0;
        self.object = ObjectEnd::default();
        self.zero = false;
        self.stalled = false;
        (self.opened, self.heard) = (now, now);
        if now >= ROUNDS_DEADLINE {
            return Some(Decoded::Nothing);
        }
        let found = self.find();
        found.or_else(|| self.ended.then(|| self.whole()))
    }

    /// The time for [`Decoder::handle_timeout`] if no bytes come before.
    pub fn poll_timeout(&self) -> Duration {
        let silence = match (self.bytes.is_empty(), self.before, self.stalled) {
            (true, None, _) => REQUEST_DEADLINE,
            (true, Some(_), _) => ROUND_TIME,
            (false, _, false) => self.quiet_time,
            (false, _, true) => self.quiet_time.max(STALL_TIME),
        };
        (self.heard + silence).min(self.opened + REQUEST_DEADLINE)
    }

    /// Nothing came until `now`.
    pub fn handle_timeout(&mut self, now: Duration) -> Option<Decoded> {
        if now < self.poll_timeout() {
            return None;
        }
        let late = now >= self.opened + REQUEST_DEADLINE;
        if !late && !self.bytes.is_empty() && !self.stalled && self.may_go_on() {
            self.stalled = true;
            return None;
        }
        Some(self.whole())
    }

    /// Looks for the end of the current request in what came last.
    fn find(&mut self) -> Option<Decoded> {
        if self.before.is_some()
            && let Some(line_end) = self.pass_line_ends()
        {
            return Some(Decoded::LateLineEnd(line_end));
        }
        let end = match Kind::of(*self.bytes.first()?) {
            Kind::Json => self.object_end(),
            Kind::Text => self.text_end(),
            Kind::Utf => self.utf_end(),
        };
        match end {
            Some(end) => Some(self.take(end)),
            // Behind the longest one half a line end may have come.
            None if self.bytes.len() > MAX_REQUEST_BYTES + 1 => Some(self.take(self.bytes.len())),
            None => None,
        }
    }

    /// Passes over line ends behind the request before. Returns the one that it is to be answered
    /// with.
    fn pass_line_ends(&mut self) -> Option<LineEnd> {
        loop {
            let line_end = LineEnd::at_start(&self.bytes);
            if line_end == LineEnd::None {
                // A carriage return alone is half of one.
                if !self.bytes.is_empty() && self.bytes != b"\r" {
                    self.before = Some(Before::Done);
                }
                return None;
            }
            self.bytes.drain(..line_end.as_str().len());
            if self.before.replace(Before::Done) == Some(Before::Open) {
                return Some(line_end);
            }
        }
    }

    fn object_end(&mut self) -> Option<usize> {
        let found = self.object.find(&self.bytes[self.searched..]);
        let Some(length) = found else {
            self.searched = self.bytes.len();
            return None;
        };
        let end = self.searched + length;
        Some(end + LineEnd::at_start(&self.bytes[end..]).as_str().len())
    }

    fn text_end(&mut self) -> Option<usize> {
        if !self.zero {
            let rest = &self.bytes[self.searched..];
            let found = rest.iter().position(|&byte| byte == b'\n' || byte == 0);
            match found.map(|at| self.searched + at) {
                Some(at) if self.bytes[at] == b'\n' => return Some(at + 1),
                Some(_) => self.zero = true,
                None => self.searched = self.bytes.len(),
            }
        }
        (self.zero && self.bytes.len() >= STRUCT_BYTES).then_some(STRUCT_BYTES)
    }

    /// Finds the end of a form with a length: an integer behind the string makes the string a name.
    fn utf_end(&self) -> Option<usize> {
        let length = binary::utf_length(&self.bytes)?;
        let end = LENGTH_BYTES + length + INTEGER_BYTES;
        (length > 0 && length <= MAX_UTF_NAME_BYTES && self.bytes.len() >= end).then_some(end)
    }

    /// Whether the bytes so far may be part of a request: they are none yet, or could become
    /// another one.
    fn may_go_on(&self) -> bool {
        match self.bytes.first().map(|&first| Kind::of(first)) {
            // Its end would have been seen. The parser takes half a number for a wrong one.
            Some(Kind::Json) => {
                let of_number = |b: &u8| b.is_ascii_digit() || b"+-.eE".contains(b);
                let digits = self.bytes.iter().rev().take_while(|b| of_number(b));
                let before = self.bytes.len() - digits.count();
                let read: Result<IgnoredAny, _> = serde_json::from_slice(&self.bytes[..before]);
                read.is_err_and(|error| error.is_eof())
            }
            Some(Kind::Text) if self.zero => binary::is_struct_so_far(&self.bytes),
            Some(Kind::Text) => self.text_may_go_on(),
            Some(Kind::Utf) => self.utf_may_go_on(),
            None => true,
        }
    }

    /// `Client of Room 101` has a form, and is the beginning of the seeds'.
    fn text_may_go_on(&self) -> bool {
        if str::from_utf8(&self.bytes).is_err_and(|error| error.error_len().is_some()) {
            return false;
        }
        match Request::parse(&self.bytes) {
            Ok(request) => self.bytes.starts_with(CLIENT.as_bytes()) && !request.form.is_seeds(),
            Err(_) => true,
        }
    }

    /// A text that is whole may be a name, behind which an integer is still to come.
    fn utf_may_go_on(&self) -> bool {
        let Some(length) = binary::utf_length(&self.bytes) else {
            return true;
        };
        let is_name = length <= MAX_UTF_NAME_BYTES;
        let unfinished = self.bytes.len() < LENGTH_BYTES + length;
        binary::is_utf_length(length) && (is_name || unfinished)
    }

    /// Nothing more belongs to what came.
    fn whole(&mut self) -> Decoded {
        match self.bytes.as_slice() {
            [] => Decoded::Nothing,
            b"\r" if self.before.is_some() => Decoded::Nothing,
            bytes => self.take(bytes.len()),
        }
    }

    /// Takes a request of this length, or what should be one.
    fn take(&mut self, length: usize) -> Decoded {
        let rest = self.bytes.split_off(length);
        let bytes = std::mem::replace(&mut self.bytes, rest);
        let parsed = match bytes.len() - line_end_length(&bytes) > MAX_REQUEST_BYTES {
            true => Err(BadRequest::TooLong),
            false => Request::parse(&bytes),
        };
        match parsed {
            Ok(request) => {
                let open = request.form.line_end() == LineEnd::None
                    && matches!(request.form, Form::Text(_) | Form::Json(_));
                self.before = Some(if open { Before::Open } else { Before::Done });
                Decoded::Request(request)
            }
            Err(bad) => Decoded::Malformed(Malformed { bytes, bad }),
        }
    }
}

fn line_end_length(bytes: &[u8]) -> usize {
    match bytes {
        [.., b'\r', b'\n'] => 2,
        [.., b'\n'] => 1,
        _ => 0,
    }
}

#[cfg(test)]
#[path = "decoder_tests.rs"]
mod tests;
