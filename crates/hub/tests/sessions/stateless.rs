//! Calls without a session, at a real hub: who calls is found out by a password.

use std::net::IpAddr;

use fleetlink_hub::{Caller, OperatorCall, Settings, ShownPassword, StatelessCalls};
use fleetlink_proto::control::{ErrorCode, ListFiles, Reply, Request, RpcError};

use crate::fixture::{Fixture, hub, hub_with};

const NAME: &str = "supersmartwatch";

fn shown(address: [u8; 4], name: &str, password: &str) -> ShownPassword {
    ShownPassword {
        address: IpAddr::from(address),
        name: name.into(),
        password: password.into(),
    }
}

async fn identify(calls: &StatelessCalls, name: &str, password: &str) -> Result<Caller, RpcError> {
    calls.identify(shown([192, 0, 2, 1], name, password)).await
}

async fn list(calls: &StatelessCalls, caller: Caller) -> Result<Reply, RpcError> {
    let request = Request::ListFiles(ListFiles::default());
    calls.call(caller, request).await
}

#[tokio::test]
async fn a_device_is_known_by_its_password_until_that_is_changed() {
    let f: Fixture = hub().await;
    let calls = f.hub.http();
    let caller = identify(&calls, NAME, "comp9331").await.unwrap();
    assert_eq!(
        caller.device().map(ToString::to_string).as_deref(),
        Some(NAME)
    );
    match list(&calls, caller.clone()).await.unwrap() {
        Reply::Files(list) => assert!(list.files.is_empty()),
        other => panic!("{other:?}"),
    }
    f.operate(OperatorCall::SetPassword {
        name: NAME.parse().unwrap(),
        password: "another".into(),
    })
    .await;
    let error = list(&calls, caller).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::OutOfOrder, "{error:?}");
    let error = identify(&calls, NAME, "comp9331").await.unwrap_err();
    assert_eq!(error.code, ErrorCode::WrongPassword);
    identify(&calls, NAME, "another").await.unwrap();
}

#[tokio::test]
async fn guesses_in_parallel_are_locked_out_and_an_unknown_name_reads_like_a_wrong_password() {
    let f = hub_with(&[NAME], Settings::default()).await;
    let calls = f.hub.http();
    let [unknown, wrong] = [("nobody", "comp9331"), (NAME, "wrong")];
    let unknown = identify(&calls, unknown.0, unknown.1).await.unwrap_err();
    let wrong = identify(&calls, wrong.0, wrong.1).await.unwrap_err();
    assert_eq!(unknown, wrong);
    let guesses: Vec<_> = (0..20)
        .map(|_| {
            let calls = calls.clone();
            tokio::spawn(async move { identify(&calls, NAME, "wrong").await.unwrap_err().code })
        })
        .collect();
    let mut codes = Vec::new();
    for guess in guesses {
        codes.push(guess.await.unwrap());
    }
    let count = |wanted| codes.iter().filter(|code| **code == wanted).count();
    let most = usize::from(Settings::default().max_attempts.get());
    assert_eq!(count(ErrorCode::WrongPassword), most - 2, "{codes:?}");
    assert_eq!(count(ErrorCode::NowBlocked), 1, "{codes:?}");
    assert_eq!(count(ErrorCode::Blocked), 20 - (most - 1), "{codes:?}");
}

#[tokio::test]
async fn a_hub_that_has_ended_answers_that_it_is_closing() {
    let f = hub().await;
    let calls = f.hub.http();
    let caller = identify(&calls, NAME, "comp9331").await.unwrap();
    f.hub.close().await;
    for error in [
        identify(&calls, NAME, "comp9331").await.unwrap_err(),
        list(&calls, caller).await.unwrap_err(),
    ] {
        assert_eq!(error.code, ErrorCode::Busy, "{error:?}");
    }
}
