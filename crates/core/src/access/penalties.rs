//! Penalties: a client network whose wrong passwords are of many different names may not try passwords for
//! a while. Many failures of one name are the subject of the lock-out and of the penalties of a
//! name; here they count once.
//!
//! A check that was under way when a penalty began changes nothing: the fault was punished already.

use std::net::IpAddr;
use std::time::Duration;

use fleetlink_proto::control::limits::{FAILED_NAME_KEPT, MAX_FAILING_NETWORKS, MAX_PENALTY_NAMES};
use fleetlink_proto::{ClientNetwork, ContentHash};

use crate::access::attempts::Penalty;
use crate::access::remembered::Remembered;
use crate::settings::PenaltySettings;

/// As often as this a time can be halved: what is left of the longest penalty is no more than a
/// moment.
const MAX_HALVINGS: u32 = 31;

/// The failures of every network that has some.
#[derive(Debug)]
pub(crate) struct Penalties {
    /// `None` where there are no penalties.
    settings: Option<PenaltySettings>,
    /// Each is kept until its record says no more than none would. Whoever is penalised, or was for
    /// long, stands behind those who have only failed.
    networks: Remembered<ClientNetwork, Record>,
}

/// The record of a client network.
#[derive(Debug, Default)]
struct Record {
    /// The latest names it failed on, the last one at the end, and until when each is remembered.
    /// Hashes, so that a record's size does not depend on what was sent.
    names: Vec<(ContentHash, Duration)>,
    /// The length of its last penalty.
    last: Duration,
    /// The end of that penalty.
    until: Duration,
}

/// The same with at most as many names as are remembered.
fn bounded(settings: PenaltySettings) -> PenaltySettings {
    PenaltySettings {
        names: settings.names.min(MAX_PENALTY_NAMES),
        ..settings
    }
}

impl Penalties {
    pub(crate) fn new(settings: Option<PenaltySettings>) -> Self {
        Penalties {
            settings: settings.map(bounded),
            networks: Remembered::at_most(MAX_FAILING_NETWORKS),
        }
    }

    /// Other settings hold from now on.
    pub(crate) fn set(&mut self, settings: Option<PenaltySettings>) {
        self.settings = settings.map(bounded);
    }

    /// For how long passwords from this address are still refused.
    pub(crate) fn refused_for(&self, address: IpAddr, now: Duration) -> Option<Duration> {
        let (network, _) = subject(self.settings, address)?;
        let left = self.networks.get(network)?.until.checked_sub(now);
        left.filter(|left| !left.is_zero())
    }

    /// The client networks that are under a penalty, and for how much longer.
    pub(crate) fn under_way(
        &self,
        now: Duration,
    ) -> impl Iterator<Item = (ClientNetwork, Duration)> {
        self.networks.iter().filter_map(move |(source, record)| {
            let left = record.until.checked_sub(now)?;
            (!left.is_zero()).then_some((*source, left))
        })
    }

    /// A password of this name, sent from this address, was wrong; the penalty that begins by it.
    pub(crate) fn fail(&mut self, address: IpAddr, name: &str, now: Duration) -> Option<Penalty> {
        let (network, settings) = subject(self.settings, address)?;
        let begun = self.change(network, &settings, |record| {
            record.fail(ContentHash::of(name.as_bytes()), &settings, now)
        });
        self.networks.make_room(now);
        begun.map(|time| Penalty { network, time })
    }

    /// The right password of this name came from this address: what was wrong before was a slip of
    /// the finger.
    pub(crate) fn forgive(&mut self, address: IpAddr, name: &str) {
        let Some((network, settings)) = subject(self.settings, address) else {
            return;
        };
        if self.networks.contains(network) {
            let name = ContentHash::of(name.as_bytes());
            self.change(network, &settings, |record| {
                record.names.retain(|(failed, _)| *failed != name);
            });
        }
    }

    fn change<T>(
        &mut self,
        network: ClientNetwork,
        settings: &PenaltySettings,
        change: impl FnOnce(&mut Record) -> T,
    ) -> T {
        let mut record = self.networks.take(network).unwrap_or_default();
        let outcome = change(&mut record);
        if !record.is_clear() {
            let until = record.forgotten_at(settings);
            self.networks.put(network, record, until);
        }
        outcome
    }
}

impl Record {
    /// Counts a failure; how long the penalty is that begins by it.
    fn fail(
        &mut self,
        name: ContentHash,
        settings: &PenaltySettings,
        now: Duration,
    ) -> Option<Duration> {
        if self.until > now {
            return None;
        }
        self.names.retain(|(_, kept)| *kept > now);
        let others = self.names.len();
        self.names.retain(|(failed, _)| *failed != name);
        let is_new = self.names.len() == others;
        self.names
            .push((name, now.saturating_add(FAILED_NAME_KEPT)));
        if !is_new || self.names.len() < settings.names {
            return None;
        }
        let oldest = self.names.len() - settings.names;
        self.names.drain(..oldest);
        Some(self.penalise(settings, now))
    }

    /// Begins a penalty: twice the last one, as far as that is not forgotten.
    fn penalise(&mut self, settings: &PenaltySettings, now: Duration) -> Duration {
        let quiet = now.saturating_sub(self.until);
        let halvings = quiet.as_nanos() / FAILED_NAME_KEPT.as_nanos();
        let left = halved(self.last, u32::try_from(halvings).unwrap_or(u32::MAX));
        let time = left.saturating_mul(2).max(settings.base).min(settings.max);
        self.last = time;
        self.until = now.saturating_add(time);
        // While nothing can fail, nothing is forgotten: who comes back after a long penalty has not
        // all names free again.
        let kept = self.until.saturating_add(FAILED_NAME_KEPT);
        for name in &mut self.names {
            name.1 = kept;
        }
        time
    }

    /// The time at which neither a name nor the growth of the next penalty is left.
    fn forgotten_at(&self, settings: &PenaltySettings) -> Duration {
        let names = self.names.last().map_or(Duration::ZERO, |(_, kept)| *kept);
        let grows = |halvings: &u32| halved(self.last, *halvings).saturating_mul(2) > settings.base;
        let halvings = (0..MAX_HALVINGS).find(|n| !grows(n));
        let halvings = halvings.unwrap_or(MAX_HALVINGS);
        let growth = FAILED_NAME_KEPT.saturating_mul(halvings);
        names.max(self.until.saturating_add(growth))
    }

    fn is_clear(&self) -> bool {
        self.names.is_empty() && self.last.is_zero()
    }
}

/// The client network against which a failure from this address counts; none on loopback, unless
/// that is set.
pub(crate) fn subject(
    settings: Option<PenaltySettings>,
    address: IpAddr,
) -> Option<(ClientNetwork, PenaltySettings)> {
    let settings = settings?;
    let counts = settings.loopback || !address.to_canonical().is_loopback();
    counts.then(|| (ClientNetwork::of(address), settings))
}

fn halved(time: Duration, times: u32) -> Duration {
    time / (1 << times.min(MAX_HALVINGS))
}

#[cfg(test)]
#[path = "penalties_tests.rs"]
mod tests;
