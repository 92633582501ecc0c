//! The number exchange: client and server tell each other a name and an integer, and both know the
//! sum. Many forms of messages exist in the field, and one server answers all of them, each in the
//! form of its request; `docs/number-exchange.md` describes them.

mod binary;
mod decoder;
mod form;
mod integer;
mod json;
mod json_object;
pub mod limits;
mod line;
mod malformed;
mod name;
mod reply;
mod request;
mod rules;
mod text_form;
mod utf;

pub use decoder::{Decoded, Decoder};
pub use form::{Blanks, Form, JsonForm, JsonKeys, LineEnd, Separator, TextForm, Utf};
pub use integer::{InRange, Integer, IntegerError, RangeError};
pub use json_object::ObjectEnd;
pub use line::{Level, Line};
pub use malformed::Malformed;
pub use name::{Name, NameError};
pub use reply::{BadReply, Reply};
pub use request::{BadRequest, Inexpressible, Request};
pub use rules::{Next, OnOutOfRange, Response, ServerNumber, Service};

#[cfg(test)]
#[path = "document_tests.rs"]
mod document;
