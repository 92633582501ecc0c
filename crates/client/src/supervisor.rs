//! A joined device that comes back when its hub does.

use std::sync::Arc;
use std::time::Duration;

use fleetlink_proto::control::{EndReason, ErrorCode, Join, JoinReply};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::{Announcement, AttachError, Backoff, CallError, Closed, Dialer, Session, Sessions};

/// How long a change waits for the hub to come back before that counts as one try.
const RETURN_DEADLINE: Duration = Duration::from_secs(30);

/// How a joined device stands with its hub.
#[derive(Clone)]
pub enum Link {
    /// It is joined.
    Up(Session),
    /// The hub is away; the device keeps trying.
    Away(Closed),
    /// It does not come back by itself.
    Over(Arc<Over>),
}

/// Why a device does not come back by itself.
#[derive(Debug, thiserror::Error)]
pub enum Over {
    /// The session ended for good: replaced, removed, or left.
    #[error(transparent)]
    Ended(Closed),
    /// The login was refused, or the hub's key has changed.
    #[error(transparent)]
    Refused(AttachError),
}

/// Keeps a device joined: when the hub goes away it logs in and joins again, with jittered
/// exponential backoff.
pub struct Supervisor {
    link: watch::Receiver<Link>,
    task: JoinHandle<()>,
}

impl Supervisor {
    /// Goes on with a session that has joined so, with the hub's answer to that. At each further join
    /// `reached_by` is told anew, and whenever the device's addresses change.
    pub fn start(
        session: Session,
        dialer: Dialer,
        join: &Join,
        joined: &JoinReply,
        reached_by: Option<Arc<Announcement>>,
    ) -> Self {
        let (sender, link) = watch::channel(Link::Up(session.clone()));
        let returning = Returning {
            dialer,
            join: Join {
                rejoin: Some(joined.generation),
                only_if_free: false,
                ..join.clone()
            },
            reached_by,
        };
        let task = tokio::spawn(supervise(session, returning, sender));
        Supervisor { link, task }
    }

    /// How the device stands with its hub, and every change of that.
    pub fn link(&self) -> watch::Receiver<Link> {
        self.link.clone()
    }

    /// Leaves the hub if it is there, and stops trying if it is not.
    pub async fn leave(self) {
        let link = self.link.borrow().clone();
        self.task.abort();
        if let Link::Up(session) = link {
            session.leave().await;
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Sessions for Supervisor {
    /// Waits for the hub to come back, but not for ever.
    async fn session(&self) -> Result<Session, AttachError> {
        let mut link = self.link.clone();
        let usable = |link: &Link| match link {
            Link::Up(session) => session.is_closed().is_none(),
            Link::Away(_) => false,
            Link::Over(_) => true,
        };
        let found = timeout(RETURN_DEADLINE, link.wait_for(usable)).await;
        let link = match found {
            Ok(Ok(link)) => link.clone(),
            _ => self.link.borrow().clone(),
        };
        let closed = match link {
            Link::Up(session) => match session.is_closed() {
                None => return Ok(session),
                Some(closed) => closed,
            },
            Link::Away(closed) => closed,
            // The change must not be tried again.
            Link::Over(over) => match &*over {
                Over::Ended(closed) => closed.clone(),
                Over::Refused(_) => Closed::Left,
            },
        };
        Err(CallError::Closed(closed).into())
    }
}

/// What joins again.
struct Returning {
    dialer: Dialer,
    /// With the generation of the last join.
    join: Join,
    /// How other devices reach this one.
    reached_by: Option<Arc<Announcement>>,
}

async fn supervise(mut session: Session, mut returning: Returning, link: watch::Sender<Link>) {
    let mut backoff = Backoff::default();
    let mut joined = Instant::now();
    loop {
        let closed = returning.stay(&session).await;
        // A hub that fails after each join is not to be hammered.
        if joined.elapsed() >= session.keep_alive() {
            backoff.reset();
        }
        if !closed.may_return() {
            link.send_replace(Link::Over(Arc::new(Over::Ended(closed))));
            return;
        }
        tracing::info!(%closed, "the hub is away");
        link.send_replace(Link::Away(closed));
        match returning.come_back(&mut backoff).await {
            Ok(returned) => {
                joined = Instant::now();
                session = returned;
                link.send_replace(Link::Up(session.clone()));
            }
            Err(error) => {
                link.send_replace(Link::Over(Arc::new(over(error))));
                return;
            }
        }
    }
}

impl Returning {
    async fn come_back(&mut self, backoff: &mut Backoff) -> Result<Session, AttachError> {
        loop {
            sleep(backoff.next_wait()).await;
            match self.join_again().await {
                Ok(session) => return Ok(session),
                Err(error) if error.may_pass() => {
                    tracing::debug!(%error, "not back yet");
                    sleep(blocked_for(&error)).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn join_again(&mut self) -> Result<Session, AttachError> {
        let (session, joined) = self.dialer.join(self.join.clone()).await?;
        self.join.rejoin = Some(joined.generation);
        if let Some(announcement) = &self.reached_by {
            announcement.joined(&session);
            announce(&session, announcement).await?;
        }
        Ok(session)
    }

    /// Keeps the hub's word of where this device is reached true, until the session is over.
    async fn stay(&self, session: &Session) -> Closed {
        let Some(announcement) = &self.reached_by else {
            return session.closed().await;
        };
        loop {
            tokio::select! {
                closed = session.closed() => return closed,
                () = announcement.outdated() => {
                    if let Err(error) = announce(session, announcement).await {
                        tracing::debug!(%error, "the hub does not hear of other addresses");
                    }
                }
            }
        }
    }
}

/// A device whose endpoint the hub does not take is joined all the same; it gets no files.
async fn announce(session: &Session, announcement: &Announcement) -> Result<(), CallError> {
    match announcement.tell(session).await {
        Err(CallError::Refused(error)) => {
            tracing::warn!(reason = error.code.name(), "the hub takes no endpoint");
            Ok(())
        }
        announced => announced,
    }
}

/// Why a device stays away. That it was replaced while it was away is the same as when it is told
/// at once.
fn over(error: AttachError) -> Over {
    match error {
        AttachError::Call(CallError::Refused(error)) if error.code == ErrorCode::Replaced => {
            Over::Ended(Closed::ByHub {
                reason: EndReason::Replaced,
                message: error.message,
            })
        }
        error => Over::Refused(error),
    }
}

/// A blocked name need not be tried before its block ends; no name from an address under a penalty.
fn blocked_for(error: &AttachError) -> Duration {
    let AttachError::Call(CallError::Refused(error)) = error else {
        return Duration::ZERO;
    };
    match &error.data {
        Some(detail) if matches!(error.code, ErrorCode::Blocked | ErrorCode::Penalised) => {
            Duration::from_millis(detail.retry_after_ms.unwrap_or(0)).min(Duration::from_secs(60))
        }
        _ => Duration::ZERO,
    }
}
