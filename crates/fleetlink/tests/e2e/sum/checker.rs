//! The checker against good servers, and against each broken one.

use std::net::SocketAddr;
use std::thread;

use serde_json::Value;

use super::Server;
use super::broken::{Fault, serve};
use crate::harness::{Finished, fleetlink, run};

fn check(address: SocketAddr, options: &[&str]) -> Finished {
    let folder = tempfile::tempdir().unwrap();
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    let mut command = fleetlink(folder.path());
    run(
        command.args(["sum", "check", &host, &port]).args(options),
        "",
    )
}

/// The ids of the checks with this result.
fn with_result(finished: &Finished, result: &str) -> Vec<String> {
    let document: Value = serde_json::from_str(&finished.stdout).expect("one document");
    let checks = document["checks"].as_array().unwrap().iter();
    let of = checks.filter(|check| check["result"] == result);
    of.map(|check| check["id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn ours_passes_in_both_dialects_and_stops_in_each() {
    for (options, skipped) in [
        (&["--allow-stop"][..], &["json.stop"][..]),
        (&["--allow-stop", "--dialect", "json"], &[]),
        (&[], &["text.stop", "json.stop"]),
    ] {
        let mut server = Server::start(&[]);
        let options = [options, &["--json", "--server-name", "A Server"]].concat();
        let finished = check(server.address, &options);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert_eq!(with_result(&finished, "skipped"), skipped);
        if options.contains(&"--allow-stop") {
            assert_eq!(server.ended(), Some(0));
        } else {
            assert_eq!(server.ask("Client of x: 1"), "Server of A Server: 42");
        }
    }
}

#[test]
fn a_good_server_of_somebody_else_passes() {
    for server in [Fault::Nothing, Fault::LineEnd] {
        let finished = check(serve(server), &["--allow-stop", "--json"]);
        assert_eq!(finished.code, Some(0), "{finished:?}");
    }
}

#[test]
fn every_broken_server_fails_where_it_is_broken() {
    let cases: [(Fault, &[&str]); 12] = [
        (
            Fault::WrongSum,
            &["json.reply", "json.sum", "json.boundaries"],
        ),
        (Fault::NumberOutOfRange, &["text.reply", "json.reply"]),
        (
            Fault::ClientsName,
            &["text.server-name", "json.server-name"],
        ),
        (Fault::OneDialect, &["text.reply"]),
        (Fault::OneSegment, &["text.pieces", "json.pieces"]),
        (
            Fault::NeedsEnd,
            &["text.newline", "text.silence", "json.no-end"],
        ),
        (Fault::DiesOfMalformed, &["text.no-number"]),
        (
            Fault::AnswersMalformed,
            &["text.no-number", "text.word", "json.word"],
        ),
        (
            Fault::OneAtATime,
            &["text.silent-client", "json.silent-client"],
        ),
        (Fault::NeverStops, &["text.stop"]),
        (Fault::RangeEndsAt99, &["text.boundaries"]),
        (Fault::NeverCloses, &["text.reply", "json.reply"]),
    ];
    thread::scope(|scope| {
        for (fault, expected) in cases {
            scope.spawn(move || {
                let finished = check(serve(fault), &["--allow-stop", "--json"]);
                assert_eq!(finished.code, Some(1), "{fault:?}: {finished:?}");
                let failed = with_result(&finished, "fail");
                for id in expected {
                    assert!(
                        failed.iter().any(|f| f == id),
                        "{fault:?}: {id} not in {failed:?}"
                    );
                }
            });
        }
    });
}

#[test]
fn a_wrong_name_is_told_from_the_expected_one() {
    let server = Server::start(&[]);
    let finished = check(server.address, &["--server-name", "Another", "--json"]);
    assert_eq!(finished.code, Some(1));
    assert_eq!(
        with_result(&finished, "fail"),
        ["text.server-name", "json.server-name"]
    );
}

#[test]
fn the_table_says_what_came_and_why_it_is_wrong() {
    let finished = check(serve(Fault::WrongSum), &["--dialect", "json"]);
    assert_eq!(finished.code, Some(1));
    for line in [
        "FAIL     json.reply",
        "  sent  {\"client_name\": \"A Client\", \"client_number\": 25}",
        "  came  {\"server_name\":\"plain\",\"server_number\":42,\"sum\":68}",
        "  expected  {\"server_name\": \"<name>\"",
        "  why  the sum is wrong: 25 and 42 make 67",
        "skipped  json.stop",
    ] {
        assert!(
            finished.stdout.contains(line),
            "{line}:\n{}",
            finished.stdout
        );
    }
    assert!(finished.stderr.is_empty(), "{}", finished.stderr);
}

#[test]
fn where_nobody_answers_the_rest_is_skipped() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let finished = check(address, &["--json"]);
    assert_eq!(finished.code, Some(1));
    assert_eq!(with_result(&finished, "fail"), ["answers"]);
    assert!(with_result(&finished, "pass").is_empty());
}
