//! The reply of a server.

use super::binary::{
    INTEGER_BYTES, LENGTH_BYTES, encode_integers, encode_struct_name, encode_utf, integer,
    struct_name, utf_length,
};
use super::form::{Form, JsonForm, Kind, LineEnd, Separator, TextForm};
use super::integer::Integer;
use super::json::{self, BadJson, Side};
use super::limits::{MAX_UTF_NAME_BYTES, MAX_UTF_TEXT_BYTES, STRUCT_NAME_BYTES};
use super::malformed::ERROR;
use super::name::Name;
use super::request::{BadRequest, Inexpressible};
use super::text_form::{self, Parts, SERVER};
use super::utf;
use crate::Escaped;

/// A server's name and number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The form of its request; of a reply that was read, its own.
    pub form: Form,
    /// Of the server.
    pub name: Name,
    /// Of the server.
    pub number: Integer,
    /// The sum by the server; not every server states it.
    pub sum: Option<Integer>,
    /// Whether the server says that it stops; in the seeds' text alone.
    pub closing: bool,
}

/// The reason why bytes are no reply.
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
    /// It does not follow the form, and is a good reply to a request in another one.
    #[error("the server answers in another form: {0}; ask in that one, with --dialect {name}", name = .0.name())]
    Other(Form),
    /// The number is something else.
    #[error("the server's reply has something else in place of an integer")]
    Number,
    /// It is not the JSON that it should be.
    #[error("the server's reply is not the expected JSON: {0}")]
    Json(String),
    /// It is not the binary form that it should be.
    #[error("the server's reply is not of the form: {0}")]
    Binary(Form),
}

const CLOSING: &str = "\nServer closing...";

impl Reply {
    /// Reads a whole reply to a request with the number `asked` in this form.
    ///
    /// In text every separator is good, with or without a sum behind the number. Of two numbers at
    /// the end the last is the sum where it is the right one, or where the first can be a server's
    /// number and blanks are not all that separates them; else the name ends with a number.
    ///
    /// Programs in C may send more of a buffer than they have filled: zeros behind text, and
    /// anything behind the zero that ends a name of fixed size, are passed over.
    pub fn parse(form: &Form, asked: &Integer, bytes: &[u8]) -> Result<Self, BadReply> {
        if bytes.is_empty() {
            return Err(BadReply::Nothing);
        }
        let parsed = match form {
            Form::Text(_) => parse_text(asked, bytes),
            Form::Json(_) => parse_json(bytes),
            Form::UtfInt(_) | Form::UtfText(..) => {
                parse_utf(asked, bytes).ok_or(BadReply::Binary(*form))
            }
            Form::Struct256 => parse_field(bytes).ok_or(BadReply::Binary(*form)),
        };
        parsed.map_err(|bad| match Self::detect(asked, bytes) {
            Some(other) => BadReply::Other(other.form),
            None => bad,
        })
    }

    /// Reads a whole reply whatever its form is.
    pub fn detect(asked: &Integer, bytes: &[u8]) -> Option<Self> {
        match Kind::of(*bytes.first()?) {
            Kind::Json => parse_json(bytes).ok(),
            Kind::Utf => parse_utf(asked, bytes),
            Kind::Text => parse_struct(bytes).or_else(|| parse_text(asked, bytes).ok()),
        }
    }

    /// The reply's bytes. Most forms end by nothing; the server closes.
    pub fn encode(&self) -> Result<Vec<u8>, Inexpressible> {
        let name = self.name.as_str();
        let mut numbers = vec![&self.number];
        numbers.extend(&self.sum);
        Ok(match self.form {
            Form::Text(form) => {
                let text = text_form::encode(form, SERVER, name, &numbers);
                let closing = if self.closing { CLOSING } else { "" };
                [&text, closing, form.line_end.as_str()]
                    .concat()
                    .into_bytes()
            }
            Form::Json(JsonForm { keys, line_end }) => {
                let sum = self.sum.as_ref();
                let object = json::encode(keys, Side::Server, name, &self.number, sum);
                [&object, line_end.as_str()].concat().into_bytes()
            }
            Form::UtfInt(utf) => {
                let mut bytes = encode_utf(name, utf, MAX_UTF_NAME_BYTES)?;
                bytes.extend(encode_integers(&numbers)?);
                bytes
            }
            Form::UtfText(utf, form) => {
                let text = text_form::encode(form, SERVER, name, &numbers);
                let text = [&text, form.line_end.as_str()].concat();
                encode_utf(&text, utf, MAX_UTF_TEXT_BYTES)?
            }
            Form::Struct256 => {
                let mut bytes = encode_struct_name(name)?;
                bytes.extend(encode_integers(&numbers)?);
                bytes
            }
        })
    }
}

/// The text without the zeros behind it.
fn said(bytes: &[u8]) -> Result<&str, BadReply> {
    let text = str::from_utf8(bytes).map_err(|_| BadReply::NotUtf8)?;
    Ok(text.trim_end_matches('\0'))
}

fn parse_text(asked: &Integer, bytes: &[u8]) -> Result<Reply, BadReply> {
    let text = said(bytes)?;
    let (_, line_end) = LineEnd::strip(text);
    let text = text.trim_end_matches(['\r', '\n']);
    if let Some(what) = text.strip_prefix(ERROR) {
        return Err(BadReply::Refused(what.to_owned()));
    }
    let (text, closing) = match text.strip_suffix(CLOSING) {
        Some(text) => (text, true),
        None => (text, false),
    };
    let (parts, sum) = parts(asked, text).map_err(|bad| match bad {
        BadRequest::Number => BadReply::Number,
        _ => BadReply::Form,
    })?;
    Ok(Reply {
        form: Form::Text(TextForm {
            line_end,
            ..parts.form
        }),
        name: Name::of_peer(parts.name),
        number: parts.number,
        sum,
        closing,
    })
}

/// Name, number, and the sum where there is one.
fn parts<'a>(asked: &Integer, text: &'a str) -> Result<(Parts<'a>, Option<Integer>), BadRequest> {
    let (rest, titled) = match text.strip_prefix(SERVER) {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    if titled && let Some(seeds) = text_form::seeds(rest) {
        return seeds.map(|parts| (parts, None));
    }
    let last = Parts::split(rest, titled)?;
    match Parts::split(last.name, titled) {
        Ok(first) if is_sum(asked, &first, &last) => Ok((first, Some(last.number))),
        _ => Ok((last, None)),
    }
}

fn is_sum(asked: &Integer, first: &Parts<'_>, last: &Parts<'_>) -> bool {
    let right = first.number.plus(asked) == last.number;
    let sign = first.form.separator != Separator::Blank;
    let possible = right || sign && first.number.in_range().is_some();
    first.form.separator == last.form.separator && !first.name.is_empty() && possible
}

fn parse_json(bytes: &[u8]) -> Result<Reply, BadReply> {
    let text = said(bytes)?;
    let parts = json::parse(Side::Server, text).map_err(|bad| match bad {
        BadJson::Number => BadReply::Number,
        BadJson::Form(why) => BadReply::Json(why),
    })?;
    Ok(Reply {
        form: Form::Json(JsonForm {
            keys: parts.keys,
            line_end: LineEnd::strip(text).1,
        }),
        name: Name::of_peer(&parts.name),
        number: parts.number,
        sum: parts.sum,
        closing: false,
    })
}

fn parse_utf(asked: &Integer, bytes: &[u8]) -> Option<Reply> {
    let (string, rest) = bytes
        .get(LENGTH_BYTES..)?
        .split_at_checked(utf_length(bytes)?)?;
    let (text, utf) = utf::decode(string)?;
    if !rest.is_empty() {
        return of_binary(Form::UtfInt(utf), &text, rest);
    }
    let reply = parse_text(asked, text.as_bytes()).ok()?;
    let Form::Text(form) = reply.form else {
        return None;
    };
    let form = Form::UtfText(utf, form);
    Some(Reply { form, ..reply })
}

fn parse_struct(bytes: &[u8]) -> Option<Reply> {
    let (name, rest) = struct_name(bytes)?;
    of_binary(Form::Struct256, &name, rest)
}

/// The name ends with the first zero, whatever follows it in its field.
fn parse_field(bytes: &[u8]) -> Option<Reply> {
    let (field, rest) = bytes.split_at_checked(STRUCT_NAME_BYTES)?;
    let name = field.split(|&byte| byte == 0).next()?;
    of_binary(Form::Struct256, str::from_utf8(name).ok()?, rest)
}

/// A number behind a name, and the sum where there is one.
fn of_binary(form: Form, name: &str, numbers: &[u8]) -> Option<Reply> {
    let (numbers, rest) = numbers.as_chunks::<INTEGER_BYTES>();
    let (number, sum) = match numbers {
        [number] => (number, None),
        [number, sum] => (number, Some(integer(*sum))),
        _ => return None,
    };
    rest.is_empty().then(|| Reply {
        form,
        name: Name::of_peer(name),
        number: integer(*number),
        sum,
        closing: false,
    })
}

/// As much of a name as a reply in this form has room for.
pub(super) fn fitting(form: &Form, name: &Name) -> Name {
    match form {
        Form::Struct256 => {
            let text = name.as_str();
            Name::of_peer(&text[..text.floor_char_boundary(STRUCT_NAME_BYTES - 1)])
        }
        _ => name.clone(),
    }
}

#[cfg(test)]
#[path = "reply_tests.rs"]
mod tests;
