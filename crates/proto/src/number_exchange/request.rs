//! The request of a client.

use super::binary::{self, encode_integers, encode_struct_name, encode_utf};
use super::form::{Form, JsonForm, Kind, LineEnd, TextForm};
use super::integer::Integer;
use super::json::{self, BadJson, Side};
use super::limits::{MAX_REQUEST_BYTES, MAX_UTF_NAME_BYTES, MAX_UTF_TEXT_BYTES};
use super::name::Name;
use super::text_form::{self, CLIENT};

/// A client's name and number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// In which its reply will be.
    pub form: Form,
    /// Of the client.
    pub name: Name,
    /// In range or not.
    pub number: Integer,
}

/// The reason why bytes are no request, worded for the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRequest {
    /// It is longer than any request.
    #[error("the request is longer than {MAX_REQUEST_BYTES} bytes")]
    TooLong,
    /// It is not UTF-8.
    #[error("the request is not UTF-8")]
    NotUtf8,
    /// It follows no form.
    #[error("the request has no form that is known")]
    Form,
    /// The number is something else.
    #[error("the number is not a decimal integer")]
    Number,
    /// It is not the JSON that it should be.
    #[error("not a request in JSON: {0}")]
    Json(String),
    /// It begins like a binary form, and is none.
    #[error("not a request in a binary form")]
    Binary,
}

/// The reason why a message cannot be written in a form: it would be read as another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Inexpressible {
    /// There is no name.
    #[error("a name in this form is not empty")]
    Empty,
    /// The name would be taken for the beginning of another form.
    #[error("a name in this form does not begin with \"Client of \", \"Server of \" or a brace")]
    Title,
    /// The name has to be one word.
    #[error("a name in this form is one word, not HELLO, and does not end with : , ; or |")]
    Word,
    /// The name, or the text around it, has to be shorter.
    #[error("a name in this form is shorter: it has at most {0} bytes, with what is around it")]
    Length(usize),
    /// The number needs more than 32 bits.
    #[error("a number in this form is from {} to {}", i32::MIN, i32::MAX)]
    Number,
}

impl Request {
    /// Reads a whole request, with its line end if it has one.
    pub fn parse(bytes: &[u8]) -> Result<Self, BadRequest> {
        match bytes.first().map(|&first| Kind::of(first)) {
            None => Err(BadRequest::Form),
            Some(Kind::Utf) => binary::parse_utf(bytes).map(Self::of_binary),
            Some(Kind::Text) if bytes.contains(&0) => {
                binary::parse_struct(bytes).map(Self::of_binary)
            }
            Some(kind) => {
                let text = str::from_utf8(bytes).map_err(|_| BadRequest::NotUtf8)?;
                let (text, line_end) = LineEnd::strip(text);
                match kind {
                    Kind::Json => Self::parse_json(text, line_end),
                    Kind::Text | Kind::Utf => Self::parse_text(text, line_end),
                }
            }
        }
    }

    fn of_binary(parts: binary::Parts) -> Self {
        Request {
            form: parts.form,
            name: Name::of_peer(&parts.name),
            number: parts.number,
        }
    }

    fn parse_text(text: &str, line_end: LineEnd) -> Result<Self, BadRequest> {
        let parts = text_form::parse_request(text)?;
        Ok(Request {
            form: Form::Text(TextForm {
                line_end,
                ..parts.form
            }),
            name: Name::of_peer(parts.name),
            number: parts.number,
        })
    }

    fn parse_json(text: &str, line_end: LineEnd) -> Result<Self, BadRequest> {
        let parts = json::parse(Side::Client, text).map_err(|bad| match bad {
            BadJson::Number => BadRequest::Number,
            BadJson::Form(why) => BadRequest::Json(why),
        })?;
        Ok(Request {
            form: Form::Json(JsonForm {
                keys: parts.keys,
                line_end,
            }),
            name: Name::of_peer(&parts.name),
            number: parts.number,
        })
    }

    /// The request's bytes. Most forms end by nothing; who sends them ends the stream.
    pub fn encode(&self) -> Result<Vec<u8>, Inexpressible> {
        let (name, number) = (self.name.as_str(), &self.number);
        let numbers = [number];
        Ok(match self.form {
            Form::Text(form) => {
                if !form.titled && name.starts_with('{') {
                    return Err(Inexpressible::Title);
                }
                text_form::expressible(form, name)?;
                let text = text_form::encode(form, CLIENT, name, &numbers);
                [text, form.line_end.as_str().to_owned()]
                    .concat()
                    .into_bytes()
            }
            Form::Json(JsonForm { keys, line_end }) => {
                let object = json::encode(keys, Side::Client, name, number, None);
                [&object, line_end.as_str()].concat().into_bytes()
            }
            Form::UtfInt(utf) => {
                let mut bytes = encode_utf(name, utf, MAX_UTF_NAME_BYTES)?;
                bytes.extend(encode_integers(&numbers)?);
                bytes
            }
            Form::UtfText(utf, form) => {
                text_form::expressible(form, name)?;
                let text = text_form::encode(form, CLIENT, name, &numbers);
                let text = [&text, form.line_end.as_str()].concat();
                encode_utf(&text, utf, MAX_UTF_TEXT_BYTES)?
            }
            Form::Struct256 => {
                if name.starts_with('{') {
                    return Err(Inexpressible::Title);
                }
                let mut bytes = encode_struct_name(name)?;
                bytes.extend(encode_integers(&numbers)?);
                bytes
            }
        })
    }
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
