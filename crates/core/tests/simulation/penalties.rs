//! Rules for penalties: passwords of a client network are refused as long as the rule says, and no longer.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use fleetlink_core::{Now, PenaltySettings};
use fleetlink_proto::ClientNetwork;
use fleetlink_testkit::{NamePenaltyModel, PenaltyModel};

use crate::guesses::name_of;

pub(crate) struct Penalties {
    settings: Option<PenaltySettings>,
    model: PenaltyModel,
    names: NamePenaltyModel,
    /// The client network that sent each password: every one is tried once.
    tried: BTreeMap<String, ClientNetwork>,
    /// Penalties that began and of which the operator was not told yet.
    begun: Vec<(ClientNetwork, Option<String>, Duration)>,
}

impl Penalties {
    pub(crate) fn new(settings: Option<PenaltySettings>, max_attempts: u8) -> Self {
        let PenaltySettings {
            names, base, max, ..
        } = settings.unwrap_or_default();
        Penalties {
            settings,
            model: PenaltyModel::new(names, base, max),
            names: NamePenaltyModel::new(max_attempts, base, max),
            tried: BTreeMap::new(),
            begun: Vec::new(),
        }
    }

    /// Returns the client network against which passwords from this address count.
    pub(crate) fn network(&self, address: IpAddr) -> Option<ClientNetwork> {
        let settings = self.settings?;
        let counts = settings.loopback || !address.is_loopback();
        counts.then(|| ClientNetwork::of(address))
    }

    pub(crate) fn tried(&mut self, password: &str, network: Option<ClientNetwork>) {
        if let Some(network) = network {
            self.tried.insert(password.to_owned(), network);
        }
    }

    pub(crate) fn wrong(&mut self, password: &str, now: Now) {
        let Some(&network) = self.tried.get(password) else {
            return;
        };
        let (name, now) = (name_of(password), now.monotonic);
        let before = self.model.penalties(network);
        self.model.wrong(network, name, now);
        if self.model.penalties(network) > before {
            let time = self.model.left(network, now);
            self.begun.push((network, None, time.expect("has begun")));
        }
        let was_penalised = self.names.left(network, name, now).is_some();
        self.names.wrong(network, name, now);
        if let Some(time) = self
            .names
            .left(network, name, now)
            .filter(|_| !was_penalised)
        {
            self.begun.push((network, Some(name.to_owned()), time));
        }
    }

    pub(crate) fn right(&mut self, password: &str, now: Now) {
        if let Some(&network) = self.tried.get(password) {
            self.model.right(network, name_of(password), now.monotonic);
            self.names.right(network, name_of(password));
        }
    }

    /// Returns the rest of the penalty of the client network that sent this password.
    pub(crate) fn left(&self, password: &str, now: Now) -> Option<Duration> {
        let network = self.tried.get(password)?;
        let all = self.model.left(*network, now.monotonic);
        let one = self.names.left(*network, name_of(password), now.monotonic);
        all.max(one)
    }

    /// Whether passwords from this network are refused.
    pub(crate) fn holds(&self, network: ClientNetwork, now: Now) -> bool {
        self.model.left(network, now.monotonic).is_some()
    }

    /// The operator was told.
    pub(crate) fn shown(&mut self, network: ClientNetwork, name: Option<&String>, time: Duration) {
        assert_eq!(self.begun.pop(), Some((network, name.cloned(), time)));
    }

    /// The operator has ended a name's lock-out.
    pub(crate) fn unlock(&mut self, name: &str) {
        self.names.unlock(name);
    }

    pub(crate) fn all_are_shown(&self) -> bool {
        self.begun.is_empty()
    }
}
