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
//! # Where to find what
//! | module | what is in it |
//! |---|---|
//! | this page | [`Client`] and its builder, what a program decides about, errors |
//! | [`data`] | uploads, appends, downloads, samples |
//! | [`transfer`] | files from device to device: options, progress, the inbox |
//! | [`presence`] | joining in steps, how a joined device stands with its hub |
//! | [`kept`] | the files of the state folder: hubs, keys, known devices |
//! | [`lease`], [`number_exchange`] | clients of the two small protocols |
//! | [`limits`], [`proto`] | times and sizes; the messages of the protocols |
//!
//! # Examples
//! In `examples/` are three programs of less than fifty lines, which run as they are: `sensor.rs`
//! uploads readings and has the hub compute on them, `send.rs` sends files to another device, and
//! `watch.rs` joins and takes files.
//!
//! ```sh
//! cargo run -p fleetlink-client --example sensor -- myhost:7421 porch-camera temperature 21.5 21.7
//! ```
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
mod idempotency;
mod inbox;
mod kept_file;
mod key_pair;
mod known_devices;
mod known_hubs;
pub mod lease;
pub mod limits;
pub mod number_exchange;
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
pub use client::{Client, ClientBuilder, Event, Events, FirstUse, Notice, Readings};
pub use connect::Unfollowed;
pub use direct::Arrival;
pub use error::{Error, ErrorKind, Result};
pub use inbox::ReceivePolicy;
pub use session::{Closed, Session};

/// The messages, names and limits of the protocols, of which the commonest stand here too.
pub use fleetlink_proto as proto;
pub use fleetlink_proto::control::{ErrorCode, RpcError, UploadMode};
pub use fleetlink_proto::samples::Operation;
pub use fleetlink_proto::ticket::JoinTicket;
pub use fleetlink_proto::{DataFile, DeviceName, HubPin, Password, Retry};

pub mod data {
    //! Data files: uploads, appends, downloads, what the hub computes, and reading and generating
    //! samples. [`Client::upload`](crate::Client::upload) and its siblings give and take these.

    pub use fleetlink_proto::control::{
        ComputeReply, DeleteReply, FileEntry, Receipt as UploadReceipt,
    };
    pub use fleetlink_proto::samples::Decimal;
    pub use fleetlink_proto::{ContentHash, IdempotencyKey, WallTime};

    pub use crate::append::{AppendEvent, AppendRules, Appended};
    pub use crate::client::{IntoDataFile, Upload};
    pub use crate::download::Downloaded;
    pub use crate::generate::{GenerateError, Generated, Overwrite, generate};
    pub use crate::generated_files::GeneratedFiles;
    pub use crate::idempotency::new_key;
    pub use crate::reader::{Problem, RefusedInput, SampleReader};
    pub use crate::temporary::Existing;
    pub use crate::upload::{UploadTask, Uploaded};
}

pub mod transfer {
    //! Files from device to device: sending them, the inbox that takes them, and what happens to
    //! them. [`Client::send`](crate::Client::send) and [`Joining::inbox`](crate::presence::Joining::inbox)
    //! are the ways in.

    pub use fleetlink_proto::transfer::limits::Deadlines;
    pub use fleetlink_proto::transfer::{
        Ended, FileName, Offer, Reason, Receipt as TransferReceipt, TransferFailure,
    };

    pub use crate::client::{
        Listening, Observer, Outbound, SendEvent, SendFiles, SendOptions, SendProgress, Tell,
        open_file,
    };
    pub use crate::direct::{Congestion, Control, Endpoint, Progress, Stored, TransportError};
    pub use crate::inbox::{Inbox, SenderRule, SenderRuleError};
}

pub mod presence {
    //! Being present at a hub: [`Client::join`](crate::Client::join), and the steps of it for a program
    //! that asks somebody between them.

    pub use fleetlink_proto::control::{ActiveDevice, EndReason, Join, JoinReply};

    pub use crate::client::Joining;
    pub use crate::supervisor::Link;
}

pub mod kept {
    //! The files of the state folder: hubs, keys, and devices that are remembered.

    pub use fleetlink_proto::DeviceKey;
    pub use fleetlink_proto::control::EnrolledKey;

    pub use crate::chosen::{Choice, Chosen};
    pub use crate::device_keys::DeviceKeys;
    pub use crate::key_pair::KeyPair;
    pub use crate::known_devices::{KnownDevice, KnownDevices};
    pub use crate::known_hubs::KnownHubs;
    pub use crate::partial::remove_incomplete_files;
    pub use crate::replaced::ReplacedDevices;
    pub use crate::state::state_folder;
    pub use crate::succession::Moved;
}

/// The parts that [`Client`] is made of, for the tests and benchmarks of this project, which drive
/// each by itself. They change without notice.
#[doc(hidden)]
pub mod internals {
    pub use crate::append::append_stream;
    pub use crate::attach::{Attached, Credential, CurrentCredential, Dialer, Sessions};
    pub use crate::backoff::Backoff;
    pub use crate::connect::{Connection, Trust, connect};
    pub use crate::delete::delete_file;
    pub use crate::direct::{Announcement, Credentials, Listener, NotRemembered, OpenFile, Peer};
    pub use crate::download::{download, download_to_file};
    pub use crate::hub_clock::HubClock;
    pub use crate::inbox::Incoming;
    pub use crate::kept_file::off_runtime;
    pub use crate::pending_key::PendingKey;
    pub use crate::succession::Successor;
    pub use crate::supervisor::Supervisor;
    pub use crate::temporary::write_whole;
    pub use crate::upload::{upload_file, upload_stream};
}

use append::{AppendEvent, AppendRules, Appended, append_stream};
use attach::{Attached, Credential, Dialer, Sessions};
use backoff::Backoff;
use chosen::Chosen;
use connect::{Connection, Trust, connect};
use delete::delete_file;
use device_keys::DeviceKeys;
use direct::{
    Announcement, Control, Credentials, Endpoint, Listener, NotRemembered, OpenFile, Peer,
};
use download::{Downloaded, download, download_to_file};
use hub_clock::HubClock;
use idempotency::new_key;
use inbox::Inbox;
use key_pair::KeyPair;
use known_devices::{KnownDevice, KnownDevices};
use known_hubs::KnownHubs;
use reader::{RefusedInput, SampleReader};
use state::state_folder;
use succession::{Moved, Successor};
use supervisor::{Link, Supervisor};
use temporary::Existing;
use upload::{UploadTask, Uploaded, upload_stream};
