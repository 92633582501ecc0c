//! The order of calls: devices take turns, and so do the sessions of one device.

use std::collections::{HashMap, VecDeque};

use fleetlink_core::{Input, SessionId};
use fleetlink_proto::{ClientNetwork, DeviceName};

/// A party that takes turns with others.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Party {
    /// All sessions that are logged in as this device.
    Device(DeviceName),
    /// All sessions of this client network that are not logged in.
    Stranger(ClientNetwork),
}

/// Calls without a session that may wait for the turns of one party.
const MAX_WAITING_STATELESS: usize = 64;

/// The inputs that keep their order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Line {
    Session(SessionId),
    /// The calls of a party that have no session.
    Stateless(Party),
}

/// The inputs of devices that were not yet given to the core. A session has no more of them here
/// than may be in flight, because it reads no further.
#[derive(Default)]
pub(super) struct Turns {
    waiting: HashMap<Line, VecDeque<Input>>,
    /// The lines of each party that wait, in the order of their turns.
    parties: HashMap<Party, VecDeque<Line>>,
    /// The parties that wait, in the order of their turns.
    ring: VecDeque<Party>,
}

impl Turns {
    pub(super) fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }

    /// Adds something where the session waits already; back where it does not.
    pub(super) fn push_behind(&mut self, session: SessionId, input: Input) -> Option<Input> {
        match self.waiting.get_mut(&Line::Session(session)) {
            Some(queue) => {
                queue.push_back(input);
                None
            }
            None => Some(input),
        }
    }

    /// Adds what a session wants behind what it wanted before.
    pub(super) fn push(
        &mut self,
        session: SessionId,
        party: Party,
        inputs: impl IntoIterator<Item = Input>,
    ) {
        self.push_to(Line::Session(session), party, inputs);
    }

    /// Whether one more call of this party may wait that has no session.
    pub(super) fn has_room(&self, party: &Party) -> bool {
        let line = self.waiting.get(&Line::Stateless(party.clone()));
        line.is_none_or(|line| line.len() < MAX_WAITING_STATELESS)
    }

    /// Adds a call without a session behind those of its party.
    pub(super) fn push_stateless(&mut self, party: Party, input: Input) {
        self.push_to(Line::Stateless(party.clone()), party, [input]);
    }

    fn push_to(&mut self, line: Line, party: Party, inputs: impl IntoIterator<Item = Input>) {
        if let Some(queue) = self.waiting.get_mut(&line) {
            return queue.extend(inputs);
        }
        let queue: VecDeque<_> = inputs.into_iter().collect();
        if queue.is_empty() {
            return;
        }
        self.waiting.insert(line.clone(), queue);
        let lines = self.parties.entry(party.clone()).or_default();
        if lines.is_empty() {
            self.ring.push_back(party);
        }
        lines.push_back(line);
    }

    /// Takes what is next: one input of one line of one party.
    pub(super) fn next(&mut self) -> Option<Input> {
        let party = self.ring.pop_front()?;
        let lines = self.parties.get_mut(&party)?;
        let line = lines.pop_front()?;
        let queue = self.waiting.get_mut(&line)?;
        let input = queue.pop_front();
        match queue.is_empty() {
            true => _ = self.waiting.remove(&line),
            false => lines.push_back(line),
        }
        match lines.is_empty() {
            true => _ = self.parties.remove(&party),
            false => self.ring.push_back(party),
        }
        input
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(session: u64) -> Input {
        Input::Alive {
            session: SessionId(session),
        }
    }

    fn push(turns: &mut Turns, session: u64, device: &str, count: usize) {
        let party = Party::Device(device.parse().unwrap());
        let inputs = std::iter::repeat_with(|| input(session)).take(count);
        turns.push(SessionId(session), party, inputs);
    }

    fn order(turns: &mut Turns) -> Vec<u64> {
        let sessions = std::iter::from_fn(|| turns.next()).map(|input| match input {
            Input::Alive { session } => session.0,
            other => panic!("{other:?}"),
        });
        sessions.collect()
    }

    #[test]
    fn a_flood_of_one_device_delays_another_by_one_turn() {
        let mut turns = Turns::default();
        for session in 1..=100 {
            push(&mut turns, session, "flood", 64);
        }
        assert!(turns.next().is_some());
        push(&mut turns, 500, "other", 3);
        let order = order(&mut turns);
        let places: Vec<usize> = order
            .iter()
            .enumerate()
            .filter_map(|(place, session)| (*session == 500).then_some(place))
            .collect();
        assert_eq!(places, [1, 3, 5]);
        assert_eq!(order.len(), 100 * 64 - 1 + 3);
        assert!(turns.is_empty() && turns.waiting.is_empty() && turns.parties.is_empty());
    }

    #[test]
    fn calls_without_a_session_take_turns_with_the_sessions_of_their_device_and_of_others() {
        let mut turns = Turns::default();
        let party = Party::Device("flood".parse().unwrap());
        let mut admitted = 0;
        while turns.has_room(&party) {
            turns.push_stateless(party.clone(), input(1));
            admitted += 1;
        }
        assert_eq!(admitted, MAX_WAITING_STATELESS);
        push(&mut turns, 2, "flood", 2);
        push(&mut turns, 3, "other", 2);
        assert_eq!(order(&mut turns)[..7], [1, 3, 2, 3, 1, 2, 1]);
        assert!(turns.has_room(&party) && turns.is_empty());
    }

    #[test]
    fn sessions_of_a_device_take_turns_and_each_keeps_its_order() {
        let mut turns = Turns::default();
        push(&mut turns, 1, "cam", 3);
        push(&mut turns, 2, "cam", 2);
        assert!(turns.push_behind(SessionId(3), input(3)).is_some());
        push(&mut turns, 1, "cam", 1);
        assert!(turns.push_behind(SessionId(2), input(2)).is_none());
        assert_eq!(order(&mut turns), [1, 2, 1, 2, 1, 2, 1]);
    }
}
