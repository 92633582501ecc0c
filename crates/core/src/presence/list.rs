//! Who is active: one session a name, in the order in which they joined.

use std::collections::BTreeMap;

use fleetlink_proto::control::limits::{MAX_LINE_BYTES, MAX_PAGE_ENTRIES};
use fleetlink_proto::control::{ActiveDevice, DeviceList};
use fleetlink_proto::transfer::{Addresses, EndpointCertificate};
use fleetlink_proto::{DeviceName, WallTime};

use crate::ids::SessionId;

/// The longest entry of a page in bytes: a name of 64, an address of 45, a port, a time, and the
/// members' names around them.
const LONGEST_ENTRY: usize = 64 + 45 + 5 + 32 + 64;
/// What a line needs beside its entries: the envelope, the next page, an id all of escapes.
const ENVELOPE: usize = 1024;
const _: () = assert!(MAX_PAGE_ENTRIES as usize * LONGEST_ENTRY + ENVELOPE < MAX_LINE_BYTES);

/// The active devices.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    /// The last generation of the hub's earlier runs.
    before: u64,
    /// The generation of the last join.
    last: u64,
    /// The last join of each name with an account, also after it left.
    joins: BTreeMap<DeviceName, LastJoin>,
    by_generation: BTreeMap<u64, Active>,
    by_name: BTreeMap<DeviceName, u64>,
}

/// What says whether who comes back is the device that joined last.
#[derive(Debug)]
struct LastJoin {
    generation: u64,
    /// What that device gave as its join before; none where a person joined. The answer may have
    /// been lost, so it may give the same again.
    rejoined: Option<u64>,
    /// Its last join in an earlier run of the hub, if nobody has joined anew in this one.
    before: Option<u64>,
}

#[derive(Debug)]
struct Active {
    session: SessionId,
    device: ActiveDevice,
    /// How others reach it, once it has said so.
    reached: Option<Reached>,
}

/// How others reach a device.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reached {
    /// By which endpoint, and by which key of the hub it was announced.
    pub(crate) endpoint: EndpointCertificate,
    /// Where, beside the address from which the hub sees it.
    pub(crate) addresses: Addresses,
}

impl Active {
    fn new(session: SessionId, device: ActiveDevice) -> Self {
        Active {
            session,
            device,
            reached: None,
        }
    }
}

impl Presence {
    /// Generations grow over restarts of the hub too: each run's begin at its wall clock.
    pub(crate) fn starting_at(wall: WallTime) -> Self {
        let before = u64::try_from(wall.unix_millis()).unwrap_or_default();
        Presence {
            before,
            last: before,
            ..Presence::default()
        }
    }

    /// Puts a device at the end of the list. The older session of its name, if there is one, leaves
    /// the list and is returned. Nothing where a device comes back that is not the newest.
    pub(crate) fn join(
        &mut self,
        session: SessionId,
        device: ActiveDevice,
        rejoin: Option<u64>,
    ) -> Option<(u64, Option<SessionId>)> {
        let name = device.name.clone();
        if rejoin.is_some_and(|rejoin| !self.may_rejoin(&name, rejoin)) {
            return None;
        }
        self.last += 1;
        let before = rejoin.and_then(|rejoin| match self.joins.get(&name) {
            Some(join) if rejoin > self.before => join.before,
            _ => Some(rejoin),
        });
        let join = LastJoin {
            generation: self.last,
            rejoined: rejoin,
            before,
        };
        self.joins.insert(name.clone(), join);
        self.by_generation
            .insert(self.last, Active::new(session, device));
        let older = self.by_name.insert(name, self.last);
        let older = older.and_then(|generation| self.by_generation.remove(&generation));
        Some((self.last, older.map(|active| active.session)))
    }

    /// Whether the device whose join before had this generation is the newest of its name.
    fn may_rejoin(&self, name: &DeviceName, rejoin: u64) -> bool {
        let Some(last) = self.joins.get(name) else {
            return true;
        };
        if rejoin == last.generation || Some(rejoin) == last.rejoined {
            return true;
        }
        if rejoin > self.last {
            // Of a run whose clock was ahead: nothing says who is newer.
            return !self.is_active(name);
        }
        // Both have come back from an earlier run, the older one first.
        rejoin <= self.before && last.before.is_some_and(|before| rejoin >= before)
    }

    /// The account of this name is gone.
    pub(crate) fn forget(&mut self, name: &DeviceName) {
        self.joins.remove(name);
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

    /// An active device of this name but for the case of letters.
    pub(crate) fn alike(&self, name: &DeviceName) -> Option<&DeviceName> {
        let wanted = name.as_str();
        let mut active = self.by_name.keys();
        active.find(|active| active.as_str().eq_ignore_ascii_case(wanted))
    }

    /// The device that joined so has said how it is reached.
    pub(crate) fn set_reached(&mut self, generation: u64, reached: Reached) {
        if let Some(active) = self.by_generation.get_mut(&generation) {
            active.reached = Some(reached);
        }
    }

    /// The active device of this name, and how it is reached where it has said so.
    pub(crate) fn reached(&self, name: &DeviceName) -> Option<(&ActiveDevice, Option<&Reached>)> {
        let active = self.by_generation.get(self.by_name.get(name)?)?;
        Some((&active.device, active.reached.as_ref()))
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
        let (first, _) = presence.join(SessionId(1), device("a"), None).unwrap();
        presence.join(SessionId(2), device("b"), None).unwrap();
        let (second, older) = presence.join(SessionId(3), device("a"), None).unwrap();
        assert_eq!(older, Some(SessionId(1)));
        assert_eq!(names(&presence), ["b", "a"]);
        assert!(!presence.leave(first), "a late farewell changes nothing");
        assert!(presence.is_active(&"a".parse().unwrap()));
        assert!(presence.leave(second));
        assert_eq!(names(&presence), ["b"]);
    }

    #[test]
    fn who_comes_back_displaces_nobody_newer() {
        let mut presence = Presence::default();
        let mut join = |n, rejoin| presence.join(SessionId(n), device("a"), rejoin);
        let (slept, _) = join(1, None).unwrap();
        let (newer, _) = join(2, None).unwrap();
        assert_eq!(join(3, Some(slept)), None);
        let (returned, _) = join(4, Some(newer)).unwrap();
        let (again, older) = join(5, Some(newer)).expect("its answer was lost");
        assert_eq!(older, Some(SessionId(4)));
        assert_eq!(join(6, Some(returned)), None, "nobody has this one");
        presence.leave(again);
        let mut join = |n, rejoin| presence.join(SessionId(n), device("a"), rejoin);
        assert_eq!(join(7, Some(slept)), None, "also after the newer left");
        presence.forget(&"a".parse().unwrap());
        assert!(presence.joins.is_empty());
    }

    #[test]
    fn the_newer_of_two_that_come_back_to_a_new_run_stays() {
        let at = |millis| Presence::starting_at(WallTime::from_unix_millis(millis));
        let mut first = at(1000);
        let (older, _) = first.join(SessionId(1), device("a"), None).unwrap();
        let (newer, _) = first.join(SessionId(2), device("a"), None).unwrap();
        let mut second = at(2000);
        let mut join = |n, rejoin| second.join(SessionId(n), device("a"), rejoin);
        let (slept, _) = join(3, Some(older)).unwrap();
        let (slept, _) = join(4, Some(slept)).unwrap();
        let (_, displaced) = join(5, Some(newer)).unwrap();
        assert_eq!(displaced, Some(SessionId(4)));
        assert_eq!(join(6, Some(slept)), None);
        assert_eq!(join(7, Some(older)), None);
        // A person's join is newer than all of them.
        join(8, None).unwrap();
        assert_eq!(join(9, Some(newer)), None);
    }

    #[test]
    fn pages_leave_nobody_out_and_fit_a_line() {
        let mut presence = Presence::default();
        let own = "n000".parse().unwrap();
        for n in 0..450 {
            let name = format!("n{n:03}{}", "x".repeat(if n == 0 { 0 } else { 60 }));
            presence.join(SessionId(n), device(&name), None).unwrap();
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
