//! Files from device to device: the hub names the two to each other, and carries nothing.

use std::net::SocketAddr;

use fleetlink_proto::control::{Reply, RequestId};
use fleetlink_proto::transfer::Party;
use fleetlink_proto::transfer::limits::GRANT_LIFETIME;
use fleetlink_proto::{DeviceName, WallTime};

use crate::console::{Command, ConsoleEvent};
use crate::effect::Effect;
use crate::errors;
use crate::hub::Hub;
use crate::input::{Possession, SessionId};
use crate::session::Stage;
use crate::time::Now;

/// The call that is answered.
type Call = (SessionId, RequestId);

impl Hub {
    /// A device that has joined says by which endpoint it is reached. Its own key must say so too:
    /// the enrolled one, where there is one.
    pub(crate) fn announce_endpoint(
        &mut self,
        (session, id): Call,
        name: &DeviceName,
        party: Party,
        possession: Possession,
    ) {
        let stage = self.sessions.get(&session).map(|session| &session.stage);
        let Some(Stage::Joined { generation, .. }) = stage else {
            let error = errors::out_of_order("an endpoint is announced after the join");
            return self.refuse(session, id, error);
        };
        let generation = *generation;
        if possession == Possession::NoChannel {
            return self.refuse(session, id, errors::no_channel());
        }
        let own = party.name == *name && self.is_own_key(&party);
        if possession != Possession::Proven || !own {
            return self.refuse(session, id, errors::bad_certificate());
        }
        self.presence.set_party(generation, party);
        self.answer(session, id, Ok(Reply::Done(Default::default())));
    }

    /// Lets one active device send files to another, for a short time.
    pub(crate) fn open_transfer(
        &mut self,
        (session, id): Call,
        name: &DeviceName,
        to: &DeviceName,
        now: Now,
    ) {
        self.show(ConsoleEvent::Issued {
            device: name.clone(),
            command: Command::Send,
        });
        if !self.is_at(session, |stage| matches!(stage, Stage::Joined { .. })) || name == to {
            let error = "files are sent after the join, and to another device";
            return self.refuse(session, id, errors::out_of_order(error));
        }
        let Some((receiver, party)) = self.presence.party(to) else {
            return self.refuse(session, id, errors::offline(to));
        };
        let addresses = vec![SocketAddr::new(receiver.address, receiver.udp_port)];
        let to_party = party.filter(|party| self.is_own_key(party)).cloned();
        let from = self.presence.party(name).and_then(|(_, party)| party);
        let from = from.filter(|party| self.is_own_key(party)).cloned();
        let (from, to_party) = match (from, to_party) {
            (Some(from), Some(to)) => (from, to),
            (None, _) => return self.refuse(session, id, errors::no_endpoint(name)),
            (_, None) => return self.refuse(session, id, errors::no_endpoint(to)),
        };
        self.show(ConsoleEvent::Granted {
            device: name.clone(),
            to: to.clone(),
        });
        self.effects.push_back(Effect::Grant {
            session,
            id,
            from: Box::new(from),
            to: Box::new(to_party),
            expires: until(now.wall),
            addresses,
        });
    }

    /// Whether the key that speaks for this endpoint is the device's by now: it may have been
    /// revoked or replaced since.
    fn is_own_key(&self, party: &Party) -> bool {
        let account = self.accounts.get(&party.name);
        let enrolled = account.map(|account| account.key.as_ref());
        enrolled.is_some_and(|enrolled| enrolled.is_none_or(|own| own.key == party.key))
    }
}

fn until(now: WallTime) -> WallTime {
    let lifetime = i64::try_from(GRANT_LIFETIME.as_millis()).unwrap_or(i64::MAX);
    WallTime::from_unix_millis(now.unix_millis().saturating_add(lifetime))
}
