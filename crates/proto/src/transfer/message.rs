//! The messages of sender and receiver beside the content.

use serde::{Deserialize, Serialize};

use super::reason::Ended;
use super::{FileName, limits};
use crate::{ContentHash, DeviceName};

/// A sender's offer of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The file's name. It is a text until the receiver has parsed it.
    pub name: String,
    /// Its length, in bytes.
    pub size: u64,
}

/// The receiver takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accept {
    /// The first block that is to be sent. In this version always 0; a receiver that holds the
    /// blocks before it will name a later one.
    pub from_block: u32,
}

/// All content was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// The size of the file in bytes.
    pub bytes: u64,
    /// The hash of all of them.
    pub hash: ContentHash,
}

/// The file is complete, verified and durable under its final name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The sender, as the receiver knows it. The stored name does not tell it: the names and files
    /// of two senders can give the same one. Older receivers do not send it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<DeviceName>,
    /// The name under which the receiver stored it.
    pub stored_as: FileName,
    /// The size in bytes.
    pub bytes: u64,
}

/// A device's progress with a file that is under way. It ends nothing and asks for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Bytes of the content that it has sent, or that came.
    pub bytes: u64,
    /// For what it waits; nothing where it waits for its peer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits: Option<WaitsFor>,
}

/// For what of its own a device waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WaitsFor {
    /// A receiver: for one of its places.
    Place,
    /// A receiver: for its disk.
    Disk,
    /// A sender: for its file.
    Source,
    /// Something that this version does not know.
    #[serde(other)]
    Other,
}

/// One message. Its kind is the frame's first byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// From the sender, first.
    Offer(Offer),
    /// From the receiver, the answer.
    Accept(Accept),
    /// From the receiver, the answer; the end.
    Refuse(Ended),
    /// From the sender, after the last block.
    End(End),
    /// From the receiver; the end.
    Receipt(Receipt),
    /// From either, at any time; the end.
    Cancel(Ended),
    /// From the receiver at any time, from the sender before a block.
    State(State),
}

/// The kinds of frames.
pub(super) mod kind {
    pub(crate) const OFFER: u8 = 0x01;
    pub(crate) const ACCEPT: u8 = 0x02;
    pub(crate) const REFUSE: u8 = 0x03;
    pub(crate) const END: u8 = 0x04;
    pub(crate) const RECEIPT: u8 = 0x05;
    pub(crate) const CANCEL: u8 = 0x06;
    pub(crate) const STATE: u8 = 0x07;
    pub(crate) const BLOCK: u8 = 0x10;
    pub(crate) const INTRODUCTION: u8 = 0x20;
    pub(crate) const WELCOME: u8 = 0x21;
}

impl Message {
    /// The whole frame.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Message::Offer(offer) => frame(kind::OFFER, offer),
            Message::Accept(accept) => frame(kind::ACCEPT, accept),
            Message::Refuse(ended) => frame(kind::REFUSE, ended),
            Message::End(end) => frame(kind::END, end),
            Message::Receipt(receipt) => frame(kind::RECEIPT, receipt),
            Message::Cancel(ended) => frame(kind::CANCEL, ended),
            Message::State(state) => frame(kind::STATE, state),
        }
    }

    /// The message of this kind in a whole payload; `None` where it is none.
    pub(super) fn decode(kind: u8, payload: &[u8]) -> Option<Message> {
        match kind {
            kind::OFFER => parse(payload).map(Message::Offer),
            kind::ACCEPT => parse(payload).map(Message::Accept),
            kind::REFUSE => parse(payload).map(Message::Refuse),
            kind::END => parse(payload).map(Message::End),
            kind::RECEIPT => parse(payload).map(Message::Receipt),
            kind::CANCEL => parse(payload).map(Message::Cancel),
            kind::STATE => parse(payload).map(Message::State),
            _ => None,
        }
    }
}

pub(super) fn parse<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Option<T> {
    serde_json::from_slice(payload).ok()
}

/// A frame of this kind around the message.
pub(super) fn frame(kind: u8, message: &impl Serialize) -> Vec<u8> {
    let mut frame = vec![kind, 0, 0, 0, 0];
    serde_json::to_writer(&mut frame, message).expect("plain data are written to memory");
    let length = frame.len() - limits::FRAME_HEADER_BYTES;
    let length = u32::try_from(length).expect("a message is short");
    frame[1..limits::FRAME_HEADER_BYTES].copy_from_slice(&length.to_be_bytes());
    frame
}
