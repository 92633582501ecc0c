//! What a server answers.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::integer::Integer;
use super::name::Name;
use super::request::{Dialect, json_string};
use crate::Escaped;

/// A server's name and number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The dialect of its request.
    pub dialect: Dialect,
    /// Of the server.
    pub name: Name,
    /// Of the server.
    pub number: Integer,
    /// What the server says that both numbers make; in JSON alone, and not by every server.
    pub sum: Option<Integer>,
    /// Whether the server says that it stops; in text alone.
    pub closing: bool,
}

/// Why bytes are no reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadReply {
    /// There are none.
    #[error("the server closed the connection without a reply")]
    Nothing,
    /// It is not UTF-8.
    #[error("the server's reply is not UTF-8")]
    NotUtf8,
    /// The server says what is wrong with the request.
    #[error("the server refuses the request: {}", Escaped(.0))]
    Refused(String),
    /// It does not follow the form.
    #[error("the server's reply is not of the form: Server of <name>: <integer>")]
    Form,
    /// What stands for a number is something else.
    #[error("the server's reply holds something else where an integer should be")]
    Number,
    /// It is not the JSON that it should be.
    #[error("the server's reply is not the expected JSON: {0}")]
    Json(String),
}

const TEXT_START: &str = "Server of ";
const TEXT_CLOSING: &str = "\nServer closing...";
const TEXT_ERROR: &str = "Error: ";

#[derive(Deserialize)]
struct JsonReply<'a> {
    #[serde(borrow)]
    server_name: Cow<'a, str>,
    #[serde(borrow)]
    server_number: &'a RawValue,
    #[serde(borrow)]
    sum: Option<&'a RawValue>,
}

impl Reply {
    /// Reads a whole reply.
    pub fn parse(dialect: Dialect, bytes: &[u8]) -> Result<Self, BadReply> {
        if bytes.is_empty() {
            return Err(BadReply::Nothing);
        }
        let text = str::from_utf8(bytes).map_err(|_| BadReply::NotUtf8)?;
        match dialect {
            Dialect::Text => parse_text(text),
            Dialect::Json => parse_json(text),
        }
    }

    /// The reply's bytes. They end by nothing; the server closes.
    pub fn encode(&self) -> Vec<u8> {
        let Reply { name, number, .. } = self;
        match self.dialect {
            Dialect::Text => {
                let closing = if self.closing { TEXT_CLOSING } else { "" };
                format!("{TEXT_START}{}: {number}{closing}", name.as_str())
            }
            Dialect::Json => {
                let sum = self.sum.as_ref();
                let sum = sum.map(|sum| format!(r#", "sum": {sum}"#));
                format!(
                    r#"{{"server_name": {}, "server_number": {number}{}}}"#,
                    json_string(name.as_str()),
                    sum.unwrap_or_default()
                )
            }
        }
        .into_bytes()
    }
}

/// Says in the text dialect what is wrong with a request; JSON has no room for it.
pub(super) fn encode_error(what: &str) -> Vec<u8> {
    format!("{TEXT_ERROR}{what}").into_bytes()
}

fn parse_text(text: &str) -> Result<Reply, BadReply> {
    let text = text.trim_end_matches(['\r', '\n']);
    if let Some(what) = text.strip_prefix(TEXT_ERROR) {
        return Err(BadReply::Refused(what.to_owned()));
    }
    let (text, closing) = match text.strip_suffix(TEXT_CLOSING) {
        Some(text) => (text, true),
        None => (text, false),
    };
    let rest = text.strip_prefix(TEXT_START).ok_or(BadReply::Form)?;
    let (name, number) = rest.rsplit_once(": ").ok_or(BadReply::Form)?;
    Ok(Reply {
        dialect: Dialect::Text,
        name: Name::of_peer(name),
        number: integer(number.trim_ascii())?,
        sum: None,
        closing,
    })
}

fn parse_json(text: &str) -> Result<Reply, BadReply> {
    let reply: JsonReply<'_> =
        serde_json::from_str(text).map_err(|e| BadReply::Json(e.to_string()))?;
    let sum = reply.sum.map(|sum| integer(sum.get())).transpose()?;
    Ok(Reply {
        dialect: Dialect::Json,
        name: Name::of_peer(&reply.server_name),
        number: integer(reply.server_number.get())?,
        sum,
        closing: false,
    })
}

fn integer(text: &str) -> Result<Integer, BadReply> {
    text.parse().map_err(|_| BadReply::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(dialect: Dialect, sum: Option<i128>, closing: bool) -> Reply {
        Reply {
            dialect,
            name: "A Server".parse().unwrap(),
            number: 10.into(),
            sum: sum.map(Integer::from),
            closing,
        }
    }

    #[test]
    fn the_replies_of_the_specification() {
        for (reply, bytes) in [
            (reply(Dialect::Text, None, false), "Server of A Server: 10"),
            (
                reply(Dialect::Text, None, true),
                "Server of A Server: 10\nServer closing...",
            ),
            (
                reply(Dialect::Json, Some(35), false),
                r#"{"server_name": "A Server", "server_number": 10, "sum": 35}"#,
            ),
            (
                reply(Dialect::Json, None, false),
                r#"{"server_name": "A Server", "server_number": 10}"#,
            ),
        ] {
            assert_eq!(reply.encode(), bytes.as_bytes());
            assert_eq!(Reply::parse(reply.dialect, bytes.as_bytes()), Ok(reply));
        }
    }

    #[test]
    fn a_line_end_behind_a_reply_does_no_harm() {
        let parsed = Reply::parse(Dialect::Text, b"Server of A Server: 10\r\n");
        assert_eq!(parsed, Ok(reply(Dialect::Text, None, false)));
    }

    #[test]
    fn what_is_no_reply_says_why() {
        let refused = |dialect, bytes: &str| Reply::parse(dialect, bytes.as_bytes()).unwrap_err();
        assert_eq!(refused(Dialect::Json, ""), BadReply::Nothing);
        assert_eq!(
            refused(Dialect::Text, "Error: no\u{1b}").to_string(),
            "the server refuses the request: no\\u{1b}"
        );
        assert_eq!(refused(Dialect::Text, "Server of A"), BadReply::Form);
        assert_eq!(refused(Dialect::Text, "Server of A: x"), BadReply::Number);
        assert!(matches!(
            refused(Dialect::Json, "Server of A: 1"),
            BadReply::Json(_)
        ));
        let sum = r#"{"server_name": "A", "server_number": 1, "sum": "2"}"#;
        assert_eq!(refused(Dialect::Json, sum), BadReply::Number);
    }
}
