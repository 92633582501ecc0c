//! The lock-out: how many wrong passwords a name has had, and until when it is locked out.
//!
//! An attempt counts before its password is checked: a name's failures and its checks under way
//! together never exceed the limit, so parallel guesses are no way around it.
//!
//! Nothing here knows which names have an account: with more names than are remembered, any rule
//! that did would show them apart. Whatever was tried last is forgotten last, and nothing before
//! [`LOCK_OUT_TIME`] has passed. So whoever makes the hub forget gets no more guesses at a name in
//! any such time than whoever waits for its end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fleetlink_proto::control::limits::{LOCK_OUT_TIME, MAX_REMEMBERED_NAMES};

use crate::access::attempts::{LockedOut, LockoutEffect};
use crate::settings::MaxAttempts;

/// The failures of every name that has some.
#[derive(Debug)]
pub(crate) struct Lockouts {
    max_attempts: u8,
    max_names: usize,
    names: BTreeMap<Box<str>, Attempts>,
    idle: Idle,
}

/// Names without a check under way: those that may be forgotten.
#[derive(Debug, Default)]
struct Idle {
    /// By their last failure.
    counting: BTreeSet<(Duration, Box<str>)>,
    /// By the end of their lock-out.
    blocked: BTreeSet<(Duration, Box<str>)>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Attempts {
    failed: u8,
    /// Checks under way.
    pending: u8,
    locked_out_until: Option<Duration>,
    /// The last change; of a name without a check under way that was its last failure.
    changed: Duration,
}

impl Lockouts {
    /// Another number locks a name out from now on.
    pub(crate) fn set_limit(&mut self, max_attempts: MaxAttempts) {
        self.max_attempts = max_attempts.get();
        // Each name has an attempt left, or it would wait for a check that never comes.
        for attempts in self.names.values_mut() {
            if attempts.locked_out_until.is_none() {
                attempts.failed = attempts.failed.min(self.max_attempts - 1);
            }
        }
    }

    pub(crate) fn new(max_attempts: MaxAttempts) -> Self {
        Lockouts {
            max_attempts: max_attempts.get(),
            max_names: MAX_REMEMBERED_NAMES,
            names: BTreeMap::new(),
            idle: Idle::default(),
        }
    }

    /// For how long the name stays locked out.
    pub(crate) fn locked_out_for(&self, name: &str, now: Duration) -> Option<Duration> {
        self.names.get(name)?.locked_out_for(now)
    }

    /// The names that are locked out, in their order.
    pub(crate) fn locked_out(&self, now: Duration) -> impl Iterator<Item = LockedOut> {
        let names = self.names.iter();
        names.filter_map(move |(name, attempts)| {
            Some(LockedOut {
                name: name.clone(),
                left: attempts.locked_out_for(now)?,
            })
        })
    }

    /// Whether one more check of this name may begin.
    pub(crate) fn has_room(&self, name: &str, now: Duration) -> bool {
        let attempts = self.names.get(name).copied().unwrap_or_default();
        let attempts = attempts.at(now);
        // A locked-out name has none left: its failures are at the limit.
        attempts.failed + attempts.pending < self.max_attempts
    }

    /// A check begins: the attempt counts from here on. Only where there is room.
    pub(crate) fn begin(&mut self, name: &str, now: Duration) {
        self.change(name, now, |attempts| attempts.pending += 1);
    }

    /// A check ended with the right password: the count is zero again.
    pub(crate) fn succeed(&mut self, name: &str, now: Duration) {
        self.change(name, now, |attempts| {
            attempts.pending = attempts.pending.saturating_sub(1);
            attempts.failed = 0;
        });
    }

    /// A check ended with a wrong password.
    pub(crate) fn fail(&mut self, name: &str, now: Duration) -> LockoutEffect {
        let max = self.max_attempts;
        self.change(name, now, |attempts| {
            attempts.pending = attempts.pending.saturating_sub(1);
            attempts.failed += 1;
            if attempts.failed < max {
                return LockoutEffect::Counted;
            }
            attempts.locked_out_until = Some(now + LOCK_OUT_TIME);
            LockoutEffect::LockedOut
        })
    }

    /// Ends a lock-out and forgets the failures.
    pub(crate) fn unlock(&mut self, name: &str, now: Duration) {
        self.change(name, now, |attempts| {
            attempts.failed = 0;
            attempts.locked_out_until = None;
        });
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
        after.changed = now;
        if !after.is_clear() {
            self.names.insert(name.into(), after);
            self.idle.insert(name, after);
        }
        while let Some(name) = self.idle.pop_forgotten(self.max_names, now) {
            self.names.remove(&name);
        }
        outcome
    }
}

impl Attempts {
    /// The count as it is now: after a lock-out it is zero.
    fn at(self, now: Duration) -> Self {
        match self.locked_out_until {
            Some(until) if until <= now => Attempts {
                failed: 0,
                locked_out_until: None,
                ..self
            },
            _ => self,
        }
    }

    fn locked_out_for(self, now: Duration) -> Option<Duration> {
        let left = self.locked_out_until?.checked_sub(now);
        left.filter(|left| !left.is_zero())
    }

    fn is_clear(self) -> bool {
        self.failed == 0 && self.pending == 0 && self.locked_out_until.is_none()
    }
}

impl Idle {
    fn insert(&mut self, name: &str, attempts: Attempts) {
        match attempts.locked_out_until {
            _ if attempts.pending > 0 => {}
            Some(until) => _ = self.blocked.insert((until, name.into())),
            None => _ = self.counting.insert((attempts.changed, name.into())),
        }
    }

    fn remove(&mut self, name: &str, attempts: Attempts) {
        match attempts.locked_out_until {
            Some(until) => _ = self.blocked.remove(&(until, name.into())),
            None => _ = self.counting.remove(&(attempts.changed, name.into())),
        }
    }

    /// A name to forget: its lock-out is over, or it is the one of too many that failed the longest
    /// ago. Those that failed within [`LOCK_OUT_TIME`] stay, however many: each cost a core a hash.
    fn pop_forgotten(&mut self, max_names: usize, now: Duration) -> Option<Box<str>> {
        if self.blocked.first().is_some_and(|(until, _)| *until <= now) {
            return self.blocked.pop_first().map(|(_, name)| name);
        }
        if self.counting.len() + self.blocked.len() <= max_names {
            return None;
        }
        let (failed, _) = self.counting.first()?;
        if *failed + LOCK_OUT_TIME > now {
            return None;
        }
        self.counting.pop_first().map(|(_, name)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(100);

    fn lockouts(max: &str) -> Lockouts {
        Lockouts::new(max.parse().unwrap())
    }

    fn wrong(lockouts: &mut Lockouts, name: &str, now: Duration) -> LockoutEffect {
        assert!(lockouts.has_room(name, now));
        lockouts.begin(name, now);
        lockouts.fail(name, now)
    }

    #[test]
    fn an_attempt_counts_before_its_check() {
        let mut lockouts = lockouts("3");
        for _ in 0..3 {
            assert!(lockouts.has_room("a", START));
            lockouts.begin("a", START);
        }
        assert!(!lockouts.has_room("a", START));
        assert!(lockouts.has_room("b", START), "names do not share a count");
    }

    #[test]
    fn the_last_failure_locks_out_for_ten_seconds_and_then_the_count_is_zero() {
        let mut lockouts = lockouts("2");
        assert_eq!(wrong(&mut lockouts, "a", START), LockoutEffect::Counted);
        assert_eq!(wrong(&mut lockouts, "a", START), LockoutEffect::LockedOut);
        assert_eq!(lockouts.locked_out_for("a", START), Some(LOCK_OUT_TIME));
        assert!(!lockouts.has_room("a", START));
        let later = START + LOCK_OUT_TIME;
        assert_eq!(lockouts.locked_out_for("a", later), None);
        assert_eq!(wrong(&mut lockouts, "a", later), LockoutEffect::Counted);
        assert_eq!(wrong(&mut lockouts, "a", later), LockoutEffect::LockedOut);
    }

    #[test]
    fn a_success_resets_the_count_of_what_has_failed() {
        let mut lockouts = lockouts("2");
        wrong(&mut lockouts, "a", START);
        lockouts.begin("a", START);
        lockouts.succeed("a", START);
        assert!(lockouts.names.is_empty());
        assert_eq!(wrong(&mut lockouts, "a", START), LockoutEffect::Counted);
    }

    fn remembered(lockouts: &Lockouts) -> Vec<&str> {
        lockouts.names.keys().map(|name| &**name).collect()
    }

    #[test]
    fn of_too_many_names_the_one_that_failed_the_longest_ago_is_forgotten() {
        let mut lockouts = lockouts("3");
        lockouts.max_names = 2;
        let second = Duration::from_secs(1);
        for (name, at) in [("c", 0), ("a", 1), ("b", 2), ("c", 3)] {
            wrong(&mut lockouts, name, START + at * second);
        }
        assert_eq!(remembered(&lockouts), ["a", "b", "c"], "all are recent");
        wrong(&mut lockouts, "d", START + second + LOCK_OUT_TIME);
        assert_eq!(remembered(&lockouts), ["b", "c", "d"]);
        wrong(&mut lockouts, "e", START + 3 * second + LOCK_OUT_TIME);
        assert_eq!(remembered(&lockouts), ["d", "e"]);
    }

    #[test]
    fn a_lock_out_is_forgotten_at_its_end_and_a_check_under_way_never() {
        let mut lockouts = lockouts("1");
        lockouts.max_names = 0;
        lockouts.begin("checked", START);
        wrong(&mut lockouts, "blocked", START);
        let end = START + LOCK_OUT_TIME;
        wrong(&mut lockouts, "a", end - Duration::from_millis(1));
        assert_eq!(remembered(&lockouts), ["a", "blocked", "checked"]);
        wrong(&mut lockouts, "b", end);
        assert_eq!(remembered(&lockouts), ["a", "b", "checked"]);
        wrong(&mut lockouts, "c", end + 100 * LOCK_OUT_TIME);
        assert_eq!(remembered(&lockouts), ["c", "checked"]);
    }

    /// Guesses at many names, so that some are forgotten all the time.
    #[test]
    fn no_order_of_guesses_gets_more_than_the_limit_in_the_time_of_a_lock_out() {
        const NAMES: u64 = 12;
        let mut lockouts = lockouts("3");
        lockouts.max_names = 4;
        let (mut now, mut random) = (START, 1_u64);
        let mut guesses: BTreeMap<String, Vec<Duration>> = BTreeMap::new();
        let mut forgotten = 0;
        for _ in 0..20_000 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            now += Duration::from_millis((random >> 33) % 3_000);
            let name = ((random >> 50) % NAMES).to_string();
            if !lockouts.has_room(&name, now) {
                continue;
            }
            let of_name = guesses.entry(name.clone()).or_default();
            of_name.push(now);
            forgotten += u32::from(!lockouts.names.contains_key(&*name) && of_name.len() > 1);
            if let [.., first, _, _, last] = of_name[..] {
                assert!(
                    last - first >= LOCK_OUT_TIME,
                    "four of {name} in {:?}",
                    last - first
                );
            }
            wrong(&mut lockouts, &name, now);
        }
        assert!(forgotten > 1_000, "{forgotten}");
    }

    #[test]
    fn the_operator_ends_a_lock_out() {
        let mut lockouts = lockouts("1");
        wrong(&mut lockouts, "a", START);
        lockouts.unlock("a", START);
        assert_eq!(lockouts.locked_out_for("a", START), None);
        assert!(lockouts.has_room("a", START));
    }
}
