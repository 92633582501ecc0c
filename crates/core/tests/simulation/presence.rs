//! Rules for the list of active devices: sessions of one key share an entry, anybody else takes over, a
//! session that was replaced does not come back, and files go to the right session.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use fleetlink_core::{Hub, SessionId};
use fleetlink_proto::control::{ActiveDevice, ErrorCode, Join, JoinReply, RpcError};
use fleetlink_proto::transfer::{EndpointId, GrantedParty, Party};
use fleetlink_proto::{DeviceKey, DeviceName, Generation};

use crate::oracle::Oracle;

/// The list, and who has had which name.
#[derive(Default)]
pub(crate) struct List {
    /// In the order in which they became active.
    active: Vec<Active>,
    newest: Generation,
    /// For each join in this life of the hub, the join of the person to whom the device belongs: a join of
    /// her own, or the one from an earlier life that the device returned with. The hub knows only these
    /// numbers of an earlier life, so they decide who is newer.
    people: BTreeMap<Generation, Generation>,
    /// The first join of the holder that has a join of this generation in this life.
    reigns: BTreeMap<Generation, Generation>,
    /// The latest holder of each name in this life of the hub.
    holders: BTreeMap<DeviceName, Holder>,
    /// The newest generation when an account of this name was last removed: who joined before that
    /// joined another account.
    removed: BTreeMap<DeviceName, Generation>,
    /// Joined sessions that the hub has ended since the last input.
    ended: Vec<(DeviceName, Member)>,
    /// The hub's list between the last two inputs; `said` tells whether the hub reported a change.
    last: Vec<ActiveDevice>,
    said: bool,
}

struct Active {
    name: DeviceName,
    members: Vec<Member>,
}

#[derive(Debug, Clone)]
struct Member {
    generation: Generation,
    session: SessionId,
    join: Join,
    address: IpAddr,
    endpoint: Option<Party>,
}

struct Holder {
    /// Its first join in this life.
    first: Generation,
    /// The generation that its first join gave as `rejoin`. A device whose reply was lost gives it again.
    returned: Option<Generation>,
    /// The newest person.
    person: Generation,
    key: Option<DeviceKey>,
    /// Nobody else has had the name in this life.
    is_first: bool,
}

impl List {
    pub(crate) fn account_removed(&mut self, name: &DeviceName) {
        self.holders.remove(name);
        self.removed.insert(name.clone(), self.newest);
    }

    pub(crate) fn new_input(&mut self) {
        self.ended.clear();
    }

    pub(crate) fn changed(&mut self) {
        self.said = true;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.active.is_empty()
    }

    pub(crate) fn end(&mut self, session: SessionId) {
        for active in &mut self.active {
            let ended = active.members.extract_if(.., |m| m.session == session);
            let name = active.name.clone();
            self.ended
                .extend(ended.map(|member| (name.clone(), member)));
        }
        self.active.retain(|active| !active.members.is_empty());
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &DeviceName> {
        self.active.iter().map(|active| &active.name)
    }

    fn active(&self, name: &DeviceName) -> Option<&Active> {
        self.active.iter().find(|active| active.name == *name)
    }

    /// A session has enrolled this key.
    pub(crate) fn key_shown(&mut self, name: &DeviceName, session: SessionId, key: DeviceKey) {
        let is_member = self
            .active(name)
            .is_some_and(|active| active.members.iter().any(|m| m.session == session));
        if is_member && let Some(holder) = self.holders.get_mut(name) {
            holder.key = Some(key);
        }
    }

    fn person_of(&self, generation: Generation) -> Generation {
        self.people.get(&generation).copied().unwrap_or(generation)
    }

    /// Whether a device of this key was the only one of the name in this life, as far as the hub
    /// knows, so that one that comes back from an earlier life is the same.
    fn is_same_of_earlier_life(
        &self,
        name: &DeviceName,
        rejoin: Generation,
        key: Option<DeviceKey>,
    ) -> bool {
        let of_this_life = self.people.contains_key(&rejoin);
        let holder = self.holders.get(name);
        !of_this_life && holder.is_some_and(|h| h.is_first && key.is_some() && h.key == key)
    }

    /// Whether a join of this generation is one of the name's present holder in this life.
    fn is_of_holder(&self, name: &DeviceName, generation: Generation) -> bool {
        self.holders.get(name).is_some_and(|holder| {
            let reign = self.reigns.get(&generation);
            reign == Some(&holder.first) || holder.returned == Some(generation)
        })
    }

    fn refused(&self, name: &DeviceName, join: &Join, key: Option<DeviceKey>, code: ErrorCode) {
        match (code, join.rejoin) {
            (ErrorCode::Replaced, Some(rejoin)) => {
                let person = self.person_of(rejoin);
                let newer = self.holders.get(name).is_some_and(|h| h.person > person);
                let of_another_account = Some(&rejoin) <= self.removed.get(name);
                // Somebody else has had the name since, perhaps by the number of an older join.
                let reign = self.reigns.get(&rejoin);
                let displaced = reign.is_some() && !self.is_of_holder(name, rejoin);
                assert!(
                    newer || displaced || of_another_account,
                    "{name} is refused, and nobody is newer"
                );
                let same = self.is_same_of_earlier_life(name, rejoin, key);
                assert!(!same, "{name} is refused beside its own session");
                let own = self.is_of_holder(name, rejoin);
                assert!(!own, "{name} is refused its own");
            }
            (ErrorCode::ActiveElsewhere, rejoin) => {
                assert!(join.only_if_free, "nobody asked for that");
                let holder = &self.holders[name];
                assert!(
                    key.is_none() || holder.key != key,
                    "{name} would have shared"
                );
                let members = &self.active(name).expect("is active").members;
                let others = members.iter().any(|member| !member.is_earlier(rejoin));
                assert!(others, "{name} is free");
            }
            (ErrorCode::OutOfOrder, _) => {}
            (code, _) => panic!("{name} may not join: {code}"),
        }
    }

    fn joined(
        &mut self,
        session: SessionId,
        (name, key): (&DeviceName, Option<DeviceKey>),
        join: &Join,
        reply: &JoinReply,
    ) -> &'static str {
        let JoinReply {
            generation,
            address,
            ..
        } = *reply;
        assert!(generation > self.newest, "an old generation");
        self.newest = generation;
        let holder = self.holders.get(name);
        let own = join.rejoin.map_or(generation, |g| self.person_of(g));
        let same_key = key.is_some() && holder.is_some_and(|holder| holder.key == key);
        let returns = join
            .rejoin
            .is_some_and(|rejoin| self.is_same_of_earlier_life(name, rejoin, key));
        let shares = join.rejoin.is_some_and(|g| self.is_of_holder(name, g));
        let before = holder.map(|holder| holder.person);
        assert!(
            before <= Some(own) || returns || shares,
            "{name} is taken from a newer device"
        );
        let same_person = before == Some(own) || shares;
        let person = before.map_or(own, |before| before.max(own));
        self.people.insert(generation, person);

        let ended: Vec<_> = self.ended.iter().filter(|(of, _)| of == name).collect();
        let displaced: Vec<_> = ended
            .iter()
            .map(|(_, member)| member)
            .filter(|member| !member.is_earlier(join.rejoin))
            .collect();
        assert!(
            displaced.is_empty() || !same_key,
            "{name} ends a session of its own key"
        );
        assert!(
            displaced.is_empty() || !join.only_if_free,
            "{name} was not free"
        );
        assert_eq!(
            displaced.is_empty(),
            reply.took_over.is_empty(),
            "{name} is told another thing"
        );
        let remaining = self.active(name).map_or(0, |active| active.members.len());
        assert!(
            remaining == 0 || same_key,
            "{name} shares with somebody else"
        );
        assert_eq!(reply.others as usize, remaining);

        let continues = same_key || (same_person && displaced.is_empty());
        let earlier = holder.filter(|_| continues);
        let first = earlier.map_or(generation, |earlier| earlier.first);
        self.reigns.insert(generation, first);
        let returned = earlier.map_or(join.rejoin, |earlier| earlier.returned);
        let holder = Holder {
            first,
            returned,
            person,
            key,
            is_first: holder.is_none_or(|holder| holder.is_first && continues),
        };
        let member = Member {
            generation,
            session,
            join: join.clone(),
            address,
            endpoint: None,
        };
        let what = match (displaced.is_empty(), remaining) {
            (false, _) => "somebody else took over",
            (true, 0) => "joined alone",
            (true, _) if join.rejoin.is_some() => "came back beside another session",
            (true, _) => "joined beside another session",
        };
        self.holders.insert(name.clone(), holder);
        match self.active.iter_mut().find(|active| active.name == *name) {
            Some(active) => {
                let left = active.members.iter().any(|m| m.is_earlier(join.rejoin));
                assert!(!left, "{name} leaves an earlier connection of a session");
                active.members.push(member);
            }
            None => self.active.push(Active {
                name: name.clone(),
                members: vec![member],
            }),
        }
        what
    }

    fn announced(&mut self, session: SessionId, party: &Party) {
        let members = self
            .active
            .iter_mut()
            .flat_map(|active| &mut active.members);
        for member in members.filter(|member| member.session == session) {
            member.endpoint = Some(party.clone());
        }
    }

    /// Checks the rules that hold between two inputs.
    fn check(&mut self, hub: &Hub) {
        let list: Vec<_> = hub.active().collect();
        let expected = self
            .active
            .iter()
            .map(|active| (&active.name, active.preferred()));
        let found = list
            .iter()
            .map(|device| (&device.name, (device.udp_port, device.address)));
        assert!(expected.eq(found), "the list is {list:?}");
        assert!(list == self.last || self.said, "the list changed in secret");
        (self.last, self.said) = (list, false);
    }
}

impl Member {
    /// The session of the highest rank gets the files.
    fn rank(&self) -> (bool, Generation) {
        (self.join.receives, self.generation)
    }

    fn is_earlier(&self, rejoin: Option<Generation>) -> bool {
        rejoin.is_some() && (Some(self.generation) == rejoin || self.join.rejoin == rejoin)
    }
}

impl Active {
    fn in_order(&self) -> Vec<&Member> {
        let mut members: Vec<_> = self.members.iter().collect();
        members.sort_by_key(|member| member.rank());
        members.reverse();
        members
    }

    fn preferred(&self) -> (u16, IpAddr) {
        let first = self.members.iter().max_by_key(|member| member.rank());
        let first = first.expect("a device that is active has a session");
        (first.join.udp_port, first.address)
    }
}

impl Oracle {
    pub(crate) fn join_answered(
        &mut self,
        session: SessionId,
        join: &Join,
        result: Result<&JoinReply, &RpcError>,
    ) {
        let live = &self.live[&session];
        let (name, key) = (live.name.clone(), live.key);
        match (name, result) {
            (Some(name), Ok(reply)) => {
                assert_eq!(reply.address, live.address.to_canonical());
                self.happened = Some(self.list.joined(session, (&name, key), join, reply));
            }
            (None, Ok(_)) => panic!("joins without a login"),
            (Some(name), Err(error)) => self.list.refused(&name, join, key, error.code),
            (None, Err(error)) => assert_eq!(error.code, ErrorCode::OutOfOrder),
        }
    }

    pub(crate) fn endpoint_announced(&mut self, session: SessionId, party: &Party) {
        assert!(self.is_own(party), "an endpoint by another key");
        self.list.announced(session, party);
    }

    fn is_own(&self, party: &Party) -> bool {
        let own = self.keys.get(&party.name);
        own.is_none_or(|own| *own == party.key)
    }

    /// The endpoint that takes files for a device from this session, and where.
    fn receiver(&self, sender: SessionId, to: &DeviceName) -> Option<(EndpointId, SocketAddr)> {
        let sender = self.live[&sender].address;
        let is_usable = |member: &&Member| {
            let same =
                sender == member.address || (sender.is_loopback() && member.address.is_loopback());
            member.join.udp_port != 0 && (same || !member.address.is_loopback())
        };
        let members = self.list.active(to)?.in_order();
        let mut members = members.into_iter().filter(is_usable);
        members.find_map(|member| {
            let party = member
                .endpoint
                .as_ref()
                .filter(|party| self.is_own(party))?;
            Some((
                party.endpoint,
                (member.address, member.join.udp_port).into(),
            ))
        })
    }

    pub(crate) fn granted(
        &mut self,
        session: SessionId,
        to: &GrantedParty,
        addresses: &[SocketAddr],
    ) {
        let found = self.receiver(session, &to.party.name);
        let expected = found.expect("a receiver that can be reached");
        assert_eq!(
            (to.party.endpoint, addresses),
            (expected.0, &[expected.1][..])
        );
        let active = self.list.active(&to.party.name).expect("is active");
        if active.members.len() > 1 {
            self.happened = Some("a file goes to one of several sessions");
        }
    }

    pub(crate) fn not_granted(&self, session: SessionId, to: &DeviceName, code: ErrorCode) {
        match code {
            ErrorCode::Offline => assert!(self.list.active(to).is_none(), "{to} is active"),
            ErrorCode::NoEndpoint => {
                let name = self.live[&session].name.as_ref().expect("is logged in");
                let own = self.list.active(name).and_then(|active| {
                    let own = active.members.iter().find(|m| m.session == session)?;
                    own.endpoint.as_ref().filter(|party| self.is_own(party))
                });
                let both = own.is_some() && self.receiver(session, to).is_some();
                assert!(!both, "{to} can be reached");
            }
            ErrorCode::OutOfOrder => {}
            code => panic!("no grant: {code}"),
        }
    }

    pub(crate) fn check_list(&mut self, hub: &Hub) {
        self.list.check(hub);
        for active in &self.list.active {
            for member in &active.members {
                let is_live = self.live.contains_key(&member.session);
                assert!(is_live, "{} is active but gone", active.name);
            }
            let known = self.accounts.contains_key(&active.name);
            assert!(known, "{} has no account", active.name);
        }
    }
}
