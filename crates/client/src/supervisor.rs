//! A joined device that comes back when its hub does.

use std::sync::Arc;
use std::time::Duration;

use fleetlink_proto::Retry;
use fleetlink_proto::control::{EndReason, ErrorCode, Join, JoinReply};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout_at};

use crate::retry::{Attempt, Patience, Tries, retry};
use crate::{Announcement, Closed, Dialer, Error, Result, Session, Sessions};

/// The time for which a change waits for the hub to come back before that counts as one try.
const RETURN_DEADLINE: Duration = Duration::from_secs(30);

/// The state of the connection between a joined device and its hub.
#[derive(Debug, Clone)]
pub enum Link {
    /// It is joined.
    Up(Session),
    /// The hub is away; the device keeps trying.
    Away(Closed),
    /// It does not come back by itself: its session ended for good, the login was refused, or the
    /// hub's key has changed.
    Over(Error),
}

/// Keeps a device joined: when the hub goes away it logs in and joins again, with jittered
/// exponential backoff.
pub struct Supervisor {
    link: Arc<watch::Sender<Link>>,
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
        let link = Arc::new(watch::Sender::new(Link::Up(session.clone())));
        let returning = Returning {
            dialer,
            join: Join {
                rejoin: Some(joined.generation),
                only_if_free: false,
                ..join.clone()
            },
            reached_by,
        };
        let task = tokio::spawn(supervise(session, returning, Arc::clone(&link)));
        Supervisor { link, task }
    }

    /// The state of the connection to the hub, and every change of it.
    pub fn link(&self) -> watch::Receiver<Link> {
        self.link.subscribe()
    }

    /// Leaves the hub if it is there, and stops trying if it is not.
    pub async fn leave(&self) {
        let link = self.link.borrow().clone();
        self.task.abort();
        if let Link::Up(session) = link {
            session.leave().await;
        }
        self.end();
    }

    /// Tells who still watches the link that this device has left.
    fn end(&self) {
        change(&self.link, Link::Over(Error::closed(Closed::Left)));
    }
}

impl Drop for Supervisor {
    /// The session ends with its last user: who still watches the link is none.
    fn drop(&mut self) {
        self.task.abort();
        self.end();
    }
}

/// Tells how the device stands with its hub, unless that is over.
fn change(link: &watch::Sender<Link>, now: Link) {
    link.send_if_modified(|link| {
        let changes = !matches!(link, Link::Over(_));
        if changes {
            *link = now;
        }
        changes
    });
}

impl Sessions for Supervisor {
    /// Waits for the hub to come back, but not for ever.
    async fn session(&self) -> Result<Session> {
        session_of(self.link(), Instant::now() + RETURN_DEADLINE).await
    }
}

/// The session of a device; its hub is waited for until then.
pub(crate) async fn session_of(mut link: watch::Receiver<Link>, until: Instant) -> Result<Session> {
    let usable = |link: &Link| match link {
        Link::Up(session) => session.is_closed().is_none(),
        Link::Away(_) => false,
        Link::Over(_) => true,
    };
    // Where that takes too long, the link says why.
    let _ = timeout_at(until, link.wait_for(usable)).await;
    let link = link.borrow().clone();
    match link {
        Link::Up(session) => match session.is_closed() {
            None => Ok(session),
            Some(closed) => Err(Error::closed(closed)),
        },
        Link::Away(closed) => Err(Error::closed(closed)),
        Link::Over(error) => Err(error),
    }
}

/// Joins again after the hub was away.
struct Returning {
    dialer: Dialer,
    /// With the generation of the last join.
    join: Join,
    /// The endpoint and addresses that other devices are told.
    reached_by: Option<Arc<Announcement>>,
}

async fn supervise(mut session: Session, mut returning: Returning, link: Arc<watch::Sender<Link>>) {
    let mut tries = Tries::new(Patience::Joined);
    let mut joined = Instant::now();
    loop {
        let closed = returning.stay(&session).await;
        // A hub that fails after each join is not to be hammered.
        if joined.elapsed() >= session.keep_alive() {
            tries.reset();
        }
        if closed.retry() == Retry::Never {
            change(&link, Link::Over(Error::closed(closed)));
            return;
        }
        tracing::info!(%closed, "the hub is away");
        change(&link, Link::Away(closed));
        sleep(tries.first_wait()).await;
        match retry(&mut tries, &mut returning).await {
            Ok(returned) => {
                joined = Instant::now();
                session = returned;
                change(&link, Link::Up(session.clone()));
            }
            Err(error) => {
                change(&link, Link::Over(over(error)));
                return;
            }
        }
    }
}

impl Attempt for Returning {
    type Done = Session;

    /// Joins again.
    async fn attempt(&mut self, _: &mut Tries) -> Result<Session> {
        let (session, joined) = self.dialer.join(self.join.clone()).await?;
        self.join.rejoin = Some(joined.generation);
        if let Some(announcement) = &self.reached_by {
            announcement.joined(&session);
            announce(&session, announcement).await?;
        }
        Ok(session)
    }
}

impl Returning {
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
async fn announce(session: &Session, announcement: &Announcement) -> Result<()> {
    let announced = announcement.tell(session).await;
    if let Err(error) = &announced
        && let Some(refused) = error.refusal()
    {
        tracing::warn!(reason = refused.code.name(), "the hub takes no endpoint");
        return Ok(());
    }
    announced
}

/// The error for which a device stays away. A device that was replaced while it was away gets the same one
/// as a device that is told at once.
fn over(error: Error) -> Error {
    match error.refusal() {
        Some(refused) if refused.code == ErrorCode::Replaced => Error::closed(Closed::ByHub {
            reason: EndReason::Replaced,
            message: refused.message.clone(),
        }),
        _ => error,
    }
}
