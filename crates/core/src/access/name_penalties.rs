//! Penalties of one name: a client network that keeps failing on a name may not try passwords of it for a
//! while. Without them, whoever guesses whenever a lock-out is over would keep the name locked out,
//! and its owner out. Other names are tried from the client network as before: people behind one address do
//! not answer for each other.

use std::net::IpAddr;
use std::time::Duration;

use fleetlink_proto::control::limits::{
    FAILED_NAME_KEPT, MAX_FAILING_NETWORKS, NAME_PENALTY_LOCK_OUTS,
};
use fleetlink_proto::{ClientNetwork, ContentHash};

use crate::access::attempts::Penalty;
use crate::access::penalties::subject;
use crate::access::remembered::Remembered;
use crate::settings::{MaxAttempts, PenaltySettings};

/// A name, as it was tried from a client network; a hash, so that its size does not depend on what was
/// sent.
type Pair = (ClientNetwork, [u8; 32]);

/// The failures of every network on every name that it has some on.
#[derive(Debug)]
pub(crate) struct NamePenalties {
    /// `None` where there are no penalties.
    settings: Option<PenaltySettings>,
    /// The wrong passwords that begin the first penalty.
    failures: u32,
    records: Remembered<Pair, Record>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Record {
    failures: u32,
    /// The length of the last penalty.
    last: Duration,
    /// The end of the last penalty.
    until: Duration,
    /// The time at which all of this is forgotten.
    kept: Duration,
}

/// The wrong passwords that begin the first penalty.
fn failures(max_attempts: MaxAttempts) -> u32 {
    NAME_PENALTY_LOCK_OUTS * u32::from(max_attempts.get())
}

impl NamePenalties {
    /// Other settings hold from now on.
    pub(crate) fn set(&mut self, settings: Option<PenaltySettings>, max_attempts: MaxAttempts) {
        self.settings = settings;
        self.failures = failures(max_attempts);
    }

    pub(crate) fn new(settings: Option<PenaltySettings>, max_attempts: MaxAttempts) -> Self {
        NamePenalties {
            settings,
            failures: failures(max_attempts),
            records: Remembered::at_most(MAX_FAILING_NETWORKS),
        }
    }

    /// For how long passwords of this name from this address are still refused.
    pub(crate) fn refused_for(
        &self,
        address: IpAddr,
        name: &str,
        now: Duration,
    ) -> Option<Duration> {
        if self.records.is_empty() {
            return None;
        }
        let (network, _) = subject(self.settings, address)?;
        let left = self
            .records
            .get(pair(network, name))?
            .until
            .checked_sub(now);
        left.filter(|left| !left.is_zero())
    }

    /// The client networks that are under a penalty, and for how much longer.
    pub(crate) fn under_way(
        &self,
        now: Duration,
    ) -> impl Iterator<Item = (ClientNetwork, Duration)> {
        self.records
            .iter()
            .filter_map(move |((source, _), record)| {
                let left = record.until.checked_sub(now)?;
                (!left.is_zero()).then_some((*source, left))
            })
    }

    /// A password of this name, sent from this address, was wrong; the penalty that begins by it.
    pub(crate) fn fail(&mut self, address: IpAddr, name: &str, now: Duration) -> Option<Penalty> {
        let (network, settings) = subject(self.settings, address)?;
        let pair = pair(network, name);
        let record = self.records.take(pair).filter(|record| record.kept > now);
        let mut record = record.unwrap_or_default();
        let begun = record.fail(self.failures, &settings, now);
        self.records.put(pair, record, record.kept);
        self.records.make_room(now);
        begun.map(|time| Penalty { network, time })
    }

    /// The right password of this name came from this address.
    pub(crate) fn forgive(&mut self, address: IpAddr, name: &str) {
        if let Some((network, _)) = subject(self.settings, address) {
            self.records.take(pair(network, name));
        }
    }

    /// Forgets who has failed on this name.
    pub(crate) fn unlock(&mut self, name: &str) {
        let name = hash(name);
        self.records.retain(|(_, failed)| failed != name);
    }
}

impl Record {
    /// Counts a failure; how long the penalty is that begins by it. What was under way when a
    /// penalty began changes nothing.
    fn fail(
        &mut self,
        failures: u32,
        settings: &PenaltySettings,
        now: Duration,
    ) -> Option<Duration> {
        if self.until > now {
            return None;
        }
        self.failures = self.failures.saturating_add(1);
        self.kept = now.saturating_add(FAILED_NAME_KEPT);
        if self.failures < failures {
            return None;
        }
        let time = self.last.saturating_mul(2);
        let time = time.max(settings.base).min(settings.max);
        self.last = time;
        self.until = now.saturating_add(time);
        self.kept = self.until.saturating_add(FAILED_NAME_KEPT);
        Some(time)
    }
}

fn pair(network: ClientNetwork, name: &str) -> Pair {
    (network, hash(name))
}

fn hash(name: &str) -> [u8; 32] {
    *ContentHash::of(name.as_bytes()).as_bytes()
}

#[cfg(test)]
#[path = "name_penalties_tests.rs"]
mod tests;
