//! The start and the end of sessions.

use std::net::IpAddr;

use fleetlink_proto::HashAlgorithm;
use fleetlink_proto::control::limits::{
    HELLO_DEADLINE, LOGIN_DEADLINE, PROTOCOL_VERSION, silence_limit,
};
use fleetlink_proto::control::{
    Done, EndReason, ErrorCode, Feature, Hello, HelloReply, Pong, Reply, RpcError, SessionLimits,
};

use crate::access::possession::Possession;
use crate::call::Call;
use crate::console::{ConsoleEvent, Departure};
use crate::effect::Effect;
use crate::errors;
use crate::hub::Hub;
use crate::hub::reads::NotRun;
use crate::hub::routing::Context;
use crate::ids::SessionId;
use crate::presence::list::Left;
use crate::session::state::{Overdue, Session, Stage};
use crate::time::Now;

impl Hub {
    pub(super) fn connected(&mut self, session: SessionId, address: IpAddr) {
        if self.closing {
            let reason = EndReason::HubClosing;
            return self.out.tell_end(session, reason, errors::CLOSING);
        }
        if self.out.sessions.is_open(session) {
            return;
        }
        let capacity = &self.settings.capacity;
        if let Err(message) = self.out.sessions.open(session, address, capacity) {
            self.out.tell_end(session, EndReason::Busy, &message);
        }
    }

    pub(super) fn hello(&mut self, call: Call<Hello>, Context { possession, .. }: Context) {
        let (hello, call) = call.split();
        let session = call.session();
        let open = session.and_then(|id| self.out.sessions.get_mut(id));
        let is_new = |open: &&mut Session| matches!(open.stage, Stage::Connected);
        let (Some(session), Some(open)) = (session, open.filter(is_new)) else {
            let error = errors::out_of_order("hello is the first call of a session, and only that");
            return call.refuse(error, &mut self.out);
        };
        if !hello.versions.contains(&PROTOCOL_VERSION) {
            let message = format!("this hub speaks version {PROTOCOL_VERSION} of the protocol");
            return self.end_without_agreement(call, session, &message);
        }
        let Some(hash) = agreed_hash(&hello) else {
            let message = "no hash in common: this hub has blake3 and sha256";
            return self.end_without_agreement(call, session, message);
        };
        open.stage = Stage::Greeted {
            tried: open.since,
            deciding: None,
        };
        self.out.sessions.rearm(session);
        let reply = HelloReply {
            version: PROTOCOL_VERSION,
            hub: self.settings.software.clone(),
            keep_alive_ms: u64::try_from(self.settings.keep_alive.as_millis()).unwrap_or(u64::MAX),
            hash,
            features: Self::features(possession),
            limits: self.session_limits(),
            // What the session knows of keys is added there: the rules know none.
            succession: Vec::new(),
        };
        call.ok(Reply::Hello(reply), &mut self.out);
    }

    /// Ends a session that could not agree with the hub on a way to speak.
    fn end_without_agreement(&mut self, call: Call, session: SessionId, message: &str) {
        let error = RpcError::new(ErrorCode::VersionMismatch, message);
        call.refuse(error, &mut self.out);
        self.forget(session, Departure::ConnectionClosed);
        self.out.tell_end(session, EndReason::Protocol, message);
    }

    /// The optional parts of the protocol that a session has.
    fn features(possession: Possession) -> Vec<Feature> {
        let features = Feature::ALL.iter().copied();
        let features = features.filter(|f| possession != Possession::NoChannel || !f.needs_tls());
        features.collect()
    }

    /// The limits that a session keeps to.
    fn session_limits(&self) -> SessionLimits {
        let (uploads, downloads) = self.slots.session_limits();
        SessionLimits {
            uploads: uploads as u64,
            downloads: downloads as u64,
            ..SessionLimits::default()
        }
    }

    pub(super) fn pong(&mut self, call: Call, Context { now, .. }: Context) {
        let clock = Some(self.clock(now));
        call.ok(Reply::Pong(Pong { clock }), &mut self.out);
    }

    pub(super) fn goodbye(&mut self, call: Call, _at: Context) {
        let session = call.session();
        call.ok(Reply::Done(Done {}), &mut self.out);
        if let Some(session) = session {
            self.forget(session, Departure::Goodbye);
            self.out.push(Effect::Close { session });
        }
    }

    /// Ends a session whose deadline has come.
    pub(super) fn end_overdue(&mut self, id: SessionId) {
        let keep_alive = self.settings.keep_alive;
        let Some(session) = self.out.sessions.get(id) else {
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
        self.out.tell_end(id, reason, &message);
    }

    /// Ends every session and begins nothing new. What the store was asked for is waited for.
    pub(super) fn close(&mut self, now: Now) {
        self.closing = true;
        while let Some(session) = self.out.sessions.first() {
            self.forget(session, Departure::HubClosing);
            self.out
                .tell_end(session, EndReason::HubClosing, errors::CLOSING);
        }
        self.refuse_waiting_identities();
        for call in self.reads.take_all() {
            self.end_parked(call, &NotRun::Closing, now);
        }
        self.audit.close(now);
    }

    /// Takes the session off the list and forgets it; what comes of it later changes nothing.
    pub(super) fn forget(&mut self, id: SessionId, why: Departure) {
        let address = self.out.sessions.get(id).map(|session| session.address);
        let (Some(address), Some(session)) = (address, self.drop_session(id)) else {
            return;
        };
        let Stage::Joined { name, generation } = session else {
            return;
        };
        let event = match self.presence.leave(&name, generation) {
            Left::Stale => return,
            Left::Last => {
                self.sightings.presence_changed(&name, false);
                self.note_departure(&name, address, why, true);
                self.out.push(Effect::ActiveChanged);
                ConsoleEvent::Left { device: name, why }
            }
            Left::OthersStay { list_changed } => {
                self.note_departure(&name, address, why, false);
                if list_changed {
                    self.out.push(Effect::ActiveChanged);
                }
                ConsoleEvent::SessionEnded { device: name, why }
            }
        };
        self.show(event);
    }

    /// Forgets a session and gives back what it held; its stage.
    pub(super) fn drop_session(&mut self, id: SessionId) -> Option<Stage> {
        let session = self.out.sessions.remove(id)?;
        if let Stage::Greeted {
            deciding: Some(name),
            ..
        } = &session.stage
        {
            self.logins.withdraw(name, id);
        }
        self.reads.withdraw(id);
        self.slots.end_session(id);
        if let Some(name) = session.name()
            && self.out.sessions.of_device(name) == 0
        {
            self.sightings.has_sessions(name, false);
        }
        self.transfers.session_ended(id, self.out.sessions.time());
        Some(session.stage)
    }
}

/// The hash that a device prefers of those that the hub has, which are all.
fn agreed_hash(hello: &Hello) -> Option<HashAlgorithm> {
    match &hello.hashes {
        None => Some(HashAlgorithm::default()),
        Some(known) => known.first().copied(),
    }
}
