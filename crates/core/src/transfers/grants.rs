//! The grants under which devices report. A grant is forgotten where there are too many: then no more is
//! heard of its files.

use std::collections::{BTreeMap, VecDeque};

use fleetlink_proto::DeviceName;
use fleetlink_proto::transfer::TransferId;
use fleetlink_proto::transfer::limits::{
    MAX_REPORTING_GRANTS_PER_DEVICE, MAX_REPORTING_GRANTS_PER_HUB,
};

/// A grant that the hub has given.
#[derive(Debug)]
pub(crate) struct Granted {
    pub(crate) from: DeviceName,
    pub(crate) to: DeviceName,
    /// The largest number of a file that was reported.
    pub(crate) last: u32,
    /// The files that are under way, with their numbers in the table.
    pub(crate) running: BTreeMap<u32, u64>,
}

/// The grants, by their ids.
#[derive(Debug, Default)]
pub(crate) struct Grants {
    known: BTreeMap<TransferId, Granted>,
    /// In the order in which they were given.
    order: VecDeque<TransferId>,
    of_device: BTreeMap<DeviceName, VecDeque<TransferId>>,
}

impl Grants {
    /// Notes a grant. The oldest without a file under way makes room, first of the same device.
    pub(crate) fn add(&mut self, id: TransferId, from: DeviceName, to: DeviceName) {
        let own = self.of_device.entry(from.clone()).or_default();
        own.push_back(id);
        let is_idle = |known: &BTreeMap<TransferId, Granted>, id: &TransferId| {
            known
                .get(id)
                .is_none_or(|granted| granted.running.is_empty())
        };
        let mut idle = None;
        if own.len() > MAX_REPORTING_GRANTS_PER_DEVICE {
            idle = own.iter().copied().find(|own| is_idle(&self.known, own));
        } else if self.order.len() >= MAX_REPORTING_GRANTS_PER_HUB {
            idle = self
                .order
                .iter()
                .copied()
                .find(|id| is_idle(&self.known, id));
        }
        if let Some(idle) = idle.filter(|idle| *idle != id) {
            self.forget(idle);
        }
        self.order.push_back(id);
        let granted = Granted {
            from,
            to,
            last: 0,
            running: BTreeMap::new(),
        };
        self.known.insert(id, granted);
    }

    /// The grant, if it was given to this sender.
    pub(crate) fn of_sender(&mut self, id: TransferId, from: &DeviceName) -> Option<&mut Granted> {
        self.known
            .get_mut(&id)
            .filter(|granted| granted.from == *from)
    }

    pub(crate) fn get_mut(&mut self, id: TransferId) -> Option<&mut Granted> {
        self.known.get_mut(&id)
    }

    fn forget(&mut self, id: TransferId) {
        let Some(granted) = self.known.remove(&id) else {
            return;
        };
        self.order.retain(|other| *other != id);
        if let Some(own) = self.of_device.get_mut(&granted.from) {
            own.retain(|other| *other != id);
            if own.is_empty() {
                self.of_device.remove(&granted.from);
            }
        }
    }
}
