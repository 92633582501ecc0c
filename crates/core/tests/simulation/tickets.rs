//! Tickets: how they are issued and used, and what must hold of that: never more uses than a ticket
//! has, nothing after its end or its revocation, and no key replaced by a ticket for a prefix.

use std::collections::BTreeSet;

use fleetlink_core::{
    AdminRequest, Change, Now, Possession, SessionId, StoreCall, StoreError, StoreReply, TicketUse,
};
use fleetlink_proto::DeviceName;
use fleetlink_proto::control::{EnrolledKey, ErrorCode, RedeemTicket, Reply, Request, RpcError};
use fleetlink_proto::ticket::{TicketNumber, TicketSecret, TicketSubject};

use crate::behaviour::signature;
use crate::oracle::{OpenedBy, Oracle, Told};
use crate::store::Store;
use crate::world::World;

/// Names that begin so are those of devices, and more.
const PREFIX: &str = "device-";

impl World {
    /// The operator's next step with tickets.
    pub(crate) fn ticket_request(&mut self) -> AdminRequest {
        match self.rng.below(10) {
            0 => AdminRequest::ListTickets { after: None },
            1 | 2 => {
                let last = self.store.tickets.keys().next_back().copied();
                let back = u32::try_from(self.rng.below(3)).unwrap();
                AdminRequest::RevokeTicket {
                    ticket: TicketNumber(last.unwrap_or_default().0.saturating_sub(back)),
                }
            }
            _ => {
                let secret = u128::from(self.rng.next()).to_be_bytes();
                let secret = TicketSecret::from_bytes(secret);
                let hash = secret.hash();
                self.secrets.push(secret);
                let (subject, uses) = match self.rng.percent(50) {
                    true => (
                        TicketSubject::Prefix(PREFIX.parse().unwrap()),
                        1 + self.rng.below(3),
                    ),
                    false => {
                        let name = self.rng.pick(&self.names).parse().unwrap();
                        (TicketSubject::Name(name), 1)
                    }
                };
                AdminRequest::IssueTicket {
                    hash,
                    subject,
                    uses: u32::try_from(uses).unwrap(),
                    life: self.rng.millis(200, 20_000),
                }
            }
        }
    }

    /// A ticket that this client has found somewhere, with or without a name of its choice.
    pub(crate) fn redemption(&mut self, client: usize) -> Option<(Request, Possession)> {
        let recent = self.secrets.len().saturating_sub(3);
        let recent = &self.secrets[recent..];
        let ticket = match recent.is_empty() {
            true => return None,
            false => self.rng.pick(recent).clone(),
        };
        let name = match self.rng.below(4) {
            0 => Some(self.clients[client].name.parse().unwrap()),
            1 => Some(self.rng.pick(&self.names).parse().unwrap()),
            _ => None,
        };
        let request = Request::RedeemTicket(RedeemTicket {
            ticket,
            name,
            key: self.clients[client].key,
            signature: signature(),
        });
        let possession = match self.rng.below(40) {
            0 => Possession::Unproven,
            1 => Possession::NoChannel,
            _ => Possession::Proven,
        };
        Some((request, possession))
    }
}

/// A `ticket.redeem` that was sent.
pub(crate) struct AskedRedemption {
    pub(crate) request: RedeemTicket,
    pub(crate) possession: Possession,
}

impl Oracle {
    /// The hub has the store use a ticket.
    pub(crate) fn redemption_begun(
        &self,
        (number, name, key): (TicketNumber, &DeviceName, &EnrolledKey),
        store: &Store,
        now: Now,
    ) {
        let ticket = store.tickets.get(&number).expect("a ticket that is there");
        assert_eq!(key.enrolled, now.wall);
        let is_taken = self.taken_as_revoked.contains(&number);
        assert!(!is_taken, "{ticket:?} is taken as revoked");
        assert!(
            ticket.expires.unix_millis() > now.wall.unix_millis(),
            "{ticket:?} has expired"
        );
        let same = |call: &&StoreCall| matches!(call, StoreCall::Change(Change::RedeemTicket { ticket, .. }) if *ticket == number);
        let under_way = store.running.values().filter(same).count();
        assert!(
            under_way < ticket.uses as usize,
            "{ticket:?} has no use left beside {under_way}"
        );
        match &ticket.subject {
            TicketSubject::Name(own) => assert_eq!(own, name),
            TicketSubject::Prefix(prefix) => {
                assert!(prefix.begins(name), "{name}");
                assert!(!self.accounts.contains_key(name), "{name} is somebody's");
            }
        }
    }

    pub(crate) fn redemption_decided(
        &mut self,
        session: SessionId,
        asked: &AskedRedemption,
        result: &Result<Reply, RpcError>,
        store: &Store,
        now: Now,
    ) {
        let RedeemTicket { ticket, key, .. } = &asked.request;
        let hash = ticket.hash();
        let ticket = store.tickets.values().find(|ticket| ticket.hash == hash);
        let store_said = |expected: fn(&StoreError) -> bool| {
            matches!(&self.told, Told::Store(call, Err(error))
                if matches!(**call, StoreCall::Change(Change::RedeemTicket { .. })) && expected(error))
        };
        match result.as_ref().map_err(|error| error.code) {
            Ok(Reply::Login(login)) => {
                assert_eq!(asked.possession, Possession::Proven);
                let ticket = ticket.expect("a ticket");
                let used = |used: &TicketUse| used.name == login.name && used.key == *key;
                let is_used = ticket.used.iter().any(used);
                assert!(is_used, "{} did not use {ticket:?}", login.name);
                assert_eq!(self.keys.get(&login.name), Some(key), "another key");
                assert_eq!(login.key.as_ref(), Some(key));
                let live = self.live.get_mut(&session).expect("is live");
                live.name = Some(login.name.clone());
                live.opened_by = OpenedBy::Key(*key);
                live.key = Some(*key);
            }
            Err(ErrorCode::NoChannel) => assert_eq!(asked.possession, Possession::NoChannel),
            Err(ErrorCode::KeyRefused) => assert_eq!(asked.possession, Possession::Unproven),
            Err(ErrorCode::NoSuchTicket) => assert!(ticket.is_none(), "{ticket:?}"),
            Err(ErrorCode::TicketUsed) => {
                // Where the store has failed to use it, the ticket was read once more.
                let ticket = ticket.expect("a ticket");
                let is_used = ticket.used.len() >= ticket.uses as usize;
                let refused = self.refused_uses.contains(&(ticket.number, *key));
                assert!(is_used || refused, "{ticket:?}");
            }
            Err(ErrorCode::TicketRevoked) => {
                let ticket = ticket.expect("a ticket");
                let is_taken = self.taken_as_revoked.contains(&ticket.number);
                assert!(ticket.revoked.is_some() || is_taken, "{ticket:?}");
            }
            Err(ErrorCode::TicketExpired) => {
                let ticket = ticket.expect("a ticket");
                let is_over = ticket.expires.unix_millis() <= now.wall.unix_millis();
                assert!(is_over, "{ticket:?}");
            }
            Err(ErrorCode::NameTaken) => {
                let ticket = ticket.expect("a ticket");
                let wanted = asked.request.name.as_ref();
                let wanted = wanted.unwrap_or_else(|| ticket.subject.as_name()).folded();
                let mut taken = self.accounts.keys().map(DeviceName::folded);
                let is_taken = taken.any(|name| name == wanted);
                let is_used = ticket.used.iter().any(|used| used.name.folded() == wanted);
                let conflict = store_said(|error| matches!(error, StoreError::Conflict(_)));
                assert!(is_taken || is_used || conflict, "{wanted} is nobody's");
            }
            Err(
                ErrorCode::NotAllowed
                | ErrorCode::OutOfOrder
                | ErrorCode::Busy
                | ErrorCode::StoreUnavailable
                | ErrorCode::StoreFull
                | ErrorCode::Corrupt
                | ErrorCode::OutcomeUnknown,
            ) => {}
            unexpected => panic!("a ticket was decided as {unexpected:?}"),
        }
    }

    /// The store has told of a change of tickets.
    pub(crate) fn ticket_told(
        &mut self,
        call: &StoreCall,
        result: &Result<StoreReply, StoreError>,
    ) {
        match (call, result) {
            (
                StoreCall::Change(Change::RevokeTicket { ticket, .. }),
                Err(StoreError::Unknown(_)),
            ) => _ = self.taken_as_revoked.insert(*ticket),
            (
                StoreCall::Change(Change::RedeemTicket { ticket, key, .. }),
                Err(StoreError::NotFound),
            ) => _ = self.refused_uses.insert((*ticket, key.key)),
            (StoreCall::Change(Change::RedeemTicket { name, key, .. }), Ok(_)) => {
                self.keys.insert(name.clone(), key.key);
            }
            _ => {}
        }
    }
}

impl Store {
    /// Checks the tickets: none is used more often than it may be, twice for one name, or after
    /// its end.
    pub(crate) fn check_tickets(&self) {
        for ticket in self.tickets.values() {
            assert!(ticket.used.len() <= ticket.uses as usize, "{ticket:?}");
            let names: BTreeSet<_> = ticket.used.iter().map(|used| &used.name).collect();
            assert_eq!(names.len(), ticket.used.len(), "{ticket:?}");
            for used in &ticket.used {
                let is_in_time = used.at.unix_millis() < ticket.expires.unix_millis();
                assert!(is_in_time, "{ticket:?}");
            }
        }
    }
}
