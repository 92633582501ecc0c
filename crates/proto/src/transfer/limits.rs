//! Every limit, size and time of transfers between devices, in one place. docs/protocol/transfer.md
//! lists them.

use std::time::Duration;

/// The protocol's name and version in the QUIC handshake (RFC 7301).
pub const ALPN: &[u8] = b"fleetlink-transfer/2";

/// Bytes of a file in one block; only the last block of a file is shorter.
pub const BLOCK_BYTES: u32 = 1024 * 1024;
/// Bytes in front of every frame's payload: its kind, and its length.
pub const FRAME_HEADER_BYTES: usize = 5;
/// Bytes of the number in front of a block's content.
pub const BLOCK_NUMBER_BYTES: u32 = 4;
/// The longest payload of a frame that is no block, in bytes.
pub const MAX_MESSAGE_BYTES: u32 = 16 * 1024;
/// The longest name of a file, in bytes.
pub const MAX_FILE_NAME_BYTES: usize = 255;
/// The longest explanation in a refusal or an end, in bytes; a longer one is cut where it is made,
/// and refused where it is read.
pub const MAX_EXPLANATION_BYTES: usize = 512;
/// The most bytes of one file: as many as blocks can be numbered, 4 PiB.
pub const MAX_FILE_BYTES: u64 = BLOCK_BYTES as u64 * (u32::MAX as u64 + 1);
/// Files of one connection that may be under way; the others wait at the sender.
pub const MAX_FILES_PER_CONNECTION: u32 = 12;

/// Addresses at which a device may say that it takes files.
pub const MAX_ADDRESSES: usize = 16;
/// Addresses that one dial tries: those, and the one from which the hub sees the device.
pub const MAX_DIALLED_ADDRESSES: usize = MAX_ADDRESSES + 1;

/// The longest time for a peer to answer a dial.
pub const DIAL_DEADLINE: Duration = Duration::from_secs(10);
/// From the connection to the introduction, and from that to its answer.
pub const INTRODUCTION_DEADLINE: Duration = Duration::from_secs(10);
/// From the opening of a stream to the whole offer.
pub const OFFER_DEADLINE: Duration = Duration::from_secs(10);
/// From the offer to its answer.
pub const ANSWER_DEADLINE: Duration = Duration::from_secs(60);
/// The longest time that a transfer may stand still while its connection lives, up to the receipt,
/// unless another time is set.
pub const STALL_DEADLINE: Duration = Duration::from_secs(600);
/// The time between two states of a device, which say how far it is and for what it waits.
pub const STATE_STEP: Duration = Duration::from_secs(1);
/// The time that a side waits for the end of a stream when everything has been sent.
pub const GOODBYE_DEADLINE: Duration = Duration::from_secs(5);
/// A connection from which nothing came for this long is gone; both ends show life every 5 s.
pub const IDLE_DEADLINE: Duration = Duration::from_secs(15);
/// Statements of new hub keys that go with a grant. A hub changes its key a few times in a year, and
/// a device learns the new one whenever it connects.
pub const MAX_GRANT_SUCCESSION: usize = 16;
/// The longest life of a grant, from its signature on.
pub const GRANT_LIFETIME: Duration = Duration::from_secs(120);
/// The longest time that a connection may be open without a file under way.
pub const UNUSED_DEADLINE: Duration = Duration::from_secs(60);
/// The longest life of an endpoint's certificate, from its signature on.
pub const CERTIFICATE_LIFETIME: Duration = Duration::from_secs(600);

/// Files of one device that are under way by its reports; the hub refuses to hear of more.
pub const MAX_REPORTED_PER_DEVICE: usize = 64;
/// The same of all devices of a hub.
pub const MAX_REPORTED_PER_HUB: usize = 4_096;
/// Files of one device that are over and still known; with one more the oldest is forgotten.
pub const MAX_ENDED_PER_DEVICE: usize = 100;
/// The same of all devices of a hub.
pub const MAX_ENDED_PER_HUB: usize = 2_000;
/// Grants of one device under which it may report; with one more the oldest without a file under way is
/// forgotten.
pub const MAX_REPORTING_GRANTS_PER_DEVICE: usize = 64;
/// The same of all devices of a hub.
pub const MAX_REPORTING_GRANTS_PER_HUB: usize = 8_192;
/// The time between two files that a device begins to report, in the long run.
pub const REPORTED_FILE_STEP: Duration = Duration::from_millis(20);
/// The time for which a device may be ahead of that: 500 files at once.
pub const REPORTED_FILES_AHEAD: Duration = Duration::from_secs(10);
/// The time between two reports of a file while it is under way.
pub const REPORT_STEP: Duration = Duration::from_secs(1);
/// A file under way whose session has ended is over when no other session of its sender has reported it
/// for this long: the longest pause of a device that comes back.
pub const REPORT_SILENCE: Duration = Duration::from_secs(60);

/// The times that a transfer's waits may take. Tests set shorter ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// [`INTRODUCTION_DEADLINE`].
    pub introduction: Duration,
    /// [`OFFER_DEADLINE`].
    pub offer: Duration,
    /// [`ANSWER_DEADLINE`].
    pub answer: Duration,
    /// [`STALL_DEADLINE`].
    pub stall: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Deadlines {
            introduction: INTRODUCTION_DEADLINE,
            offer: OFFER_DEADLINE,
            answer: ANSWER_DEADLINE,
            stall: STALL_DEADLINE,
        }
    }
}
