//! What a client says.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::integer::Integer;
use super::limits::MAX_REQUEST_BYTES;
use super::name::Name;

/// Which of the two languages a client speaks; its first byte says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `Client of <name>: <integer>`.
    Text,
    /// `{"client_name": "...", "client_number": 25}`.
    Json,
}

impl Dialect {
    /// The dialect of a message that begins with this byte.
    pub fn of_first_byte(byte: u8) -> Self {
        if byte == b'{' {
            Dialect::Json
        } else {
            Dialect::Text
        }
    }
}

/// A client's name and number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// In which its reply will be.
    pub dialect: Dialect,
    /// Of the client.
    pub name: Name,
    /// In range or not.
    pub number: Integer,
}

/// Why bytes are no request: the client's fault, and worded for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRequest {
    /// It is longer than any request.
    #[error("the request is longer than {MAX_REQUEST_BYTES} bytes")]
    TooLong,
    /// It is not UTF-8.
    #[error("the request is not UTF-8")]
    NotUtf8,
    /// It does not follow the form.
    #[error("expected is: Client of <name>: <integer>")]
    Form,
    /// What stands for the number is something else.
    #[error("the number is not a decimal integer")]
    Number,
    /// It is not the JSON that it should be.
    #[error("not a request in JSON: {0}")]
    Json(String),
}

/// What every request in text begins with.
pub(super) const TEXT_START: &str = "Client of ";

#[derive(Deserialize)]
struct JsonRequest<'a> {
    #[serde(borrow)]
    client_name: Cow<'a, str>,
    #[serde(borrow)]
    client_number: &'a RawValue,
}

impl Request {
    /// Reads a whole request, without its line end.
    pub fn parse(dialect: Dialect, bytes: &[u8]) -> Result<Self, BadRequest> {
        let text = str::from_utf8(bytes).map_err(|_| BadRequest::NotUtf8)?;
        let (name, number) = match dialect {
            Dialect::Text => parse_text(text)?,
            Dialect::Json => parse_json(text)?,
        };
        Ok(Request {
            dialect,
            name,
            number,
        })
    }

    /// The request's bytes. They end by nothing; who sends them ends the stream.
    pub fn encode(&self) -> Vec<u8> {
        let Request { name, number, .. } = self;
        match self.dialect {
            Dialect::Text => format!("{TEXT_START}{}: {number}", name.as_str()),
            Dialect::Json => format!(
                r#"{{"client_name": {}, "client_number": {number}}}"#,
                json_string(name.as_str())
            ),
        }
        .into_bytes()
    }
}

/// A name may hold colons itself: the number stands behind the last `: `.
fn parse_text(text: &str) -> Result<(Name, Integer), BadRequest> {
    let rest = text.strip_prefix(TEXT_START).ok_or(BadRequest::Form)?;
    let (name, number) = rest.rsplit_once(": ").ok_or(BadRequest::Form)?;
    let number = number.trim_ascii().parse();
    Ok((Name::of_peer(name), number.map_err(|_| BadRequest::Number)?))
}

fn parse_json(text: &str) -> Result<(Name, Integer), BadRequest> {
    let request: JsonRequest<'_> =
        serde_json::from_str(text).map_err(|e| BadRequest::Json(e.to_string()))?;
    let number = request.client_number.get().parse();
    Ok((
        Name::of_peer(&request.client_name),
        number.map_err(|_| BadRequest::Number)?,
    ))
}

/// A JSON string with its quotes.
pub(super) fn json_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &str) -> Result<(String, String), BadRequest> {
        let request = Request::parse(Dialect::Text, bytes.as_bytes())?;
        Ok((request.name.as_str().to_owned(), request.number.to_string()))
    }

    fn json(bytes: &str) -> Result<(String, String), BadRequest> {
        let request = Request::parse(Dialect::Json, bytes.as_bytes())?;
        Ok((request.name.as_str().to_owned(), request.number.to_string()))
    }

    fn good(name: &str, number: &str) -> Result<(String, String), BadRequest> {
        Ok((name.to_owned(), number.to_owned()))
    }

    #[test]
    fn reads_the_requests_of_the_specification() {
        assert_eq!(text("Client of A Client: 25"), good("A Client", "25"));
        assert_eq!(
            json(r#"{"client_name": "A Client", "client_number": 25}"#),
            good("A Client", "25")
        );
    }

    #[test]
    fn a_name_in_text_may_hold_colons() {
        assert_eq!(text("Client of a: 1: b: -7"), good("a: 1: b", "-7"));
        assert_eq!(text("Client of Zoë 漢 : 3 "), good("Zoë 漢 ", "3"));
        assert_eq!(text("Client of : 3"), good("", "3"));
    }

    #[test]
    fn an_integer_of_any_size_is_a_number_and_nothing_else_is() {
        let huge = "9".repeat(50);
        assert_eq!(
            text(&format!("Client of a: -{huge}")),
            good("a", &format!("-{huge}"))
        );
        let request = format!(r#"{{"client_number":{huge},"client_name":"a"}}"#);
        assert_eq!(json(&request), good("a", &huge));
        for number in ["", "x", "1.5", "2 5", "0x10", "--1"] {
            assert_eq!(
                text(&format!("Client of a: {number}")),
                Err(BadRequest::Number)
            );
        }
        for number in ["\"25\"", "2.0", "1e2", "null", "[1]", "true"] {
            let request = format!(r#"{{"client_name": "a", "client_number": {number}}}"#);
            assert_eq!(json(&request), Err(BadRequest::Number), "{number}");
        }
    }

    #[test]
    fn everything_else_is_refused_with_its_reason() {
        for bad in [
            "",
            "HELLO 1234",
            "Client of a",
            "Client of a:5",
            "client of a: 5",
        ] {
            assert_eq!(text(bad), Err(BadRequest::Form), "{bad}");
        }
        for bad in [
            "{}",
            r#"{"client_name": "a"}"#,
            r#"{"client_number": 1}"#,
            r#"{"client_name": 1, "client_number": 1}"#,
            r#"{"client_name": "a", "client_number": 1, "client_number": 2}"#,
            r#"{"client_name": "\ud800", "client_number": 1}"#,
            r#"{"client_name": "a", "client_number": 007}"#,
            r#"{"client_name": "a", "client_number": NaN}"#,
        ] {
            assert!(matches!(json(bad), Err(BadRequest::Json(_))), "{bad}");
        }
        let bytes = b"Client of \xff: 5";
        assert_eq!(
            Request::parse(Dialect::Text, bytes),
            Err(BadRequest::NotUtf8)
        );
    }

    #[test]
    fn what_is_written_is_read_again() {
        for dialect in [Dialect::Text, Dialect::Json] {
            let request = Request {
                dialect,
                name: "a \"quoted\\ name: 5".parse().unwrap(),
                number: i128::MIN.into(),
            };
            assert_eq!(Request::parse(dialect, &request.encode()), Ok(request));
        }
    }
}
