//! Lines of credentials files, and who waits for them.

use fleetlink_core::{
    AccountOrder, AdminReply, AdminRequest, Change, Effect, ImportEffect, ImportOrder, Input,
    PasswordHash, StoreCall, StoreError, StoreReply,
};
use fleetlink_proto::control::{EndReason, ErrorCode, Reply};

use crate::fixture::{Fixture, hash, name};

fn line(text: &str, password: &str, before: Option<PasswordHash>) -> AdminRequest {
    AdminRequest::Change {
        name: name(text),
        order: AccountOrder::Import(ImportOrder {
            origin: "file".into(),
            password_hash: hash(password),
            before,
        }),
    }
}

/// Imports a line and returns whether the account followed it.
fn import(f: &mut Fixture, request: AdminRequest) -> (bool, ImportEffect) {
    f.operate(request);
    let applies = match f.store_answers(Ok(StoreReply::Done)) {
        StoreCall::Change(Change::ImportLogin { applies, .. }) => applies,
        other => panic!("{other:?}"),
    };
    match f.operator_answer() {
        Some(Ok(AdminReply::Imported(outcome))) => (applies, outcome),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_line_adds_an_account_or_changes_its_password() {
    let mut f = Fixture::new();
    let added = import(&mut f, line("new", "secret", None));
    assert_eq!(added, (true, ImportEffect::Added));
    f.attached(1, "cam");
    f.attached(2, "uav");
    let changed = import(&mut f, line("cam", "secret", Some(hash("right"))));
    assert_eq!(changed, (true, ImportEffect::Changed));
    assert_eq!(f.end_of(1), Some(EndReason::PasswordChanged));
    let is_so = import(&mut f, line("uav", "right", Some(hash("right"))));
    assert_eq!(is_so, (false, ImportEffect::Remembered));
    assert_eq!(f.end_of(2), None, "nothing has changed");
    for device in ["new", "cam"] {
        f.greeted(3);
        assert!(matches!(f.login(3, device, "secret"), Ok(Reply::Login(_))));
        f.input(Input::Disconnected {
            session: fleetlink_core::SessionId(3),
        });
    }
}

/// Imports a line that was read before the operator spoke.
fn line_is_not_applied(f: &mut Fixture) {
    f.operate(line("cam", "file", Some(hash("right"))));
    f.store_answers(Ok(StoreReply::Done));
    let call = f.store_answers(Ok(StoreReply::Done));
    assert!(matches!(
        call,
        StoreCall::Change(Change::ImportLogin { applies: false, .. })
    ));
    f.greeted(1);
    f.login(1, "cam", "file").unwrap_err();
}

/// The operator speaks after the file was read, and before the line has its turn.
#[test]
fn a_line_is_no_word_against_a_later_one() {
    let mut f = Fixture::new();
    f.operate(AdminRequest::Change {
        name: name("cam"),
        order: AccountOrder::SetPassword(hash("operator")),
    });
    line_is_not_applied(&mut f);
    f.login(1, "cam", "operator").unwrap();

    let mut f = Fixture::new();
    f.operate(AdminRequest::Change {
        name: name("cam"),
        order: AccountOrder::Remove {
            with_data: false,
            key: fleetlink_proto::IdempotencyKey::from_bits(1),
        },
    });
    line_is_not_applied(&mut f);
}

/// The line said what was so when the file was read. Since then the operator has spoken.
#[test]
fn a_line_does_not_give_a_login_that_the_operator_has_changed_since() {
    let mut f = Fixture::new();
    f.operate(AdminRequest::Change {
        name: name("cam"),
        order: AccountOrder::SetPassword(hash("operator")),
    });
    f.operate(line("cam", "right", Some(hash("right"))));
    f.store_answers(Ok(StoreReply::Done));
    let call = f.store_answers(Ok(StoreReply::Done));
    assert!(matches!(
        call,
        StoreCall::Change(Change::ImportLogin { given, applies: false, .. }) if !given.gives
    ));
}

#[test]
fn a_login_that_is_taken_away_ends_what_it_opened_also_by_key() {
    let remove = || AdminRequest::Change {
        name: name("cam"),
        order: AccountOrder::RemoveLogin {
            origin: "file".into(),
        },
    };
    for result in [
        Ok(StoreReply::Done),
        Err(StoreError::Unknown("x".to_owned())),
    ] {
        let mut f = Fixture::enrolled();
        f.greeted(2);
        f.key_login(2, "cam", 1, fleetlink_core::Possession::Proven)
            .unwrap();
        f.operate(remove());
        f.store_answers(result);
        for session in [1, 2] {
            assert_eq!(f.end_of(session), Some(EndReason::LoginRemoved));
        }
        f.greeted(3);
        f.login(3, "cam", "right").unwrap_err();
        f.key_login(3, "cam", 1, fleetlink_core::Possession::Proven)
            .unwrap_err();
    }
    let mut f = Fixture::new();
    f.attached(1, "cam");
    f.operate(remove());
    f.store_answers(Err(StoreError::Full));
    assert!(f.operator_answer().unwrap().is_err());
    assert_eq!(f.end_of(1), None, "it was not done");
}

#[test]
fn a_login_waits_for_the_line_of_its_name_and_counts_meanwhile() {
    let mut f = Fixture::new();
    f.input(Input::Importing { under_way: true });
    let settle = |f: &mut Fixture| {
        f.take(|effect| match effect {
            Effect::SettleLogin { check, .. } => Some(*check),
            _ => None,
        })
    };
    f.greeted(1);
    f.greeted(2);
    f.greeted(3);
    let first = f.begin_login(1, "new", "secret");
    let second = f.begin_login(2, "new", "wrong");
    let third = f.begin_login(3, "new", "guess");
    assert!(f.check().is_none());
    let (one, two) = (settle(&mut f).unwrap(), settle(&mut f).unwrap());
    assert_eq!(settle(&mut f), None, "two attempts are all that it has");
    import(&mut f, line("new", "secret", None));
    f.input(Input::Importing { under_way: false });
    for check in [one, two, two] {
        f.input(Input::LoginSettled { check });
    }
    f.finish_check();
    f.finish_check();
    assert!(f.answer(&first).unwrap().is_ok());
    let error = f.answer(&second).unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::WrongPassword);
    f.finish_check();
    f.answer(&third).unwrap().unwrap_err();
}

/// Another hub was faster, and removed all of the account.
#[test]
fn a_login_that_is_removed_where_its_account_is_gone_ends_with_the_account() {
    let mut f = Fixture::new();
    f.joined(1, "cam");
    f.operate(AdminRequest::Change {
        name: name("cam"),
        order: AccountOrder::RemoveLogin {
            origin: "file".into(),
        },
    });
    f.store_answers(Ok(StoreReply::Account(None)));
    assert_eq!(f.end_of(1), Some(EndReason::AccountRemoved));
    assert_eq!(f.operator_answer(), Some(Ok(AdminReply::Done)));
    assert!(f.active().is_empty());
}
