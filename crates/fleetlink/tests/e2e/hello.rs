//! Connection-ID leases: the server, the client, and the checker against right and wrong servers.

use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::harness::lease_server::{self, Fault};
use crate::harness::{Finished, Hub, Output, Terminal, fleetlink, run, signal};

const LEASE: Duration = Duration::from_secs(1);

/// `fleetlink hello serve` on a free port of loopback; killed when dropped.
struct Server {
    child: Child,
    output: Output,
    address: SocketAddr,
}

impl Server {
    fn start(options: &[&str]) -> Self {
        let both = "127.0.0.1:0";
        let folder = std::env::temp_dir();
        let mut child = fleetlink(&folder)
            .args(["hello", "serve", "--udp", both, "--tcp", both])
            .args(options)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = Output::of(child.stdout.take().unwrap());
        output.expect("leases over UDP, listening on ");
        let address = output.expect("\n").parse().unwrap();
        Server {
            child,
            output,
            address,
        }
    }

    fn end(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        (code, self.output.to_end())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn hello(form: &str, server: SocketAddr, arguments: &[&str]) -> Command {
    let (host, port) = (server.ip().to_string(), server.port().to_string());
    let mut command = fleetlink(&std::env::temp_dir());
    command.args(["hello", form, &host, &port]).args(arguments);
    command
}

fn ask(server: SocketAddr, arguments: &[&str]) -> Finished {
    run(&mut hello("HELLO", server, arguments), "")
}

#[test]
fn a_client_is_granted_an_id_and_another_one_where_it_is_in_use() {
    let server = Server::start(&["--idle-exit", "never"]);
    let granted = ask(server.address, &["8877"]);
    assert_eq!(granted.code, Some(0), "{granted:?}");
    assert!(
        granted
            .stdout
            .starts_with("Connection established 8877 127.0.0.1 ")
    );

    let other = ask(server.address, &["8877", "--tcp"]);
    let lines: Vec<&str> = other.stdout.lines().collect();
    assert_eq!(lines[0], "Connection Error 8877");
    assert!(lines[1].starts_with("Connection established "), "{other:?}");
    assert!(!lines[1].contains("8877 127"), "{other:?}");
    assert_eq!(other.code, Some(0));

    signal(&server.child, Signal::TERM);
    let (code, output) = server.end();
    assert_eq!(code, Some(0));
    assert!(
        output.contains("UDP: 1 granted, 0 in use, 0 malformed"),
        "{output}"
    );
    assert!(
        output.contains("TCP: 1 granted, 1 in use, 0 malformed"),
        "{output}"
    );
}

#[test]
fn three_tries_and_a_failure() {
    let server = lease_server::start(Fault::RefusesAlways, LEASE, None);
    for transport in [&["8877"][..], &["8877", "--tcp"]] {
        let refused = ask(server, transport);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        let lines: Vec<&str> = refused.stdout.lines().collect();
        assert_eq!(lines.len(), 4, "{refused:?}");
        assert_eq!(
            (lines[0], lines[3]),
            ("Connection Error 8877", "Connection Failure")
        );
        let ids: Vec<_> = lines[..3]
            .iter()
            .map(|line| line.strip_prefix("Connection Error "))
            .collect();
        assert!(ids[0] != ids[1] && ids[1] != ids[2], "{refused:?}");
    }
}

#[test]
fn silence_and_replies_about_other_ids_are_time_outs() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let asked = ask(silent.local_addr().unwrap(), &["8877", "--timeout", "50ms"]);
    assert_eq!(asked.code, Some(6), "{asked:?}");
    assert!(asked.stdout.ends_with("Connection Failure\n"));
    let mut buffer = [0; 64];
    let requests: Vec<_> = (0..3)
        .map(|_| silent.recv_from(&mut buffer).unwrap())
        .collect();
    assert!(requests.iter().all(|(length, _)| *length == 10));
    let mut sources: Vec<_> = requests.iter().map(|(_, source)| source).collect();
    sources.dedup();
    assert_eq!(sources.len(), 3, "a new socket each");

    let wrong = lease_server::start(Fault::NamesAnotherId, LEASE, None);
    let asked = ask(wrong, &["8877", "--timeout", "50ms"]);
    assert_eq!(asked.code, Some(6), "{asked:?}");
    assert!(!asked.stdout.contains("established"));
}

#[test]
fn at_a_terminal_another_id_is_asked_for() {
    let server = lease_server::start(Fault::RefusesAlways, LEASE, None);
    let (host, port) = (server.ip().to_string(), server.port().to_string());
    let mut terminal = Terminal::start(&["hello", "HELLO", &host, &port, "8877"]);
    terminal.output.expect("Connection Error 8877");
    terminal.output.expect("Another connection ID");
    terminal.type_line("12345");
    terminal.output.expect("four digits");
    terminal.type_line("1234");
    terminal.output.expect("Connection Error 1234");
    terminal.output.expect("Another connection ID (Enter for ");
    let suggested = terminal.output.expect(")");
    terminal.type_line("");
    terminal
        .output
        .expect(&format!("Connection Error {suggested}"));
    terminal.output.expect("Connection Failure");
    assert!(!terminal.wait());
}

#[test]
fn a_second_server_on_a_port_is_an_error() {
    let server = Server::start(&[]);
    let address = server.address.to_string();
    for transport in ["--udp", "--tcp"] {
        let mut second = fleetlink(&std::env::temp_dir());
        let second = run(second.args(["hello", "serve", transport, &address]), "");
        assert_eq!(second.code, Some(1), "{second:?}");
        assert!(second.stderr.contains(&address), "{second:?}");
    }
}

#[test]
fn a_hub_serves_leases_beside_devices() {
    let hub = Hub::start_with(&["device"], &["--hello", "127.0.0.1:0"]);
    let mut output = hub.output.clone();
    output.expect("connection-ID leases at ");
    let address: SocketAddr = output.expect(",").parse().unwrap();
    assert_eq!(ask(address, &["0001"]).code, Some(0));
    assert_eq!(ask(address, &["0002", "--tcp"]).code, Some(0));
}

/// Runs the checker and returns the ids of what failed.
fn check(server: SocketAddr, options: &[&str]) -> (Option<i32>, Vec<String>, Value) {
    let mut command = hello("check", server, &["--lease", "1s", "--json"]);
    let finished = run(command.args(options), "");
    let report: Value =
        serde_json::from_str(&finished.stdout).unwrap_or_else(|e| panic!("{e}: {finished:?}"));
    let checks = report["checks"].as_array().unwrap().iter();
    let failed = checks.filter(|check| check["result"] == "fail");
    let failed = failed
        .map(|check| check["id"].as_str().unwrap().to_owned())
        .collect();
    (finished.code, failed, report)
}

#[test]
fn the_checker_passes_our_server_and_a_plain_one() {
    let ours = Server::start(&["--lease", "1s", "--idle-exit", "3s"]);
    let plain = lease_server::start(Fault::None, LEASE, None);
    std::thread::scope(|scope| {
        for server in [ours.address, plain] {
            scope.spawn(move || {
                let (code, failed, report) = check(server, &[]);
                assert_eq!((code, failed.len()), (Some(0), 0), "{report:#}");
                assert_eq!(report["skipped"], 4);
            });
        }
        scope.spawn(move || {
            let (code, failed, report) = check(plain, &["--tcp"]);
            assert_eq!((code, failed.len()), (Some(0), 0), "{report:#}");
        });
    });
    let (code, failed, report) = check(ours.address, &["--tcp", "--idle-exit", "3s"]);
    assert_eq!((code, failed.len()), (Some(0), 0), "{report:#}");
    assert_eq!(report["skipped"], 0);
    let (code, output) = ours.end();
    assert_eq!(code, Some(0));
    assert!(
        output.contains("nobody has asked for an id for 3s: the server ends"),
        "{output}"
    );
}

#[test]
fn the_checker_fails_each_broken_server() {
    let idle = &["--idle-exit", "1s"][..];
    let tcp = &["--tcp"][..];
    let faults = [
        (Fault::GrantsAlways, &[][..], "in-use"),
        (Fault::RefusesAlways, &[], "grant"),
        (Fault::NamesAnotherId, &[], "grant"),
        (Fault::NamesAnotherAddress, &[], "address"),
        (Fault::NamesAnotherPort, tcp, "address"),
        (Fault::IgnoresLineEnds, &[], "line-end"),
        (Fault::LeasesTooShort, &[], "not-before"),
        (Fault::LeasesTooLong, tcp, "on-time"),
        (Fault::RenewsByReset, &[], "no-renewal"),
        (Fault::OneTableEach, &[], "one-table"),
        (Fault::OneIdAtATime, &[], "sources"),
        (Fault::AnswersMalformed, &[], "malformed"),
        (Fault::LeasesTheFirstFourDigits, &[], "malformed"),
        (Fault::DiesOfMalformed, &[], "malformed"),
        (Fault::DecidesOnTheFirstRead, tcp, "pieces"),
        (Fault::ServesOneAtATime, tcp, "silence"),
        (Fault::ResetsConnections, tcp, "close"),
        (Fault::NeverCloses, tcp, "grant"),
        (Fault::EndsTooEarly, idle, "idle-exit"),
        (Fault::None, idle, "idle-exit"),
    ];
    std::thread::scope(|scope| {
        for (fault, options, id) in faults {
            scope.spawn(move || {
                let lives = (fault == Fault::EndsTooEarly).then_some(Duration::from_secs(3));
                let server = lease_server::start(fault, LEASE, lives);
                let options = match lives {
                    Some(_) => &["--idle-exit", "3s"],
                    None => options,
                };
                let (code, failed, report) = check(server, options);
                assert!(
                    failed.iter().any(|failed| failed == id),
                    "{fault:?}: {report:#}"
                );
                assert_eq!(code, Some(1), "{fault:?}");
            });
        }
    });
}
