//! One connection of a device, and how far it has come.

use std::net::IpAddr;
use std::time::Duration;

use fleetlink_proto::control::limits::{HELLO_DEADLINE, LOGIN_DEADLINE, silence_limit};
use fleetlink_proto::{DeviceKey, DeviceName, Generation};

use crate::caller::Proof;
use crate::session::deadlines::Deadline;
use crate::session::nonces::Nonces;

/// An open session.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) address: IpAddr,
    pub(crate) stage: Stage,
    /// The proof of its login, once it has logged in.
    pub(crate) proof: Option<Proof>,
    /// The key of which it has shown that it is the device's: by its login, or by enrolling it.
    pub(crate) key: Option<DeviceKey>,
    /// The time of its connection.
    pub(crate) since: Duration,
    /// The time of its last sign of life.
    pub(crate) heard: Duration,
    /// Calls of it that the hub has not answered: it may be waiting for them in silence.
    pub(crate) owed: usize,
    /// The deadline that was set last.
    pub(super) armed: Deadline,
    /// The nonces with which it may log in.
    pub(crate) nonces: Nonces,
}

/// The state of a session.
#[derive(Debug)]
pub(crate) enum Stage {
    /// Nothing was agreed on.
    Connected,
    /// Speaks a common version, and has not proved who it is.
    Greeted {
        /// The time of its connection, or of its last try to log in.
        tried: Duration,
        /// The name of a login that is not decided yet.
        deciding: Option<Box<str>>,
    },
    /// May issue commands under this name; listed nowhere.
    Attached { name: DeviceName },
    /// Is the device of this name.
    Joined {
        name: DeviceName,
        generation: Generation,
    },
}

/// The step for which a session took too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overdue {
    Hello,
    Login,
    Life,
}

impl Session {
    pub(crate) fn new(address: IpAddr, now: Duration) -> Self {
        Session {
            address: address.to_canonical(),
            stage: Stage::Connected,
            proof: None,
            key: None,
            since: now,
            heard: now,
            owed: 0,
            armed: Deadline::default(),
            nonces: Nonces::default(),
        }
    }

    /// The name under which it is logged in.
    pub(crate) fn name(&self) -> Option<&DeviceName> {
        match &self.stage {
            Stage::Connected | Stage::Greeted { .. } => None,
            Stage::Attached { name } | Stage::Joined { name, .. } => Some(name),
        }
    }

    /// The time by which it must do something, and what; `None` while it waits for the hub.
    pub(crate) fn deadline(&self, keep_alive: Duration) -> Option<(Duration, Overdue)> {
        if self.owed > 0 {
            return None;
        }
        let silence = (self.heard + silence_limit(keep_alive), Overdue::Life);
        Some(match self.stage {
            Stage::Connected => (self.since + HELLO_DEADLINE, Overdue::Hello),
            Stage::Greeted {
                tried,
                deciding: None,
            } if tried + LOGIN_DEADLINE <= silence.0 => (tried + LOGIN_DEADLINE, Overdue::Login),
            _ => silence,
        })
    }

    /// The hub did nothing for this time, so it could not hear.
    pub(crate) fn excuse(&mut self, time: Duration) {
        self.since += time;
        self.heard += time;
        if let Stage::Greeted { tried, .. } = &mut self.stage {
            *tried += time;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEP_ALIVE: Duration = Duration::from_secs(10);

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn every_stage_has_its_deadline() {
        let mut session = Session::new([192, 0, 2, 1].into(), at(100));
        session.heard = at(105);
        assert_eq!(
            session.deadline(KEEP_ALIVE),
            Some((at(110), Overdue::Hello))
        );

        session.stage = Stage::Greeted {
            tried: at(100),
            deciding: None,
        };
        assert_eq!(session.deadline(KEEP_ALIVE), Some((at(120), Overdue::Life)));
        session.heard = at(395);
        assert_eq!(
            session.deadline(KEEP_ALIVE),
            Some((at(400), Overdue::Login))
        );

        session.stage = Stage::Greeted {
            tried: at(100),
            deciding: Some("a".into()),
        };
        assert_eq!(session.deadline(KEEP_ALIVE), Some((at(410), Overdue::Life)));

        let name = "a".parse().unwrap();
        session.stage = Stage::Attached { name };
        assert_eq!(session.deadline(KEEP_ALIVE), Some((at(410), Overdue::Life)));

        session.owed = 1;
        assert_eq!(session.deadline(KEEP_ALIVE), None, "the hub's turn");
    }
}
