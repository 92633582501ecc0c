//! The attempts of one hub, in bounded tables.

use std::net::IpAddr;

use crate::access::attempts::{
    AttemptLimits, Attempts, Failed, Fault, LockedOut, Standing, UnderPenalty,
};
use crate::access::lockout::Lockouts;
use crate::access::name_penalties::NamePenalties;
use crate::access::penalties::Penalties;
use crate::settings::Settings;
use crate::time::Now;

/// The attempts of one hub, in bounded tables, by its monotonic time.
#[derive(Debug)]
pub struct AttemptTables {
    lockouts: Lockouts,
    penalties: Penalties,
    name_penalties: NamePenalties,
}

impl AttemptTables {
    /// Tables without an attempt.
    pub fn new(settings: &Settings) -> Self {
        AttemptTables {
            lockouts: Lockouts::new(settings.max_attempts),
            penalties: Penalties::new(settings.penalties),
            name_penalties: NamePenalties::new(settings.penalties, settings.max_attempts),
        }
    }
}

impl Attempts for AttemptTables {
    fn standing(&self, address: IpAddr, name: &str, now: Now) -> Standing {
        let now = now.monotonic;
        let network = self.penalties.refused_for(address, now);
        let of_name = self.name_penalties.refused_for(address, name, now);
        if let Some(left) = network {
            return Standing::Penalised(left.max(of_name.unwrap_or_default()), Fault::ManyNames);
        }
        if let Some(left) = of_name {
            return Standing::Penalised(left, Fault::OneName);
        }
        match self.lockouts.locked_out_for(name, now) {
            Some(left) => Standing::LockedOut(left),
            None if self.lockouts.has_room(name, now) => Standing::Checked,
            None => Standing::Waits,
        }
    }

    fn begin(&mut self, name: &str, now: Now) {
        self.lockouts.begin(name, now.monotonic);
    }

    fn succeed(&mut self, address: IpAddr, name: &str, now: Now) {
        self.lockouts.succeed(name, now.monotonic);
        self.penalties.forgive(address, name);
        self.name_penalties.forgive(address, name);
    }

    fn fail(&mut self, address: IpAddr, name: &str, now: Now) -> Failed {
        let now = now.monotonic;
        Failed {
            lockout: self.lockouts.fail(name, now),
            of_name: self.name_penalties.fail(address, name, now),
            of_network: self.penalties.fail(address, name, now),
        }
    }

    fn unlock(&mut self, name: &str, now: Now) {
        self.lockouts.unlock(name, now.monotonic);
        self.name_penalties.unlock(name);
    }

    fn set_limits(&mut self, limits: AttemptLimits) {
        let AttemptLimits {
            max_attempts,
            penalties,
        } = limits;
        self.lockouts.set_limit(max_attempts);
        self.penalties.set(penalties);
        self.name_penalties.set(penalties, max_attempts);
    }

    fn locked_out(&self, now: Now) -> Vec<LockedOut> {
        self.lockouts.locked_out(now.monotonic).collect()
    }

    fn penalties(&self, now: Now) -> Vec<UnderPenalty> {
        let of = |fault| {
            move |(source, left)| UnderPenalty {
                source,
                fault,
                left,
            }
        };
        let of_networks = self.penalties.under_way(now.monotonic);
        let of_names = self.name_penalties.under_way(now.monotonic);
        let of_networks = of_networks.map(of(Fault::ManyNames));
        of_networks
            .chain(of_names.map(of(Fault::OneName)))
            .collect()
    }
}
