//! The checker of lease servers, against good ones and against each broken one.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;

use super::{Server, hello};
use crate::harness::lease_server::{self, Fault};
use crate::harness::{Finished, Terminal, campaign_runs, run};

/// Long beside what a busy machine delays.
const LEASE: Duration = Duration::from_secs(2);

fn run_checker(server: SocketAddr, options: &[&str]) -> Finished {
    let mut command = hello("check", server, &["--lease", "2s", "--json"]);
    run(command.args(options), "")
}

/// The ids with a result, and the document.
fn check(server: SocketAddr, options: &[&str], result: &str) -> (Vec<String>, Value) {
    let finished = run_checker(server, options);
    let report: Value =
        serde_json::from_str(&finished.stdout).unwrap_or_else(|e| panic!("{e}: {finished:?}"));
    let failed = report["failed"].as_u64().unwrap();
    assert_eq!(finished.code, Some(i32::from(failed > 0)), "{report:#}");
    let checks = report["checks"].as_array().unwrap().iter();
    let ids = checks.filter(|check| check["result"] == result);
    let ids = ids.map(|check| check["id"].as_str().unwrap().to_owned());
    (ids.collect(), report)
}

fn assert_nothing_fails(server: SocketAddr, options: &[&str]) -> Value {
    let (failed, report) = check(server, options, "fail");
    assert!(failed.is_empty(), "{options:?}: {report:#}");
    report
}

/// The finding of one check in this report.
fn finding<'a>(report: &'a Value, id: &str) -> &'a Value {
    let checks = report["checks"].as_array().unwrap();
    checks.iter().find(|check| check["id"] == id).unwrap()
}

#[test]
fn the_checker_passes_our_server_and_a_plain_one() {
    let ours = Server::start(&["--lease", "2s", "--idle-exit", "4s"]);
    let plain = lease_server::start(Fault::None, LEASE, None);
    std::thread::scope(|scope| {
        for server in [ours.address, plain] {
            scope.spawn(move || {
                let report = assert_nothing_fails(server, &[]);
                assert_eq!(report["skipped"], 5, "{report:#}");
                assert_eq!(report.to_string().matches("remark").count(), 0);
            });
        }
        scope.spawn(move || assert_nothing_fails(plain, &["--tcp"]));
    });
    let report = assert_nothing_fails(ours.address, &["--tcp", "--idle-exit", "4s"]);
    assert_eq!(report["skipped"], 0, "{report:#}");
    assert_eq!(
        report.to_string().matches("remark").count(),
        0,
        "{report:#}"
    );
    let (code, output) = ours.end();
    assert_eq!(code, Some(0));
    assert!(
        output.contains("nobody has asked for an id for 4s: the server ends"),
        "{output}"
    );
}

#[test]
fn what_servers_may_do_is_at_most_a_remark() {
    let tolerated = [
        (Fault::EndsEveryReply, "line-end"),
        (Fault::IgnoresLineEnds, "line-end"),
        (Fault::PollsEverySecond, "on-time"),
    ];
    std::thread::scope(|scope| {
        for (habit, id) in tolerated {
            for options in [&[][..], &["--tcp"]] {
                scope.spawn(move || {
                    let server = lease_server::start(habit, LEASE, None);
                    let report = assert_nothing_fails(server, options);
                    if habit != Fault::PollsEverySecond {
                        let remark = &finding(&report, id)["remark"];
                        assert!(remark.is_string(), "{habit:?}: {report:#}");
                    }
                });
            }
        }
    });
}

/// Each server has one fault, and the checker names it alone.
#[test]
fn each_broken_server_fails_the_one_check_of_its_fault() {
    const TCP: &[&str] = &["--tcp"];
    let faults: [(Fault, &[&str], &str); 24] = [
        (Fault::GrantsAlways, &[], "in-use"),
        (Fault::ForgetsTheFirst, &[], "in-use"),
        (Fault::RefusesAlways, &[], "grant"),
        (Fault::NamesAnotherId, &[], "grant"),
        (Fault::NamesAnotherAddress, &[], "address"),
        (Fault::NamesAnotherPort, TCP, "address"),
        (Fault::LeasesTooShort, &[], "not-before"),
        (Fault::LeasesTooShort, TCP, "not-before"),
        (Fault::LeasesTooLong, TCP, "on-time"),
        (Fault::RenewsByReset, &[], "no-renewal"),
        (Fault::RenewsByReset, TCP, "no-renewal"),
        (Fault::OneTableEach, &[], "one-table"),
        (Fault::OneIdAtATime, &[], "sources"),
        (Fault::AnswersMalformed, &[], "malformed"),
        (Fault::AnswersMalformed, TCP, "malformed"),
        (Fault::LeasesTheFirstFourDigits, &[], "malformed"),
        (Fault::DiesOfMalformed, &[], "malformed"),
        (Fault::DiesOfMalformed, TCP, "malformed"),
        (Fault::DecidesOnTheFirstRead, TCP, "pieces"),
        (Fault::ServesOneAtATime, TCP, "silence"),
        (Fault::ResetsConnections, TCP, "close"),
        (Fault::NeverCloses, TCP, "close"),
        (Fault::NeedsTheEnd, TCP, "no-end"),
        (Fault::None, &["--idle-exit", "1s"], "idle-exit"),
    ];
    std::thread::scope(|scope| {
        for (fault, options, id) in faults {
            scope.spawn(move || {
                for _ in 0..campaign_runs() {
                    let server = lease_server::start(fault, LEASE, None);
                    let (failed, report) = check(server, options, "fail");
                    assert_eq!(failed, [id], "{fault:?} {options:?}: {report:#}");
                }
            });
        }
        scope.spawn(move || {
            for _ in 0..campaign_runs() {
                let idle = Some(Duration::from_secs(9));
                let server = lease_server::start(Fault::EndsTooEarly, LEASE, idle);
                let (failed, report) = check(server, &["--idle-exit", "9s"], "fail");
                assert_eq!(failed, ["idle-exit"], "{report:#}");
            }
        });
    });
}

#[test]
fn a_death_is_told_with_its_input_and_the_rest_is_skipped() {
    let server = lease_server::start(Fault::DiesOfMalformed, LEASE, None);
    let (skipped, report) = check(server, &["--idle-exit", "1s"], "skipped");
    assert!(skipped.contains(&"idle-exit".to_owned()), "{report:#}");
    let malformed = finding(&report, "malformed");
    assert_eq!(malformed["sent"], "HELLO", "{report:#}");
    let why = malformed["why"].as_str().unwrap();
    assert!(why.contains("gone after this input"), "{why}");
    let rest = finding(&report, "idle-exit")["why"].as_str().unwrap();
    assert_eq!(rest, "the server is gone since malformed");
}

#[test]
fn where_nothing_listens_one_check_fails_and_the_rest_is_skipped() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    for options in [&[][..], &["--tcp"]] {
        let (failed, report) = check(address, options, "fail");
        assert_eq!(failed, ["grant"], "{report:#}");
        assert_eq!(report["passed"], 0);
    }
}

#[test]
fn points_weigh_the_checks() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("points");
    let text =
        "# marks\ngrant = 2\naddress = 1\nin-use=4\nnot-before = 3 # needs in-use\npieces = 9\n";
    std::fs::write(&file, text).unwrap();
    let points = file.to_str().unwrap();
    let server = lease_server::start(Fault::GrantsAlways, LEASE, None);
    let (failed, report) = check(server, &["--points", points], "fail");
    assert_eq!(failed, ["in-use"]);
    assert_eq!((&report["points"], &report["of"]), (&3.into(), &10.into()));
    assert_eq!(finding(&report, "in-use")["of"], 4);
    let lease = ["--lease", "2s", "--points", points];
    let table = run(&mut hello("check", server, &lease), "");
    assert!(table.stdout.ends_with("\n3 of 10 points\n"), "{table:?}");
    assert!(table.stdout.contains("(needs: in-use) [0/3]"), "{table:?}");

    std::fs::write(&file, "grnat = 2\n").unwrap();
    let wrong = run_checker(server, &["--points", points]);
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    assert!(wrong.stdout.contains("grnat"), "{wrong:?}");
    let missing = run_checker(server, &["--points", "/no/such/file"]);
    assert_eq!(missing.code, Some(8), "{missing:?}");
}

#[test]
fn a_terminal_sees_what_is_checked() {
    let server = lease_server::start(Fault::None, LEASE, None);
    let (host, port) = (server.ip().to_string(), server.port().to_string());
    let mut terminal = Terminal::start(&["hello", "check", &host, &port, "--lease", "2s"]);
    terminal.output.expect("/15 not-before: an id stays in use");
    terminal.output.expect("10 passed, 0 failed");
    assert!(terminal.wait());
}
