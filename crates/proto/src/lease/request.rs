//! A client's request: `HELLO <id>`.

use super::id::LeaseId;
use super::limits::REQUEST_BYTES;

/// A request for an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// The id that is asked for.
    pub id: LeaseId,
    /// Whether it ended with a newline; its reply then does, too.
    pub newline: bool,
}

impl Request {
    /// A whole request: `HELLO <id>`, with `\n`, `\r\n` or nothing behind it. `None` for anything
    /// else.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (request, end) = bytes.split_first_chunk::<REQUEST_BYTES>()?;
        let digits = request.strip_prefix(b"HELLO ")?;
        let newline = match end {
            b"" => false,
            b"\n" | b"\r\n" => true,
            _ => return None,
        };
        let id = LeaseId::from_digits(digits.try_into().ok()?)?;
        Some(Request { id, newline })
    }

    /// The bytes of a request without a line end.
    pub fn encode(id: LeaseId) -> [u8; REQUEST_BYTES] {
        let [a, b, c, d] = id.digits();
        [b'H', b'E', b'L', b'L', b'O', b' ', a, b, c, d]
    }
}

/// Reads the one request of a TCP connection, however it arrives in pieces.
///
/// It is decided on the read that completes its ten bytes: if that read goes on with anything but
/// a line end, it is malformed; later bytes are never looked at.
#[derive(Debug, Default)]
pub struct RequestReader {
    bytes: [u8; REQUEST_BYTES],
    filled: usize,
}

/// The state of a request that arrives in pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestState {
    /// More bytes may complete it.
    Incomplete,
    /// A request.
    Complete(Request),
    /// No request, whatever follows.
    Malformed,
}

impl RequestReader {
    /// Takes the bytes of one read.
    pub fn handle_read(&mut self, read: &[u8]) -> RequestState {
        let taken = read.len().min(REQUEST_BYTES - self.filled);
        let (ours, rest) = read.split_at(taken);
        self.bytes[self.filled..self.filled + taken].copy_from_slice(ours);
        self.filled += taken;
        if self.filled < REQUEST_BYTES {
            return self.so_far();
        }
        let newline = match rest {
            b"" => false,
            b"\n" | b"\r\n" => true,
            _ => return RequestState::Malformed,
        };
        match Request::parse(&self.bytes) {
            Some(request) => RequestState::Complete(Request { newline, ..request }),
            None => RequestState::Malformed,
        }
    }

    /// The bytes read so far, ten at most.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }

    /// Finds wrong bytes early, so that nobody waits for the rest.
    fn so_far(&self) -> RequestState {
        let template = b"HELLO 0000";
        let fits = |(byte, &template): (&u8, &u8)| match template {
            b'0' => byte.is_ascii_digit(),
            template => *byte == template,
        };
        if self.bytes[..self.filled].iter().zip(template).all(fits) {
            RequestState::Incomplete
        } else {
            RequestState::Malformed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_exact() {
        for (bytes, newline) in [
            (&b"HELLO 0042"[..], false),
            (b"HELLO 0042\n", true),
            (b"HELLO 0042\r\n", true),
        ] {
            let id = "0042".parse().unwrap();
            assert_eq!(Request::parse(bytes), Some(Request { id, newline }));
        }
        assert_eq!(&Request::encode("0042".parse().unwrap()), b"HELLO 0042");
        for bytes in [
            &b""[..],
            b"\n",
            b"HELLO",
            b"HELLO ",
            b"HELLO 123",
            b"HELLO 12345",
            b"HELLO abcd",
            b"hello 1234",
            b"HELLO\t1234",
            b"HELLO  123",
            b" HELLO 1234",
            b"HELLO 1234 ",
            b"HELLO 1234\r",
            b"HELLO 1234\n\n",
            b"HELLO 1234\n\r",
            b"HELLO 1234\0",
            b"\xff\xfe",
            b"HELLO 12\xd9\xa1",
            b"RESET 1234",
            b"HELLO 1234\r\nx",
        ] {
            assert_eq!(Request::parse(bytes), None, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn later_bytes_are_not_looked_at() {
        let mut reader = RequestReader::default();
        assert_eq!(reader.handle_read(b"HELLO 123"), RequestState::Incomplete);
        let decided = reader.handle_read(b"4");
        assert!(matches!(
            decided,
            RequestState::Complete(Request { newline: false, .. })
        ));
        let mut reader = RequestReader::default();
        reader.handle_read(b"HELLO 123");
        assert_eq!(reader.handle_read(b"4\r"), RequestState::Malformed);
    }

    #[test]
    fn a_wrong_byte_is_known_at_once() {
        for piece in [
            &b"X"[..],
            b"HELLA",
            b"HELLO x",
            b"HELLO 1x",
            b"\n",
            b"GET / HTTP/1.1",
        ] {
            let decided = RequestReader::default().handle_read(piece);
            assert_eq!(decided, RequestState::Malformed, "{}", piece.escape_ascii());
        }
    }
}
