//! The checker against good servers, and against each broken one.

use std::net::SocketAddr;
use std::thread;

use serde_json::Value;

use super::Server;
use super::broken::{Fault, serve};
use crate::harness::{Finished, campaign_runs, fleetlink, run};

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
fn good_servers_of_somebody_else_pass() {
    for habit in [Fault::Nothing, Fault::LineEnd, Fault::ShortQueue] {
        let finished = check(serve(habit), &["--allow-stop", "--json"]);
        assert_eq!(finished.code, Some(0), "{habit:?}: {finished:?}");
        assert_eq!(with_result(&finished, "skipped"), ["json.stop"]);
    }
}

#[test]
fn a_form_that_is_not_spoken_is_skipped_and_one_can_insist() {
    for (alone, unspoken) in [(Fault::TextAlone, "json"), (Fault::JsonAlone, "text")] {
        let server = serve(alone);
        let finished = check(server, &["--json"]);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let skipped = with_result(&finished, "skipped");
        assert!(
            skipped.contains(&format!("{unspoken}.reply")),
            "{skipped:?}"
        );
        let finished = check(server, &["--json", "--dialect", unspoken]);
        assert_eq!(with_result(&finished, "fail"), ["answers"], "{finished:?}");
    }
}

#[test]
fn an_unknown_form_is_named_and_its_checks_are_run() {
    let finished = check(serve(Fault::Comma), &["--json"]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let named = "the server answers in the form name,number";
    assert!(finished.stdout.contains(named), "{finished:?}");
    let passed = with_result(&finished, "pass");
    assert!(passed.contains(&"comma.crowd".to_owned()), "{passed:?}");
    let finished = check(serve(Fault::CommaOutOfRange), &["--json"]);
    assert_eq!(with_result(&finished, "fail"), ["comma.server-number"]);
}

#[test]
fn every_form_of_ours_passes() {
    let server = Server::start(&["--on-out-of-range", "refuse"]);
    thread::scope(|scope| {
        for form in [
            "json-name",
            "colon",
            "comma",
            "semicolon",
            "pipe",
            "blank",
            "utf-int",
            "utf-text",
            "struct256",
        ] {
            let address = server.address;
            scope.spawn(move || {
                let finished = check(address, &["--json", "--dialect", form]);
                assert_eq!(finished.code, Some(0), "{form}: {finished:?}");
            });
        }
    });
}

/// Each server has one fault, and the checker names it alone.
#[test]
fn each_broken_server_fails_the_one_check_of_its_fault() {
    const STOP: &[&str] = &["--allow-stop"];
    let cases: [(Fault, &[&str], &str); 14] = [
        (Fault::WrongSum, STOP, "json.sum"),
        (Fault::NumberOutOfRange, STOP, "text.server-number"),
        (Fault::ClientsName, STOP, "text.server-name"),
        (Fault::OneDialect, &[], "text.reply"),
        (Fault::OneSegment, STOP, "text.pieces"),
        (Fault::NeedsEnd, STOP, "text.silence"),
        (Fault::DiesOfMalformed, STOP, "text.no-number"),
        (Fault::DiesOfNothing, &["--dialect", "json"], "json.nothing"),
        (Fault::AnswersMalformed, &[], "text.nothing"),
        (Fault::OneAtATime, STOP, "text.silent-client"),
        (Fault::NeverStops, STOP, "text.stop"),
        (Fault::RangeEndsAt99, STOP, "text.boundaries"),
        (Fault::NeverCloses, &[], "text.close"),
        (Fault::CommaOutOfRange, &[], "comma.server-number"),
    ];
    thread::scope(|scope| {
        for (fault, options, expected) in cases {
            scope.spawn(move || {
                for _ in 0..campaign_runs() {
                    let finished = check(serve(fault), &[options, &["--json"]].concat());
                    assert_eq!(finished.code, Some(1), "{fault:?}: {finished:?}");
                    let failed = with_result(&finished, "fail");
                    assert_eq!(failed, [expected], "{fault:?}: {finished:?}");
                }
            });
        }
    });
}

#[test]
fn a_death_is_told_with_its_input_and_the_rest_is_skipped() {
    let finished = check(serve(Fault::DiesOfMalformed), &["--allow-stop", "--json"]);
    let document: Value = serde_json::from_str(&finished.stdout).unwrap();
    let checks = document["checks"].as_array().unwrap();
    let of = |id: &str| checks.iter().find(|check| check["id"] == id).unwrap();
    assert_eq!(
        of("text.no-number")["sent"],
        "Client of Checker",
        "{document:#}"
    );
    let why = of("text.no-number")["why"].as_str().unwrap();
    assert!(why.contains("gone after this input"), "{why}");
    assert_eq!(
        of("text.stop")["why"],
        "the server is gone since text.no-number"
    );
}

#[test]
fn points_weigh_the_checks_of_every_form() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("points");
    std::fs::write(&file, "reply = 2\njson.sum = 5\ncomma.reply = 9\n").unwrap();
    let points = file.to_str().unwrap();
    let server = serve(Fault::WrongSum);
    let finished = check(server, &["--json", "--points", points]);
    let document: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(
        (&document["points"], &document["of"]),
        (&4.into(), &9.into())
    );
    std::fs::write(&file, "text.repyl = 2\n").unwrap();
    let finished = check(server, &["--points", points]);
    assert_eq!(finished.code, Some(2));
    assert!(finished.stderr.contains("text.repyl"), "{finished:?}");
}

#[test]
fn a_wrong_name_is_told_from_the_expected_one() {
    let server = Server::start(&[]);
    let finished = check(server.address, &["--server-name", "Another", "--json"]);
    assert_eq!(finished.code, Some(1));
    assert_eq!(with_result(&finished, "fail"), ["text.server-name"]);
}

#[test]
fn the_table_says_what_came_and_why_it_is_wrong() {
    let finished = check(serve(Fault::WrongSum), &["--dialect", "json"]);
    assert_eq!(finished.code, Some(1));
    for line in [
        "FAIL     json.sum",
        "  sent  {\"client_name\": \"Checker\", \"client_number\": 5}",
        "  came  {\"server_name\":\"plain\",\"server_number\":42,\"sum\":48}",
        "  expected  {\"server_name\": \"<name>\"",
        "  why  the sum is wrong: 5 and 42 make 47",
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
