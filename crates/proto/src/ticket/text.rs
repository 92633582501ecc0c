//! A ticket as text, for people, files and QR codes. docs/protocol/trust.md is its
//! layout.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE32_NOPAD_NOCASE as BASE32;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::Zeroizing;

use super::{NamePrefix, TicketSecret, TicketSubject};
use crate::{DeviceName, HubPin};

/// The most addresses of a hub in one ticket.
pub const MAX_TICKET_ADDRESSES: usize = 8;
/// The longest address in a ticket, in bytes.
pub const MAX_TICKET_ADDRESS_BYTES: usize = 255;
/// The longest ticket, in bytes before they become text: its QR code still fits a terminal.
pub const MAX_TICKET_BYTES: usize = 512;

/// The most characters behind the mark: five bits each.
const MAX_TICKET_DIGITS: usize = (MAX_TICKET_BYTES * 8).div_ceil(5);
/// The start of every ticket's text.
const MARK: &str = "fl1";
/// The layout of the bytes.
const VERSION: u8 = 1;
const OF_NAME: u8 = 0;
const OF_PREFIX: u8 = 1;
const CHECKSUM_BYTES: usize = 4;

/// All that a device needs to join without a password, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinTicket {
    hub: HubPin,
    secret: TicketSecret,
    subject: TicketSubject,
    addresses: Vec<String>,
}

/// The reason why a text is no ticket. The text itself is never part of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TicketTextError {
    /// It does not begin as a ticket does.
    #[error("this is no join ticket: one begins with {MARK}")]
    Foreign,
    /// It is a ticket of another version.
    #[error("this join ticket is of a newer form than this program knows")]
    Newer,
    /// It holds what no ticket does.
    #[error("the join ticket is mistyped: it is made of letters and the digits 2 to 7 only")]
    Character,
    /// Its parts or its checksum are wrong.
    #[error("the join ticket is mistyped or incomplete: its checksum is wrong; copy it once more")]
    Mistyped,
}

/// The reason why there can be no such ticket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TicketFormError {
    /// Nobody could find the hub, or there are too many ways.
    #[error("a ticket names 1 to {MAX_TICKET_ADDRESSES} addresses of its hub, not {0}")]
    Addresses(usize),
    /// An address is none that a ticket can carry.
    #[error(
        "an address in a ticket is HOST:PORT in printable ASCII of at most \
         {MAX_TICKET_ADDRESS_BYTES} bytes"
    )]
    Address,
    /// All of it together is too long.
    #[error("the ticket would be too long: name fewer addresses, or shorter ones")]
    TooLong,
}

impl JoinTicket {
    /// A ticket of the hub with this pin, which is at these addresses (`host:port`), the best first.
    ///
    /// # Errors
    /// The addresses are too many, too long or none.
    pub fn new(
        hub: HubPin,
        secret: TicketSecret,
        subject: TicketSubject,
        addresses: Vec<String>,
    ) -> Result<Self, TicketFormError> {
        if !(1..=MAX_TICKET_ADDRESSES).contains(&addresses.len()) {
            return Err(TicketFormError::Addresses(addresses.len()));
        }
        if !addresses.iter().all(|address| is_address(address)) {
            return Err(TicketFormError::Address);
        }
        let ticket = JoinTicket {
            hub,
            secret,
            subject,
            addresses,
        };
        if ticket.to_bytes().len() > MAX_TICKET_BYTES {
            return Err(TicketFormError::TooLong);
        }
        Ok(ticket)
    }

    /// The pin of the hub's key.
    pub fn hub(&self) -> HubPin {
        self.hub
    }

    /// The secret by which the hub finds the ticket.
    pub fn secret(&self) -> &TicketSecret {
        &self.secret
    }

    /// For whom it is.
    pub fn subject(&self) -> &TicketSubject {
        &self.subject
    }

    /// The hub's addresses, `host:port`, the best first; at least one.
    pub fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// The text, in lower case; in upper case it is the same ticket.
    pub fn to_text(&self) -> Zeroizing<String> {
        let bytes = self.to_bytes();
        // Long enough from the first: a buffer that grows leaves copies behind.
        let mut text = Zeroizing::new(String::with_capacity(MARK.len() + 2 * bytes.len()));
        text.push_str(MARK);
        BASE32.encode_append(&bytes, &mut text);
        text.make_ascii_lowercase();
        text
    }

    fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let most = 128 + self.addresses.iter().map(|a| a.len() + 1).sum::<usize>();
        let mut bytes = Zeroizing::new(Vec::with_capacity(most));
        bytes.push(VERSION);
        bytes.extend_from_slice(self.hub.as_bytes());
        bytes.extend_from_slice(self.secret.expose());
        bytes.push(match self.subject {
            TicketSubject::Name(_) => OF_NAME,
            TicketSubject::Prefix(_) => OF_PREFIX,
        });
        push_text(&mut bytes, self.subject.as_name().as_str());
        bytes.push(u8::try_from(self.addresses.len()).expect("at most eight"));
        for address in &self.addresses {
            push_text(&mut bytes, address);
        }
        let checksum = checksum(&bytes);
        bytes.extend_from_slice(&checksum);
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (content, check) = bytes.split_last_chunk::<CHECKSUM_BYTES>()?;
        if checksum(content) != *check {
            return None;
        }
        let mut rest = content;
        let [VERSION] = *take(&mut rest)? else {
            return None;
        };
        let hub = HubPin::from_sha256(*take(&mut rest)?);
        let secret = TicketSecret::from_bytes(*take(&mut rest)?);
        let [kind] = *take(&mut rest)?;
        let name = take_text(&mut rest)?;
        let subject = match kind {
            OF_NAME => TicketSubject::Name(name.parse::<DeviceName>().ok()?),
            OF_PREFIX => TicketSubject::Prefix(name.parse::<NamePrefix>().ok()?),
            _ => return None,
        };
        let [count] = *take(&mut rest)?;
        let mut addresses = Vec::new();
        for _ in 0..count {
            addresses.push(take_text(&mut rest)?.to_owned());
        }
        let ticket = JoinTicket::new(hub, secret, subject, addresses).ok()?;
        rest.is_empty().then_some(ticket)
    }
}

fn is_address(text: &str) -> bool {
    text.len() <= MAX_TICKET_ADDRESS_BYTES
        && text.contains(':')
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn checksum(content: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let hash = blake3::hash(content);
    let mut checksum = [0; CHECKSUM_BYTES];
    checksum.copy_from_slice(&hash.as_bytes()[..CHECKSUM_BYTES]);
    checksum
}

fn push_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.push(u8::try_from(text.len()).expect("names and addresses have at most 255 bytes"));
    bytes.extend_from_slice(text.as_bytes());
}

fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (taken, left) = rest.split_first_chunk()?;
    *rest = left;
    Some(taken)
}

fn take_text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let [length] = *take(rest)?;
    let (text, left) = rest.split_at_checked(usize::from(length))?;
    *rest = left;
    std::str::from_utf8(text).ok()
}

/// The bytes of these digits. The same bytes have one spelling, apart from its case: the bits behind
/// the last byte are zero.
fn decode(digits: &str) -> Option<Zeroizing<Vec<u8>>> {
    let length = BASE32.decode_len(digits.len()).ok()?;
    let mut bytes = Zeroizing::new(vec![0; length]);
    BASE32.decode_mut(digits.as_bytes(), &mut bytes).ok()?;
    Some(bytes)
}

impl FromStr for JoinTicket {
    type Err = TicketTextError;

    /// Reads a ticket in either case, with white space and hyphens anywhere.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut digits = text.chars().filter(|c| !c.is_whitespace() && *c != '-');
        for (place, expected) in MARK.chars().enumerate() {
            match digits.next().map(|c| c.to_ascii_lowercase()) {
                Some(found) if found == expected => {}
                Some('2'..='9') if place == MARK.len() - 1 => return Err(TicketTextError::Newer),
                _ => return Err(TicketTextError::Foreign),
            }
        }
        let mut text = Zeroizing::new(String::with_capacity(MAX_TICKET_DIGITS));
        for digit in digits {
            if !matches!(digit, 'a'..='z' | 'A'..='Z' | '2'..='7') {
                return Err(TicketTextError::Character);
            }
            if text.len() == MAX_TICKET_DIGITS {
                return Err(TicketTextError::Mistyped);
            }
            text.push(digit);
        }
        let bytes = decode(&text).ok_or(TicketTextError::Mistyped)?;
        JoinTicket::from_bytes(&bytes).ok_or(TicketTextError::Mistyped)
    }
}

impl Serialize for JoinTicket {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_text())
    }
}

impl<'de> Deserialize<'de> for JoinTicket {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = JoinTicket;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a join ticket")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<JoinTicket, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
