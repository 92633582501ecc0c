//! Notices for a person although nothing failed.

use std::fmt;

use fleetlink_proto::{DeviceName, HubPin};

use crate::{Error, HubAddress, Moved};

/// A notice for the person who runs the program; its `Display` is a sentence.
#[derive(Debug)]
#[non_exhaustive]
pub enum Notice {
    /// The hub cannot be reached yet and is waited for.
    Waiting {
        /// The address of the hub.
        address: HubAddress,
        /// The reason for which it cannot be reached.
        error: Error,
    },
    /// The hub is remembered at this address too, since it has the key of one that was met before.
    SameHub {
        /// The new address.
        address: HubAddress,
        /// The address at which it was met.
        met_at: String,
    },
    /// The pin that was given is right, and could not be remembered.
    PinNotKept {
        /// The pin.
        pin: HubPin,
        /// The error.
        error: Error,
    },
    /// The hub has a new key, which the old one has announced.
    HubMoved(Moved),
    /// The hub does not know this device by its key any more; the password is tried.
    KeyRefused,
    /// The device has a key from now on.
    Enrolled {
        /// The device.
        device: DeviceName,
    },
    /// The hub knows this name by another key than this device's, so none was enrolled.
    AnotherKey,
    /// The device could not be enrolled.
    NotEnrolled(Error),
    /// The key of another device could not be remembered, so that a change of it goes unnoticed.
    PeerNotRemembered {
        /// The device.
        device: DeviceName,
        /// The error.
        error: Error,
    },
    /// A ticket was used: the device has an account and a key from now on.
    Redeemed {
        /// The device.
        device: DeviceName,
        /// The address at which the hub was found.
        address: HubAddress,
    },
}

impl Notice {
    /// Tells whether somebody should look at this: something did not succeed, or a key changed.
    pub fn is_warning(&self) -> bool {
        match self {
            Notice::PinNotKept { .. }
            | Notice::HubMoved(_)
            | Notice::KeyRefused
            | Notice::AnotherKey
            | Notice::NotEnrolled(_)
            | Notice::PeerNotRemembered { .. } => true,
            Notice::Waiting { .. }
            | Notice::SameHub { .. }
            | Notice::Enrolled { .. }
            | Notice::Redeemed { .. } => false,
        }
    }

    /// Writes the notice to the log, at the level that it deserves.
    pub(super) fn log(&self) {
        match self.is_warning() {
            true => tracing::warn!("{self}"),
            false => tracing::info!("{self}"),
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::Waiting { address, error } => {
                write!(f, "waiting for the hub at {address}: {error}")
            }
            Notice::SameHub { address, met_at } => write!(
                f,
                "The hub at {address} has the key of the one that was met at {met_at}: it is the \
                 same hub, and is remembered at this address too."
            ),
            Notice::PinNotKept { pin, error } => {
                write!(f, "the pin {pin} could not be remembered: {error}")
            }
            Notice::HubMoved(moved) => write!(f, "{moved}"),
            Notice::KeyRefused => {
                f.write_str("The hub does not know this device by its key any more.")
            }
            Notice::Enrolled { device } => write!(f, "{device} now has a key"),
            Notice::AnotherKey => f.write_str("the hub knows this name by another key"),
            Notice::NotEnrolled(error) => write!(f, "this device could not be enrolled: {error}"),
            Notice::PeerNotRemembered { device, error } => write!(
                f,
                "the key of {device} could not be remembered, so that a change of it goes unnoticed: \
                 {error}"
            ),
            Notice::Redeemed { device, .. } => {
                write!(
                    f,
                    "this device is {device} from now on, by a key of its own"
                )
            }
        }
    }
}

impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Moved {
            address, old, new, ..
        } = self;
        write!(
            f,
            "The hub at {address} has a new key, announced by its old one. Its pin is {new} now; it \
             was {old}."
        )?;
        match &self.not_kept {
            Some(error) => write!(f, " It could not be kept: {error}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Level, Metadata, Subscriber};

    use super::*;

    /// The levels of the lines that were logged.
    #[derive(Clone, Default)]
    struct Levels(Arc<Mutex<Vec<Level>>>);

    impl Subscriber for Levels {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, event: &Event<'_>) {
            self.0.lock().unwrap().push(*event.metadata().level());
        }

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    fn level(notice: &Notice) -> Level {
        let levels = Levels::default();
        tracing::subscriber::with_default(levels.clone(), || notice.log());
        let seen = levels.0.lock().unwrap();
        assert_eq!(seen.len(), 1, "{notice}");
        seen[0]
    }

    #[test]
    fn a_notice_that_somebody_should_look_at_is_a_warning() {
        let device: DeviceName = "cam".parse().unwrap();
        let address: HubAddress = "hub:1".parse().unwrap();
        let (old, new) = (HubPin::from_sha256([1; 32]), HubPin::from_sha256([2; 32]));
        let error = || Error::usage("x");
        for warning in [
            Notice::PinNotKept {
                pin: old,
                error: error(),
            },
            Notice::HubMoved(Moved {
                address: address.clone(),
                old,
                new,
                not_kept: None,
            }),
            Notice::KeyRefused,
            Notice::AnotherKey,
            Notice::NotEnrolled(error()),
            Notice::PeerNotRemembered {
                device: device.clone(),
                error: error(),
            },
        ] {
            assert!(warning.is_warning(), "{warning}");
            assert_eq!(level(&warning), Level::WARN, "{warning}");
        }
        for other in [
            Notice::Waiting {
                address: address.clone(),
                error: error(),
            },
            Notice::SameHub {
                address: address.clone(),
                met_at: "h:1".to_owned(),
            },
            Notice::Enrolled {
                device: device.clone(),
            },
            Notice::Redeemed { device, address },
        ] {
            assert!(!other.is_warning(), "{other}");
            assert_eq!(level(&other), Level::INFO, "{other}");
        }
    }
}
