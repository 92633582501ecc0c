//! The checker of lease clients, against good ones and against each broken one.

use std::time::Instant;

use serde_json::Value;

use crate::harness::{Finished, campaign_runs, checked};

const CLIENT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/e2e/lease/lease_client.py"
);
/// Broken clients that are checked at once.
const AT_ONCE: usize = 8;
const OURS: &str = env!("CARGO_BIN_EXE_fleetlink");

fn run_checker(options: &[&str], client: &[&str]) -> Finished {
    checked::run_checker("hello", options, client)
}

fn check(options: &[&str], client: &[&str]) -> (Vec<String>, Value) {
    checked::check("hello", options, client)
}

fn check_python(fault: &str, transport: &str) -> (Vec<String>, Value) {
    // The fault of a short time-out is a quarter of it: long enough for a reply.
    let timeout = if fault == "short-time-out" { "8" } else { "2" };
    let client = [
        "python3", CLIENT, fault, transport, "{host}", "{port}", "{id}", timeout,
    ];
    let tcp: &[&str] = if transport == "tcp" { &["--tcp"] } else { &[] };
    check(&[&["--timeout", timeout], tcp].concat(), &client)
}

#[test]
fn good_clients_pass_ours_among_them() {
    std::thread::scope(|scope| {
        for (options, skipped) in [(&[][..], 2), (&["--tcp"][..], 0)] {
            scope.spawn(move || {
                let ours = [
                    &[OURS, "HELLO", "{host}", "{port}", "{id}", "--timeout", "2s"],
                    options,
                ];
                let (failed, report) =
                    check(&[options, &["--timeout", "2"]].concat(), &ours.concat());
                assert!(failed.is_empty(), "{report:#}");
                assert_eq!(report["skipped"], skipped, "{report:#}");
                assert!(report["client"].as_str().unwrap().contains("{port}"));
            });
        }
        for transport in ["udp", "tcp"] {
            scope.spawn(move || {
                let (failed, report) = check_python("none", transport);
                assert!(failed.is_empty(), "{report:#}");
            });
        }
    });
}

/// Each client has one fault, and the checker names it alone.
#[test]
fn each_broken_client_fails_the_one_check_of_its_fault() {
    let faults = [
        ("lower-case", "udp", "request"),
        ("other-id-first", "tcp", "request"),
        ("wrong-line", "udp", "established"),
        ("wrong-status", "udp", "ends"),
        ("hangs", "udp", "ends"),
        ("no-line-end", "udp", "line-end"),
        ("no-retry", "udp", "retry"),
        ("no-error-line", "tcp", "error-line"),
        ("same-id", "udp", "another-id"),
        ("same-socket", "udp", "new-socket"),
        ("first-id-again", "udp", "second-id"),
        ("two-tries", "udp", "three-tries"),
        ("endless-tries", "tcp", "three-tries"),
        ("no-failure-line", "udp", "failure-line"),
        ("success-at-failure", "tcp", "exit-status"),
        ("no-time-out", "udp", "time-out"),
        ("short-time-out", "tcp", "time-out"),
        ("takes-any-id", "udp", "wrong-id"),
        ("takes-anything", "udp", "wrong-id"),
        ("crashes-at-garbage", "tcp", "garbage"),
        ("one-read", "tcp", "pieces"),
        ("crashes-at-close", "tcp", "close"),
    ];
    // Few at once: each starts many processes.
    for group in faults.chunks(AT_ONCE) {
        std::thread::scope(|scope| {
            for &(fault, transport, id) in group {
                scope.spawn(move || {
                    for _ in 0..campaign_runs() {
                        let (failed, report) = check_python(fault, transport);
                        assert_eq!(failed, [id], "{fault}: {report:#}");
                    }
                });
            }
        });
    }
}

#[test]
fn a_client_that_does_not_start_or_ask_is_one_finding() {
    let cases: [(&[&str], &str); 3] = [
        (&["/no/such/client", "{port}"], "cannot be started"),
        (
            &["sh", "-c", "echo oh >&2; exit 3", "{port}"],
            "without asking",
        ),
        (&["sh", "-c", "kill -SEGV $$", "{port}"], "without asking"),
    ];
    for (client, why) in cases {
        let (failed, report) = check(&[], client);
        assert_eq!(failed, ["starts"], "{report:#}");
        let said = report["checks"][0]["why"].as_str().unwrap();
        assert!(said.contains(why), "{report:#}");
        assert_eq!(report["checks"][1]["why"], "needs: starts");
    }
    let (_, report) = check(&[], &["sh", "-c", "echo oh >&2; exit 3", "{port}"]);
    let came = report["checks"][0]["came"].as_str().unwrap();
    assert!(came.contains("exit status 3; standard error: oh"), "{came}");
}

#[test]
fn a_client_gets_its_arguments_as_lines_where_it_asks_for_them() {
    let asking = "import socket
host, port, id = input('host '), int(input('port ')), input('id ')
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.settimeout(1)
client.sendto(('HELLO ' + id).encode(), (host, port))
try:
    words = client.recv(1024).decode(errors='replace').split()
    ok = words[0] == 'OK' and words[1] == id
except OSError:
    ok = False
print('Connection established' if ok else 'Connection Error', id, *words[2:] if ok else [])";
    let input = ["--input", "{host}", "--input", "{port}", "--input", "{id}"];
    let options = [&input[..], &["--timeout", "1"]].concat();
    let (failed, report) = check(&options, &["python3", "-c", asking]);
    assert_eq!(failed, ["retry"], "{report:#}");
    assert_eq!(report["checks"][2]["id"], "established");
    assert_eq!(report["checks"][2]["result"], "pass");
}

#[test]
fn nothing_that_the_client_started_outlives_the_checker() {
    let folder = tempfile::tempdir().unwrap();
    let pid = folder.path().join("pid");
    // A grandchild that holds the pipes, and a client that goes.
    let script = format!("sleep 600 & echo $! >> {}; exit 0", pid.display());
    let began = Instant::now();
    let (failed, _) = check(&[], &["sh", "-c", &script, "{port}"]);
    assert_eq!(failed, ["starts"]);
    assert!(
        began.elapsed().as_secs() < 300,
        "it waited for the grandchild"
    );
    for pid in std::fs::read_to_string(&pid).unwrap().lines() {
        let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let gone = state.is_empty() || state.contains(") Z ");
        assert!(gone, "{state}");
    }
}

#[test]
fn a_client_that_cannot_know_the_port_is_an_error() {
    let finished = run_checker(&[], &["python3", CLIENT, "none", "udp", "{host}"]);
    assert_eq!(finished.code, Some(2), "{finished:?}");
    assert!(finished.stderr.contains("{port}"), "{finished:?}");
}
