//! Audit records: every change goes to the store with its author, and has one record if it changes
//! something.

use fleetlink_core::{
    Account, AccountVersion, Actor, ActorKind, Author, Change, Door, Effect, Hub, OperationId,
    Provenance, StoreCall, StoreError, StoreReply, Ticket, change_event, state_before,
};
use fleetlink_proto::control::UploadMode;

use crate::oracle::Oracle;
use crate::store::{Store, whose};

/// The state that a change is about, and the number of changes of data files.
#[derive(PartialEq)]
struct State(Option<Account>, Option<Ticket>, usize);

/// Checks the author of a change that goes to the store, which remembers it. What is left is the change
/// alone.
pub(crate) fn unsigned(effect: Effect, hub: &Hub, oracle: &Oracle, store: &mut Store) -> Effect {
    match effect {
        Effect::Store {
            operation,
            call: StoreCall::Recorded(change, by),
        } => {
            check(&by.author, &change, operation, hub, oracle);
            store.authors.insert(operation, *by);
            let call = StoreCall::Change(change);
            Effect::Store { operation, call }
        }
        Effect::Store {
            call: StoreCall::Change(ref change),
            ..
        } => {
            let has_no_event = match change {
                Change::Commit(commit) => commit.mode == UploadMode::Append,
                Change::ImportLogin { applies, .. } => !applies,
                Change::FinishImport { .. } | Change::Record(_) => true,
                _ => false,
            };
            assert!(has_no_event, "nobody's: {change:?}");
            effect
        }
        effect => effect,
    }
}

fn check(author: &Author, change: &Change, operation: OperationId, hub: &Hub, oracle: &Oracle) {
    let expected = match (change, hub.caller_of(operation)) {
        (Change::ImportLogin { .. } | Change::RemoveLogin { .. }, _) => {
            return assert_eq!(*author, Author::hub(Some("import")));
        }
        (Change::RedeemTicket { .. }, Some(_)) => Actor::NOBODY,
        (change, Some(_)) => {
            let device = whose(&StoreCall::Change(change.clone())).cloned();
            Actor::device(&device.expect("devices change what is theirs"))
        }
        (_, None) => Actor {
            kind: ActorKind::Operator,
            name: None,
        },
    };
    assert_eq!(author.by, expected, "{change:?}");
    let Some((session, _)) = hub.caller_of(operation) else {
        return assert_eq!((author.door, author.address), (Some(Door::Socket), None));
    };
    assert_eq!(author.door, Some(Door::Session));
    if let Some(live) = oracle.live.get(&session) {
        assert_eq!(author.address, Some(live.address), "{change:?}");
    }
}

impl Store {
    /// Makes a change and adds its record, as an only effect.
    pub(crate) fn apply_recorded(
        &mut self,
        call: &StoreCall,
        by: &Provenance,
    ) -> Result<StoreReply, StoreError> {
        let StoreCall::Change(change) = call else {
            panic!("not a change: {call:?}");
        };
        let before = state_before(change).map(|query| self.query(&query).unwrap());
        let was = self.state(change);
        let reply = self.apply(call)?;
        let is = self.state(change);
        let changes_data = matches!(change, Change::Commit(_) | Change::Delete(_));
        let is_repeated = changes_data && was.2 == is.2;
        let event = match is_repeated {
            true => None,
            false => change_event(&by.author, by.at, change, before.as_ref(), &reply),
        };
        // A password may be set to what it was.
        let sets = matches!(
            change,
            Change::SetPassword { .. } | Change::ImportLogin { .. }
        );
        let has_changed = was != is || sets;
        assert_eq!(event.is_some(), has_changed, "{change:?}: {event:?}");
        if let Some(event) = event {
            let is_use = matches!(change, Change::RedeemTicket { .. });
            assert!(is_use || event.by == by.author.by);
            assert!(!is_use || event.by.kind == ActorKind::Device);
            assert_eq!(event.at, by.at);
            self.records += 1;
        }
        Ok(reply)
    }

    fn state(&self, change: &Change) -> State {
        let call = StoreCall::Change(change.clone());
        let account = whose(&call).and_then(|name| self.accounts.get(name).cloned());
        let ticket = match change {
            Change::RevokeTicket { ticket, .. } | Change::RedeemTicket { ticket, .. } => {
                self.tickets.get(ticket)
            }
            Change::AddTicket { .. } => self.tickets.values().next_back(),
            _ => None,
        };
        let unversioned = |account: Account| Account {
            version: AccountVersion::default(),
            ..account
        };
        State(
            account.map(unversioned),
            ticket.cloned(),
            self.journal.len(),
        )
    }
}
