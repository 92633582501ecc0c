//! Joining, sharing a presence, taking over, and who else is active.

use std::net::IpAddr;

use fleetlink_proto::DeviceName;
use fleetlink_proto::control::{EndReason, Join, JoinReply, ListDevices, Reply, RequestId};

use crate::access::authorisation::Caller;
use crate::console::{Command, ConsoleEvent, Entrance};
use crate::effect::Effect;
use crate::errors;
use crate::hub::Hub;
use crate::ids::SessionId;
use crate::presence::errors as words;
use crate::presence::holding::Joiner;
use crate::presence::list::{Arrival, Joined, Refusal};
use crate::session::state::Stage;
use crate::time::Now;

/// How many addresses of sessions that it has ended a joining session is told.
const MAX_ADDRESSES_TOLD: usize = 8;

impl Hub {
    /// Puts a session on the list, beside others that have shown the same key. Else the newest takes
    /// over, without waiting for anything; a session that comes back by itself does not take over
    /// from a newer one.
    pub(crate) fn join(
        &mut self,
        id: SessionId,
        call: RequestId,
        name: DeviceName,
        join: &Join,
        now: Now,
    ) {
        let arrival = match self.arrival(id, name.clone(), join, now) {
            Ok(arrival) => arrival,
            Err(why) => return self.refuse(id, call, errors::out_of_order(why)),
        };
        let (by, udp_port) = (arrival.by, arrival.udp_port);
        let joined = match self.presence.join(arrival) {
            Ok(joined) => joined,
            Err(Refusal::Replaced(by)) => return self.refuse(id, call, words::replaced(by)),
            Err(Refusal::ActiveElsewhere(active)) => {
                return self.refuse(id, call, words::active_elsewhere(&active));
            }
        };
        if let Some(session) = self.sessions.get_mut(&id) {
            session.stage = Stage::Joined {
                name: name.clone(),
                generation: joined.generation,
            };
        }
        let took_over = self.end_earlier(&joined, by);
        let reply = JoinReply {
            generation: joined.generation,
            since: joined.since,
            address: by.address,
            clock: Some(self.clock(now)),
            others: u32::try_from(joined.others).unwrap_or(u32::MAX),
            took_over,
        };
        self.answer(id, call, Ok(Reply::Join(reply)));
        if joined.list_changed {
            self.effects.push_back(Effect::ActiveChanged);
        }
        self.show(ConsoleEvent::Joined {
            device: name,
            address: by.address,
            udp_port,
            entrance: entrance(&joined),
        });
    }

    /// The session as the list sees it, or why it may not join.
    fn arrival(
        &self,
        id: SessionId,
        name: DeviceName,
        join: &Join,
        now: Now,
    ) -> Result<Arrival, &'static str> {
        let (Some(session), Caller::Device { means, joined, .. }) =
            (self.sessions.get(&id), self.caller(id))
        else {
            return Err("join comes after a login");
        };
        if joined {
            return Err("this session has joined already");
        }
        let by = Joiner {
            address: session.address,
            means,
        };
        Ok(Arrival {
            session: id,
            name,
            key: session.key,
            by,
            udp_port: join.udp_port,
            receives: join.receives,
            rejoin: join.rejoin,
            only_if_free: join.only_if_free,
            now: now.wall,
        })
    }

    /// Ends the sessions in whose place a new one is, and tells them; from where those of somebody
    /// else came.
    fn end_earlier(&mut self, joined: &Joined, by: Joiner) -> Vec<IpAddr> {
        for session in &joined.given_up {
            self.drop_session(*session);
            self.tell_end(*session, EndReason::Replaced, words::CAME_BACK);
        }
        let mut from = Vec::new();
        for session in &joined.displaced {
            let ended = self.sessions.get(session);
            let address = ended.map(|ended| ended.address);
            from.extend(address.filter(|a| !from.contains(a) && from.len() < MAX_ADDRESSES_TOLD));
            self.drop_session(*session);
            self.tell_end(*session, EndReason::Replaced, &words::joined_elsewhere(by));
        }
        from
    }

    pub(crate) fn list_devices(
        &mut self,
        session: SessionId,
        id: RequestId,
        name: &DeviceName,
        list: &ListDevices,
    ) {
        let page = self.presence.page(name, list.after);
        if !list.background {
            self.show(ConsoleEvent::Issued {
                device: name.clone(),
                command: Command::ListDevices,
            });
            self.show(ConsoleEvent::ListedDevices {
                device: name.clone(),
                devices: page.devices.clone(),
            });
        }
        self.answer(session, id, Ok(Reply::Devices(page)));
    }
}

fn entrance(joined: &Joined) -> Entrance {
    match (
        joined.others,
        joined.displaced.len() + joined.given_up.len(),
    ) {
        (0, 0) => Entrance::Alone,
        (0, _) => Entrance::TookOver,
        (others, _) => Entrance::Beside { others },
    }
}
