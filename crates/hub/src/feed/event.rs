//! An event as it is published: its kind, the devices that it is about, and its data.

use fleetlink_proto::DeviceName;
use serde::Serialize;

/// The kinds of events, by the names that readers see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Joined,
    Left,
    /// A data file was replaced.
    Uploaded,
    /// Samples were added to a data file.
    Samples,
    /// A data file was deleted, or a device.
    Deleted,
    LockedOut,
    Unlocked,
    Transfer,
    /// A device's account was changed.
    Account,
    /// A join ticket was issued, used or revoked.
    Ticket,
    /// A login of a person was changed.
    Login,
    /// A token was added or revoked.
    Token,
}

impl Kind {
    pub(crate) const ALL: [Kind; 12] = [
        Kind::Joined,
        Kind::Left,
        Kind::Uploaded,
        Kind::Samples,
        Kind::Deleted,
        Kind::LockedOut,
        Kind::Unlocked,
        Kind::Transfer,
        Kind::Account,
        Kind::Ticket,
        Kind::Login,
        Kind::Token,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Joined => "joined",
            Kind::Left => "left",
            Kind::Uploaded => "uploaded",
            Kind::Samples => "samples",
            Kind::Deleted => "deleted",
            Kind::LockedOut => "locked_out",
            Kind::Unlocked => "unlocked",
            Kind::Transfer => "transfer",
            Kind::Account => "account",
            Kind::Ticket => "ticket",
            Kind::Login => "login",
            Kind::Token => "token",
        }
    }

    /// The kind of this name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The bit of this kind in a set.
    pub(super) fn bit(self) -> u32 {
        let at = Kind::ALL.iter().position(|kind| *kind == self);
        at.map_or(0, |at| 1 << at)
    }
}

/// An event.
#[derive(Debug, Clone)]
pub(crate) struct FeedEvent {
    pub(super) kind: Kind,
    /// The devices whose event it is: none, one, or the two of a transfer.
    pub(super) about: [Option<DeviceName>; 2],
    /// A JSON object, in one line.
    pub(super) data: String,
}

impl FeedEvent {
    /// An event with this data, which is an object in JSON.
    pub(crate) fn new<'a>(
        kind: Kind,
        about: impl IntoIterator<Item = &'a DeviceName>,
        data: &impl Serialize,
    ) -> Self {
        let mut about = about.into_iter().cloned();
        let data = serde_json::to_string(data).unwrap_or_else(|error| {
            tracing::error!(%error, ?kind, "an event cannot be written");
            "{}".to_owned()
        });
        FeedEvent {
            kind,
            about: [about.next(), about.next()],
            data,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_name_and_its_bit() {
        let mut bits = 0_u32;
        for kind in Kind::ALL {
            assert_eq!(Kind::of(kind.name()), Some(kind));
            assert_eq!(bits & kind.bit(), 0);
            bits |= kind.bit();
        }
        assert_eq!(bits.count_ones() as usize, Kind::ALL.len());
        assert_eq!(Kind::of("reset"), None);
    }
}
