//! A device that is present at its hub.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use fleetlink_proto::control::{Join, JoinReply};
use fleetlink_proto::transfer::limits::{Deadlines, STALL_DEADLINE};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::{Client, Inner, Listening};
use crate::supervisor::session_of;
use crate::{
    Arrival, Closed, Error, ErrorKind, Inbox, Link, ReceivePolicy, Result, Session, Sessions as _,
    Supervisor,
};

/// An event of a device that has joined.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// It is present. The reply names the sessions under its name that this ended
    /// ([`took_over`](JoinReply::took_over)), and counts those that go on beside it.
    Joined(JoinReply),
    /// The hub is away; the device tries to come back by itself.
    HubAway(Closed),
    /// The hub is back, and the device is present again.
    HubBack,
    /// Something happens to a file that another device sends.
    Arrival(Arrival),
    /// The device does not come back by itself: somebody else took over its name, it was removed,
    /// its login is refused, the hub's key has changed, or it has left
    /// ([`ErrorKind::Closed`](crate::ErrorKind::Closed) with `Closed::Left`). This is the last event.
    Ended(Error),
}

/// The events of a device that has joined; the first is [`Event::Joined`]. Files arrive also while
/// nobody asks for the next event, until [`ARRIVAL_QUEUE`](crate::limits::ARRIVAL_QUEUE) arrivals wait:
/// then their senders wait too.
///
/// The device stays present until [`Client::leave`], or until the last clone of the client is
/// dropped. A device that takes files is present as long as its events are: where they are dropped
/// nobody would take the files, so the device leaves. The client can go on, and join again.
#[derive(Debug)]
pub struct Events {
    joined: Option<JoinReply>,
    link: watch::Receiver<Link>,
    arrivals: Option<mpsc::Receiver<Arrival>>,
    _receiving: Option<Receiving>,
    over: bool,
}

/// A device that takes files, as long as somebody hears of them.
struct Receiving {
    client: Weak<Inner>,
    _listening: Listening,
}

impl Drop for Receiving {
    /// Nobody would take the files that others send here: the device is not present any more. The
    /// client goes on in another session.
    fn drop(&mut self) {
        let Some(client) = self.client.upgrade() else {
            return;
        };
        let supervisor = client.lock_supervisor().take();
        let link = supervisor.map(|supervisor| supervisor.link().borrow().clone());
        if let Some(Link::Up(session)) = link {
            session.end(Closed::Lost("this device takes no more files".to_owned()));
        }
    }
}

impl std::fmt::Debug for Receiving {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receiving").finish_non_exhaustive()
    }
}

impl Events {
    /// The next event; none after the last. Safe to drop.
    pub async fn next(&mut self) -> Option<Event> {
        if let Some(joined) = self.joined.take() {
            return Some(Event::Joined(joined));
        }
        if self.over {
            return None;
        }
        let arrives = async {
            match &mut self.arrivals {
                Some(arrivals) => arrivals.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(arrival) = arrives => Some(Event::Arrival(arrival)),
            changed = self.link.changed() => {
                if changed.is_err() {
                    self.over = true;
                    return Some(Event::Ended(Error::closed(Closed::Left)));
                }
                Some(match &*self.link.borrow_and_update() {
                    Link::Up(_) => Event::HubBack,
                    Link::Away(closed) => Event::HubAway(closed.clone()),
                    Link::Over(error) => {
                        self.over = true;
                        Event::Ended(error.clone())
                    }
                })
            }
        }
    }
}

/// A join that is described, and made when it is awaited.
#[must_use = "a device joins when this is awaited"]
pub struct Joining<'a> {
    client: &'a Client,
    join: Join,
    inbox: Option<(PathBuf, ReceivePolicy)>,
    idle_timeout: Duration,
}

impl<'a> Joining<'a> {
    /// Takes files of other devices into this folder, which is made where it is missing, by these
    /// rules.
    pub fn inbox(mut self, folder: impl Into<PathBuf>, policy: ReceivePolicy) -> Self {
        self.inbox = Some((folder.into(), policy));
        self.join.receives = true;
        self
    }

    /// The time for which nothing may move in a transfer whose connection lives: ten minutes without this.
    pub fn idle_timeout(mut self, limit: Duration) -> Self {
        self.idle_timeout = limit;
        self
    }

    /// Fails with [`active_elsewhere`](fleetlink_proto::control::ErrorCode::ActiveElsewhere) where
    /// somebody else is present under the name. Without this their session ends.
    pub fn only_if_free(mut self) -> Self {
        self.join.only_if_free = true;
        self
    }

    async fn run(self) -> Result<Events> {
        let inbox = match self.inbox {
            Some((folder, policy)) => Some(Inbox::make(folder, policy).await?),
            None => None,
        };
        let client = self.client;
        let mut join = self.join;
        if inbox.is_some() {
            join.udp_port = client.direct().await?.port();
        }
        let joined = client.join_as(&join).await?;
        let (mut arrivals, mut receiving) = (None, None);
        if let Some(inbox) = inbox {
            let deadlines = Deadlines {
                stall: self.idle_timeout,
                ..Deadlines::default()
            };
            let begun = client.listen(inbox, deadlines).await;
            match begun.and_then(|(begun, queue, announced)| announced.map(|()| (begun, queue))) {
                Ok((begun, queue)) => {
                    arrivals = Some(queue);
                    receiving = Some(Receiving {
                        client: Arc::downgrade(&client.inner),
                        _listening: begun,
                    });
                }
                Err(error) => {
                    // Nobody would take files here: the device is not present, and may join again.
                    client.parts().await.0.leave().await;
                    return Err(error);
                }
            }
        }
        let link = client.stay(&join, &joined, receiving.is_some()).await?;
        Ok(Events {
            joined: Some(joined),
            link,
            arrivals,
            _receiving: receiving,
            over: false,
        })
    }
}

impl<'a> IntoFuture for Joining<'a> {
    type Output = Result<Events>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Events>> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl Client {
    /// Makes this device present at its hub. It comes back by itself whenever the hub does, and all
    /// calls of this client go through its session from then on.
    ///
    /// ```no_run
    /// use fleetlink_client::{Closed, ErrorKind, Event, ReceivePolicy};
    ///
    /// # async fn example(hub: fleetlink_client::Client) -> fleetlink_client::Result<()> {
    /// let mut events = hub.join().inbox("inbox", ReceivePolicy::from_everybody()).await?;
    /// while let Some(event) = events.next().await {
    ///     match event {
    ///         Event::Arrival(arrival) => println!("{arrival:?}"),
    ///         Event::HubAway(why) => println!("the hub is away: {why}"),
    ///         Event::Ended(why) if matches!(why.kind(), ErrorKind::Closed(Closed::Left)) => break,
    ///         Event::Ended(why) => return Err(why),
    ///         _ => {}
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The hub refuses the join or cannot be reached, the folder cannot be used, or the device has
    /// joined already ([`ErrorKind::Refused`](crate::ErrorKind::Refused) with `OutOfOrder`).
    pub fn join(&self) -> Joining<'_> {
        Joining {
            client: self,
            join: Join::default(),
            inbox: None,
            idle_timeout: STALL_DEADLINE,
        }
    }

    /// Joins as this says, once: the first step of [`join`](Client::join), for a program that asks
    /// somebody between the steps.
    ///
    /// # Errors
    /// The hub refuses it or cannot be reached.
    pub async fn join_as(&self, join: &Join) -> Result<JoinReply> {
        let session = self.session().await?;
        let joined = session.join_as(join.clone()).await?;
        *self
            .inner
            .joined
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(session);
        Ok(joined)
    }

    /// Keeps a device joined that has joined so: the last step of [`join`](Client::join). The hub is
    /// told where the device is reached at each further join, where it `receives`.
    ///
    /// # Errors
    /// The device is kept joined already.
    pub async fn stay(
        &self,
        join: &Join,
        joined: &JoinReply,
        receives: bool,
    ) -> Result<watch::Receiver<Link>> {
        let (at_hand, dialer) = self.parts().await;
        // Where the session that joined is lost, the one at hand is another, which has not.
        let mut joined_by = self
            .inner
            .joined
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let session = joined_by.take().unwrap_or(at_hand);
        drop(joined_by);
        let reached_by = match self.inner.direct.get() {
            Some(direct) if receives => Some(direct.announcement().clone()),
            _ => None,
        };
        let supervisor = Supervisor::start(session, dialer, join, joined, reached_by);
        let link = supervisor.link();
        let mut kept = self.inner.lock_supervisor();
        if kept.is_some() {
            return Err(Error::usage("this client has joined already"));
        }
        *kept = Some(Arc::new(supervisor));
        Ok(link)
    }

    /// The state of the connection between a joined device and its hub, and each change of it; none before
    /// it has joined.
    pub fn link(&self) -> Option<watch::Receiver<Link>> {
        self.inner.supervisor().map(|supervisor| supervisor.link())
    }

    /// The session of a joined device, where the hub is there: unlike [`session`](Client::session)
    /// this does not wait for it.
    ///
    /// # Errors
    /// The hub is away, or the device does not come back.
    pub fn session_now(&self) -> Result<Session> {
        match self.inner.supervisor() {
            None => Err(Error::new(
                ErrorKind::Usage,
                "this device has not joined".to_owned(),
            )),
            Some(supervisor) => match &*supervisor.link().borrow() {
                Link::Up(session) => match session.is_closed() {
                    None => Ok(session.clone()),
                    Some(closed) => Err(Error::closed(closed)),
                },
                Link::Away(closed) => Err(Error::closed(closed.clone())),
                Link::Over(error) => Err(error.clone()),
            },
        }
    }

    /// A session; a joined device waits for its hub until then.
    pub(super) async fn session_until(&self, until: Option<Instant>) -> Result<Session> {
        match (self.inner.supervisor(), until) {
            (Some(supervisor), Some(until)) => session_of(supervisor.link(), until).await,
            (Some(supervisor), None) => supervisor.session().await,
            (None, _) => Box::pin(self.inner.sessions.session()).await,
        }
    }
}
