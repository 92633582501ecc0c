//! Who is active: one session a name, in the order in which they joined.

use std::collections::BTreeMap;

use fleetlink_proto::DeviceName;
use fleetlink_proto::control::limits::{MAX_LINE_BYTES, MAX_PAGE_ENTRIES};
use fleetlink_proto::control::{ActiveDevice, DeviceList};

use crate::input::SessionId;

/// The longest entry of a page in bytes: a name of 64, an address of 45, a port, a time, and the
/// members' names around them.
const LONGEST_ENTRY: usize = 64 + 45 + 5 + 32 + 64;
/// What a line needs beside its entries: the envelope, the next page, an id all of escapes.
const ENVELOPE: usize = 1024;
const _: () = assert!(MAX_PAGE_ENTRIES as usize * LONGEST_ENTRY + ENVELOPE < MAX_LINE_BYTES);

/// The active devices.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    /// The generation of the last join.
    last: u64,
    by_generation: BTreeMap<u64, Active>,
    by_name: BTreeMap<DeviceName, u64>,
}

#[derive(Debug)]
struct Active {
    session: SessionId,
    device: ActiveDevice,
}

impl Presence {
    /// Puts a device at the end of the list. The older session of its name, if there is one, leaves
    /// the list and is returned.
    pub(crate) fn join(
        &mut self,
        session: SessionId,
        device: ActiveDevice,
    ) -> (u64, Option<SessionId>) {
        self.last += 1;
        let name = device.name.clone();
        self.by_generation
            .insert(self.last, Active { session, device });
        let older = self.by_name.insert(name, self.last);
        let older = older.and_then(|generation| self.by_generation.remove(&generation));
        (self.last, older.map(|active| active.session))
    }

    /// Takes the join of this generation off the list; `false` where a newer join has done so.
    pub(crate) fn leave(&mut self, generation: u64) -> bool {
        let Some(active) = self.by_generation.remove(&generation) else {
            return false;
        };
        self.by_name.remove(&active.device.name);
        true
    }

    pub(crate) fn is_active(&self, name: &DeviceName) -> bool {
        self.by_name.contains_key(name)
    }

    /// The active devices in the order in which they joined.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &ActiveDevice> {
        self.by_generation.values().map(|active| &active.device)
    }

    /// One page of the devices other than `own`, after the generation `after`.
    pub(crate) fn page(&self, own: &DeviceName, after: Option<u64>) -> DeviceList {
        let from = after.map_or(0, |generation| generation.saturating_add(1));
        let mut others = self
            .by_generation
            .range(from..)
            .filter(|(_, active)| active.device.name != *own);
        let page: Vec<_> = others.by_ref().take(MAX_PAGE_ENTRIES as usize).collect();
        let more = others.next().is_some();
        let last = page.last().map(|(generation, _)| **generation);
        DeviceList {
            devices: page.iter().map(|(_, a)| a.device.clone()).collect(),
            next: last.filter(|_| more),
        }
    }
}

#[cfg(test)]
mod tests {
    use fleetlink_proto::WallTime;
    use fleetlink_proto::control::{Reply, RequestId, encode_reply};

    use super::*;

    fn device(name: &str) -> ActiveDevice {
        ActiveDevice {
            name: name.parse().unwrap(),
            // The longest address there is.
            address: "1111:2222:3333:4444:5555:6666:7777:8888".parse().unwrap(),
            udp_port: u16::MAX,
            since: WallTime::from_unix_millis(1_664_533_873_042),
        }
    }

    fn names(presence: &Presence) -> Vec<&str> {
        presence.iter().map(|d| d.name.as_str()).collect()
    }

    #[test]
    fn the_newest_join_takes_over_and_goes_to_the_end() {
        let mut presence = Presence::default();
        let (first, _) = presence.join(SessionId(1), device("a"));
        presence.join(SessionId(2), device("b"));
        let (second, older) = presence.join(SessionId(3), device("a"));
        assert_eq!(older, Some(SessionId(1)));
        assert_eq!(names(&presence), ["b", "a"]);
        assert!(!presence.leave(first), "a late farewell changes nothing");
        assert!(presence.is_active(&"a".parse().unwrap()));
        assert!(presence.leave(second));
        assert_eq!(names(&presence), ["b"]);
    }

    #[test]
    fn pages_leave_nobody_out_and_fit_a_line() {
        let mut presence = Presence::default();
        let own = "n000".parse().unwrap();
        for n in 0..450 {
            let name = format!("n{n:03}{}", "x".repeat(if n == 0 { 0 } else { 60 }));
            presence.join(SessionId(n), device(&name));
        }
        let (mut seen, mut after, mut pages) = (0, None, 0);
        loop {
            let page = presence.page(&own, after);
            (seen, after, pages) = (seen + page.devices.len(), page.next, pages + 1);
            let id = RequestId::Text("\u{1}".repeat(64).into());
            let line = encode_reply(&id, &Reply::Devices(page));
            assert!(line.len() <= MAX_LINE_BYTES, "{}", line.len());
            if after.is_none() {
                break;
            }
        }
        assert_eq!((seen, pages), (449, 3));
    }
}
