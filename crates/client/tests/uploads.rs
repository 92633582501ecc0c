//! Uploads against a hub that follows a script: in one flight, again, and of what can be read once.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use fleetlink_client::{Client, ErrorCode, ErrorKind, Readings, data::AppendRules};
use fleetlink_testkit::scripted_hub::{Script, ScriptedHub};
use tempfile::TempDir;

async fn connected(script: Script) -> (ScriptedHub, Client, TempDir) {
    let hub = ScriptedHub::start(script).await;
    let state = tempfile::tempdir().unwrap();
    let builder = Client::builder(format!("{}#{}", hub.address, hub.pin))
        .device("camera")
        .state_dir(state.path())
        .password("right");
    let client = builder.connect().await.unwrap();
    (hub, client, state)
}

/// A hub that lets the device choose the numbers of its uploads.
fn modern() -> Script {
    Script {
        client_numbers: true,
        patient: true,
        ..Script::default()
    }
}

fn committed(hub: &ScriptedHub) -> String {
    String::from_utf8(hub.seen.lock().unwrap().committed.clone()).unwrap()
}

/// Keeps the hub silent until so many more calls have come: only a device that does not wait for an
/// answer sends them.
fn silent_for(hub: &ScriptedHub, calls: usize) {
    let seen = hub.seen.lock().unwrap();
    let called = seen.called.iter().filter(|method| **method != "ping");
    let called = called.count();
    drop(seen);
    hub.rewrite(|script| script.silent_until = called + calls);
}

/// Fails a test at once whose call waits for a reply that never comes: the client would try for minutes.
async fn soon<T>(work: impl IntoFuture<Output = T>) -> T {
    let work = tokio::time::timeout(Duration::from_secs(60), work.into_future());
    work.await.expect("it waits for no answer")
}

#[tokio::test]
async fn a_small_upload_waits_for_no_answer_before_its_commit() {
    let (hub, client, folder) = connected(modern()).await;
    let path = folder.path().join("readings.txt");
    std::fs::write(&path, "1\n2\n").unwrap();
    for (readings, expected) in [
        (Readings::from([21.5, -1.25]), "21.5\n-1.25\n"),
        (path.as_path().into(), "1\n2\n"),
        (Readings::stream(&b"3\n"[..]), "3\n"),
    ] {
        silent_for(&hub, 2);
        soon(client.upload(1, readings)).await.unwrap();
        assert_eq!(committed(&hub), expected);
    }
    silent_for(&hub, 2);
    let empty = client.upload(1, "").allow_empty();
    soon(empty).await.unwrap();
    assert_eq!(committed(&hub), "");
    let seen = hub.seen.lock().unwrap();
    assert_eq!(
        seen.numbers,
        [1, 2, 3, 4].map(|number| Some(number.into())),
        "no number comes twice"
    );
}

#[tokio::test]
async fn each_batch_of_an_append_is_one_flight() {
    let (hub, client, _state) = connected(modern()).await;
    silent_for(&hub, 2);
    let rules = AppendRules {
        every: Duration::ZERO,
        lines: 1,
        retry_for: Duration::from_secs(60),
    };
    let never = std::future::pending();
    let file = "temperature".parse().unwrap();
    let appended = client.append_from(file, &b"1\n2\n"[..], rules, never, |_| {});
    let appended = soon(appended).await;
    assert_eq!((appended.samples, appended.commits), (2, 1), "{appended:?}");
    assert_eq!(committed(&hub), "1\n2\n");
}

#[tokio::test]
async fn an_upload_of_more_than_a_chunk_is_opened_first() {
    let (hub, client, _state) = connected(modern()).await;
    let numbers: Vec<i32> = (100_000..300_000).collect();
    client.upload(1, numbers).await.unwrap();
    let seen = hub.seen.lock().unwrap();
    assert_eq!(seen.committed.len(), 200_000 * 7);
    assert_eq!(seen.numbers, [Some(1.into())]);
}

#[tokio::test]
async fn a_hub_that_chooses_the_numbers_is_asked_for_them() {
    let (hub, client, _state) = connected(Script::default()).await;
    client.upload(1, [1]).await.unwrap();
    assert_eq!(hub.seen.lock().unwrap().numbers, [None]);
    assert_eq!(committed(&hub), "1\n");
}

/// The commit is refused too, as there is no such upload; that says less.
#[tokio::test]
async fn a_refused_opening_is_the_error_and_the_session_goes_on() {
    let (hub, client, _state) = connected(modern()).await;
    hub.rewrite(|script| script.refuse_opens = Some(ErrorCode::NotAllowed));
    let refused = client.upload(1, [1]).await.unwrap_err();
    assert!(refused.is_refused_with(ErrorCode::NotAllowed), "{refused}");
    hub.rewrite(|script| {
        script.refuse_opens = None;
        script.busy_opens = 2;
    });
    client.upload(1, [2]).await.unwrap();
    assert_eq!(committed(&hub), "2\n");
    let seen = hub.seen.lock().unwrap();
    assert_eq!((seen.logins, seen.aborted), (1, 0));
}

#[tokio::test]
async fn an_upload_in_one_flight_whose_answer_is_lost_has_one_effect() {
    let (hub, client, _state) = connected(modern()).await;
    hub.rewrite(|script| script.lost_commits = 1);
    client.upload(1, [1]).await.unwrap();
    let seen = hub.seen.lock().unwrap();
    assert_eq!((seen.receipts.len(), seen.logins), (1, 2));
}

/// The hub holds a part of the first try: the second one goes on there.
#[tokio::test]
async fn an_interrupted_flight_that_the_hub_can_resume_is_resumed() {
    let (hub, client, _state) = connected(modern()).await;
    hub.rewrite(|script| script.close_once_at = Some(200_000));
    let numbers: Vec<i32> = (100_000..200_000).collect();
    client.upload(1, numbers).await.unwrap();
    let seen = hub.seen.lock().unwrap();
    assert_eq!((seen.committed.len(), seen.logins), (700_000, 2));
    assert_eq!(seen.received, 700_000, "no byte was sent twice");
}

/// The hub holds a part of the first try, although the upload is small. The second one is behind it.
#[tokio::test]
async fn a_flight_onto_a_part_that_the_hub_holds_is_sent_once_more() {
    for code in [ErrorCode::HashMismatch, ErrorCode::BadLine] {
        let (hub, client, _state) = connected(modern()).await;
        hub.rewrite(|script| {
            script.close_once_at = Some(3);
            script.fail_misfits = Some(code);
        });
        client.upload(1, [21.5, 22.5]).await.unwrap();
        assert_eq!(committed(&hub), "21.5\n22.5\n");
        let seen = hub.seen.lock().unwrap();
        assert_eq!((seen.opened.len(), seen.logins), (3, 2), "{code:?}");
    }
}

#[tokio::test]
async fn a_line_that_is_no_sample_is_told_before_anything_is_sent() {
    let (hub, client, _state) = connected(modern()).await;
    for readings in ["1\nwarm\n", ""] {
        let refused = client.upload(1, readings).await.unwrap_err();
        let kind = refused.kind();
        assert!(
            matches!(kind, ErrorKind::BadLine(line) if line.line == 2)
                || matches!(kind, ErrorKind::NoSamples),
            "{refused}"
        );
    }
    assert!(hub.seen.lock().unwrap().opened.is_empty());
}

/// Samples of seven bytes.
fn stream_of(samples: usize) -> Readings {
    let (mut sink, source) = tokio::io::duplex(64 * 1024);
    tokio::spawn(async move {
        use tokio::io::AsyncWriteExt as _;
        let _ = sink.write_all(&b"123456\n".repeat(samples)).await;
    });
    Readings::stream(source)
}

#[tokio::test]
async fn a_small_stream_is_sent_again_and_a_large_one_says_that_it_cannot_be() {
    for script in [modern(), Script::default()] {
        let (hub, client, _state) = connected(script).await;
        hub.rewrite(|script| script.close_once_at = Some(50_000));
        client.upload(1, stream_of(10_000)).await.unwrap();
        assert_eq!(committed(&hub).len(), 70_000);

        hub.rewrite(|script| script.close_once_at = Some(1_500_000));
        let lost = client.upload(1, stream_of(300_000)).await.unwrap_err();
        assert!(matches!(lost.kind(), ErrorKind::Closed(_)), "{lost}");
        assert!(lost.to_string().contains("cannot be read again"), "{lost}");
        assert_eq!(committed(&hub).len(), 70_000, "nothing changed");
    }
}

#[tokio::test]
async fn the_commit_of_a_large_stream_is_tried_again() {
    let (hub, client, _state) = connected(modern()).await;
    hub.rewrite(|script| script.lost_commits = 1);
    client.upload(1, stream_of(300_000)).await.unwrap();
    let seen = hub.seen.lock().unwrap();
    assert_eq!(seen.committed.len(), 2_100_000);
    assert_eq!((seen.receipts.len(), seen.logins), (1, 2));
}

/// A named pipe gives its bytes once: reading it a second time would wait for ever, or upload
/// something else.
#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_at_a_path_is_read_once() {
    let (hub, client, folder) = connected(modern()).await;
    let path = folder.path().join("pipe");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, mode).unwrap();
    for (samples, survives) in [(10_000, true), (300_000, false)] {
        hub.rewrite(|script| script.close_once_at = Some(samples * 5));
        let pipe = path.clone();
        let writing = tokio::task::spawn_blocking(move || {
            // Where its reader gives up, the rest finds no place.
            let _ = std::fs::write(pipe, b"123456\n".repeat(samples));
        });
        let uploading = client.upload(1, path.as_path());
        match uploading.await {
            Ok(_) => assert!(survives),
            Err(error) => {
                assert!(!survives, "{error}");
                assert!(
                    error.to_string().contains("cannot be read again"),
                    "{error}"
                );
            }
        }
        writing.await.unwrap();
    }
    let folder = client.upload(1, folder.path()).await.unwrap_err();
    assert!(matches!(folder.kind(), ErrorKind::File), "{folder}");
    let missing = client.upload(1, path.with_file_name("none")).await;
    let missing = missing.unwrap_err();
    assert!(matches!(missing.kind(), ErrorKind::NoSuchFile), "{missing}");
    assert!(missing.to_string().contains("none"), "{missing}");
}

/// A producer that takes its time: the hub is asked meanwhile, and a session that ends is noticed.
#[tokio::test]
async fn the_upload_of_a_slow_stream_is_open_while_it_comes() {
    use tokio::io::AsyncWriteExt as _;
    let (hub, client, _state) = connected(modern()).await;
    let (mut sink, source) = tokio::io::duplex(1024);
    sink.write_all(b"1\n").await.unwrap();
    let feeding = async {
        while hub.seen.lock().unwrap().opened.is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        sink.write_all(b"2\n").await.unwrap();
        drop(sink);
    };
    let (uploaded, ()) = soon(async {
        tokio::join!(
            client.upload(1, Readings::stream(source)).into_future(),
            feeding
        )
    })
    .await;
    uploaded.unwrap();
    assert_eq!(committed(&hub), "1\n2\n");
}
