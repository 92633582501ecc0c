//! Joining, taking over, and who else is active.

use fleetlink_proto::DeviceName;
use fleetlink_proto::control::{
    ActiveDevice, EndReason, Join, JoinReply, ListDevices, Reply, RequestId,
};

use crate::console::{Command, ConsoleEvent};
use crate::effect::Effect;
use crate::errors;
use crate::hub::Hub;
use crate::ids::SessionId;
use crate::session::state::Stage;
use crate::time::Now;

impl Hub {
    /// Makes a session the device of its name. The newest takes over, without waiting for anything;
    /// a device that comes back by itself does not take over from a newer one.
    pub(crate) fn join(
        &mut self,
        id: SessionId,
        call: RequestId,
        name: DeviceName,
        join: &Join,
        now: Now,
    ) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        if matches!(session.stage, Stage::Joined { .. }) {
            let error = errors::out_of_order("this session has joined already");
            return self.refuse(id, call, error);
        }
        let (address, since, udp_port) = (session.address, now.wall, join.udp_port);
        let device = ActiveDevice {
            name: name.clone(),
            address,
            udp_port,
            since,
        };
        let Some((generation, older)) = self.presence.join(id, device, join.rejoin) else {
            return self.refuse(id, call, errors::replaced());
        };
        session.stage = Stage::Joined {
            name: name.clone(),
            generation,
        };
        if let Some(older) = older {
            self.drop_session(older);
            self.tell_end(older, EndReason::Replaced, errors::REPLACED);
        }
        let reply = JoinReply {
            generation,
            since,
            address,
            clock: Some(self.clock(now)),
        };
        self.answer(id, call, Ok(Reply::Join(reply)));
        self.effects.push_back(Effect::ActiveChanged);
        self.show(ConsoleEvent::Joined {
            device: name,
            address,
            udp_port,
            took_over: older.is_some(),
        });
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
