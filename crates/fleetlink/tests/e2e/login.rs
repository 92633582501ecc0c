//! Logins, refusals and the lock-out.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::harness::{Hub, PASSWORD, Shell, fleetlink, run};

const WRONG: &str = "Invalid Password. Please try again";
const NOW_BLOCKED: &str = "Invalid Password. Your account has been blocked. Please try again later";
const BLOCKED: &str =
    "Your account is blocked due to multiple authentication failures. Please try again later";

/// Fails `name`'s logins until it is locked out.
fn lock_out(hub: &Hub, name: &str, attempts: u32) -> Instant {
    let mut shell = Shell::start(hub.address, &[]);
    shell.output.expect("Username:");
    shell.send(name);
    for attempt in 1..=attempts {
        shell.output.expect("Password:");
        shell.send("wrong");
        let message = if attempt < attempts {
            WRONG
        } else {
            NOW_BLOCKED
        };
        shell.output.expect(message);
    }
    let blocked = Instant::now();
    assert_ne!(shell.wait(), Some(0));
    blocked
}

#[test]
fn a_name_is_locked_out_from_every_address_and_released_after_ten_seconds() {
    let hub = Hub::start_everywhere(&["supersmartwatch"]);
    let blocked = lock_out(&hub, "supersmartwatch", 3);

    // With the right password, and from another address of this machine.
    let port = hub.address.port().to_string();
    let folder = tempfile::tempdir().unwrap();
    let mut shell = Shell::start_command(folder, &["join", "127.0.0.2", &port]);
    shell.attempt("supersmartwatch", PASSWORD);
    shell.output.expect(BLOCKED);
    assert_ne!(shell.wait(), Some(0));
    assert!(
        blocked.elapsed() < Duration::from_secs(10),
        "the machine is too slow for this test"
    );

    // Released: the right password joins once the time is over.
    std::thread::sleep(Duration::from_secs(10).saturating_sub(blocked.elapsed()));
    let mut shell = Shell::start(hub.address, &[]);
    shell.login("supersmartwatch");
    shell.send("OUT");
    assert_eq!(shell.wait(), Some(0));
}

#[test]
fn an_unknown_name_behaves_as_a_wrong_password() {
    let hub = Hub::start(&["supersmartwatch"]);
    lock_out(&hub, "nobody-of-this-name", 3);
    let mut shell = Shell::start(hub.address, &[]);
    shell.attempt("nobody-of-this-name", PASSWORD);
    shell.output.expect(BLOCKED);
    // Others are not concerned.
    hub.join("supersmartwatch");
}

#[test]
fn parallel_guesses_are_no_way_around_the_lock_out() {
    let hub = Hub::start(&["supersmartwatch"]);
    let folder = tempfile::tempdir().unwrap();
    let guesses: Vec<_> = (0..20)
        .map(|n| {
            let arguments = ["data", "list", "--json"];
            let mut command = hub.command(folder.path(), "supersmartwatch", &arguments);
            command.env("FLEETLINK_PASSWORD", format!("guess-{n}"));
            std::thread::spawn(move || command.output().unwrap())
        })
        .collect();
    let (mut checked, mut blocked) = (0, 0);
    for guess in guesses {
        let output = guess.join().unwrap();
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        match document["error"]["code"].as_str().unwrap() {
            "wrong_password" | "now_blocked" => checked += 1,
            "blocked" => blocked += 1,
            other => panic!("{other}"),
        }
    }
    assert_eq!(
        (checked, blocked),
        (3, 17),
        "three guesses, however many come at once"
    );
}

#[test]
fn attempts_outside_one_to_five_stop_the_start() {
    for text in ["0", "6", "2.5", "x", "-1"] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = fleetlink(folder.path());
        command.args(["hub", "--listen", "127.0.0.1:0", "--data", "data"]);
        command.arg(format!("--max-attempts={text}"));
        let finished = run(&mut command, "");
        assert_ne!(finished.code, Some(0));
        let expected = format!(
            "Invalid number of allowed failed consecutive attempts: {text}. The valid value of \
             argument number is an integer between 1 and 5"
        );
        assert!(finished.stderr.contains(&expected), "{finished:?}");
    }
}

#[test]
fn a_port_in_use_on_the_device_is_said_before_the_login() {
    let hub = Hub::start(&["supersmartwatch"]);
    let taken = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let hub_port = hub.address.port().to_string();
    let folder = tempfile::tempdir().unwrap();
    let finished = run(
        fleetlink(folder.path()).args(["join", "127.0.0.1", &hub_port, &port]),
        "",
    );
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(
        finished.stderr.contains(&port) && finished.stderr.contains("in use"),
        "{finished:?}"
    );
    assert!(!finished.stdout.contains("Username:"), "{finished:?}");
}

#[test]
fn a_hub_that_is_not_there_is_said() {
    let unused = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let folder = tempfile::tempdir().unwrap();
    let finished = run(
        fleetlink(folder.path()).args(["join", "127.0.0.1", &unused.to_string()]),
        "",
    );
    assert_ne!(finished.code, Some(0));
    assert!(
        finished.stderr.contains(&format!("127.0.0.1:{unused}")),
        "{finished:?}"
    );
}

#[test]
fn another_hub_under_a_known_address_is_a_hard_failure() {
    let mut hub = Hub::start(&["supersmartwatch"]);
    let mut shell = hub.join("supersmartwatch");
    shell.send("OUT");
    assert_eq!(shell.wait(), Some(0));
    hub.kill();
    std::fs::remove_file(hub.data().join("hub.key")).unwrap();
    hub.restart();
    let (host, port) = (hub.address.ip().to_string(), hub.address.port().to_string());
    let finished = run(fleetlink(shell.folder()).args(["join", &host, &port]), "");
    assert_ne!(finished.code, Some(0));
    assert!(finished.stderr.contains("key"), "{finished:?}");
    let known = shell.file("state").join("known-hubs");
    let advice = format!(
        "remove the line of {} from {}",
        hub.address,
        known.display()
    );
    assert!(finished.stderr.contains(&advice), "{finished:?}");
    assert!(!finished.stdout.contains("Username:"), "{finished:?}");
}
