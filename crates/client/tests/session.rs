//! The client library against a hub that follows a script.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod rotation;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fleetlink_client::{
    Closed, Error, ErrorKind, HubAddress, Retry, Session,
    data::{Existing, UploadTask},
    internals::{
        Attached, Credential, Dialer, Supervisor, Trust, connect, delete_file, download_to_file,
        upload_file, upload_stream,
    },
    presence::Link,
};
use fleetlink_proto::control::{EndReason, ErrorCode, Join, UploadMode};
use fleetlink_proto::{DataFile, HubPin};
use fleetlink_testkit::scripted_hub::{Script, ScriptedHub};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

fn address(hub: &ScriptedHub) -> HubAddress {
    HubAddress::new(&hub.address.ip().to_string(), hub.address.port()).unwrap()
}

fn dialer(hub: &ScriptedHub) -> Dialer {
    Dialer {
        address: address(hub),
        trust: Trust::Pinned(hub.pin),
        name: "camera".to_owned(),
        credential: Credential::Password("right".into()).into(),
        client: "test".to_owned(),
        successor: None,
    }
}

async fn attached(script: Script) -> (ScriptedHub, Session) {
    let hub = ScriptedHub::start(script).await;
    let session = dialer(&hub).attach().await.unwrap();
    (hub, session)
}

const TASK: UploadTask = UploadTask {
    file: DataFile::numbered(1),
    mode: UploadMode::Replace,
    allow_empty: false,
};

fn file_of(content: &[u8]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), content).unwrap();
    file
}

fn content(bytes: usize) -> Vec<u8> {
    b"123456\n654321\n"
        .iter()
        .copied()
        .cycle()
        .take(bytes)
        .collect()
}

/// Samples without an end.
fn endless() -> impl tokio::io::AsyncRead + Send + Unpin {
    let (mut samples, source) = tokio::io::duplex(64 * 1024);
    tokio::spawn(async move { while samples.write_all(b"123456\n").await.is_ok() {} });
    source
}

#[tokio::test]
async fn a_pin_is_learnt_and_another_one_is_a_hard_failure() {
    let hub = ScriptedHub::start(Script::default()).await;
    let learnt = connect(&address(&hub), Trust::Learn).await.unwrap();
    assert_eq!(learnt.pin, Some(hub.pin));
    let wrong = Trust::Pinned(HubPin::from_sha256([7; 32]));
    let refused = connect(&address(&hub), wrong).await.err().unwrap();
    assert!(refused.to_string().starts_with("the hub's key has changed"));
    assert!(matches!(refused.kind(), ErrorKind::PinChanged { found, .. } if *found == hub.pin));
}

#[tokio::test]
async fn any_key_will_do_on_loopback_alone() {
    let hub = ScriptedHub::start(Script::default()).await;
    let port = hub.address.port();
    let named = HubAddress::new("localhost", port).unwrap();
    let reached = connect(&named, Trust::Loopback).await.unwrap();
    assert!(reached.peer.ip().is_loopback());
    // Refused before anything is sent: TEST-NET-1 (RFC 5737) leads nowhere.
    let elsewhere = HubAddress::new("192.0.2.1", port).unwrap();
    let refused = connect(&elsewhere, Trust::Loopback).await.err().unwrap();
    assert!(matches!(refused.kind(), ErrorKind::Elsewhere), "{refused}");
}

#[tokio::test]
async fn a_wrong_password_is_refused_in_the_hubs_words() {
    let (hub, session) = attached(Script::default()).await;
    let refused = session.login("camera", &"wrong".into()).await.unwrap_err();
    assert_eq!(refused.to_string(), "Invalid Password. Please try again");
    assert!(refused.is_refused_with(ErrorCode::WrongPassword));
    drop(hub);
}

#[tokio::test]
async fn a_silent_hub_is_gone_after_two_keep_alives() {
    let (_hub, session) = attached(Script {
        silent_after: Some(2),
        ..Script::default()
    })
    .await;
    assert_eq!(
        session.closed().await,
        Closed::Silent(Duration::from_secs(1))
    );
    let late = session.ping().await;
    let late = late.unwrap_err();
    assert!(matches!(late.kind(), ErrorKind::Closed(Closed::Silent(_))));
}

#[tokio::test]
async fn garbage_ends_the_session_and_nothing_panics() {
    let overlong = [vec![b'x'; 70_000], vec![b'\n']].concat();
    let chunk = br#"{"jsonrpc":"2.0","method":"download.chunk","params":{"download":1,"bytes":0}}"#;
    for garbage in [
        b"\xff\xfe\0\n".to_vec(),
        b"[]\n".to_vec(),
        b"{\"id\":{},\"result\":1}\n".to_vec(),
        [chunk.as_slice(), b"\n"].concat(),
        overlong,
    ] {
        let (_hub, session) = attached(Script {
            garbage: Some(garbage),
            ..Script::default()
        })
        .await;
        let answer = session.all_files().await;
        assert!(
            matches!(
                answer.as_ref().unwrap_err().kind(),
                ErrorKind::Closed(Closed::Garbage(_))
            ),
            "{answer:?}"
        );
    }
    let senseless = b"{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"files\":7}}\n".to_vec();
    let (_hub, session) = attached(Script {
        garbage: Some(senseless),
        ..Script::default()
    })
    .await;
    let answer = session.all_files().await;
    assert!(
        matches!(answer.as_ref().unwrap_err().kind(), ErrorKind::Protocol),
        "{answer:?}"
    );
}

#[tokio::test]
async fn an_upload_arrives_whole_while_other_calls_go_on() {
    let (hub, session) = attached(Script {
        patient: true,
        ..Script::default()
    })
    .await;
    let sent = content(5_000_000);
    let source = std::io::Cursor::new(sent.clone());
    let seen = Arc::new(Mutex::new(0));
    let progress = Arc::clone(&seen);
    let (receipt, pinged) = tokio::join!(
        upload_stream(&session, TASK, source, move |bytes| *progress
            .lock()
            .unwrap() = bytes),
        session.ping(),
    );
    assert_eq!(receipt.unwrap().receipt.bytes, 5_000_000);
    pinged.unwrap();
    assert_eq!(*seen.lock().unwrap(), 5_000_000);
    assert!(hub.seen.lock().unwrap().committed == sent);
}

/// Passes on what a device sends at this many bytes a second, and everything else at once.
async fn slow_uplink(to: std::net::SocketAddr, rate: usize) -> std::net::SocketAddr {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    // What it has not passed on shall wait in the device's kernel, as before a modem.
    socket.set_recv_buffer_size(8 * 1024).unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let listener = socket.listen(8).unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((device, _)) = listener.accept().await {
            let hub = tokio::net::TcpStream::connect(to).await.unwrap();
            let (mut from_device, mut to_device) = device.into_split();
            let (mut from_hub, mut to_hub) = hub.into_split();
            tokio::spawn(async move { tokio::io::copy(&mut from_hub, &mut to_device).await });
            tokio::spawn(async move {
                let mut buffer = vec![0; rate / 20];
                while let Ok(bytes @ 1..) = from_device.read(&mut buffer).await {
                    to_hub.write_all(&buffer[..bytes]).await?;
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                to_hub.shutdown().await
            });
        }
    });
    address
}

#[tokio::test]
async fn an_upload_over_a_slow_uplink_is_no_silence() {
    let hub = ScriptedHub::start(Script::default()).await;
    let proxy = slow_uplink(hub.address, 60_000).await;
    let mut slow = Dialer {
        address: HubAddress::new("127.0.0.1", proxy.port()).unwrap(),
        ..dialer(&hub)
    };
    let session = slow.attach().await.unwrap();
    let sent = content(300_000);
    let source = std::io::Cursor::new(sent.clone());
    // Five seconds of bytes, where two keep-alives are one.
    let uploaded = upload_stream(&session, TASK, source, |_| {}).await;
    assert_eq!(uploaded.unwrap().receipt.bytes, 300_000);
    assert!(hub.seen.lock().unwrap().committed == sent);
    session.ping().await.unwrap();
}

#[tokio::test]
async fn an_upload_goes_on_where_a_lost_connection_stopped_it() {
    let (hub, session) = attached(Script {
        patient: true,
        close_once_at: Some(2_500_000),
        ..Script::default()
    })
    .await;
    let sent = content(6_000_000);
    let file = file_of(&sent);
    let sessions = Attached::new(dialer(&hub), session);
    let receipt = upload_file(&sessions, TASK, file.path(), |_| {})
        .await
        .unwrap();
    assert_eq!(receipt.receipt.bytes, 6_000_000);
    let seen = hub.seen.lock().unwrap();
    assert!(seen.committed == sent);
    assert_eq!(seen.opened.len(), 2);
    assert_eq!(seen.opened[0], seen.opened[1], "the same key");
    assert_eq!(seen.received, 6_000_000, "nothing was sent twice");
}

#[tokio::test]
async fn a_file_that_changed_meanwhile_begins_anew_with_another_key() {
    let (hub, session) = attached(Script {
        close_once_at: Some(2_500_000),
        ..Script::default()
    })
    .await;
    let file = file_of(&content(6_000_000));
    let path = file.path().to_owned();
    let changed = content(4_000_000).split_off(3);
    let replacement = changed.clone();
    let sessions = Attached::new(dialer(&hub), session);
    let watched = Arc::clone(&hub.seen);
    // Replaced as soon as the hub has closed: before the second try reads it.
    let replace = async move {
        while watched.lock().unwrap().received < 2_500_000 {
            tokio::task::yield_now().await;
        }
        std::fs::write(&path, &replacement).unwrap();
    };
    let (uploaded, ()) = tokio::join!(upload_file(&sessions, TASK, file.path(), |_| {}), replace);
    uploaded.unwrap();
    let seen = hub.seen.lock().unwrap();
    assert!(seen.committed == changed);
    assert_ne!(seen.opened.first(), seen.opened.last());
    assert_eq!(seen.aborted, 1);
}

#[tokio::test]
async fn a_refused_upload_stops_early() {
    let (hub, session) = attached(Script {
        fail_at: Some(1),
        ..Script::default()
    })
    .await;
    // A source without an end: only the hub's refusal can stop it.
    let failed = upload_stream(&session, TASK, endless(), |_| {}).await;
    let error = failed.unwrap_err();
    let error = error.refusal().unwrap();
    assert_eq!(error.code, ErrorCode::BadLine);
    assert_eq!(error.data.as_ref().unwrap().line, Some(7));
    session.ping().await.unwrap();
    drop(hub);
}

#[tokio::test]
async fn a_dropped_upload_is_aborted() {
    let (hub, session) = attached(Script::default()).await;
    let endless = upload_stream(&session, TASK, endless(), |_| {});
    let received = async {
        while hub.seen.lock().unwrap().received == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = endless => panic!("it has no end"),
        () = received => {}
    }
    session.ping().await.unwrap();
    assert_eq!(hub.seen.lock().unwrap().aborted, 1);
}

#[tokio::test]
async fn a_download_is_verified_and_appears_whole() {
    let (hub, session) = attached(Script::default()).await;
    let stored = content(1_234_567);
    hub.seen.lock().unwrap().committed = stored.clone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("got.txt");
    let file = DataFile::numbered(1);
    let got = download_to_file(&session, file.clone(), &path, Existing::Keep, |_, _| {}).await;
    assert_eq!(got.unwrap().bytes, 1_234_567);
    assert!(std::fs::read(&path).unwrap() == stored);
    let again = download_to_file(&session, file.clone(), &path, Existing::Keep, |_, _| {}).await;
    assert!(again.unwrap_err().io().is_some());

    hub.rewrite(|script| script.lie_about_hash = true);
    let other = folder.path().join("other.txt");
    let lied = download_to_file(&session, file, &other, Existing::Keep, |_, _| {}).await;
    assert!(matches!(lied.unwrap_err().kind(), ErrorKind::Damaged));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

async fn joined(script: Script) -> (ScriptedHub, Supervisor) {
    let (hub, session) = attached(Script::default()).await;
    let join = Join {
        udp_port: 5,
        ..Join::default()
    };
    let joined = session.join_as(join.clone()).await.unwrap();
    hub.rewrite(|now| *now = script);
    let supervisor = Supervisor::start(session, dialer(&hub), &join, &joined, None);
    (hub, supervisor)
}

async fn over(supervisor: &Supervisor) -> Error {
    let mut link = supervisor.link();
    let over = link.wait_for(|link| matches!(link, Link::Over(_))).await;
    match &*over.unwrap() {
        Link::Over(over) => over.clone(),
        _ => unreachable!(),
    }
}

#[tokio::test]
async fn a_device_comes_back_after_a_lost_connection_but_not_after_it_was_replaced() {
    let lose = |script: &mut Script| script.silent_after = Some(2);
    let (hub, supervisor) = joined(Script::default()).await;
    hub.rewrite(lose);
    let mut link = supervisor.link();
    link.wait_for(|link| matches!(link, Link::Away(_)))
        .await
        .unwrap();
    hub.rewrite(|script| script.silent_after = None);
    link.wait_for(|link| matches!(link, Link::Up(_)))
        .await
        .unwrap();
    {
        let seen = hub.seen.lock().unwrap();
        assert_eq!((seen.joins, seen.rejoined.map(|g| g.get())), (2, Some(1)));
    }
    hub.rewrite(|script| {
        script.end_at_join = Some(EndReason::Replaced);
        script.silent_after = Some(3);
    });
    let over = over(&supervisor).await;
    let replaced = |closed: &Closed| match closed {
        Closed::ByHub { reason, .. } => *reason == EndReason::Replaced,
        _ => false,
    };
    assert!(
        matches!(over.kind(), ErrorKind::Closed(closed) if replaced(closed)),
        "{over}"
    );
}

/// A change that waits for the hub hears why the device is no longer let in, and not that it left.
#[tokio::test]
async fn a_device_that_is_refused_when_it_comes_back_is_told_so_by_its_changes() {
    let (hub, session) = attached(Script::default()).await;
    let join = Join::default();
    let joined = session.join_as(join.clone()).await.unwrap();
    let refused = Dialer {
        credential: Credential::Password("changed meanwhile".into()).into(),
        ..dialer(&hub)
    };
    hub.rewrite(|script| script.silent_after = Some(0));
    let supervisor = Supervisor::start(session.clone(), refused, &join, &joined, None);
    session.closed().await;
    hub.rewrite(|script| script.silent_after = None);
    let failed = delete_file(&supervisor, DataFile::numbered(1))
        .await
        .unwrap_err();
    assert!(failed.is_refused_with(ErrorCode::WrongPassword), "{failed}");
    assert_eq!(over(&supervisor).await.to_string(), failed.to_string());
}

/// The hub counts each password as an attempt: one that is wrong by now would lock the name out within
/// a second.
#[tokio::test]
async fn a_device_that_comes_back_by_its_password_does_not_hurry_after_a_lost_reply() {
    let (hub, _supervisor) = joined(Script {
        silent_after: Some(2),
        lost_logins: 9,
        ..Script::default()
    })
    .await;
    let logins = || hub.seen.lock().unwrap().logins;
    assert_eq!(logins(), 1);
    while logins() == 1 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // Without the rule the next one comes within a second.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(logins(), 2);
}

#[tokio::test]
async fn a_device_does_not_come_back_to_what_breaks_the_protocol() {
    let (_hub, supervisor) = joined(Script {
        garbage: Some(b"nonsense\n".to_vec()),
        ..Script::default()
    })
    .await;
    let over = over(&supervisor).await;
    assert!(
        matches!(over.kind(), ErrorKind::Closed(Closed::Garbage(_))),
        "{over}"
    );
    for (reason, returns) in [
        (EndReason::Protocol, false),
        (EndReason::Replaced, false),
        (EndReason::AccountRemoved, false),
        (EndReason::LoginRemoved, false),
        (EndReason::PasswordChanged, false),
        (EndReason::KeyRevoked, false),
        (EndReason::EndedByOperator, false),
        (EndReason::Busy, true),
        (EndReason::Silent, true),
        (EndReason::HubClosing, true),
    ] {
        let message = String::new();
        let closed = Closed::ByHub { reason, message };
        assert_eq!(closed.retry() != Retry::Never, returns, "{reason:?}");
    }
}

#[tokio::test]
async fn a_hub_that_fails_after_each_join_is_not_hammered() {
    let (hub, supervisor) = joined(Script {
        close_after_join: true,
        // The first session ends by its silence.
        silent_after: Some(3),
        ..Script::default()
    })
    .await;
    let mut link = supervisor.link();
    link.wait_for(|link| matches!(link, Link::Away(_)))
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(4)).await;
    // Waits of at least an eighth, a quarter, a half, one and two seconds.
    let joins = hub.seen.lock().unwrap().joins;
    assert!((3..=6).contains(&joins), "{joins}");
}

#[tokio::test]
async fn an_upload_waits_for_an_older_session_to_let_its_key_go() {
    let (hub, session) = attached(Script {
        busy_opens: 10,
        ..Script::default()
    })
    .await;
    let file = file_of(b"1\n");
    upload_file(&session, TASK, file.path(), |_| {})
        .await
        .unwrap();
    hub.rewrite(|script| script.busy_opens = usize::MAX);
    let began = std::time::Instant::now();
    let busy = upload_file(&session, TASK, file.path(), |_| {}).await;
    let error = busy.unwrap_err();
    let error = error.refusal().unwrap();
    assert_eq!(error.code, ErrorCode::Busy);
    // Two keep-alives and a little.
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert!(began.elapsed() < Duration::from_secs(5));
}
