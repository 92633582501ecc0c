//! Joining, sharing a presence, taking over, and who else is active.

use std::net::IpAddr;

use fleetlink_proto::control::{EndReason, Join, JoinReply, ListDevices, Reply};

use crate::call::Call;
use crate::console::{Command, ConsoleEvent, Entrance};
use crate::effect::Effect;
use crate::errors;
use crate::hub::Hub;
use crate::hub::routing::Context;
use crate::presence::errors as words;
use crate::presence::holding::Joiner;
use crate::presence::list::{Arrival, Joined};
use crate::session::state::Stage;
use crate::time::Now;

/// The most addresses of replaced sessions in the reply to a join.
const MAX_ADDRESSES_TOLD: usize = 8;

impl Hub {
    /// Puts a session on the list, beside others that have shown the same key. Else the newest takes
    /// over, without waiting for anything; a session that comes back by itself does not take over
    /// from a newer one.
    pub(super) fn join(&mut self, call: Call<Join>, Context { now, .. }: Context) {
        let (join, call) = call.split();
        let arrival = match self.arrival(&call, &join, now) {
            Ok(arrival) => arrival,
            Err(why) => return call.refuse(errors::out_of_order(why), &mut self.out),
        };
        let Arrival {
            session,
            by,
            udp_port,
            ..
        } = arrival;
        let name = arrival.name.clone();
        let was_active = self.presence.is_active(&name);
        let joined = match self.presence.join(arrival) {
            Ok(joined) => joined,
            Err(refusal) => return call.refuse(words::refused(refusal), &mut self.out),
        };
        if let Some(session) = self.out.sessions.get_mut(session) {
            session.stage = Stage::Joined {
                name: name.clone(),
                generation: joined.generation,
            };
        }
        if !was_active {
            self.sightings.presence_changed(&name, true);
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
        call.ok(Reply::Join(reply), &mut self.out);
        if joined.list_changed {
            self.out.push(Effect::ActiveChanged);
        }
        self.note_join(&name, by.address, entrance(&joined));
        self.show(ConsoleEvent::Joined {
            device: name,
            address: by.address,
            udp_port,
            entrance: entrance(&joined),
        });
    }

    /// The session as the list sees it, or why it may not join.
    fn arrival(&self, call: &Call, join: &Join, now: Now) -> Result<Arrival, &'static str> {
        let id = call.session();
        let (Some(id), Some(session), Some(name), Some(means)) = (
            id,
            id.and_then(|id| self.out.sessions.get(id)),
            call.device(),
            call.caller.means(),
        ) else {
            return Err("join comes after a login");
        };
        if matches!(session.stage, Stage::Joined { .. }) {
            return Err("this session has joined already");
        }
        let by = Joiner {
            address: session.address,
            means,
        };
        Ok(Arrival {
            session: id,
            name: name.clone(),
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
            self.out
                .tell_end(*session, EndReason::Replaced, words::CAME_BACK);
        }
        let mut from = Vec::new();
        for session in &joined.displaced {
            let ended = self.out.sessions.get(*session);
            let address = ended.map(|ended| ended.address);
            from.extend(address.filter(|a| !from.contains(a) && from.len() < MAX_ADDRESSES_TOLD));
            self.drop_session(*session);
            self.out
                .tell_end(*session, EndReason::Replaced, &words::joined_elsewhere(by));
        }
        from
    }

    pub(super) fn list_devices(&mut self, call: Call<ListDevices>, _at: Context) {
        let (list, call) = call.split();
        let page = self.presence.page(call.device(), list.after);
        if let Some(name) = call.device()
            && !list.background
        {
            self.out.show(ConsoleEvent::Issued {
                device: name.clone(),
                command: Command::ListDevices,
            });
            self.out.show(ConsoleEvent::ListedDevices {
                device: name.clone(),
                devices: page.devices.clone(),
            });
        }
        call.ok(Reply::Devices(page), &mut self.out);
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
