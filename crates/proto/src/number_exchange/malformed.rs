//! Input that is no request.

use std::fmt;

use super::form::{Kind, LineEnd};
use super::limits::MAX_SHOWN_CHARACTERS;
use super::request::BadRequest;
use crate::EscapedBytes;

/// The bytes of a client that are no request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// Everything that belongs to it, or its beginning where it is too long.
    pub bytes: Vec<u8>,
    /// The fault.
    pub bad: BadRequest,
}

/// The start of an error for a client of the text form.
pub(super) const ERROR: &str = "Error: ";

impl Malformed {
    /// The reply to the client: an error in text. Other forms have no room for it.
    pub fn reply(&self) -> Vec<u8> {
        if self.kind() != Some(Kind::Text) {
            return Vec::new();
        }
        let text = str::from_utf8(&self.bytes).unwrap_or_default();
        let (_, line_end) = LineEnd::strip(text);
        format!("{ERROR}{}{}", Why(self), line_end.as_str()).into_bytes()
    }

    fn kind(&self) -> Option<Kind> {
        let first = self.bytes.first()?;
        let binary = self.bad == BadRequest::Binary;
        Some(if binary { Kind::Utf } else { Kind::of(*first) })
    }

    fn expected(&self) -> &'static str {
        match self.kind() {
            Some(Kind::Json) => {
                r#"{"client_name": "<name>", "client_number": <integer>} or {"name": "<name>", "number": <integer>}"#
            }
            Some(Kind::Utf) => {
                "a 16-bit length, the name and a 32-bit integer, or the name in 256 bytes and a 32-bit integer"
            }
            Some(Kind::Text) | None => {
                "Client of <name>: <integer>, or <name>,<integer> with , : ; | or a blank"
            }
        }
    }
}

/// The bytes, what is wrong with them, and what was expected.
impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = EscapedBytes(&self.bytes).cut(MAX_SHOWN_CHARACTERS);
        write!(f, "\"{shown}\": {}", Why(self))
    }
}

/// The fault, and the expected request.
struct Why<'a>(&'a Malformed);

impl fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Malformed { bad, .. } = self.0;
        if *bad != BadRequest::Form {
            write!(f, "{bad}; ")?;
        }
        write!(f, "expected is: {}", self.0.expected())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn malformed(bytes: &[u8]) -> Malformed {
        let bad = super::super::Request::parse(bytes).unwrap_err();
        let bytes = bytes.to_vec();
        Malformed { bytes, bad }
    }

    #[test]
    fn text_alone_has_room_for_an_error() {
        let told = |bytes: &[u8]| String::from_utf8(malformed(bytes).reply()).unwrap();
        assert_eq!(
            told(b"nonsense"),
            "Error: expected is: Client of <name>: <integer>, or <name>,<integer> with , : ; | or a blank"
        );
        assert!(told(b"Client of x: y\r\n").starts_with("Error: the number is not a decimal"));
        assert!(told(b"Client of x: y\r\n").ends_with("a blank\r\n"));
        assert!(told(b"\xff").starts_with("Error: the request is not UTF-8; "));
        assert_eq!(told(b"{}"), "");
        assert_eq!(told(b"\0\x03bob"), "");
        assert_eq!(told(b"bob\0\0"), "");
    }

    #[test]
    fn bytes_are_shown_escaped_and_cut() {
        assert_eq!(
            malformed(b"HELLO\x1b 12\xff").to_string(),
            "\"HELLO\\u{1b} 12\\xff\": the request is not UTF-8; expected is: Client of <name>: \
             <integer>, or <name>,<integer> with , : ; | or a blank"
        );
        let long = malformed(&[b'x'; 3000]).to_string();
        assert!(long.starts_with(&format!("\"{}…\": expected", "x".repeat(80))));
        let json = malformed(b"{\"a\": 5}").to_string();
        assert!(json.contains("it lacks a name or a number; expected is: {\"client_name\""));
        let binary = malformed(b"\0\0").to_string();
        assert!(binary.starts_with("\"\\u{0}\\u{0}\": not a request in a binary form; expected"));
    }
}
