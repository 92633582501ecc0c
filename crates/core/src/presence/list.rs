//! The list of active devices: one device a name, in the order in which they joined, with the
//! sessions that share its presence.

use std::collections::BTreeMap;
use std::ops::Bound;

use fleetlink_proto::control::limits::{MAX_LINE_BYTES, MAX_NUMBER, MAX_PAGE_ENTRIES};
use fleetlink_proto::control::{ActiveDevice, DeviceList};
use fleetlink_proto::{DeviceKey, DeviceName, Generation, WallTime};

use crate::ids::SessionId;
use crate::presence::device::{Device, Member, Reached};
use crate::presence::holding::{Generations, Holding, Joiner};

/// The longest entry of a page in bytes: a name of 64, an address of 45, a port, a time, and the
/// members' names around them.
const LONGEST_ENTRY: usize = 64 + 45 + 5 + 32 + 64;
/// The bytes of a line beside its entries: the envelope, the next page, an id all of escapes.
const ENVELOPE: usize = 1024;
const _: () = assert!(MAX_PAGE_ENTRIES as usize * LONGEST_ENTRY + ENVELOPE < MAX_LINE_BYTES);

/// The active devices.
#[derive(Debug)]
pub(crate) struct Presence {
    generations: Generations,
    /// The holding of each name with an account, also after leaving.
    pub(super) holdings: BTreeMap<DeviceName, Holding>,
    active: BTreeMap<DeviceName, Device>,
    /// The names of the active devices by their places.
    places: BTreeMap<Generation, DeviceName>,
}

/// A session that wants to join.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub(crate) session: SessionId,
    pub(crate) name: DeviceName,
    /// The key that it has shown.
    pub(crate) key: Option<DeviceKey>,
    pub(crate) by: Joiner,
    pub(crate) udp_port: u16,
    pub(crate) receives: bool,
    /// The join before of a session that comes back by itself.
    pub(crate) rejoin: Option<Generation>,
    /// Whether it would rather not join than end sessions of somebody else.
    pub(crate) only_if_free: bool,
    pub(crate) now: WallTime,
}

/// The result of a join.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Joined {
    pub(crate) generation: Generation,
    /// Since when the device is active.
    pub(crate) since: WallTime,
    /// Sessions of the joining process that it has given up itself.
    pub(crate) given_up: Vec<SessionId>,
    /// Sessions of somebody else that end.
    pub(crate) displaced: Vec<SessionId>,
    /// The number of other sessions that share the presence.
    pub(crate) others: usize,
    /// Whether the list is another one.
    pub(crate) list_changed: bool,
}

/// The reason why a session may not join.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Somebody else joined since, from there.
    Replaced(Joiner),
    /// Somebody else is active.
    ActiveElsewhere(ActiveDevice),
}

/// The result of the end of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// It was not on the list any more.
    Stale,
    /// The device is no longer active.
    Last,
    /// Other sessions of the device stay; whether the list is another one.
    OthersStay { list_changed: bool },
}

impl Presence {
    /// Generations grow over restarts of the hub too: each run's begin at its wall clock. Whatever
    /// that clock says, half of all generations are left for this run.
    pub(crate) fn starting_at(wall: WallTime) -> Self {
        let before = u64::try_from(wall.unix_millis()).unwrap_or_default();
        let before = Generation::at_most(before.min(MAX_NUMBER / 2));
        Presence {
            generations: Generations {
                before,
                last: before,
            },
            holdings: BTreeMap::new(),
            active: BTreeMap::new(),
            places: BTreeMap::new(),
        }
    }

    /// Puts a session on the list. It shares the presence of sessions that have shown the same key;
    /// else it takes over, and its device goes to the end of the list.
    pub(crate) fn join(&mut self, arrival: Arrival) -> Result<Joined, Refusal> {
        let is_same_holder = self.admit(&arrival)?;
        let run = &mut self.generations;
        run.last = run.last.next();
        let generation = run.last;
        let (key, back) = (arrival.key, (arrival.rejoin, arrival.by));
        let holding = self.holdings.get_mut(&arrival.name);
        match holding.filter(|_| is_same_holder) {
            Some(holding) => {
                holding.joined_again(arrival.rejoin, arrival.by, *run);
                holding.key = key;
            }
            None => {
                let earlier = self.holdings.get(&arrival.name);
                let holding = Holding::new(generation, key, back, earlier, *run);
                self.holdings.insert(arrival.name.clone(), holding);
            }
        }
        Ok(self.seat(arrival, generation, is_same_holder))
    }

    /// Whether a join is one of the name's present holder, where it may be done.
    fn admit(&self, arrival: &Arrival) -> Result<bool, Refusal> {
        let Some(holding) = self.holdings.get(&arrival.name) else {
            return Ok(false);
        };
        let (run, rejoin) = (self.generations, arrival.rejoin);
        let device = self.active.get(&arrival.name);
        let may_rejoin = |rejoin| holding.may_rejoin(rejoin, arrival.key, device.is_some(), run);
        if !rejoin.is_none_or(may_rejoin) {
            return Err(Refusal::Replaced(holding.by));
        }
        let others = device.map_or(0, |device| device.others_than(rejoin).count());
        let comes_back = rejoin.is_some_and(|rejoin| holding.knows(rejoin, run));
        let is_same_holder = holding.is_of(arrival.key) || (comes_back && others == 0);
        match device.and_then(|device| device.shown(&arrival.name)) {
            Some(shown) if arrival.only_if_free && !is_same_holder && others > 0 => {
                Err(Refusal::ActiveElsewhere(shown))
            }
            _ => Ok(is_same_holder),
        }
    }

    /// Gives a session its place beside others of its holder, or in place of all that were there.
    fn seat(&mut self, arrival: Arrival, generation: Generation, is_same_holder: bool) -> Joined {
        let Arrival { name, now, .. } = arrival;
        let before = self.entry(&name);
        let mut joined = Joined {
            generation,
            since: now,
            given_up: Vec::new(),
            displaced: Vec::new(),
            others: 0,
            list_changed: false,
        };
        let mut device = self.active.remove(&name);
        if let Some(device) = &mut device {
            self.places.remove(&device.place);
            joined.given_up = device.remove_earlier(arrival.rejoin);
            if !is_same_holder {
                joined.displaced = device.sessions();
            }
        }
        let shared = device.filter(|device| is_same_holder && !device.members.is_empty());
        let mut device = shared.unwrap_or_else(|| Device::new(generation, now));
        (joined.since, joined.others) = (device.since, device.members.len());
        let member = Member {
            session: arrival.session,
            address: arrival.by.address,
            udp_port: arrival.udp_port,
            receives: arrival.receives,
            rejoined: arrival.rejoin,
            reached: None,
        };
        device.members.insert(generation, member);
        self.places.insert(device.place, name.clone());
        self.active.insert(name.clone(), device);
        joined.list_changed = before != self.entry(&name);
        joined
    }

    /// The place of a device and what others are told of it.
    fn entry(&self, name: &DeviceName) -> Option<(Generation, ActiveDevice)> {
        let device = self.active.get(name)?;
        Some((device.place, device.shown(name)?))
    }

    /// The session that joined so has shown this key as its device's.
    pub(crate) fn key_shown(&mut self, name: &DeviceName, generation: Generation, key: DeviceKey) {
        let device = self.active.get(name);
        let is_member = device.is_some_and(|device| device.members.contains_key(&generation));
        if let Some(holding) = self.holdings.get_mut(name).filter(|_| is_member) {
            holding.key = Some(key);
        }
    }

    /// The account of this name is gone.
    pub(crate) fn forget(&mut self, name: &DeviceName) {
        self.holdings.remove(name);
    }

    /// Takes the session that joined so off the list.
    pub(crate) fn leave(&mut self, name: &DeviceName, generation: Generation) -> Left {
        let before = self.entry(name);
        let Some(device) = self.active.get_mut(name) else {
            return Left::Stale;
        };
        if device.members.remove(&generation).is_none() {
            return Left::Stale;
        }
        if !device.members.is_empty() {
            let list_changed = before != self.entry(name);
            return Left::OthersStay { list_changed };
        }
        self.places.remove(&device.place);
        self.active.remove(name);
        Left::Last
    }

    pub(crate) fn is_active(&self, name: &DeviceName) -> bool {
        self.active.contains_key(name)
    }

    /// The number of active devices.
    pub(crate) fn len(&self) -> usize {
        self.active.len()
    }

    /// The names of the active devices in this range, in their order.
    pub(crate) fn names<'a>(
        &'a self,
        range: (Bound<&DeviceName>, Bound<&DeviceName>),
    ) -> impl Iterator<Item = &'a DeviceName> {
        self.active
            .range::<DeviceName, _>(range)
            .map(|(name, _)| name)
    }

    /// An active device as others see it.
    pub(crate) fn shown(&self, name: &DeviceName) -> Option<ActiveDevice> {
        self.active.get(name)?.shown(name)
    }

    /// An active device of this name but for the case of letters.
    pub(crate) fn alike(&self, name: &DeviceName) -> Option<&DeviceName> {
        let wanted = name.as_str();
        let mut active = self.active.keys();
        active.find(|active| active.as_str().eq_ignore_ascii_case(wanted))
    }

    /// The session that joined so has said how it is reached.
    pub(crate) fn set_reached(
        &mut self,
        name: &DeviceName,
        generation: Generation,
        reached: Reached,
    ) {
        let device = self.active.get_mut(name);
        if let Some(member) = device.and_then(|device| device.members.get_mut(&generation)) {
            member.reached = Some(reached);
        }
    }

    /// The sessions of an active device, in the order in which files go to them.
    pub(crate) fn sessions(&self, name: &DeviceName) -> impl Iterator<Item = &Member> {
        let device = self.active.get(name);
        device.into_iter().flat_map(Device::by_preference)
    }

    /// The active devices in the order in which they joined.
    pub(crate) fn iter(&self) -> impl Iterator<Item = ActiveDevice> {
        self.places
            .values()
            .filter_map(|name| self.active.get(name)?.shown(name))
    }

    /// One page of the devices other than `own`, after the place `after`.
    pub(crate) fn page(&self, own: Option<&DeviceName>, after: Option<u64>) -> DeviceList {
        let from = after.map_or(Bound::Unbounded, |place| {
            Bound::Excluded(Generation::at_most(place))
        });
        let others = self
            .places
            .range((from, Bound::Unbounded))
            .filter(|(_, name)| Some(*name) != own);
        let mut others = others.filter_map(|(_, name)| self.entry(name));
        let page: Vec<_> = others.by_ref().take(MAX_PAGE_ENTRIES as usize).collect();
        let more = others.next().is_some();
        let last = page.last().map(|(place, _)| place.get());
        DeviceList {
            devices: page.into_iter().map(|(_, device)| device).collect(),
            next: last.filter(|_| more),
        }
    }
}
