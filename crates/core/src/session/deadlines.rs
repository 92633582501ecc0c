//! The times at which something is to be done.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::ids::SessionId;

/// The deadlines of the sessions, the earliest first.
#[derive(Debug, Default)]
pub(crate) struct Deadlines(BTreeSet<(Duration, SessionId)>);

/// A session's one deadline, where it has one.
#[derive(Debug, Default)]
pub(crate) struct Deadline(Option<Duration>);

impl Deadlines {
    /// Sets the session's deadline, or takes it away.
    pub(crate) fn set(
        &mut self,
        session: SessionId,
        deadline: &mut Deadline,
        at: Option<Duration>,
    ) {
        if deadline.0 == at {
            return;
        }
        if let Some(before) = std::mem::replace(&mut deadline.0, at) {
            self.0.remove(&(before, session));
        }
        if let Some(at) = at {
            self.0.insert((at, session));
        }
    }

    pub(crate) fn next(&self) -> Option<Duration> {
        self.0.first().map(|&(at, _)| at)
    }

    /// A session whose deadline has come.
    pub(crate) fn due(&self, now: Duration) -> Option<SessionId> {
        let &(at, session) = self.0.first()?;
        (at <= now).then_some(session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_deadline_replaces_the_earlier() {
        let mut deadlines = Deadlines::default();
        let [one, two] = [SessionId(1), SessionId(2)];
        let (mut of_one, mut of_two) = (Deadline::default(), Deadline::default());
        let at = |seconds| Some(Duration::from_secs(seconds));
        deadlines.set(one, &mut of_one, at(1));
        deadlines.set(two, &mut of_two, at(2));
        deadlines.set(one, &mut of_one, at(3));
        assert_eq!(deadlines.next(), at(2));
        assert_eq!(deadlines.due(Duration::from_secs(1)), None);
        assert_eq!(deadlines.due(Duration::from_secs(3)), Some(two));
        deadlines.set(two, &mut of_two, None);
        assert_eq!(deadlines.due(Duration::from_secs(3)), Some(one));
        deadlines.set(one, &mut of_one, None);
        assert_eq!(deadlines.next(), None);
    }
}
