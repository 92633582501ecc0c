//! Files straight from device to device: what two devices say to each other over one connection.
//! docs/protocol/transfer.md describes it.
//!
//! [`Sender`] and [`Receiver`] are the two sides of one file, without I/O: bytes and the time come
//! in as arguments, frames and what to do next come out. The content passes through the receiver as
//! slices of what came in, and does not pass through the sender at all.

mod addresses;
mod block;
mod endpoint_id;
mod failure;
mod file_name;
mod frames;
mod grant;
mod introduction;
pub mod limits;
mod message;
mod reason;
mod receiver;
mod report;
mod sender;

pub use addresses::{AddressError, Addresses};
pub use block::{BLOCK_HEADER_BYTES, Block};
pub use endpoint_id::{EndpointId, EndpointIdError};
pub use failure::TransferFailure;
pub use file_name::{FileName, FileNameError};
pub use grant::{
    EndpointCertificate, Grant, GrantError, GrantedParty, Party, SignedCertificate, SignedGrant,
    TransferId, TransferIdError,
};
pub use introduction::{Greeting, Introduction};
pub use message::{Accept, End, Message, Offer, Receipt, State, WaitsFor};
pub use reason::{Ended, Explanation, Reason};
pub use receiver::{Received, Receiver};
pub use report::{ReportTransfer, ReportedState, TransferPath};
pub use sender::{FromReceiver, Next, Sender};
