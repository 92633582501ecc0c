//! What must hold of penalties: passwords of a source are refused as long as the rule says, and no
//! longer.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use fleetlink_core::{Now, PenaltySettings};
use fleetlink_proto::Source;

use crate::guesses::name_of;
use crate::penalties_model::Model;

pub(crate) struct Penalties {
    settings: Option<PenaltySettings>,
    model: Model,
    /// Where each password came from: every one is tried once.
    tried: BTreeMap<String, Source>,
    /// Penalties that began and of which the operator was not told yet.
    begun: Vec<(Source, Duration)>,
}

impl Penalties {
    pub(crate) fn new(settings: Option<PenaltySettings>) -> Self {
        let PenaltySettings {
            names, base, max, ..
        } = settings.unwrap_or_default();
        Penalties {
            settings,
            model: Model::new(names, base, max),
            tried: BTreeMap::new(),
            begun: Vec::new(),
        }
    }

    /// What passwords from this address are counted against.
    pub(crate) fn source(&self, address: IpAddr) -> Option<Source> {
        let settings = self.settings?;
        let counts = settings.loopback || !address.is_loopback();
        counts.then(|| Source::of(address))
    }

    pub(crate) fn tried(&mut self, password: &str, source: Option<Source>) {
        if let Some(source) = source {
            self.tried.insert(password.to_owned(), source);
        }
    }

    pub(crate) fn wrong(&mut self, password: &str, now: Now) {
        let Some(&source) = self.tried.get(password) else {
            return;
        };
        let before = self.model.penalties(source);
        self.model.wrong(source, name_of(password), now.monotonic);
        if self.model.penalties(source) > before {
            let time = self.model.left(source, now.monotonic);
            self.begun.push((source, time.expect("has begun")));
        }
    }

    pub(crate) fn right(&mut self, password: &str, now: Now) {
        if let Some(&source) = self.tried.get(password) {
            self.model.right(source, name_of(password), now.monotonic);
        }
    }

    /// How much is left of the penalty of the source that this password came from.
    pub(crate) fn left(&self, password: &str, now: Now) -> Option<Duration> {
        let source = self.tried.get(password)?;
        self.model.left(*source, now.monotonic)
    }

    /// Whether passwords from this source are refused.
    pub(crate) fn holds(&self, source: Source, now: Now) -> bool {
        self.model.left(source, now.monotonic).is_some()
    }

    /// The operator was told.
    pub(crate) fn shown(&mut self, source: Source, time: Duration) {
        assert_eq!(self.begun.pop(), Some((source, time)));
    }

    pub(crate) fn all_are_shown(&self) -> bool {
        self.begun.is_empty()
    }
}
