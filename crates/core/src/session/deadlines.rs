//! When something is to be done next.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::ids::SessionId;

/// One deadline a session, the earliest first.
#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    queue: BTreeSet<(Duration, SessionId)>,
    of: BTreeMap<SessionId, Duration>,
}

impl Deadlines {
    /// Sets the session's one deadline.
    pub(crate) fn set(&mut self, session: SessionId, at: Duration) {
        if let Some(before) = self.of.insert(session, at) {
            if before == at {
                return;
            }
            self.queue.remove(&(before, session));
        }
        self.queue.insert((at, session));
    }

    pub(crate) fn clear(&mut self, session: SessionId) {
        if let Some(at) = self.of.remove(&session) {
            self.queue.remove(&(at, session));
        }
    }

    pub(crate) fn next(&self) -> Option<Duration> {
        self.queue.first().map(|&(at, _)| at)
    }

    /// Takes a session whose deadline has come.
    pub(crate) fn pop_due(&mut self, now: Duration) -> Option<SessionId> {
        let &(at, session) = self.queue.first()?;
        if at > now {
            return None;
        }
        self.clear(session);
        Some(session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_deadline_replaces_the_earlier() {
        let mut deadlines = Deadlines::default();
        let [one, two] = [SessionId(1), SessionId(2)];
        deadlines.set(one, Duration::from_secs(1));
        deadlines.set(two, Duration::from_secs(2));
        deadlines.set(one, Duration::from_secs(3));
        assert_eq!(deadlines.next(), Some(Duration::from_secs(2)));
        assert_eq!(deadlines.pop_due(Duration::from_secs(1)), None);
        assert_eq!(deadlines.pop_due(Duration::from_secs(3)), Some(two));
        assert_eq!(deadlines.pop_due(Duration::from_secs(3)), Some(one));
        assert_eq!(deadlines.next(), None);
    }
}
