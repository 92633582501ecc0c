//! The number exchange: client and server tell each other a name and an integer, and both know the
//! sum. Two dialects exist in the field and one server answers both; `docs/number-exchange.md`
//! describes them.

mod decoder;
mod integer;
mod json_object;
pub mod limits;
mod line;
mod name;
mod reply;
mod request;
mod rules;

pub use decoder::{Decoded, Decoder};
pub use integer::{InRange, Integer, IntegerError, RangeError};
pub use json_object::ObjectEnd;
pub use line::{Level, Line};
pub use name::{Name, NameError};
pub use reply::{BadReply, Reply};
pub use request::{BadRequest, Dialect, Request};
pub use rules::{Answer, OnOutOfRange, ServerNumber, Service};
