//! The one loop that tries something again. What passes is [`Error::retry`]'s to say; how long it is
//! waited for, a [`Patience`]'s.

use std::time::Duration;

use fleetlink_proto::Retry;
use tokio::time::{Instant, sleep};

use crate::limits::{BACKOFF_LONGEST, MAX_IDLE_TRIES, MAX_UNKNOWN_TRIES, REFUSED_WAIT_LONGEST};
use crate::{Backoff, Error, ErrorKind, Result};

/// The limit of the tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// A device that has joined: for ever, and also what passes later only.
    Joined,
    /// Data that wait on this device: for ever, as long as it passes soon.
    Endless,
    /// A change: as long as each few tries bring it further, and as long as a hub may take to let
    /// go of an older session that has the same key.
    Change,
    /// The first words to a hub: for so long, while there is a hub that answers.
    Opening(Duration),
    /// For so long.
    For(Duration),
    /// Another device: for so long, as long as it is the device that is not ready.
    Peer(Duration),
}

/// The tries of one thing.
#[derive(Debug)]
pub(crate) struct Tries {
    patience: Patience,
    backoff: Backoff,
    began: Instant,
    furthest: u64,
    keep_alive: Duration,
    /// The number of times that the host's name was not known.
    unknown: u32,
    /// Since when, and how often, the hub has only answered that it is busy.
    busy: Option<(Instant, u32)>,
}

impl Tries {
    pub(crate) fn new(patience: Patience) -> Self {
        Tries {
            patience,
            backoff: Backoff::default(),
            began: Instant::now(),
            furthest: 0,
            keep_alive: Duration::ZERO,
            unknown: 0,
            busy: None,
        }
    }

    /// The first tries of what has failed a moment ago: the first of them waits, too.
    pub(crate) fn first_wait(&mut self) -> Duration {
        self.backoff.next_wait()
    }

    /// Something went well: waits begin anew.
    pub(crate) fn reset(&mut self) {
        self.backoff.reset();
    }

    /// The time after which no other try begins, where the limit is a time.
    pub(crate) fn until(&self) -> Option<Instant> {
        match self.patience {
            Patience::Opening(limit) | Patience::For(limit) | Patience::Peer(limit) => {
                self.began.checked_add(limit)
            }
            _ => None,
        }
    }

    /// The keep-alive of the session that a try uses.
    pub(crate) fn keep_alive(&mut self, keep_alive: Duration) {
        self.keep_alive = keep_alive;
    }

    /// Notes how far a change came. Tries that bring it further do not count against it.
    pub(crate) fn progressed(&mut self, furthest: u64) {
        if furthest > self.furthest {
            self.furthest = furthest;
            self.backoff.reset();
        }
    }

    /// Returns the wait before another try after this error; `None` where there is no other try.
    pub(crate) fn wait_after(&mut self, error: &Error) -> Option<Duration> {
        let retry = error.retry();
        match self.patience {
            Patience::Joined | Patience::Endless if retry < Retry::Never => {
                let asked = error.asked_wait().min(REFUSED_WAIT_LONGEST);
                Some(self.backoff.next_wait().max(asked))
            }
            // A name may be entered a moment later; a mistyped one is told soon.
            Patience::For(limit) if matches!(error.kind(), ErrorKind::UnknownHost) => {
                self.unknown += 1;
                let left = limit.checked_sub(self.began.elapsed())?;
                let wait = self.next_wait(error).min(left);
                Some(wait).filter(|wait| self.unknown < MAX_UNKNOWN_TRIES && !wait.is_zero())
            }
            _ if retry != Retry::Soon => None,
            Patience::Joined | Patience::Endless => None,
            Patience::Change => self.after_change(error),
            Patience::Opening(_) if !is_of_session(error) => None,
            Patience::Peer(_) if !matches!(error.kind(), ErrorKind::Transfer(_)) => None,
            Patience::Opening(limit) | Patience::For(limit) | Patience::Peer(limit) => {
                let left = limit.checked_sub(self.began.elapsed())?;
                Some(self.next_wait(error).min(left)).filter(|wait| !wait.is_zero())
            }
        }
    }

    fn next_wait(&mut self, error: &Error) -> Duration {
        self.backoff.next_wait().max(asked(error))
    }

    /// A hub that still has an older session of this device, half dead, lets the key go within two
    /// keep-alives; so long it is asked, as often as it says.
    fn after_change(&mut self, error: &Error) -> Option<Duration> {
        if !error.is_busy() {
            self.busy = None;
            return (self.backoff.tries() < MAX_IDLE_TRIES).then(|| self.next_wait(error));
        }
        let (since, tries) = self.busy.get_or_insert_with(|| (Instant::now(), 0));
        if since.elapsed() > self.keep_alive * 2 && *tries >= MAX_IDLE_TRIES {
            return None;
        }
        *tries += 1;
        let asked = asked(error);
        Some(match asked.is_zero() {
            true => self.backoff.next_wait(),
            false => asked,
        })
    }
}

fn asked(error: &Error) -> Duration {
    error.asked_wait().min(BACKOFF_LONGEST)
}

/// Tells whether somebody answered before it went wrong.
fn is_of_session(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Refused(_) | ErrorKind::Closed(_))
}

/// Something that can be tried again.
pub(crate) trait Attempt {
    /// The result.
    type Done;

    /// Tries once.
    fn attempt(&mut self, tries: &mut Tries) -> impl Future<Output = Result<Self::Done>> + Send;

    /// Waits for so long before it is tried again, after this error; an error ends the tries.
    fn wait(&mut self, _error: &Error, wait: Duration) -> impl Future<Output = Result<()>> + Send {
        async move {
            sleep(wait).await;
            Ok(())
        }
    }
}

/// Tries until it succeeds, or fails for a reason that does not pass in time.
pub(crate) async fn retry<A: Attempt>(tries: &mut Tries, attempt: &mut A) -> Result<A::Done> {
    loop {
        match attempt.attempt(tries).await {
            Ok(done) => return Ok(done),
            Err(error) => {
                let Some(wait) = tries.wait_after(&error) else {
                    return Err(error);
                };
                tracing::debug!(%error, ?wait, "trying again");
                attempt.wait(&error, wait).await?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use fleetlink_proto::control::{ErrorCode, RpcError};

    use super::*;
    use crate::Closed;

    const MINUTE: Duration = Duration::from_secs(60);

    fn refused(code: ErrorCode) -> Error {
        Error::refused(RpcError::new(code, "x"))
    }

    fn all() -> [Patience; 5] {
        let (opening, limited) = (Patience::Opening(MINUTE), Patience::For(MINUTE));
        [
            Patience::Joined,
            Patience::Endless,
            Patience::Change,
            opening,
            limited,
        ]
    }

    #[test]
    fn what_passes_soon_is_tried_again_by_all_and_what_does_not_by_none() {
        for patience in all() {
            for code in ErrorCode::ALL {
                let wait = Tries::new(patience).wait_after(&refused(*code));
                let expected = match code.retry() {
                    Retry::Soon => true,
                    Retry::Later => matches!(patience, Patience::Joined | Patience::Endless),
                    Retry::Never => false,
                };
                assert_eq!(wait.is_some(), expected, "{patience:?} {code}");
            }
        }
    }

    #[test]
    fn a_hub_that_nobody_can_reach_is_waited_for_by_those_that_have_time() {
        let away = Error::new(ErrorKind::Unreachable, "no hub can be reached");
        for patience in all() {
            let wait = Tries::new(patience).wait_after(&away);
            let opening = matches!(patience, Patience::Opening(_));
            assert_eq!(wait.is_some(), !opening, "{patience:?}");
        }
        let lost = Error::closed(Closed::Lost("x".to_owned()));
        assert!(
            Tries::new(Patience::Opening(MINUTE))
                .wait_after(&lost)
                .is_some()
        );
        assert!(
            Tries::new(Patience::For(Duration::ZERO))
                .wait_after(&away)
                .is_none()
        );
    }

    #[test]
    fn a_name_that_nobody_knows_is_told_after_a_few_tries() {
        let unknown = Error::new(ErrorKind::UnknownHost, "the host is not known");
        let forever = Duration::from_secs(365 * 24 * 3600);
        let mut tries = Tries::new(Patience::For(forever));
        for _ in 1..MAX_UNKNOWN_TRIES {
            assert!(tries.wait_after(&unknown).is_some());
        }
        assert!(tries.wait_after(&unknown).is_none());
        assert!(Tries::new(Patience::Joined).wait_after(&unknown).is_some());
        let known = unknown.of_known_host();
        let mut tries = Tries::new(Patience::For(forever));
        for _ in 0..9 {
            assert!(tries.wait_after(&known).is_some(), "it was known before");
        }
    }

    #[test]
    fn a_change_ends_when_nothing_brings_it_further() {
        let mut tries = Tries::new(Patience::Change);
        let error = refused(ErrorCode::StoreUnavailable);
        for _ in 0..MAX_IDLE_TRIES {
            assert!(tries.wait_after(&error).is_some());
        }
        assert!(tries.wait_after(&error).is_none());
        tries.progressed(1);
        assert!(tries.wait_after(&error).is_some());
    }

    #[test]
    fn the_wait_is_at_least_the_one_that_the_hub_asks_for() {
        let error = RpcError::new(ErrorCode::Penalised, "x").retry_after(MINUTE);
        let wait = Tries::new(Patience::Joined).wait_after(&Error::refused(error));
        assert!(wait.unwrap() >= MINUTE);
    }
}
