//! The client side of fleetlink: connecting to a hub whose key is pinned, logging in, joining,
//! and everything a device asks of its hub. It knows the protocol and nothing of the hub's insides.

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
pub use fleetlink_proto::Retry;
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
use redeem::{Redeemed, redeem};
pub use replaced::ReplacedDevices;
pub use session::{Closed, Session};
pub use state::state_folder;
pub use succession::{Moved, Successor};
pub use supervisor::{Link, Supervisor};
pub use temporary::{Existing, write_whole};
pub use upload::{UploadTask, Uploaded, upload_file, upload_stream};

/// A new key for one change: 128 bits from the operating system.
///
/// # Panics
/// Where the operating system has no randomness to give.
pub fn new_key() -> fleetlink_proto::IdempotencyKey {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits).expect("the operating system gives random bytes");
    fleetlink_proto::IdempotencyKey::from_bits(u128::from_ne_bytes(bits))
}
