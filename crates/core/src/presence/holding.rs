//! The holding of a name: the joins of one holder, until somebody else joins under the name. A
//! holder is a key that several sessions have shown, or one session that has shown none.

use std::net::IpAddr;

use fleetlink_proto::{DeviceKey, Generation};

use crate::caller::Means;

/// The latest holder of a name, also after all its sessions have left.
#[derive(Debug)]
pub(super) struct Holding {
    /// The generation of the holder's first join in this run of the hub.
    first: Generation,
    /// The key that its sessions have shown; a holder without one has a single session.
    pub(super) key: Option<DeviceKey>,
    /// The generation that the first join gave as the one before. Its reply may have been lost, so
    /// the device may give the same one again.
    rejoined: Option<Generation>,
    /// The newest join in an earlier run of the hub that a session has come back from, where nobody
    /// has joined anew.
    before: Option<Generation>,
    /// Nobody else has held the name in this run.
    is_first: bool,
    /// The latest join.
    pub(super) by: Joiner,
}

/// The origin of a join, for the devices that it concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Joiner {
    pub(crate) address: IpAddr,
    pub(crate) means: Means,
}

/// The generations that a hub has given.
#[derive(Debug, Clone, Copy)]
pub(super) struct Generations {
    /// The last one of the hub's earlier runs.
    pub(super) before: Generation,
    /// The last one.
    pub(super) last: Generation,
}

impl Holding {
    /// A join by somebody else than the holder until now, if there was one.
    pub(super) fn new(
        generation: Generation,
        key: Option<DeviceKey>,
        (rejoin, by): (Option<Generation>, Joiner),
        earlier: Option<&Holding>,
        run: Generations,
    ) -> Self {
        let before = rejoin.and_then(|rejoin| match earlier {
            Some(holding) if rejoin > run.before => holding.before,
            _ => Some(rejoin),
        });
        Holding {
            first: generation,
            key,
            rejoined: rejoin,
            before,
            is_first: earlier.is_none(),
            by,
        }
    }

    /// A further join of the holder.
    pub(super) fn joined_again(
        &mut self,
        rejoin: Option<Generation>,
        by: Joiner,
        run: Generations,
    ) {
        self.before = match rejoin {
            None => None,
            Some(rejoin) if rejoin > run.before => self.before,
            Some(rejoin) => self.before.map(|before| before.max(rejoin)),
        };
        self.by = by;
    }

    pub(super) fn is_of(&self, key: Option<DeviceKey>) -> bool {
        key.is_some() && self.key == key
    }

    /// Whether a session that gives this generation is one of the holder's: between its first join
    /// and the latest one nobody else has joined under the name.
    pub(super) fn knows(&self, generation: Generation, run: Generations) -> bool {
        (self.first..=run.last).contains(&generation) || Some(generation) == self.rejoined
    }

    /// Whether a session that gives this generation of its join before, and has shown this key,
    /// belongs to the holder or is newer. `is_active`: whether the holder has a session.
    pub(super) fn may_rejoin(
        &self,
        rejoin: Generation,
        key: Option<DeviceKey>,
        is_active: bool,
        run: Generations,
    ) -> bool {
        if self.knows(rejoin, run) {
            return true;
        }
        if rejoin > run.last {
            // Of a run whose clock was ahead: nothing says who is newer.
            return !is_active || self.is_of(key);
        }
        if rejoin > run.before {
            return false;
        }
        // In an earlier run the two were one device, or the newer one is to have the name.
        (self.is_first && self.is_of(key)) || self.before.is_some_and(|before| rejoin >= before)
    }
}
