//! The binary's dialogue, line by line, against a hub that follows a script.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::process::{Output, Stdio};
use std::time::Duration;

use fleetlink_proto::ticket::{JoinTicket, TicketSecret, TicketSubject};
use fleetlink_testkit::scripted_hub::{Script, ScriptedHub};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;

const PROMPT: &str = "Enter one of the following commands (EDG, UED, SCS, DTE, AED, UVF, OUT):";

/// Runs the binary in an empty folder with this input.
async fn fleetlink(arguments: &[&str], input: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_fleetlink"))
        .args(arguments)
        .current_dir(folder.path())
        .env("FLEETLINK_STATE_DIR", folder.path().join("state"))
        .env_remove("FLEETLINK_PASSWORD")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A command that has failed already reads nothing.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    child.wait_with_output().await.unwrap()
}

fn stdout(output: &Output) -> Vec<&str> {
    std::str::from_utf8(&output.stdout)
        .unwrap()
        .lines()
        .collect()
}

#[tokio::test]
async fn a_program_can_hold_the_whole_dialogue() {
    let hub = ScriptedHub::start(Script::default()).await;
    let port = hub.address.port().to_string();
    let input = "camera\nwrong\nright\nXYZ\nEDG 1 5\nUED 1\nUED 2\nscs 1 SUM\nDTE 1\n\
                 AED\nUVF other file\nUVF other camera-1.txt\n";
    let pin = hub.pin.to_string();
    let join = [
        "join",
        "127.0.0.1",
        &port,
        "--pin",
        &pin,
        "--prompt",
        "full",
    ];
    let output = fleetlink(&join, input).await;
    let answers: Vec<&str> = stdout(&output)
        .into_iter()
        .filter(|&l| l != PROMPT)
        .collect();
    assert_eq!(
        answers,
        [
            "Username:",
            "Password:",
            "Invalid Password. Please try again",
            "Password:",
            "Welcome!",
            "Error. Invalid command!",
            "help shows the commands.",
            "Data generation done, 5 data samples have been generated and stored in the file \
             camera-1.txt",
            "Data file with ID of 1 has been uploaded to server",
            "the file to be uploaded does not exist",
            "the file with ID of 1 does not exist at the server side",
            "the file does not exist at the server side",
            "no other active edge devices",
            "the file to be uploaded does not exist",
            "other is offline",
            "Bye, camera!",
        ]
    );
    assert_eq!(stdout(&output).iter().filter(|&&l| l == PROMPT).count(), 10);
    assert_eq!(output.status.code(), Some(0));
    let notices = format!(
        "this device now has a key: with --device camera no password is needed any more\n\
         commands mean camera at {} from now on, unless they name another device (fleetlink use)\n",
        hub.address
    );
    assert_eq!(std::str::from_utf8(&output.stderr).unwrap(), notices);
    assert_eq!(hub.seen.lock().unwrap().joins, 1);
}

#[tokio::test]
async fn a_locked_out_name_ends_the_client_with_its_own_status() {
    let hub = ScriptedHub::start(Script::default()).await;
    let port = hub.address.port().to_string();
    let output = fleetlink(&["client", "127.0.0.1", &port, "0"], "camera\nblock\n").await;
    let last = stdout(&output).pop().unwrap();
    assert!(last.starts_with("Invalid Password. Your account has been blocked."));
    assert_eq!(output.status.code(), Some(4));
}

#[tokio::test]
async fn one_shots_answer_one_json_document_for_failures_too() {
    let hub = ScriptedHub::start(Script::default()).await;
    let address = hub.address.to_string();
    let run = async |rest: &[&str], input: &str| {
        let common = [
            "--hub",
            &address,
            "--device",
            "camera",
            "--json",
            "--password-stdin",
        ];
        let output = fleetlink(&[rest, &common].concat(), input).await;
        let code = output.status.code().unwrap();
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        (code, document)
    };
    let (code, uploaded) = run(&["data", "upload", "1", "-"], "right\n1\n2\n3\n").await;
    assert_eq!((code, &uploaded["bytes"]), (0, &6.into()));
    assert_eq!(hub.seen.lock().unwrap().committed, b"1\n2\n3\n");
    let (code, refused) = run(&["data", "list"], "wrong\n").await;
    assert_eq!(
        (code, &refused["error"]["code"]),
        (3, &"wrong_password".into())
    );
    let (code, missing) = run(&["data", "delete", "1"], "right\n").await;
    assert_eq!(
        (code, &missing["error"]["code"]),
        (8, &"no_such_file".into())
    );
    let (code, usage) = run(&["data", "delete", "x//y"], "right\n").await;
    assert_eq!((code, &usage["error"]["code"]), (2, &"usage".into()));
    assert_eq!(hub.seen.lock().unwrap().joins, 0, "one-shots do not join");
}

#[tokio::test]
async fn a_udp_port_in_use_is_an_error_before_the_login() {
    let hub = ScriptedHub::start(Script::default()).await;
    let taken = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    let udp = taken.local_addr().unwrap().port().to_string();
    let output = fleetlink(&["join", &hub.address.to_string(), &udp], "").await;
    assert!(String::from_utf8_lossy(&output.stderr).contains("is in use on this device"));
    assert!(output.stdout.is_empty());
    assert_eq!(output.status.code(), Some(1));
}

#[tokio::test]
async fn nobody_holds_a_place_at_the_hub_while_typing() {
    let hub = ScriptedHub::start(Script {
        busy_logins: 2,
        ..Script::default()
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let port = hub.address.port().to_string();
    let mut child = Command::new(env!("CARGO_BIN_EXE_fleetlink"))
        .args(["client", "127.0.0.1", &port, "0"])
        .current_dir(folder.path())
        .env("FLEETLINK_STATE_DIR", folder.path().join("state"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for (prompt, typed) in [
        ("Username:", "camera\n"),
        ("Password:", "wrong\n"),
        ("Invalid Password. Please try again", ""),
        ("Password:", "right\n"),
    ] {
        assert_eq!(lines.next_line().await.unwrap().unwrap(), prompt);
        // The hub sees the end of a connection a little later.
        let closed = async {
            while prompt.ends_with(':') && hub.seen.lock().unwrap().open > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let closed = tokio::time::timeout(Duration::from_secs(5), closed).await;
        closed.expect("no connection is open while somebody types");
        stdin.write_all(typed.as_bytes()).await.unwrap();
    }
    assert_eq!(lines.next_line().await.unwrap().unwrap(), "Welcome!");
    // To see that it is there, two busy answers, a wrong password and a right one.
    assert_eq!(hub.seen.lock().unwrap().connected, 5);
}

#[tokio::test]
async fn a_ticket_whose_answer_is_lost_is_tried_again_with_the_same_key() {
    let hub = ScriptedHub::start(Script {
        lost_redemptions: 2,
        ..Script::default()
    })
    .await;
    let subject = TicketSubject::Name("cam".parse().unwrap());
    let secret = TicketSecret::from_bytes([5; 16]);
    // The hub is at the second of its addresses.
    let addresses = vec!["127.0.0.1:1".to_owned(), hub.address.to_string()];
    let ticket = JoinTicket::new(hub.pin, secret, subject, addresses).unwrap();
    let output = fleetlink(&["join", &ticket.to_text()], "OUT\n").await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let redeemed = hub.seen.lock().unwrap().redeemed.clone();
    assert_eq!(redeemed.len(), 3);
    assert!(
        redeemed.iter().all(|key| *key == redeemed[0]),
        "{redeemed:?}"
    );
}
