//! The lock-out: how many wrong passwords a name has had, and until when it is blocked.
//!
//! An attempt counts before its password is checked: a name's failures and its checks under way
//! together never exceed the limit, so parallel guesses are no way around it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fleetlink_proto::control::limits::{BLOCK_TIME, MAX_UNKNOWN_NAMES};

use crate::settings::MaxAttempts;

/// The failures of every name that has some.
#[derive(Debug)]
pub(crate) struct Lockouts {
    max_attempts: u8,
    names: BTreeMap<Box<str>, Attempts>,
    idle: IdleUnknown,
    /// Counts up with every change, so that the oldest unknown name is known.
    changes: u64,
}

/// Names without an account and without a check under way: those that may make room.
#[derive(Debug, Default)]
struct IdleUnknown {
    /// By their last change.
    counting: BTreeSet<(u64, Box<str>)>,
    /// By the end of their block.
    blocked: BTreeSet<(Duration, Box<str>)>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Attempts {
    failed: u8,
    /// Checks under way.
    pending: u8,
    blocked_until: Option<Duration>,
    /// Whether there is an account of this name: such an entry never makes room.
    known: bool,
    changed: u64,
}

/// What a wrong password led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Another try is allowed.
    Counted,
    /// The name is blocked from now on.
    Blocked,
}

impl Lockouts {
    pub(crate) fn new(max_attempts: MaxAttempts) -> Self {
        Lockouts {
            max_attempts: max_attempts.get(),
            names: BTreeMap::new(),
            idle: IdleUnknown::default(),
            changes: 0,
        }
    }

    /// For how long the name stays blocked.
    pub(crate) fn blocked_for(&self, name: &str, now: Duration) -> Option<Duration> {
        let until = self.names.get(name)?.blocked_until?;
        until.checked_sub(now).filter(|left| !left.is_zero())
    }

    /// Whether one more check of this name may begin.
    pub(crate) fn has_room(&self, name: &str, now: Duration) -> bool {
        let attempts = self.names.get(name).copied().unwrap_or_default();
        let attempts = attempts.at(now);
        // A blocked name has none left: its failures are at the limit.
        attempts.failed + attempts.pending < self.max_attempts
    }

    /// A check begins: the attempt counts from here on. Only where there is room.
    pub(crate) fn begin(&mut self, name: &str, known: bool, now: Duration) {
        self.change(name, now, |attempts| {
            attempts.known = known;
            attempts.pending += 1;
        });
    }

    /// A check ended with the right password: the count is zero again.
    pub(crate) fn succeed(&mut self, name: &str, now: Duration) {
        self.change(name, now, |attempts| {
            attempts.pending = attempts.pending.saturating_sub(1);
            attempts.failed = 0;
        });
    }

    /// A check ended with a wrong password.
    pub(crate) fn fail(&mut self, name: &str, now: Duration) -> Failure {
        let max = self.max_attempts;
        self.change(name, now, |attempts| {
            attempts.pending = attempts.pending.saturating_sub(1);
            attempts.failed += 1;
            if attempts.failed < max {
                return Failure::Counted;
            }
            attempts.blocked_until = Some(now + BLOCK_TIME);
            Failure::Blocked
        })
    }

    /// Ends a block and forgets the failures.
    pub(crate) fn unlock(&mut self, name: &str, now: Duration) {
        self.change(name, now, |attempts| {
            attempts.failed = 0;
            attempts.blocked_until = None;
        });
    }

    /// There is an account of this name from now on, or no longer.
    pub(crate) fn set_known(&mut self, name: &str, known: bool, now: Duration) {
        if self.names.contains_key(name) {
            self.change(name, now, |attempts| attempts.known = known);
        }
    }

    fn change<T>(
        &mut self,
        name: &str,
        now: Duration,
        change: impl FnOnce(&mut Attempts) -> T,
    ) -> T {
        let before = self.names.remove(name).unwrap_or_default();
        self.idle.remove(name, before);
        let mut after = before.at(now);
        let outcome = change(&mut after);
        self.changes += 1;
        after.changed = self.changes;
        if !after.is_clear() {
            self.names.insert(name.into(), after);
            self.idle.insert(name, after);
        }
        while let Some(name) = self.idle.pop_excess(now) {
            self.names.remove(&name);
        }
        outcome
    }
}

impl Attempts {
    /// The count as it is now: after a block it is zero.
    fn at(self, now: Duration) -> Self {
        match self.blocked_until {
            Some(until) if until <= now => Attempts {
                failed: 0,
                blocked_until: None,
                ..self
            },
            _ => self,
        }
    }

    fn is_clear(self) -> bool {
        self.failed == 0 && self.pending == 0 && self.blocked_until.is_none()
    }
}

impl IdleUnknown {
    fn insert(&mut self, name: &str, attempts: Attempts) {
        match attempts.blocked_until {
            _ if attempts.known || attempts.pending > 0 => {}
            Some(until) => _ = self.blocked.insert((until, name.into())),
            None => _ = self.counting.insert((attempts.changed, name.into())),
        }
    }

    fn remove(&mut self, name: &str, attempts: Attempts) {
        match attempts.blocked_until {
            Some(until) => _ = self.blocked.remove(&(until, name.into())),
            None => _ = self.counting.remove(&(attempts.changed, name.into())),
        }
    }

    /// A name to forget: its block is over, or there are too many. Those that are blocked go last.
    fn pop_excess(&mut self, now: Duration) -> Option<Box<str>> {
        if self.blocked.first().is_some_and(|(until, _)| *until <= now) {
            return self.blocked.pop_first().map(|(_, name)| name);
        }
        if self.counting.len() + self.blocked.len() <= MAX_UNKNOWN_NAMES {
            return None;
        }
        let oldest = self.counting.pop_first().map(|(_, name)| name);
        oldest.or_else(|| self.blocked.pop_first().map(|(_, name)| name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(100);

    fn lockouts(max: &str) -> Lockouts {
        Lockouts::new(max.parse().unwrap())
    }

    fn wrong(lockouts: &mut Lockouts, name: &str, now: Duration) -> Failure {
        assert!(lockouts.has_room(name, now));
        lockouts.begin(name, false, now);
        lockouts.fail(name, now)
    }

    #[test]
    fn an_attempt_counts_before_its_check() {
        let mut lockouts = lockouts("3");
        for _ in 0..3 {
            assert!(lockouts.has_room("a", START));
            lockouts.begin("a", true, START);
        }
        assert!(!lockouts.has_room("a", START));
        assert!(lockouts.has_room("b", START), "names do not share a count");
    }

    #[test]
    fn the_last_failure_blocks_for_ten_seconds_and_then_the_count_is_zero() {
        let mut lockouts = lockouts("2");
        assert_eq!(wrong(&mut lockouts, "a", START), Failure::Counted);
        assert_eq!(wrong(&mut lockouts, "a", START), Failure::Blocked);
        assert_eq!(lockouts.blocked_for("a", START), Some(BLOCK_TIME));
        assert!(!lockouts.has_room("a", START));
        let later = START + BLOCK_TIME;
        assert_eq!(lockouts.blocked_for("a", later), None);
        assert_eq!(wrong(&mut lockouts, "a", later), Failure::Counted);
        assert_eq!(wrong(&mut lockouts, "a", later), Failure::Blocked);
    }

    #[test]
    fn a_success_resets_the_count_of_what_has_failed() {
        let mut lockouts = lockouts("2");
        wrong(&mut lockouts, "a", START);
        lockouts.begin("a", true, START);
        lockouts.succeed("a", START);
        assert!(lockouts.names.is_empty());
        assert_eq!(wrong(&mut lockouts, "a", START), Failure::Counted);
    }

    #[test]
    fn unknown_names_are_bounded_and_the_blocked_go_last() {
        let mut lockouts = lockouts("1");
        wrong(&mut lockouts, "blocked", START);
        lockouts.max_attempts = 2;
        wrong(&mut lockouts, "oldest", START);
        for n in 0..MAX_UNKNOWN_NAMES {
            wrong(&mut lockouts, &n.to_string(), START);
        }
        assert_eq!(lockouts.names.len(), MAX_UNKNOWN_NAMES);
        assert!(lockouts.blocked_for("blocked", START).is_some());
        assert!(!lockouts.names.contains_key("oldest"));
        assert!(!lockouts.names.contains_key("0"));
        assert!(lockouts.names.contains_key("1"));
    }

    #[test]
    fn names_with_an_account_or_a_check_under_way_never_make_room() {
        let mut lockouts = lockouts("2");
        lockouts.begin("checked", false, START);
        lockouts.begin("account", true, START);
        lockouts.fail("account", START);
        for n in 0..=MAX_UNKNOWN_NAMES {
            wrong(&mut lockouts, &n.to_string(), START);
        }
        assert!(lockouts.names.contains_key("checked"));
        assert!(lockouts.names.contains_key("account"));
        lockouts.set_known("account", false, START);
        for n in 0..=MAX_UNKNOWN_NAMES {
            wrong(&mut lockouts, &format!("x{n}"), START);
        }
        assert!(!lockouts.names.contains_key("account"));
    }

    #[test]
    fn the_operator_ends_a_block() {
        let mut lockouts = lockouts("1");
        wrong(&mut lockouts, "a", START);
        lockouts.unlock("a", START);
        assert_eq!(lockouts.blocked_for("a", START), None);
        assert!(lockouts.has_room("a", START));
    }
}
