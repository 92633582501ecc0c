//! The admissions of secrets' holders: a bounded part of what the store has, by hash.

use std::collections::BTreeMap;
use std::time::Duration;

use fleetlink_proto::access::AccessHash;
use fleetlink_proto::access::limits::{ADMISSION_FRESH, LAST_USE_INTERVAL, MAX_CACHED_ADMISSIONS};
use fleetlink_proto::{DeviceName, WallTime};

use crate::store::admission::{Admission, PageSessions, TokenId};
use crate::time::Now;

/// The tokens and sessions of the page that were used last.
///
/// What was read is believed for a second: another hub on the same store may have revoked it. What this
/// hub revokes is forgotten at once. A secret that admits nobody is not kept, so strangers who make up
/// secrets push nothing out.
#[derive(Debug, Default)]
pub(crate) struct Admissions {
    known: BTreeMap<AccessHash, Known>,
    /// The one that was used the longest ago first.
    by_use: BTreeMap<u64, AccessHash>,
    uses: u64,
    /// The last uses that the store has not been told of. All of them are known.
    to_note: BTreeMap<AccessHash, WallTime>,
}

#[derive(Debug)]
struct Known {
    admission: Admission,
    read: Duration,
    used: u64,
    /// The time at which its last use was noted, by the monotonic clock.
    noted: Option<Duration>,
}

impl Admissions {
    /// The admission of this secret's holder, if that was read just now.
    pub(crate) fn fresh(&self, secret: &AccessHash, now: Now) -> Option<&Admission> {
        let known = self.known.get(secret)?;
        let is_fresh = now.monotonic.saturating_sub(known.read) < ADMISSION_FRESH;
        is_fresh.then_some(&known.admission)
    }

    /// The same, whenever that was read; if its time is not over.
    pub(crate) fn valid(&self, secret: &AccessHash, now: WallTime) -> Option<&Admission> {
        let known = &self.known.get(secret)?.admission;
        Some(known).filter(|admission| admission.is_valid(now))
    }

    /// Whether this secret admits, whatever its time.
    pub(crate) fn knows(&self, secret: &AccessHash) -> bool {
        self.known.contains_key(secret)
    }

    /// Takes in what the store says of this secret.
    pub(crate) fn put(&mut self, secret: AccessHash, found: Option<Admission>, now: Now) {
        let before = self.remove(&secret);
        let Some(admission) = found.filter(|found| found.is_valid(now.wall)) else {
            self.to_note.remove(&secret);
            return;
        };
        if self.known.len() >= MAX_CACHED_ADMISSIONS
            && let Some((_, oldest)) = self.by_use.pop_first()
        {
            self.known.remove(&oldest);
            self.to_note.remove(&oldest);
        }
        self.uses += 1;
        self.by_use.insert(self.uses, secret);
        let known = Known {
            admission,
            read: now.monotonic,
            used: self.uses,
            noted: before.and_then(|before| before.noted),
        };
        self.known.insert(secret, known);
    }

    /// The secret is used now. Where its time is over, that changes nothing.
    pub(crate) fn use_now(&mut self, secret: &AccessHash, now: Now) {
        let known = self.known.get_mut(secret);
        let Some(known) = known.filter(|known| known.admission.is_valid(now.wall)) else {
            return;
        };
        self.uses += 1;
        self.by_use.remove(&known.used);
        known.used = self.uses;
        self.by_use.insert(self.uses, *secret);
        if let Admission::Session(session) = &mut known.admission {
            session.used = now.wall;
        }
        let is_due = |noted| now.monotonic.saturating_sub(noted) >= LAST_USE_INTERVAL;
        if known.noted.is_none_or(is_due) {
            known.noted = Some(now.monotonic);
            self.to_note.insert(*secret, now.wall);
        }
    }

    /// Takes the uses that the store shall be told of.
    pub(crate) fn take_to_note(&mut self) -> Vec<(AccessHash, WallTime)> {
        std::mem::take(&mut self.to_note).into_iter().collect()
    }

    /// Forgets a token.
    pub(crate) fn forget_token(&mut self, id: TokenId) {
        self.forget(|_, admission| matches!(admission, Admission::Token(token) if token.id == id));
    }

    /// Forgets the tokens that act as a device.
    pub(crate) fn forget_device(&mut self, device: &DeviceName) {
        self.forget(|_, admission| admission.device() == Some(device));
    }

    /// Forgets these sessions.
    pub(crate) fn forget_sessions(&mut self, gone: &PageSessions) {
        self.forget(|_, admission| {
            matches!(admission, Admission::Session(session) if gone.contains(session))
        });
    }

    /// Forgets what this secret admits its holder as.
    pub(crate) fn forget_secret(&mut self, gone: &AccessHash) {
        self.forget(|secret, _| secret == gone);
    }

    fn forget(&mut self, is_gone: impl Fn(&AccessHash, &Admission) -> bool) {
        let known = self.known.iter();
        let gone = known.filter(|(secret, known)| is_gone(secret, &known.admission));
        let gone: Vec<_> = gone.map(|(secret, _)| *secret).collect();
        for secret in &gone {
            self.remove(secret);
            self.to_note.remove(secret);
        }
    }

    fn remove(&mut self, secret: &AccessHash) -> Option<Known> {
        let known = self.known.remove(secret)?;
        self.by_use.remove(&known.used);
        Some(known)
    }
}

#[cfg(test)]
mod tests {
    use fleetlink_proto::access::Role;

    use super::*;
    use crate::store::admission::PageSession;

    fn now(seconds: u64) -> Now {
        Now {
            monotonic: Duration::from_secs(seconds),
            wall: WallTime::from_unix_millis(i64::try_from(seconds * 1000).unwrap()),
        }
    }

    fn secret(number: usize) -> AccessHash {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&(number as u64).to_be_bytes());
        AccessHash::from_bytes(bytes)
    }

    fn session(at: Now) -> Option<Admission> {
        Some(Admission::Session(PageSession {
            login: Some("ana".parse().unwrap()),
            role: Role::Viewer,
            opened: at.wall,
            used: at.wall,
        }))
    }

    #[test]
    fn memory_is_bounded_and_what_was_used_last_stays() {
        let mut admissions = Admissions::default();
        for number in 0..MAX_CACHED_ADMISSIONS + 5 {
            admissions.put(secret(number), session(now(0)), now(0));
            admissions.use_now(&secret(0), now(0));
        }
        assert_eq!(admissions.known.len(), MAX_CACHED_ADMISSIONS);
        assert_eq!(admissions.by_use.len(), MAX_CACHED_ADMISSIONS);
        assert!(admissions.fresh(&secret(0), now(0)).is_some());
        assert!(admissions.fresh(&secret(1), now(0)).is_none());
        admissions.put(secret(9999), None, now(0));
        assert_eq!(
            admissions.known.len(),
            MAX_CACHED_ADMISSIONS,
            "nobody is kept"
        );
        assert_eq!(admissions.take_to_note().len(), 1);
        admissions.forget_sessions(&PageSessions::OfLinks);
        assert_eq!(admissions.known.len(), MAX_CACHED_ADMISSIONS);
        admissions.forget_sessions(&PageSessions::OfLogin("ana".parse().unwrap()));
        assert!(admissions.known.is_empty() && admissions.by_use.is_empty());
    }

    #[test]
    fn a_use_is_noted_once_a_minute_whatever_is_read_meanwhile() {
        let mut admissions = Admissions::default();
        let mut noted = 0;
        for second in 0..180 {
            admissions.put(secret(1), session(now(0)), now(second));
            admissions.use_now(&secret(1), now(second));
            noted += admissions.take_to_note().len();
        }
        assert_eq!(noted, 3);
    }
}
