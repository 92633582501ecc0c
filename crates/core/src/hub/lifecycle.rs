//! How sessions begin and end.

use std::net::IpAddr;

use fleetlink_proto::control::limits::{
    HELLO_DEADLINE, LOGIN_DEADLINE, MAX_UNKNOWN_SESSIONS_PER_SOURCE, PROTOCOL_VERSION,
    silence_limit,
};
use fleetlink_proto::control::{
    Done, EndReason, ErrorCode, Feature, Hello, HelloReply, Reply, RequestId, RpcError,
    SessionLimits,
};

use crate::access::possession::Possession;
use crate::console::{ConsoleEvent, Departure};
use crate::effect::Effect;
use crate::errors;
use crate::hub::Hub;
use crate::ids::SessionId;
use crate::presence::list::Left;
use crate::session::state::{Overdue, Session, Stage};
use crate::time::Now;

impl Hub {
    pub(crate) fn connected(&mut self, session: SessionId, address: IpAddr, now: Now) {
        if self.closing {
            return self.tell_end(session, EndReason::HubClosing, "the hub is closing");
        }
        if self.sessions.contains_key(&session) {
            return;
        }
        if let Err(message) = self.has_room_for(address) {
            return self.tell_end(session, EndReason::Busy, &message);
        }
        if !self.unknown_sessions.admit(address) {
            let message = format!(
                "{MAX_UNKNOWN_SESSIONS_PER_SOURCE} connections of this address wait for a login \
                 already"
            );
            return self.tell_end(session, EndReason::Busy, &message);
        }
        self.census.connected(address);
        let new = Session::new(address, now.monotonic);
        self.sessions.insert(session, new);
        self.rearm(session);
    }

    /// Whether the hub takes one more session of this address, or what it says instead.
    fn has_room_for(&self, address: IpAddr) -> Result<(), String> {
        let capacity = &self.settings.capacity;
        if self.census.of_source(address) >= capacity.sessions_per_source {
            return Err(format!(
                "this address has {} connections to the hub open, as many as one address may have; \
                 end some, or try again later",
                capacity.sessions_per_source
            ));
        }
        if self.sessions.len() >= capacity.sessions {
            return Err(format!(
                "the hub has {} connections open, as many as it holds; try again later",
                capacity.sessions
            ));
        }
        Ok(())
    }

    /// Something came from a session; `false` where there is no such session.
    pub(crate) fn heard(&mut self, id: SessionId, now: Now) -> bool {
        let Some(session) = self.sessions.get_mut(&id) else {
            return false;
        };
        session.heard = now.monotonic;
        self.rearm(id);
        true
    }

    /// The session has asked for something: until it is answered, its silence is the hub's.
    pub(crate) fn owe(&mut self, id: SessionId) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.owed += 1;
        }
        self.rearm(id);
    }

    /// The session's call is answered.
    pub(crate) fn settle(&mut self, id: SessionId) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.owed = session.owed.saturating_sub(1);
            session.heard = session.heard.max(self.time);
        }
        self.rearm(id);
    }

    pub(crate) fn hello(
        &mut self,
        session: SessionId,
        id: RequestId,
        hello: &Hello,
        possession: Possession,
    ) {
        if !self.is_at(session, |stage| matches!(stage, Stage::Connected)) {
            let error = errors::out_of_order("hello is the first call of a session, and only that");
            return self.refuse(session, id, error);
        }
        if !hello.versions.contains(&PROTOCOL_VERSION) {
            let message = format!("this hub speaks version {PROTOCOL_VERSION} of the protocol");
            let error = RpcError::new(ErrorCode::VersionMismatch, &message);
            self.refuse(session, id, error);
            return self.end(session, EndReason::Protocol, &message);
        }
        if let Some(session) = self.sessions.get_mut(&session) {
            session.stage = Stage::Greeted {
                tried: session.since,
                deciding: None,
            };
        }
        self.rearm(session);
        let reply = HelloReply {
            version: PROTOCOL_VERSION,
            hub: self.settings.software.clone(),
            keep_alive_ms: u64::try_from(self.settings.keep_alive.as_millis()).unwrap_or(u64::MAX),
            features: Self::features(possession),
            limits: self.session_limits(),
            // What the session knows of keys is added there: the rules know none.
            succession: Vec::new(),
        };
        self.answer(session, id, Ok(Reply::Hello(reply)));
    }

    /// The optional parts of the protocol that a session has.
    fn features(possession: Possession) -> Vec<Feature> {
        let features = Feature::ALL.iter().copied();
        let features = features.filter(|f| possession != Possession::NoChannel || !f.needs_tls());
        features.collect()
    }

    /// The limits that a session keeps to.
    fn session_limits(&self) -> SessionLimits {
        let (usual, capacity) = (SessionLimits::default(), &self.settings.capacity);
        SessionLimits {
            uploads: usual.uploads.min(capacity.uploads as u64),
            downloads: usual.downloads.min(capacity.downloads as u64),
            ..usual
        }
    }

    pub(crate) fn goodbye(&mut self, session: SessionId, id: RequestId) {
        self.answer(session, id, Ok(Reply::Done(Done {})));
        self.forget(session, Departure::Goodbye);
        self.effects.push_back(Effect::Close { session });
    }

    pub(crate) fn disconnected(&mut self, session: SessionId, why: Departure) {
        self.forget(session, why);
    }

    /// Ends a session whose deadline has come.
    pub(crate) fn end_overdue(&mut self, id: SessionId) {
        let keep_alive = self.settings.keep_alive;
        let Some(session) = self.sessions.get(&id) else {
            return;
        };
        let silence = silence_limit(keep_alive);
        let Some((_, overdue)) = session.deadline(keep_alive) else {
            return;
        };
        let (reason, message) = match overdue {
            Overdue::Hello => (
                EndReason::Protocol,
                format!("no hello came within {} s", HELLO_DEADLINE.as_secs()),
            ),
            Overdue::Login => (
                EndReason::Protocol,
                format!("no login came within {} s", LOGIN_DEADLINE.as_secs()),
            ),
            Overdue::Life => (
                EndReason::Silent,
                format!("nothing was heard for {} s", silence.as_secs_f64()),
            ),
        };
        self.forget(id, Departure::Silent(silence));
        self.tell_end(id, reason, &message);
    }

    /// Ends every session and begins nothing new. What the store was asked for is waited for.
    pub(crate) fn close(&mut self) {
        self.closing = true;
        while let Some((&session, _)) = self.sessions.first_key_value() {
            self.forget(session, Departure::HubClosing);
            self.tell_end(session, EndReason::HubClosing, "the hub is closing");
        }
    }

    /// Ends a session that is not active.
    fn end(&mut self, session: SessionId, reason: EndReason, message: &str) {
        self.forget(session, Departure::ConnectionClosed);
        self.tell_end(session, reason, message);
    }

    /// Takes the session off the list and forgets it; what comes of it later changes nothing.
    pub(crate) fn forget(&mut self, id: SessionId, why: Departure) {
        let Some(session) = self.drop_session(id) else {
            return;
        };
        let Stage::Joined { name, generation } = session else {
            return;
        };
        let event = match self.presence.leave(&name, generation) {
            Left::Stale => return,
            Left::Last => {
                self.effects.push_back(Effect::ActiveChanged);
                ConsoleEvent::Left { device: name, why }
            }
            Left::OthersStay { list_changed } => {
                if list_changed {
                    self.effects.push_back(Effect::ActiveChanged);
                }
                ConsoleEvent::SessionEnded { device: name, why }
            }
        };
        self.show(event);
    }

    /// Forgets a session and gives back what it held; its stage.
    pub(crate) fn drop_session(&mut self, id: SessionId) -> Option<Stage> {
        let session = self.sessions.remove(&id)?;
        self.deadlines.clear(id);
        self.census.ended(session.address, session.name());
        match &session.stage {
            Stage::Connected => self.unknown_sessions.release(session.address),
            Stage::Greeted { deciding, .. } => {
                self.unknown_sessions.release(session.address);
                if let Some(name) = deciding {
                    self.logins.withdraw(name, id);
                }
            }
            Stage::Attached { .. } | Stage::Joined { .. } => {}
        }
        session.transfers.release(&mut self.transfers);
        Some(session.stage)
    }

    pub(crate) fn tell_end(&mut self, session: SessionId, reason: EndReason, message: &str) {
        self.effects.push_back(Effect::End {
            session,
            reason,
            message: message.to_owned(),
        });
    }

    /// Sets the session's deadline by its stage and by when it was last heard.
    pub(crate) fn rearm(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get(&id) else {
            return;
        };
        match session.deadline(self.settings.keep_alive) {
            Some((at, _)) => self.deadlines.set(id, at),
            None => self.deadlines.clear(id),
        }
    }
}
