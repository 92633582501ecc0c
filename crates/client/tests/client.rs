//! The client's handle against a hub that follows a script.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::{Arc, Mutex};

use fleetlink_client::{
    Client, ClientBuilder, Closed, Error, ErrorCode, ErrorKind, Event, FirstUse, HubPin, Notice,
    Readings, Retry, presence::EndReason,
};
use fleetlink_testkit::scripted_hub::{Script, ScriptedHub};
use tempfile::TempDir;

fn of(hub: &ScriptedHub, state: &TempDir) -> ClientBuilder {
    at(&hub.address.to_string(), state)
}

fn at(address: &str, state: &TempDir) -> ClientBuilder {
    Client::builder(address)
        .device("camera")
        .state_dir(state.path())
        .password("right")
}

async fn connected(script: Script) -> (ScriptedHub, Client, TempDir) {
    let (hub, state) = (
        ScriptedHub::start(script).await,
        tempfile::tempdir().unwrap(),
    );
    let client = of(&hub, &state).connect().await.unwrap();
    (hub, client, state)
}

async fn failure(builder: ClientBuilder) -> Error {
    builder.connect().await.map(|_| ()).unwrap_err()
}

#[tokio::test]
async fn the_pin_is_part_of_the_address_given_or_remembered() {
    let (hub, state) = (
        ScriptedHub::start(Script::default()).await,
        tempfile::tempdir().unwrap(),
    );
    let address = hub.address.to_string();
    let other = HubPin::from_sha256([7; 32]);
    for builder in [
        at(&format!("{address}#{other}"), &state),
        of(&hub, &state).pin(other),
    ] {
        let refused = failure(builder).await;
        assert!(
            matches!(refused.kind(), ErrorKind::PinChanged { found, .. } if *found == hub.pin),
            "{refused}"
        );
        assert_eq!(refused.retry(), Retry::Never);
    }
    let both = at(&format!("{address}#{other}"), &state).pin(hub.pin);
    assert!(matches!(failure(both).await.kind(), ErrorKind::Usage));
    let named = at(&format!("{address}#{}", hub.pin), &state);
    named.connect().await.unwrap();
    assert_eq!(
        hub.seen.lock().unwrap().logins,
        1,
        "only the last logged in"
    );
}

#[tokio::test]
async fn a_hub_that_was_never_met_is_trusted_as_the_program_says() {
    let (hub, state) = (
        ScriptedHub::start(Script::default()).await,
        tempfile::tempdir().unwrap(),
    );
    let careful = of(&hub, &state).first_use(FirstUse::Refuse);
    let refused = failure(careful.clone()).await;
    let ErrorKind::UnknownHub { found, .. } = refused.kind() else {
        panic!("{refused}");
    };
    assert_eq!(hub.seen.lock().unwrap().logins, 0, "nothing was said");
    careful.trust_hub(*found).unwrap();
    careful.connect().await.unwrap();

    // Another hub at the same address, which the device remembers.
    let other = ScriptedHub::start(Script::default()).await;
    let here = of(&other, &state).first_use(FirstUse::Ask);
    assert_eq!(here.check_hub().await.unwrap(), Some(other.pin));
    here.trust_hub(hub.pin).unwrap();
    let changed = failure(here.first_use(FirstUse::Trust)).await;
    assert!(
        matches!(changed.kind(), ErrorKind::PinChanged { .. }),
        "{changed}"
    );
    let text = changed.to_string();
    assert!(text.contains("remove the line of"), "{text}");
}

#[tokio::test]
async fn a_device_without_a_key_or_a_password_is_told_what_it_needs() {
    let (hub, state) = (
        ScriptedHub::start(Script::default()).await,
        tempfile::tempdir().unwrap(),
    );
    let builder = Client::builder(hub.address.to_string()).state_dir(state.path());
    let nameless = failure(builder.clone()).await;
    assert_eq!(nameless.to_string(), "the name of the device is missing");
    let needy = failure(builder.clone().device("camera")).await;
    assert!(matches!(needy.kind(), ErrorKind::PasswordNeeded), "{needy}");
    let refused = failure(builder.device("camera").password("wrong")).await;
    assert!(
        refused.is_refused_with(ErrorCode::WrongPassword),
        "{refused}"
    );
    let nowhere = failure(at("host/name", &state)).await;
    assert!(matches!(nowhere.kind(), ErrorKind::Usage), "{nowhere}");
}

#[tokio::test]
async fn a_busy_hub_is_asked_again() {
    let (hub, _client, _state) = connected(Script {
        busy_logins: 2,
        ..Script::default()
    })
    .await;
    assert_eq!(hub.seen.lock().unwrap().logins, 3);
}

#[tokio::test]
async fn a_hub_that_is_away_is_waited_for_and_that_is_told() {
    let state = tempfile::tempdir().unwrap();
    // Nobody listens at a port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let told = Arc::new(Mutex::new(0));
    let counting = Arc::clone(&told);
    let builder = at(&address, &state).notices(move |notice| {
        assert!(matches!(notice, Notice::Waiting { .. }), "{notice}");
        *counting.lock().unwrap() += 1;
    });
    let away = failure(builder.clone()).await;
    assert!(matches!(away.kind(), ErrorKind::Unreachable), "{away}");
    assert!(std::error::Error::source(&away).is_some());
    assert_eq!(
        *told.lock().unwrap(),
        0,
        "without patience nothing is waited for"
    );
    failure(builder.wait(std::time::Duration::from_secs(1))).await;
    assert_eq!(*told.lock().unwrap(), 1);
}

#[tokio::test]
async fn readings_are_numbers_lines_files_or_streams() {
    let (hub, client, folder) = connected(Script::default()).await;
    let path = folder.path().join("readings.txt");
    std::fs::write(&path, "1\n2\n").unwrap();
    let stream = Readings::stream(&b"3\n"[..]);
    for (readings, expected) in [
        (Readings::from([21.5, -1.25]), "21.5\n-1.25\n"),
        ("7\n8\n".into(), "7\n8\n"),
        (path.as_path().into(), "1\n2\n"),
        (stream, "3\n"),
    ] {
        client.upload("temperature", readings).await.unwrap();
        let committed = hub.seen.lock().unwrap().committed.clone();
        assert_eq!(String::from_utf8(committed).unwrap(), expected);
    }
    let refused = client.upload("temperature", "warm").await.unwrap_err();
    assert!(matches!(refused.kind(), ErrorKind::BadLine(line) if line.line == 1));
    let empty = client.upload("temperature", "").await.unwrap_err();
    assert!(matches!(empty.kind(), ErrorKind::NoSamples), "{empty}");
    let unnamed = client.upload("a//b", [1]).await.unwrap_err();
    assert!(matches!(unnamed.kind(), ErrorKind::Usage), "{unnamed}");
}

/// An upload that is cut off goes on in another session, which the client opens by itself.
#[tokio::test]
async fn an_upload_survives_its_connection() {
    let (hub, client, _state) = connected(Script {
        close_once_at: Some(300_000),
        ..Script::default()
    })
    .await;
    let numbers: Vec<i32> = (100_000..300_000).collect();
    client.upload(1, numbers).await.unwrap();
    let seen = hub.seen.lock().unwrap();
    assert_eq!(seen.logins, 2);
    assert_eq!(seen.committed.len(), 200_000 * 7);
    assert!(
        seen.received < 2 * seen.committed.len(),
        "it went on, not anew"
    );
}

#[tokio::test]
async fn a_joined_device_hears_that_the_hub_goes_comes_and_ends_it() {
    let (hub, client, _state) = connected(Script::default()).await;
    let mut events = client.join().await.unwrap();
    let first = events.next().await.unwrap();
    assert!(matches!(first, Event::Joined(joined) if joined.generation == 1.into()));
    assert!(client.session_now().is_ok());
    hub.rewrite(|script| script.silent_after = Some(0));
    let away = events.next().await.unwrap();
    assert!(
        matches!(away, Event::HubAway(Closed::Silent(_))),
        "{away:?}"
    );
    hub.rewrite(|script| script.silent_after = None);
    let back = events.next().await.unwrap();
    assert!(matches!(back, Event::HubBack), "{back:?}");
    let again = client.join().await.unwrap_err();
    assert!(matches!(again.kind(), ErrorKind::Usage), "{again}");
    hub.rewrite(|script| {
        script.end_at_join = Some(EndReason::Replaced);
        script.silent_after = Some(3);
    });
    let mut last = None;
    while let Some(event) = events.next().await {
        last = Some(event);
    }
    let Some(Event::Ended(error)) = last else {
        panic!("{last:?}");
    };
    assert!(matches!(
        error.kind(),
        ErrorKind::Closed(Closed::ByHub {
            reason: EndReason::Replaced,
            ..
        })
    ));
    assert_eq!(
        client.session_now().unwrap_err().to_string(),
        error.to_string()
    );
}

/// Nothing is sent in the clear to a hub whose key the program named.
#[tokio::test]
async fn a_hub_with_a_pin_is_not_reached_without_tls() {
    let folder = tempfile::tempdir().unwrap();
    let hub = format!("127.0.0.1:9#sha256:{}", "01".repeat(32));
    let builder = Client::builder(hub).device("camera").password("right");
    let connecting = builder.plain().state_dir(folder.path()).connect();
    let error = connecting.await.err().unwrap();
    assert!(matches!(error.kind(), ErrorKind::Usage), "{error}");
}
