//! The rule of a name's penalties once more, as plainly as SECURITY.md says it: every question plays
//! the whole history of a name and a source. Nothing is ever forgotten to save room.

use std::collections::BTreeMap;
use std::time::Duration;

use fleetlink_proto::ClientNetwork;

const KEPT: Duration = Duration::from_secs(600);

pub struct NamePenaltyModel {
    /// The wrong passwords of two blocks.
    pub failures: usize,
    pub base: Duration,
    pub max: Duration,
    /// The times of the wrong passwords.
    histories: BTreeMap<(ClientNetwork, String), Vec<Duration>>,
}

impl NamePenaltyModel {
    pub fn new(max_attempts: u8, base: Duration, max: Duration) -> Self {
        NamePenaltyModel {
            failures: usize::from(max_attempts) * 2,
            base,
            max,
            histories: BTreeMap::new(),
        }
    }

    pub fn wrong(&mut self, source: ClientNetwork, name: &str, now: Duration) {
        let pair = (source, name.to_owned());
        self.histories.entry(pair).or_default().push(now);
    }

    pub fn right(&mut self, source: ClientNetwork, name: &str) {
        self.histories.remove(&(source, name.to_owned()));
    }

    pub fn unlock(&mut self, name: &str) {
        self.histories.retain(|(_, failed), _| failed != name);
    }

    /// The rest of the penalty.
    pub fn left(&self, source: ClientNetwork, name: &str, now: Duration) -> Option<Duration> {
        let (_, end) = *self.penalties(source, name).last()?;
        (end > now).then(|| end - now)
    }

    /// Begin and end of every penalty since the name was last forgotten.
    pub fn penalties(&self, source: ClientNetwork, name: &str) -> Vec<(Duration, Duration)> {
        let history = self.histories.get(&(source, name.to_owned()));
        let mut counted: Vec<Duration> = Vec::new();
        let mut penalties: Vec<(Duration, Duration)> = Vec::new();
        for &at in history.into_iter().flatten() {
            let over = penalties.last().map_or(Duration::ZERO, |(_, end)| *end);
            if at < over {
                continue;
            }
            let last = counted.last().copied().unwrap_or_default().max(over);
            if !counted.is_empty() && at >= last + KEPT {
                (counted, penalties) = (Vec::new(), Vec::new());
            }
            counted.push(at);
            if counted.len() >= self.failures {
                let before = penalties
                    .last()
                    .map_or(Duration::ZERO, |(from, to)| *to - *from);
                let time = (before * 2).clamp(self.base.min(self.max), self.max);
                penalties.push((at, at + time));
            }
        }
        penalties
    }
}
