//! A sender whose offers are refused by the thousand.

use std::fs;

use rustix::process::Signal;
use serde_json::Value;

use super::{event, receiving, sparse_of};
use crate::harness::{Hub, Shell, eventually};

const OFFERS: usize = 1000;
/// Lines that a receiver may print about them, beside one a second: those that are told one by one.
const LINES: usize = 20;

/// Offers the file again and again; each time it is refused.
#[track_caller]
fn offer(hub: &Hub, file: &str, bytes: u64) {
    let folder = tempfile::tempdir().unwrap();
    sparse_of(&folder.path().join(file), bytes);
    let arguments = [&["send", "box"][..], &[file; OFFERS]].concat();
    let finished = hub.run(folder.path(), "cam", &arguments);
    assert_eq!(finished.code, Some(13), "{}", finished.stdout);
    let refused = format!("box refused {file}: ");
    assert_eq!(finished.stderr.matches(&refused).count(), OFFERS);
}

/// The number of refused offers of the file `a` that the output reports.
fn refused(said: &str) -> usize {
    let told = said.matches("Refused a from cam: ").count();
    let more = said.lines().filter_map(|line| {
        let count = line.strip_suffix(" more offers of cam were refused")?;
        count.parse::<usize>().ok()
    });
    told + more.sum::<usize>()
}

#[test]
fn a_thousand_refused_offers_are_told_to_people_in_a_few_lines() {
    let hub = Hub::start(&["cam", "box"]);
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("inbox")).unwrap();
    let arguments = ["receive", "--inbox", "inbox", "--from", "nobody"];
    let mut receiver = Shell::run(hub.command(home.path(), "box", &arguments));
    receiver.output.expect("box takes files into inbox");
    let began = std::time::Instant::now();
    offer(&hub, "a", 1);
    let seconds = usize::try_from(began.elapsed().as_secs()).unwrap();
    eventually("all are told or counted", || {
        refused(&receiver.output.so_far()) == OFFERS
    });
    receiver.signal(Signal::INT);
    assert_eq!(receiver.wait(), Some(0));
    let said = receiver.output.to_end();
    assert_eq!(refused(&said), OFFERS, "{said}");
    assert!(said.lines().count() < LINES + seconds, "{said}");
}

#[test]
fn a_thousand_refused_offers_are_few_events_and_none_is_lost() {
    let hub = Hub::start(&["cam", "box"]);
    let home = tempfile::tempdir().unwrap();
    let mut receiver = receiving(&hub, home.path(), "box", &["--from", "nobody"]);
    let began = std::time::Instant::now();
    offer(&hub, "a", 1);
    let seconds = usize::try_from(began.elapsed().as_secs()).unwrap();
    eventually("all are told or counted", || {
        let events = events(&receiver.output.so_far());
        events.iter().map(failures).sum::<u64>() == OFFERS as u64
    });
    receiver.signal(Signal::INT);
    let mut output = receiver.output.clone();
    assert_eq!(event(&mut output, "finished")["failed"], OFFERS);
    assert_eq!(receiver.wait(), Some(0));
    let events = events(&receiver.output.to_end());
    assert!(events.len() < LINES + seconds, "{events:?}");
    let more = events.iter().find(|event| event["event"] == "more_refused");
    let more = more.unwrap();
    assert_eq!(
        (&more["device"], &more["direction"]),
        (&"cam".into(), &"in".into())
    );
    assert_eq!(more["codes"]["not_allowed"], more["count"]);
}

/// The whole lines of it.
fn events(said: &str) -> Vec<Value> {
    let whole = &said[..said.rfind('\n').map_or(0, |end| end + 1)];
    let events = whole
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    events.collect()
}

fn failures(event: &Value) -> u64 {
    match event["event"].as_str().unwrap() {
        "failed" => 1,
        "more_refused" => event["count"].as_u64().unwrap(),
        _ => 0,
    }
}

/// A shell refuses what its disk has no room for.
#[test]
fn a_shell_stays_readable_under_a_thousand_refused_offers() {
    let hub = Hub::start(&["cam", "box"]);
    let mut receiver = hub.join("box");
    let began = std::time::Instant::now();
    offer(&hub, "huge", 8 << 40);
    let seconds = usize::try_from(began.elapsed().as_secs()).unwrap();
    receiver.output.expect("Refused huge from cam: ");
    receiver.output.expect(" more offers of cam were refused");
    receiver.send("OUT");
    assert_eq!(receiver.wait(), Some(0));
    let said = receiver.output.to_end();
    assert!(said.lines().count() < LINES + 10 + seconds, "{said}");
}
