//! Join tickets: what a hub gives to devices so that they can join without a password.

mod secret;
mod subject;
mod text;

pub use secret::{TicketHash, TicketNumber, TicketSecret, TicketSecretError};
pub use subject::{MAX_PREFIX_BYTES, NamePrefix, NamePrefixError, TicketSubject};
pub use text::{
    JoinTicket, MAX_TICKET_ADDRESS_BYTES, MAX_TICKET_ADDRESSES, MAX_TICKET_BYTES, TicketFormError,
    TicketTextError,
};
