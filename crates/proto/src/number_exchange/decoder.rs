//! Where a request ends that nothing frames: a state machine with the time as an argument.

use std::time::Duration;

use serde::de::IgnoredAny;

use super::json_object::ObjectEnd;
use super::limits::{MAX_REQUEST_BYTES, REQUEST_DEADLINE, STALL_TIME};
use super::request::{BadRequest, Dialect, Request, TEXT_START};

/// What came of a connection's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoded {
    /// A request.
    Request(Request),
    /// Something else, in the dialect that its first byte says; to be answered where there is room.
    Malformed(Dialect, BadRequest),
    /// Not one byte came, and none will.
    Nothing,
}

/// Reads one request however it arrives in pieces. Times are since the connection was accepted.
///
/// A request in text ends with a newline, one in JSON where its object is complete, and either with
/// the stream. For clients that do none of this, silence ends it: the quiet time where what came is
/// a request or can never become one, and 2 seconds where it visibly goes on.
/// Whatever follows the end is not looked at. After the first [`Decoded`] the decoder is done.
#[derive(Debug)]
pub struct Decoder {
    quiet_time: Duration,
    bytes: Vec<u8>,
    object: ObjectEnd,
    /// When the last bytes came.
    heard: Duration,
    /// The quiet time has passed since, and the request visibly goes on.
    stalled: bool,
}

impl Decoder {
    /// For a connection on which nothing came yet.
    pub fn new(quiet_time: Duration) -> Self {
        Decoder {
            quiet_time,
            bytes: Vec::new(),
            object: ObjectEnd::default(),
            heard: Duration::ZERO,
            stalled: false,
        }
    }

    /// Takes bytes that came at `now`.
    pub fn handle_bytes(&mut self, piece: &[u8], now: Duration) -> Option<Decoded> {
        if piece.is_empty() {
            return None;
        }
        self.heard = now;
        self.stalled = false;
        let first = self.bytes.first().unwrap_or(&piece[0]);
        let (belongs, ended) = match Dialect::of_first_byte(*first) {
            Dialect::Text => match piece.iter().position(|&byte| byte == b'\n') {
                Some(newline) => (newline, true),
                None => (piece.len(), false),
            },
            Dialect::Json => match self.object.find(piece) {
                Some(end) => (end, true),
                None => (piece.len(), false),
            },
        };
        let dialect = Dialect::of_first_byte(*first);
        if self.bytes.len() + belongs > MAX_REQUEST_BYTES {
            return Some(Decoded::Malformed(dialect, BadRequest::TooLong));
        }
        self.bytes.extend_from_slice(&piece[..belongs]);
        ended.then(|| self.decode(dialect))
    }

    /// The client has ended its side of the stream.
    pub fn handle_end(&mut self) -> Decoded {
        self.whole()
    }

    /// When [`Decoder::handle_timeout`] is due if nothing comes before.
    pub fn poll_timeout(&self) -> Duration {
        let silence = match (self.bytes.is_empty(), self.stalled) {
            (true, _) => return REQUEST_DEADLINE,
            (false, false) => self.quiet_time,
            (false, true) => self.quiet_time.max(STALL_TIME),
        };
        (self.heard + silence).min(REQUEST_DEADLINE)
    }

    /// Nothing came until `now`.
    pub fn handle_timeout(&mut self, now: Duration) -> Option<Decoded> {
        if now < self.poll_timeout() {
            return None;
        }
        if now < REQUEST_DEADLINE && !self.stalled && self.visibly_goes_on() {
            self.stalled = true;
            return None;
        }
        Some(self.whole())
    }

    /// What came so far is a part of a request, and not a whole one.
    fn visibly_goes_on(&self) -> bool {
        match self.dialect() {
            // Its end would have been seen. The parser takes half a number for a wrong one.
            Some(Dialect::Json) => {
                let of_number = |b: &u8| b.is_ascii_digit() || b"+-.eE".contains(b);
                let digits = self.bytes.iter().rev().take_while(|b| of_number(b));
                let before = self.bytes.len() - digits.count();
                let read: Result<IgnoredAny, _> = serde_json::from_slice(&self.bytes[..before]);
                read.is_err_and(|error| error.is_eof())
            }
            Some(Dialect::Text) => {
                let start = TEXT_START.as_bytes();
                let begins = self.bytes.starts_with(start) || start.starts_with(&self.bytes);
                begins && Request::parse(Dialect::Text, &self.bytes).is_err()
            }
            None => true,
        }
    }

    fn dialect(&self) -> Option<Dialect> {
        self.bytes.first().copied().map(Dialect::of_first_byte)
    }

    fn whole(&self) -> Decoded {
        match self.dialect() {
            Some(dialect) => self.decode(dialect),
            None => Decoded::Nothing,
        }
    }

    fn decode(&self, dialect: Dialect) -> Decoded {
        match Request::parse(dialect, &self.bytes) {
            Ok(request) => Decoded::Request(request),
            Err(bad) => Decoded::Malformed(dialect, bad),
        }
    }
}

#[cfg(test)]
#[path = "decoder_tests.rs"]
mod tests;
