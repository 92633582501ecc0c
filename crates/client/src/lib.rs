//! The client of fleetlink: a device, or any program that acts as one, at its hub.
//!
//! ```no_run
//! # async fn example(readings: Vec<f64>) -> fleetlink_client::Result<()> {
//! use fleetlink_client::{Client, Operation};
//!
//! let hub = Client::builder("myhost:7421").device("porch-camera").connect().await?;
//! hub.upload("temperature", readings).await?;
//! let sum = hub.compute("temperature", Operation::Sum).await?;
//! hub.send("wei-smartphone", ["lecture1.mp4"]).await?;
//! let mut events = hub.join().await?; // presence, take-over, hub away and back, arrivals
//! # println!("{} {:?}", sum.result, events.next().await);
//! # Ok(())
//! # }
//! ```
//!
//! # Who is who
//! - A **device** logs in by the key that it keeps in its state folder. Before it has one, it logs in
//!   by its [password](ClientBuilder::password), or gets an account and a key by a
//!   [join ticket](ClientBuilder::ticket). [`enrol_key`](ClientBuilder::enrol_key) makes the key at
//!   the first login.
//! - A **hub** is known by its pin, the SHA-256 of its public key. The pin is
//!   [given](ClientBuilder::pin), part of the address (`myhost:7421#sha256:…`), or remembered from the
//!   last time. [`FirstUse`] decides about a hub that was never met; without a decision of the program
//!   no hub on another host is trusted.
//! - Each [`Client`] that has [joined](Client::join) makes its device **present**: others see it, and
//!   can send it files. A client that has not joined can do everything else.
//!
//! # When something fails
//! Every function fails with an [`Error`]: its [kind](Error::kind) is for programs, its text for
//! people, and its `source()` the cause. [`Error::retry`] says whether the same can succeed later.
//! Uploads, deletions and the session of a joined device are tried again by the library, with one
//! effect, as long as what is in the way passes.
//!
//! # Examples
//! `examples/sensor.rs` uploads readings and has the hub compute on them, `examples/send.rs` sends
//! files to another device, `examples/watch.rs` joins and takes files.
//!
//! The library runs in a tokio runtime with time and I/O enabled. It works on Unix.

#![warn(missing_docs)]

mod address;
mod append;
mod attach;
mod backoff;
mod chosen;
mod client;
mod connect;
mod delete;
mod device_keys;
mod direct;
mod download;
mod error;
mod generate;
mod generated_files;
mod hub_clock;
mod inbox;
mod kept_file;
mod key_pair;
mod known_devices;
mod known_hubs;
mod lease;
pub mod limits;
mod number_exchange;
mod partial;
mod pending_key;
mod reader;
mod redeem;
mod replaced;
mod retry;
mod session;
mod shortage;
mod state;
mod succession;
mod supervisor;
mod temporary;
mod upload;

pub use address::{HubAddress, HubAddressError};
pub use append::{AppendEvent, AppendRules, Appended, append_stream};
pub use attach::{Attached, Credential, Dialer, Sessions};
pub use backoff::Backoff;
pub use chosen::{Choice, Chosen};
pub use client::{
    Client, ClientBuilder, Event, Events, FirstUse, IntoDataFile, Joining, Listening, Notice,
    Observer, Outbound, Readings, SendEvent, SendFiles, SendOptions, Tell, Upload, open_source,
};
pub use connect::{Connection, Trust, Unfollowed, connect};
pub use delete::delete_file;
pub use device_keys::DeviceKeys;
pub use direct::{
    Announcement, Arrival, Congestion, Control, Credentials, Endpoint, Listener, NotRemembered,
    Peer, Progress, Source, Stored, TransportError,
};
pub use download::{Downloaded, download, download_to_file};
pub use error::{Error, ErrorKind, Result};
pub use generate::{GenerateError, Generated, Overwrite, generate};
pub use generated_files::GeneratedFiles;
pub use hub_clock::HubClock;
pub use inbox::{Inbox, Incoming, ReceivePolicy, SenderRule, SenderRuleError};
pub use key_pair::KeyPair;
pub use known_devices::{KnownDevice, KnownDevices};
pub use known_hubs::KnownHubs;
pub use lease::{GrantedLease, LeaseError, request_lease, resolve_server};
pub use number_exchange::{ExchangeError, NumberExchange};
pub use partial::remove_incomplete_files;
pub use pending_key::PendingKey;
pub use reader::{Problem, RefusedInput, SampleReader};
pub use replaced::ReplacedDevices;
pub use session::{Closed, Session};
pub use state::state_folder;
pub use succession::{Moved, Successor};
pub use supervisor::{Link, Supervisor};
pub use temporary::{Existing, write_whole};
pub use upload::{UploadTask, Uploaded, upload_file, upload_stream};

/// The messages, names and limits of the protocols, of which the commonest stand here too.
pub use fleetlink_proto as proto;
pub use fleetlink_proto::control::{
    ActiveDevice, ComputeReply, DeleteReply, EndReason, EnrolledKey, ErrorCode, FileEntry, Join,
    JoinReply, Receipt as UploadReceipt, RpcError, UploadMode,
};
pub use fleetlink_proto::samples::{Decimal, Operation};
pub use fleetlink_proto::ticket::JoinTicket;
pub use fleetlink_proto::transfer::limits::Deadlines;
pub use fleetlink_proto::transfer::{
    Ended, FileName, Offer, Reason, Receipt as TransferReceipt, TransferFailure,
};
pub use fleetlink_proto::{
    ContentHash, DataFile, DeviceKey, DeviceName, HubPin, IdempotencyKey, Password, Retry, WallTime,
};

/// A new key for one change: 128 bits from the operating system.
///
/// # Panics
/// Where the operating system has no randomness to give.
pub fn new_key() -> IdempotencyKey {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits).expect("the operating system gives random bytes");
    IdempotencyKey::from_bits(u128::from_ne_bytes(bits))
}
