//! The open sessions, with their deadlines and their bounds.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use fleetlink_proto::DeviceName;
use fleetlink_proto::control::limits::{DEFAULT_KEEP_ALIVE, MAX_UNKNOWN_SESSIONS_PER_NETWORK};

use crate::caller::Proof;
use crate::capacity::Capacity;
use crate::ids::SessionId;
use crate::session::census::Census;
use crate::session::deadlines::Deadlines;
use crate::session::state::{Session, Stage};
use crate::session::without_login::UnknownSessions;

/// The open sessions.
#[derive(Debug)]
pub(crate) struct Sessions {
    open: BTreeMap<SessionId, Session>,
    unknown: UnknownSessions,
    census: Census,
    deadlines: Deadlines,
    keep_alive: Duration,
    /// The time of the last input.
    time: Duration,
}

impl Default for Sessions {
    fn default() -> Self {
        Sessions::new(DEFAULT_KEEP_ALIVE, Duration::ZERO)
    }
}

impl Sessions {
    pub(crate) fn new(keep_alive: Duration, now: Duration) -> Self {
        Sessions {
            open: BTreeMap::new(),
            unknown: UnknownSessions::default(),
            census: Census::default(),
            deadlines: Deadlines::default(),
            keep_alive,
            time: now,
        }
    }

    /// The time of the last input.
    pub(crate) fn time(&self) -> Duration {
        self.time
    }

    pub(crate) fn set_time(&mut self, now: Duration) {
        self.time = now;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    pub(crate) fn is_open(&self, id: SessionId) -> bool {
        self.open.contains_key(&id)
    }

    pub(crate) fn get(&self, id: SessionId) -> Option<&Session> {
        self.open.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        self.open.get_mut(&id)
    }

    /// The open sessions in the order in which they connected.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (SessionId, &Session)> {
        self.open.iter().map(|(id, session)| (*id, session))
    }

    pub(crate) fn first(&self) -> Option<SessionId> {
        self.open.keys().next().copied()
    }

    pub(crate) fn is_at(&self, id: SessionId, stage: impl Fn(&Stage) -> bool) -> bool {
        self.get(id).is_some_and(|session| stage(&session.stage))
    }

    /// Opens a session of this address, where there is room for one more; else why not.
    pub(crate) fn open(
        &mut self,
        id: SessionId,
        address: IpAddr,
        capacity: &Capacity,
    ) -> Result<(), String> {
        if self.census.of_source(address) >= capacity.sessions_per_source {
            return Err(format!(
                "this address has {} connections to the hub open, as many as one address may have; \
                 end some, or try again later",
                capacity.sessions_per_source
            ));
        }
        if self.open.len() >= capacity.sessions {
            return Err(format!(
                "the hub has {} connections open, as many as it holds; try again later",
                capacity.sessions
            ));
        }
        if !self.unknown.admit(address) {
            return Err(format!(
                "{MAX_UNKNOWN_SESSIONS_PER_NETWORK} connections of this address wait for a login \
                 already"
            ));
        }
        self.census.connected(address);
        self.open.insert(id, Session::new(address, self.time));
        self.rearm(id);
        Ok(())
    }

    /// The number of sessions that are logged in as this device.
    pub(crate) fn of_device(&self, name: &DeviceName) -> usize {
        self.census.of_device(name)
    }

    /// The session has proved who it is; where it comes from.
    pub(crate) fn log_in(
        &mut self,
        id: SessionId,
        name: DeviceName,
        proof: Proof,
    ) -> Option<IpAddr> {
        let session = self.open.get_mut(&id)?;
        self.census.logged_in(name.clone());
        session.stage = Stage::Attached { name };
        session.key = match proof {
            Proof::Key(key) => Some(key),
            Proof::Password(_) | Proof::Token(_) => None,
        };
        session.proof = Some(proof);
        session.nonces.clear();
        let address = session.address;
        self.unknown.release(address);
        arm(&mut self.deadlines, id, session, self.keep_alive);
        Some(address)
    }

    /// Something came from a session.
    pub(crate) fn heard(&mut self, id: SessionId) {
        if let Some(session) = self.open.get_mut(&id) {
            session.heard = self.time;
            arm(&mut self.deadlines, id, session, self.keep_alive);
        }
    }

    /// The session has asked for something: until there is a reply, its silence is the hub's. `false`
    /// where there is no such session.
    pub(crate) fn called(&mut self, id: SessionId) -> bool {
        let Some(session) = self.open.get_mut(&id) else {
            return false;
        };
        session.heard = self.time;
        session.owed += 1;
        arm(&mut self.deadlines, id, session, self.keep_alive);
        true
    }

    /// The reply to the session's call goes out; `false` where there is no such session.
    pub(crate) fn settle(&mut self, id: SessionId) -> bool {
        let Some(session) = self.open.get_mut(&id) else {
            return false;
        };
        session.owed = session.owed.saturating_sub(1);
        session.heard = session.heard.max(self.time);
        arm(&mut self.deadlines, id, session, self.keep_alive);
        true
    }

    /// Takes a session out.
    pub(crate) fn remove(&mut self, id: SessionId) -> Option<Session> {
        let mut session = self.open.remove(&id)?;
        self.deadlines.set(id, &mut session.armed, None);
        self.census.ended(session.address, session.name());
        if session.name().is_none() {
            self.unknown.release(session.address);
        }
        Some(session)
    }

    /// Sets the session's deadline by its stage and by when it was last heard.
    pub(crate) fn rearm(&mut self, id: SessionId) {
        if let Some(session) = self.open.get_mut(&id) {
            arm(&mut self.deadlines, id, session, self.keep_alive);
        }
    }

    /// The hub did nothing for this time, so it could hear no session.
    pub(crate) fn excuse(&mut self, time: Duration) {
        for (&id, session) in &mut self.open {
            session.excuse(time);
            arm(&mut self.deadlines, id, session, self.keep_alive);
        }
    }

    /// The time of the next deadline.
    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        self.deadlines.next()
    }

    /// A session whose deadline has come; it has none from now on.
    pub(crate) fn pop_due(&mut self, now: Duration) -> Option<SessionId> {
        let id = self.deadlines.due(now)?;
        let session = self.open.get_mut(&id)?;
        self.deadlines.set(id, &mut session.armed, None);
        Some(id)
    }
}

fn arm(deadlines: &mut Deadlines, id: SessionId, session: &mut Session, keep_alive: Duration) {
    let at = session.deadline(keep_alive).map(|(at, _)| at);
    deadlines.set(id, &mut session.armed, at);
}
