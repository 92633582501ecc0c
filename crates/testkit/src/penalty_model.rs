//! The rule of penalties once more, as plainly as SECURITY.md says it: every question plays a
//! source's whole history from its beginning. Nothing is ever forgotten to save room.

use std::collections::BTreeMap;
use std::time::Duration;

use fleetlink_proto::ClientNetwork;

const KEPT: Duration = Duration::from_secs(600);

pub struct PenaltyModel {
    pub names: usize,
    pub base: Duration,
    pub max: Duration,
    histories: BTreeMap<ClientNetwork, Vec<(Duration, String, Outcome)>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Wrong,
    Right,
}

#[derive(Default)]
struct Played {
    /// Name, and until when it is remembered; the last failure at the end.
    names: Vec<(String, Duration)>,
    /// Begin and end of every penalty.
    penalties: Vec<(Duration, Duration)>,
}

impl PenaltyModel {
    pub fn new(names: usize, base: Duration, max: Duration) -> Self {
        let histories = BTreeMap::new();
        PenaltyModel {
            names,
            base,
            max,
            histories,
        }
    }

    pub fn wrong(&mut self, source: ClientNetwork, name: &str, now: Duration) {
        let history = self.histories.entry(source).or_default();
        history.push((now, name.to_owned(), Outcome::Wrong));
    }

    pub fn right(&mut self, source: ClientNetwork, name: &str, now: Duration) {
        let history = self.histories.entry(source).or_default();
        history.push((now, name.to_owned(), Outcome::Right));
    }

    /// The rest of the client network's penalty.
    pub fn left(&self, source: ClientNetwork, now: Duration) -> Option<Duration> {
        let played = self.play(source);
        let (_, end) = played.penalties.last()?;
        (*end > now).then(|| *end - now)
    }

    /// The number of the client network's penalties.
    pub fn penalties(&self, source: ClientNetwork) -> usize {
        self.play(source).penalties.len()
    }

    fn play(&self, source: ClientNetwork) -> Played {
        let mut played = Played::default();
        for (at, name, outcome) in self.histories.get(&source).into_iter().flatten() {
            match outcome {
                Outcome::Right => played.names.retain(|(failed, _)| failed != name),
                Outcome::Wrong => played.wrong(self, *at, name),
            }
        }
        played
    }
}

impl Played {
    fn wrong(&mut self, rule: &PenaltyModel, at: Duration, name: &str) {
        let last = self.penalties.last().copied();
        if last.is_some_and(|(_, end)| at < end) {
            return;
        }
        self.names.retain(|(_, until)| at < *until);
        let before = self.names.iter().position(|(failed, _)| failed == name);
        let counts = before.is_none();
        if let Some(before) = before {
            self.names.remove(before);
        }
        self.names.push((name.to_owned(), at + KEPT));
        if !counts || self.names.len() < rule.names {
            return;
        }
        if self.names.len() > rule.names {
            self.names.remove(0);
        }
        let mut time = Duration::ZERO;
        if let Some((began, end)) = last {
            time = (end - began) * 2;
            let mut quiet = at - end;
            while quiet >= KEPT && time > rule.base {
                quiet -= KEPT;
                time /= 2;
            }
        }
        let time = time.clamp(rule.base, rule.max);
        self.penalties.push((at, at + time));
        for (_, until) in &mut self.names {
            *until = at + time + KEPT;
        }
    }
}
