//! Tells an operator which devices are there.

use std::ops::Bound;

use fleetlink_proto::DeviceName;

use crate::hub::Hub;
use crate::operator::presences::{DevicePresence, PresenceChoice, Presences};

impl Hub {
    pub(super) fn presences(&self, choice: &PresenceChoice) -> Presences {
        let devices = match choice {
            PresenceChoice::Of(names) => names.iter().map(|name| self.device(name)).collect(),
            PresenceChoice::Present {
                after,
                search,
                limit,
            } => {
                let after = after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
                let names = self.presence.names((after, Bound::Unbounded));
                let is_wanted =
                    |name: &&DeviceName| search.is_empty() || name.folded().contains(&**search);
                let names = names.filter(is_wanted).take(*limit);
                names.map(|name| self.device(name)).collect()
            }
        };
        Presences {
            at: self.sightings.wall(),
            begun: self.sightings.started(),
            ran: self.sightings.ran(),
            devices,
        }
    }

    fn device(&self, name: &DeviceName) -> DevicePresence {
        let active = self.presence.shown(name);
        DevicePresence {
            name: name.clone(),
            joined: active.map(|active| (active.since, active.address)),
            sessions: self.out.sessions.of_device(name),
            note: self.sightings.of(name),
        }
    }
}
