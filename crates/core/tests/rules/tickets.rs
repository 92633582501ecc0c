//! Join tickets: who gets what by one, and who does not.

use std::time::Duration;

use fleetlink_core::{
    Account, AccountOrder, AccountVersion, AdminReply, AdminRequest, Change, Input, OperationId,
    Possession, StoreCall, StoreError, StoreReply, TicketStanding,
};
use fleetlink_proto::control::limits::{MAX_FINISHED_TICKETS, MAX_OPEN_TICKETS};
use fleetlink_proto::control::{
    EndReason, ErrorCode, Login, LoginReply, RedeemTicket, Reply, Request, RequestId,
};
use fleetlink_proto::ticket::{TicketNumber, TicketSecret, TicketSubject};
use fleetlink_proto::{DeviceKey, Signature, WallTime};

use crate::fixture::{Answer, Fixture, coded, hash, name};
use Possession::{NoChannel, Proven, Unproven};

const LIFE: Duration = Duration::from_secs(900);

pub(crate) fn key(byte: u8) -> DeviceKey {
    DeviceKey::from_bytes([byte; 32])
}

pub(crate) fn of_name(text: &str) -> TicketSubject {
    TicketSubject::Name(name(text))
}

pub(crate) fn cameras() -> TicketSubject {
    TicketSubject::Prefix("camera-".parse().unwrap())
}

fn issue(secret: u8, subject: TicketSubject, uses: u32) -> AdminRequest {
    AdminRequest::IssueTicket {
        hash: TicketSecret::from_bytes([secret; 16]).hash(),
        subject,
        uses,
        life: LIFE,
    }
}

fn request(secret: u8, wanted: Option<&str>, byte: u8) -> Request {
    Request::RedeemTicket(RedeemTicket {
        ticket: TicketSecret::from_bytes([secret; 16]),
        name: wanted.map(name),
        key: key(byte),
        signature: Signature::from_bytes([0; 64]),
    })
}

pub(crate) fn logged_in(text: &str, byte: u8) -> Option<Answer> {
    Some(Ok(Reply::Login(LoginReply {
        name: name(text),
        key: Some(key(byte)),
    })))
}

impl Fixture {
    /// Issues a ticket; its number.
    pub(crate) fn issued(&mut self, secret: u8, subject: TicketSubject, uses: u32) -> TicketNumber {
        while self.operator_answer().is_some() {}
        self.operate(issue(secret, subject, uses));
        self.store_answers(Ok(StoreReply::Done));
        match self.operator_answer() {
            Some(Ok(AdminReply::Ticket(status))) => status.ticket.number,
            other => panic!("{other:?}"),
        }
    }

    /// A session of this number asks for the use of a ticket.
    pub(crate) fn redeem(&mut self, session: u64, secret: u8, wanted: Option<&str>) -> RequestId {
        // Loopback, of which any number may be open without a login.
        self.connect_from(session, [127, 0, 0, 1]);
        self.hello(session, &[1]).unwrap();
        let byte = u8::try_from(session).unwrap();
        self.call_with(session, request(secret, wanted, byte), Proven)
    }

    pub(crate) fn redeem_refused(
        &mut self,
        session: u64,
        secret: u8,
        wanted: Option<&str>,
    ) -> ErrorCode {
        let id = self.redeem(session, secret, wanted);
        self.answer(&id)
            .expect("an answer at once")
            .unwrap_err()
            .code
    }

    /// The store does the use that it was asked for first; the name.
    pub(crate) fn store_redeems(&mut self, password: Option<&str>) -> String {
        let (operation, call) = self.store_call().expect("a store operation");
        self.redeems(operation, &call, password)
    }

    pub(crate) fn redeems(
        &mut self,
        operation: OperationId,
        call: &StoreCall,
        password: Option<&str>,
    ) -> String {
        let account = self.account_made_by(call, password);
        let name = account.name.to_string();
        let result = Ok(StoreReply::Account(Some(account)));
        self.answer_store(operation, call, result);
        name
    }

    /// The account as the use of a ticket makes it.
    fn account_made_by(&self, call: &StoreCall, password: Option<&str>) -> Account {
        let StoreCall::Change(Change::RedeemTicket { name, key, .. }) = call else {
            panic!("{call:?}");
        };
        Account {
            name: name.clone(),
            password_hash: password.map(hash),
            created: self.now.wall,
            key: Some(key.clone()),
            version: AccountVersion::default(),
        }
    }

    fn pass_wall(&mut self, time: Duration) {
        let millis = i64::try_from(time.as_millis()).unwrap();
        let later = self.now.wall.unix_millis() + millis;
        self.now.wall = WallTime::from_unix_millis(later);
    }
}

#[test]
fn a_ticket_makes_an_account_and_logs_in_by_key_after_the_commit() {
    let mut f = Fixture::new();
    f.issued(1, of_name("new"), 1);
    let id = f.redeem(5, 1, None);
    assert_eq!(f.answer(&id), None, "before the commit");
    assert_eq!(f.store_redeems(None), "new");
    assert_eq!(f.answer(&id), logged_in("new", 5));
    assert!(f.shown().contains(&"ticket 1 was used by new".to_owned()));
    // From here on it is the device of its name, by key.
    f.greeted(6);
    let login = Login::by_key("new", key(5), Signature::from_bytes([0; 64]));
    let id = f.call_with(6, Request::Login(login), Proven);
    assert_eq!(f.answer(&id), logged_in("new", 5));
    // Which is no way to another key.
    let id = f.call_with(6, Request::RevokeKey, Proven);
    let error = f.answer(&id).unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::NotAllowed);
}

/// The same words, the same work and the same lock-out as for a name that nobody has.
#[test]
fn an_account_without_a_password_is_to_a_password_as_an_unknown_name() {
    let mut f = Fixture::new();
    f.issued(1, of_name("new"), 1);
    f.redeem(5, 1, None);
    f.store_redeems(None);
    let mut seen = Vec::new();
    for who in ["new", "nobody"] {
        f.greeted(10);
        let mut answers = Vec::new();
        for password in ["", "right", "x"] {
            let id = f.begin_login(10, who, password);
            let checked = f.check();
            if let Some((check, matches)) = checked {
                assert!(!matches);
                let matches = false;
                f.input(Input::PasswordChecked { check, matches });
            }
            let error = f.answer(&id).unwrap().unwrap_err();
            answers.push((checked.is_some(), error));
        }
        f.input(Input::Disconnected {
            session: fleetlink_core::SessionId(10),
        });
        seen.push(answers);
    }
    assert_eq!(seen[0], seen[1]);
    // The operator can give it one.
    f.operate(AdminRequest::Change {
        name: name("new"),
        order: AccountOrder::SetPassword(hash("right")),
    });
    f.store_answers(Ok(StoreReply::Done));
    f.operate(AdminRequest::Unlock { name: name("new") });
    f.greeted(11);
    f.login(11, "new", "right").unwrap();
}

#[test]
fn a_hundred_uses_of_one_ticket_at_once_have_one_winner() {
    let mut f = Fixture::new();
    f.issued(1, of_name("new"), 1);
    let ids: Vec<_> = (1..=100)
        .map(|session| f.redeem(session, 1, None))
        .collect();
    f.store_redeems(None);
    let mut codes = Vec::new();
    for (id, session) in ids.iter().zip(1..) {
        match f.answer(id).expect("is decided") {
            Ok(reply) => assert_eq!(Some(Ok(reply)), logged_in("new", session)),
            Err(error) => codes.push(error.code),
        }
    }
    assert_eq!(codes, [ErrorCode::TicketUsed; 99]);
    assert!(f.store_call().is_none(), "the store was asked once");
}

#[test]
fn two_names_do_not_get_the_last_use() {
    let mut f = Fixture::new();
    f.issued(1, cameras(), 2);
    let ids: Vec<_> = (1..=5).map(|session| f.redeem(session, 1, None)).collect();
    let [first, second] = [(); 2].map(|()| f.store_call().expect("a use"));
    assert!(f.store_call().is_none(), "no more than there are uses");
    // One fails: its place goes to the next that waits, under the number that is free.
    let (operation, _) = first;
    let result = Err(StoreError::Full);
    f.input(Input::StoreAnswered { operation, result });
    let error = f.answer(&ids[0]).unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::StoreFull);
    assert_eq!(f.redeems(second.0, &second.1, None), "camera-2");
    assert_eq!(f.store_redeems(None), "camera-1");
    assert_eq!(f.answer(&ids[1]), logged_in("camera-2", 2));
    assert_eq!(f.answer(&ids[2]), logged_in("camera-1", 3));
    for id in &ids[3..] {
        let error = f.answer(id).unwrap().unwrap_err();
        assert_eq!(error.code, ErrorCode::TicketUsed);
    }
}

#[test]
fn a_hundred_creations_of_one_account_at_once_have_one_winner() {
    let mut f = Fixture::new();
    for _ in 0..100 {
        f.operate(AdminRequest::Change {
            name: name("new"),
            order: AccountOrder::Add(hash("right")),
        });
    }
    let mut winners = 0;
    for n in 0..100 {
        f.store_answers(match n {
            0 => Ok(StoreReply::Done),
            _ => Err(StoreError::Conflict("x".to_owned())),
        });
        winners += usize::from(f.operator_answer().unwrap().is_ok());
    }
    assert_eq!(winners, 1);
    assert!(f.store_call().is_none());
}

#[test]
fn a_name_ticket_gives_a_lost_device_a_new_key_and_ends_what_the_old_one_opened() {
    let mut f = Fixture::new();
    f.operate(AdminRequest::SetKey {
        name: name("cam"),
        key: key(1),
    });
    f.store_answers(Ok(StoreReply::Done));
    f.greeted(1);
    let login = Login::by_key("cam", key(1), Signature::from_bytes([0; 64]));
    f.call_with(1, Request::Login(login), Proven);
    f.attached(2, "cam");
    f.issued(1, of_name("cam"), 1);
    let id = f.redeem(7, 1, Some("cam"));
    f.store_redeems(Some("right"));
    assert_eq!(f.answer(&id), logged_in("cam", 7));
    assert_eq!(f.end_of(1), Some(EndReason::KeyRevoked));
    assert_eq!(f.end_of(2), None, "its password opened that");
    f.greeted(8);
    f.login(8, "cam", "right").unwrap();
}

#[test]
fn a_prefix_ticket_makes_new_accounts_alone() {
    let mut f = Fixture::new();
    f.operate(AdminRequest::Change {
        name: name("camera-1"),
        order: AccountOrder::Add(hash("right")),
    });
    f.store_answers(Ok(StoreReply::Done));
    f.issued(1, cameras(), 10);
    for (session, wanted, code) in [
        (1, "camera-1", ErrorCode::NameTaken),
        (2, "Camera-1", ErrorCode::NotAllowed),
        (3, "camera-", ErrorCode::NotAllowed),
        (4, "cam", ErrorCode::NotAllowed),
    ] {
        assert_eq!(f.redeem_refused(session, 1, Some(wanted)), code, "{wanted}");
    }
    f.redeem(5, 1, None);
    assert_eq!(f.store_redeems(None), "camera-2", "the lowest that is free");
    f.redeem(6, 1, Some("camera-north"));
    assert_eq!(f.store_redeems(None), "camera-north");
    assert_eq!(
        f.redeem_refused(7, 1, Some("camera-North")),
        ErrorCode::NameTaken
    );
    // The store knows of an account that the hub does not: the next number is tried.
    let id = f.redeem(8, 1, None);
    f.store_answers(Err(StoreError::Conflict("x".to_owned())));
    assert_eq!(f.store_redeems(None), "camera-4");
    assert_eq!(f.answer(&id), logged_in("camera-4", 8));
}

#[test]
fn used_expired_revoked_and_unknown_tickets_say_what_they_are() {
    let mut f = Fixture::new();
    f.issued(1, of_name("a"), 1);
    f.redeem(1, 1, None);
    f.store_redeems(None);
    let revoked = f.issued(2, of_name("b"), 1);
    f.operate(AdminRequest::RevokeTicket { ticket: revoked });
    let call = f.store_answers(Ok(StoreReply::Done));
    assert!(
        matches!(call, StoreCall::Change(Change::RevokeTicket { ticket, .. }) if ticket == revoked)
    );
    assert_eq!(f.operator_answer(), Some(Ok(AdminReply::Done)));
    f.issued(3, of_name("c"), 1);
    f.issued(4, of_name("d"), 1);
    let code = |f: &mut Fixture, session, secret| f.redeem_refused(session, secret, None);
    assert_eq!(code(&mut f, 11, 1), ErrorCode::TicketUsed);
    assert_eq!(code(&mut f, 12, 2), ErrorCode::TicketRevoked);
    f.pass_wall(LIFE - Duration::from_millis(1));
    f.redeem(13, 3, None);
    assert_eq!(f.store_redeems(None), "c", "to the last moment");
    f.pass_wall(Duration::from_millis(1));
    assert_eq!(code(&mut f, 14, 4), ErrorCode::TicketExpired);
    assert_eq!(
        code(&mut f, 15, 1),
        ErrorCode::TicketUsed,
        "and not expired"
    );
    assert_eq!(code(&mut f, 16, 9), ErrorCode::NoSuchTicket);
    let refused = "a ticket from 127.0.0.1 was refused: there is no such ticket";
    assert!(f.shown().contains(&refused.to_owned()));
    f.operate(AdminRequest::ListTickets { after: None });
    let Some(Ok(AdminReply::Tickets(all))) = f.operator_answer() else {
        panic!("a list");
    };
    let standings: Vec<_> = all.iter().map(|status| status.standing).collect();
    use TicketStanding::{Expired, Revoked, Used};
    assert_eq!(standings, [Used, Revoked, Used, Expired]);
}

/// It is decided once more when its turn has come, and then by the store.
#[test]
fn a_use_that_waited_past_the_end_or_the_revocation_is_not_made() {
    for revokes in [false, true] {
        let mut f = Fixture::new();
        let ticket = f.issued(1, cameras(), 2);
        f.operate(AdminRequest::Change {
            name: name("camera-9"),
            order: AccountOrder::Add(hash("x")),
        });
        let (operation, _) = f.store_call().unwrap();
        let id = f.redeem(1, 1, Some("camera-9"));
        let code = if revokes {
            f.operate(AdminRequest::RevokeTicket { ticket });
            f.store_answers(Ok(StoreReply::Done));
            ErrorCode::TicketRevoked
        } else {
            f.pass_wall(LIFE);
            ErrorCode::TicketExpired
        };
        assert_eq!(f.answer(&id), None);
        let result = Err(StoreError::Full);
        f.input(Input::StoreAnswered { operation, result });
        if revokes {
            // Which another hub may have done: the store decides.
            f.store_answers(Err(StoreError::NotFound));
        }
        assert_eq!(f.answer(&id).unwrap().unwrap_err().code, code);
        assert!(f.store_call().is_none());
    }
}

#[test]
fn a_lost_answer_and_a_second_try_are_one_use() {
    let mut f = Fixture::new();
    f.issued(1, cameras(), 2);
    // The session is gone before the answer.
    f.redeem(1, 1, None);
    let (operation, call) = f.store_call().unwrap();
    f.input(Input::Disconnected {
        session: fleetlink_core::SessionId(1),
    });
    f.redeems(operation, &call, None);
    f.pass_wall(LIFE);
    for (session, wanted) in [(2, None), (3, Some("camera-1"))] {
        f.greeted(session);
        let id = f.call_with(session, request(1, wanted, 1), Proven);
        assert_eq!(f.answer(&id), logged_in("camera-1", 1), "at once");
    }
    assert!(f.store_call().is_none());
    // What the operator has taken away since does not come back that way.
    f.operate(AdminRequest::RevokeKey {
        name: name("camera-1"),
    });
    f.store_answers(Ok(StoreReply::Done));
    f.greeted(4);
    let id = f.call_with(4, request(1, None, 1), Proven);
    let error = f.answer(&id).unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::TicketExpired);
}

/// The store had done it, and nobody knew: the same key gets it, another one does not.
#[test]
fn an_unknown_outcome_is_found_out_by_the_same_key() {
    let mut f = Fixture::new();
    f.issued(1, of_name("new"), 1);
    let id = f.redeem(1, 1, None);
    f.store_answers(Err(StoreError::Unknown("x".to_owned())));
    let error = f.answer(&id).unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::OutcomeUnknown);
    let id = f.redeem(2, 1, None);
    f.store_answers(Err(StoreError::NotFound));
    let error = f.answer(&id).unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::TicketUsed);
    f.greeted(3);
    let id = f.call_with(3, request(1, None, 1), Proven);
    f.store_redeems(None);
    assert_eq!(f.answer(&id), logged_in("new", 1));
}

/// The store has made the account, and the hub cannot read its reply.
#[test]
fn a_reply_of_another_kind_leaves_the_account_in_doubt() {
    let mut f = Fixture::new();
    f.issued(1, of_name("new"), 1);
    let id = f.redeem(1, 1, None);
    let (operation, call) = f.store_call().expect("the use");
    let made = f.account_made_by(&call, None);
    f.stored.follow(&call, StoreReply::Account(Some(made)));
    f.input(Input::StoreAnswered {
        operation,
        result: Ok(StoreReply::Done),
    });
    let error = f.answer(&id).unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::OutcomeUnknown);
    f.greeted(2);
    let login = Login::by_key("new", key(1), Signature::from_bytes([0; 64]));
    let id = f.call_with(2, Request::Login(login), Proven);
    assert_eq!(f.answer(&id), logged_in("new", 1));
}

#[test]
fn who_is_gone_before_its_turn_uses_nothing() {
    let mut f = Fixture::new();
    f.issued(1, of_name("new"), 1);
    f.operate(AdminRequest::Change {
        name: name("new"),
        order: AccountOrder::Add(hash("x")),
    });
    let (operation, _) = f.store_call().unwrap();
    f.redeem(1, 1, None);
    let id = f.redeem(2, 1, None);
    f.input(Input::Disconnected {
        session: fleetlink_core::SessionId(1),
    });
    let result = Ok(StoreReply::Done);
    f.input(Input::StoreAnswered { operation, result });
    assert_eq!(f.store_redeems(Some("x")), "new");
    assert_eq!(f.answer(&id), logged_in("new", 2));
}

#[test]
fn a_ticket_is_for_strangers_over_tls_who_hold_the_key() {
    let mut f = Fixture::new();
    f.issued(1, of_name("new"), 1);
    f.greeted(1);
    for (possession, code) in [
        (NoChannel, ErrorCode::NoChannel),
        (Unproven, ErrorCode::KeyRefused),
    ] {
        // The same, whether there is such a ticket or not.
        for secret in [1, 9] {
            let id = f.call_with(1, request(secret, None, 1), possession);
            let error = f.answer(&id).unwrap().unwrap_err();
            assert_eq!(error.code, code);
        }
    }
    f.attached(2, "cam");
    let id = f.call_with(2, request(1, None, 1), Proven);
    let error = f.answer(&id).unwrap().unwrap_err();
    let words = "ticket.redeem is not for this session";
    assert_eq!(coded(&error), (ErrorCode::NotAllowed, words));
    assert!(f.store_call().is_none());
}

#[test]
fn what_no_ticket_can_be_is_refused() {
    let mut f = Fixture::new();
    let days = |days: u64| Duration::from_secs(days * 24 * 3600);
    for (subject, uses, life, words) in [
        (of_name("new"), 2, LIFE, "one use"),
        (of_name("Cam"), 1, LIFE, "differs only by case"),
        (cameras(), 0, LIFE, "1 to 1000 uses"),
        (cameras(), 1001, LIFE, "1 to 1000 uses"),
        (cameras(), 1, days(31), "30 days"),
        (cameras(), 1, Duration::ZERO, "30 days"),
    ] {
        let hash = TicketSecret::from_bytes([1; 16]).hash();
        f.operate(AdminRequest::IssueTicket {
            hash,
            subject,
            uses,
            life,
        });
        let refused = f.operator_answer().unwrap().unwrap_err();
        assert!(refused.contains(words), "{refused}");
    }
    f.operate(AdminRequest::RevokeTicket {
        ticket: TicketNumber(1),
    });
    assert!(f.operator_answer().unwrap().is_err());
    assert!(f.store_call().is_none());
}

#[test]
fn tickets_are_bounded_and_the_oldest_finished_ones_go_first() {
    let mut f = Fixture::new();
    let issue = |f: &mut Fixture, n: usize| {
        let mut secret = [0; 16];
        secret[..8].copy_from_slice(&n.to_be_bytes());
        f.operate(AdminRequest::IssueTicket {
            hash: TicketSecret::from_bytes(secret).hash(),
            subject: cameras(),
            uses: 1,
            life: LIFE,
        });
        f.store_answers(Ok(StoreReply::Done));
        match f.operator_answer().unwrap() {
            Ok(AdminReply::Ticket(status)) => Ok(status.ticket.number),
            Ok(other) => panic!("{other:?}"),
            Err(refused) => Err(refused),
        }
    };
    for n in 0..MAX_OPEN_TICKETS {
        issue(&mut f, n).unwrap();
    }
    let refused = issue(&mut f, MAX_OPEN_TICKETS).unwrap_err();
    assert!(
        refused.contains("256 tickets are open already"),
        "{refused}"
    );
    assert_eq!(MAX_FINISHED_TICKETS, MAX_OPEN_TICKETS);
    for n in 0..5 {
        f.pass_wall(LIFE);
        let number = issue(&mut f, 1000 + n).unwrap();
        let first = f.stored.tickets.keys().next().copied();
        assert_eq!(first, Some(TicketNumber(u32::try_from(n + 2).unwrap())));
        let last = u32::try_from(MAX_OPEN_TICKETS + n + 1).unwrap();
        assert_eq!(number, TicketNumber(last), "no number twice");
    }
}

#[test]
fn a_ticket_works_while_its_name_is_locked_out() {
    let mut f = Fixture::new();
    f.issued(1, of_name("cam"), 1);
    f.greeted(70);
    f.login(70, "cam", "wrong").unwrap_err();
    let error = f.login(70, "cam", "wrong").unwrap_err();
    assert_eq!(error.code, ErrorCode::NowBlocked);
    let id = f.redeem(1, 1, None);
    f.store_redeems(Some("right"));
    assert_eq!(f.answer(&id), logged_in("cam", 1));
}
