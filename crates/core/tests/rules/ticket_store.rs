//! Join tickets and the store that has them: the hub reads them when it needs them, and the store's
//! changes decide.

use fleetlink_core::{
    AccountOrder, AdminReply, AdminRequest, Change, Effect, Input, Query, SessionId, StoreCall,
    StoreError, StoreReply, TicketStanding, TicketUse,
};
use fleetlink_proto::IdempotencyKey;
use fleetlink_proto::control::ErrorCode;
use fleetlink_proto::control::limits::TICKETS_LISTED_AT_ONCE;
use fleetlink_proto::ticket::{TicketNumber, TicketSecret};

use crate::fixture::{Fixture, hash, name, settings};
use crate::tickets::{cameras, key, logged_in, of_name};

/// The hub keeps none of them, so a hub that has just started knows them as well as any other.
#[test]
fn a_hub_that_starts_knows_all_tickets_of_its_store_and_lists_them_by_pages() {
    let mut f = Fixture::new();
    let count = TICKETS_LISTED_AT_ONCE + 3;
    for secret in 0..u8::try_from(count).unwrap() {
        f.issued(secret, cameras(), 1);
    }
    let first = f.redeem(100, 0, None);
    f.store_redeems(None);
    assert!(f.answer(&first).unwrap().is_ok());
    f.restart(settings());
    let mut listed = Vec::new();
    loop {
        let after = listed.last().copied();
        f.operate(AdminRequest::ListTickets { after });
        let Some(Ok(AdminReply::Tickets(page))) = f.operator_answer() else {
            panic!("a page");
        };
        assert!(page.len() <= TICKETS_LISTED_AT_ONCE as usize);
        if page.is_empty() {
            break;
        }
        let standing = |number| match number {
            TicketNumber(1) => TicketStanding::Used,
            _ => TicketStanding::Open,
        };
        for status in page {
            assert_eq!(status.standing, standing(status.ticket.number));
            listed.push(status.ticket.number);
        }
    }
    assert!(listed.into_iter().eq((1..=count).map(TicketNumber)));
    assert_eq!(f.redeem_refused(1, 0, None), ErrorCode::TicketUsed);
    f.redeem(2, 1, None);
    assert_eq!(f.store_redeems(None), "camera-2");
}

/// Another hub changes the same store.
#[test]
fn the_store_decides_between_hubs() {
    let mut f = Fixture::new();
    f.issued(1, of_name("new"), 1);
    let id = f.redeem(1, 1, None);
    // The other hub's device was faster.
    let (operation, call) = f.store_call().unwrap();
    let StoreCall::Change(Change::RedeemTicket { ticket, .. }) = call else {
        panic!("{call:?}");
    };
    let used = TicketUse {
        name: name("new"),
        key: key(9),
        at: f.now.wall,
    };
    f.stored.tickets.get_mut(&ticket).unwrap().used.push(used);
    let result = Err(StoreError::NotFound);
    f.input(Input::StoreAnswered { operation, result });
    let error = f.answer(&id).unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::TicketUsed);
    // Neither is a ticket revoked that was used meanwhile.
    let ticket = f.issued(2, of_name("b"), 1);
    f.operate(AdminRequest::RevokeTicket { ticket });
    let (operation, call) = f.store_call().unwrap();
    let used = TicketUse {
        name: name("b"),
        key: key(9),
        at: f.now.wall,
    };
    f.stored.tickets.get_mut(&ticket).unwrap().used.push(used);
    f.answer_store(operation, &call, Ok(StoreReply::Done));
    let refused = f.operator_answer().unwrap().unwrap_err();
    assert!(refused.contains("has been used already"), "{refused}");
    assert!(!f.shown().iter().any(|line| line.contains("revoked")));
    // One that the other hub has issued is as good as an own one.
    let mut issued = f.stored.tickets[&ticket].clone();
    issued.number = TicketNumber(7);
    issued.hash = TicketSecret::from_bytes([7; 16]).hash();
    issued.used.clear();
    f.stored.tickets.insert(issued.number, issued);
    let id = f.redeem(3, 7, None);
    assert_eq!(f.store_redeems(None), "b");
    assert_eq!(f.answer(&id), logged_in("b", 3));
}

#[test]
fn a_ticket_that_may_be_revoked_is_taken_as_revoked() {
    let mut f = Fixture::new();
    let ticket = f.issued(1, of_name("new"), 1);
    f.operate(AdminRequest::RevokeTicket { ticket });
    f.store_answers(Err(StoreError::Unknown("x".to_owned())));
    let refused = f.operator_answer().unwrap().unwrap_err();
    assert!(refused.contains("may or may not"), "{refused}");
    assert_eq!(f.redeem_refused(1, 1, None), ErrorCode::TicketRevoked);
    f.operate(AdminRequest::ListTickets { after: None });
    let Some(Ok(AdminReply::Tickets(all))) = f.operator_answer() else {
        panic!("a list");
    };
    assert_eq!(all[0].standing, TicketStanding::Revoked);
    assert!(f.store_call().is_none());
}

/// A hundred that give no name at once: each name is looked for once, and the search goes on where the
/// last one has ended.
#[test]
fn the_search_for_free_names_tries_none_twice() {
    let mut f = Fixture::new();
    f.issued(1, cameras(), 200);
    f.reads_wait = true;
    let ids: Vec<_> = (1..=100)
        .map(|session| f.redeem(session, 1, None))
        .collect();
    let mut searched = Vec::new();
    let mut names = Vec::new();
    let mut reads = 0;
    while let Some((operation, call)) = f.store_call() {
        if let StoreCall::Query(Query::FreeName { from, .. }) = &call {
            searched.push(*from);
        }
        match f.stored.read(&call) {
            Some(reply) => {
                reads += 1;
                f.input(Input::StoreAnswered {
                    operation,
                    result: Ok(reply),
                });
            }
            None => names.push(f.redeems(operation, &call, None)),
        }
    }
    assert!(searched.into_iter().eq(1..=100));
    assert!(reads <= 500, "{reads} reads");
    let expected: std::collections::BTreeSet<_> =
        (1..=100).map(|n| format!("camera-{n}")).collect();
    assert_eq!(
        names.into_iter().collect::<std::collections::BTreeSet<_>>(),
        expected
    );
    assert!(ids.iter().all(|id| f.answer(id).unwrap().is_ok()));
}

/// The next search finds the name that the search of a session that is gone would have found.
#[test]
fn a_search_whose_session_is_gone_holds_nobody_up() {
    let mut f = Fixture::new();
    f.issued(1, cameras(), 2);
    f.reads_wait = true;
    f.redeem(1, 1, None);
    let (operation, call) = f.store_call().expect("the ticket is read");
    let reply = f.stored.read(&call).unwrap();
    let result = Ok(reply);
    f.input(Input::StoreAnswered { operation, result });
    let (operation, call) = f.store_call().expect("a search");
    assert!(matches!(&call, StoreCall::Query(Query::FreeName { .. })));
    let id = f.redeem(2, 1, None);
    let (reading, read) = f.store_call().expect("the ticket is read");
    let result = Ok(f.stored.read(&read).unwrap());
    f.input(Input::StoreAnswered {
        operation: reading,
        result,
    });
    assert!(f.store_call().is_none(), "one search at a time");
    f.input(Input::Disconnected {
        session: SessionId(1),
    });
    f.reads_wait = false;
    let result = Ok(f.stored.read(&call).unwrap());
    f.input(Input::StoreAnswered { operation, result });
    assert_eq!(f.store_redeems(None), "camera-1");
    assert_eq!(f.answer(&id), logged_in("camera-1", 2));
}

#[test]
fn a_number_that_is_given_back_is_the_lowest_again() {
    let mut f = Fixture::new();
    f.issued(1, cameras(), 9);
    for session in 1..=3 {
        f.redeem(session, 1, None);
        f.store_redeems(None);
    }
    // An account that the ticket has not made is removed, beside one that it has made.
    for removed in ["camera-2", "camera-4"] {
        f.operate(AdminRequest::Change {
            name: name(removed),
            order: AccountOrder::Add(hash("x")),
        });
        f.store_answers(match removed {
            "camera-2" => Err(StoreError::Conflict("x".to_owned())),
            _ => Ok(StoreReply::Done),
        });
    }
    f.redeem(5, 1, None);
    assert_eq!(f.store_redeems(None), "camera-5");
    for removed in ["camera-2", "camera-4"] {
        f.operate(AdminRequest::Change {
            name: name(removed),
            order: AccountOrder::Remove {
                with_data: false,
                key: IdempotencyKey::from_bits(1),
            },
        });
        f.store_answers(Ok(StoreReply::Done));
    }
    f.redeem(6, 1, None);
    assert_eq!(
        f.store_redeems(None),
        "camera-4",
        "camera-2 it has made once"
    );
}

/// The store says why a use was refused only where it can be read.
#[test]
fn a_store_that_cannot_be_read_refuses_uses_and_holds_nobody_up() {
    let mut f = Fixture::new();
    f.issued(1, of_name("new"), 1);
    f.reads_wait = true;
    let id = f.redeem(1, 1, None);
    let unavailable = || Err(StoreError::Unavailable("x".to_owned()));
    f.store_answers(unavailable());
    let error = f.answer(&id).unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::StoreUnavailable);
    // Two more: one goes to the store, which refuses it; then the ticket cannot be read for either.
    f.reads_wait = false;
    let ids = [2, 3].map(|session| f.redeem(session, 1, None));
    f.reads_wait = true;
    f.store_answers(Err(StoreError::NotFound));
    f.store_answers(unavailable());
    for id in &ids {
        let error = f.answer(id).unwrap().unwrap_err();
        assert_eq!(error.code, ErrorCode::StoreUnavailable);
    }
    f.operate(AdminRequest::RevokeTicket {
        ticket: TicketNumber(1),
    });
    f.store_answers(unavailable());
    let refused = f.operator_answer().unwrap().unwrap_err();
    assert!(refused.contains("could not be read"), "{refused}");
    f.reads_wait = false;
    f.redeem(4, 1, None);
    assert_eq!(f.store_redeems(None), "new");
}

#[test]
fn uses_that_wait_end_with_the_hub() {
    let mut f = Fixture::new();
    f.issued(1, of_name("new"), 1);
    f.redeem(1, 1, None);
    f.redeem(2, 1, None);
    f.reads_wait = true;
    f.redeem(3, 1, None);
    let (operation, call) = f
        .take(|effect| match effect {
            Effect::Store { operation, call } if matches!(call, StoreCall::Change(_)) => {
                Some((*operation, call.clone()))
            }
            _ => None,
        })
        .expect("a use");
    f.input(Input::Close);
    let (reading, read) = f.store_call().expect("a read of the third");
    let result = Ok(f.stored.read(&read).unwrap());
    f.input(Input::StoreAnswered {
        operation: reading,
        result,
    });
    assert!(!f.hub.is_drained());
    f.redeems(operation, &call, None);
    assert!(f.hub.is_drained());
    assert!(
        f.store_call().is_none(),
        "nothing is read for those that are gone"
    );
}
