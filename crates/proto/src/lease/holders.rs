//! Counts the ids of each client network, if there is a limit.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::limits::IDS;
use crate::ClientNetwork;

/// Counts the ids that sources hold. At most one entry an id: memory is bounded and taken at the
/// start.
#[derive(Debug)]
pub(super) struct Holders {
    most: u32,
    held: HashMap<ClientNetwork, u32>,
    /// All leases last equally long, so they expire in the order of their grants.
    expiring: VecDeque<(Duration, ClientNetwork)>,
}

impl Holders {
    pub(super) fn new(most: u32) -> Self {
        Holders {
            most,
            held: HashMap::with_capacity(IDS.into()),
            expiring: VecDeque::with_capacity(IDS.into()),
        }
    }

    /// Whether the client network may hold one more.
    pub(super) fn may_hold(&mut self, network: ClientNetwork, now: Duration) -> bool {
        self.release_expired(now);
        self.held.get(&network).is_none_or(|held| *held < self.most)
    }

    /// The client network holds one more until `expires`.
    pub(super) fn grant(&mut self, network: ClientNetwork, expires: Duration) {
        *self.held.entry(network).or_default() += 1;
        self.expiring.push_back((expires, network));
    }

    fn release_expired(&mut self, now: Duration) {
        while let Some((_, network)) = self.expiring.pop_front_if(|(expires, _)| *expires <= now) {
            if let Some(held) = self.held.get_mut(&network) {
                *held -= 1;
                if *held == 0 {
                    self.held.remove(&network);
                }
            }
        }
    }
}
