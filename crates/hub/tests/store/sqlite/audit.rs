//! A change and its audit record: both or neither, whatever happens to the store.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fleetlink_core::{
    Actor, ActorKind, AuditAction, AuditBy, AuditEvent, AuditFilter, Author, Change, Outcome,
    StoreCall,
};
use fleetlink_hub::store::Store;
use fleetlink_hub::store::sqlite::SqliteStore;
use fleetlink_proto::WallTime;
use rusqlite::Connection;

use super::Folder;
use crate::suite::audit::{all, find, recorded};
use crate::suite::*;

const CHILD: &str = "FLEETLINK_TEST_AUDIT_KILLED";

fn add_account(number: usize) -> Change {
    Change::AddAccount(account(&format!("cam-{number}")))
}

#[tokio::test]
async fn a_kill_leaves_both_or_neither() {
    if let Some(path) = std::env::var_os(CHILD) {
        return in_child(Path::new(&path)).await;
    }
    let folder = Folder::fresh();
    for kill_after in [1, 5, 40] {
        let test = "sqlite::audit::a_kill_leaves_both_or_neither";
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env(CHILD, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let done = lines.filter(|line| line.as_ref().unwrap().starts_with("added "));
        assert_eq!(done.take(kill_after).count(), kill_after);
        child.kill().unwrap();
        child.wait().unwrap();

        let store = folder.store();
        let names = accounts(&store).await.unwrap().into_iter();
        let mut names: Vec<String> = names.map(|account| account.name.to_string()).collect();
        let records = all(&store).await.into_iter();
        let mut devices: Vec<String> = records.map(|r| r.event.device.unwrap().into()).collect();
        names.sort();
        devices.sort();
        assert_eq!(names, devices);
    }
}

async fn in_child(path: &Path) {
    let store = SqliteStore::open(path).unwrap();
    let begin = accounts(&store).await.unwrap().len();
    for number in begin.. {
        // Two at once, so that they share a transaction now and then.
        let (one, other) = (2 * number, 2 * number + 1);
        let (one, other) = tokio::join!(
            recorded(&store, add_account(one)),
            recorded(&store, add_account(other))
        );
        let _ = (one, other);
        let mut out = std::io::stdout();
        writeln!(out, "added {number}").unwrap();
        out.flush().unwrap();
    }
}

#[tokio::test]
async fn a_record_that_cannot_be_written_leaves_no_change() {
    let folder = Folder::fresh();
    let store = folder.store();
    let beside = Connection::open(folder.path().join("hub.db")).unwrap();
    let fault = "CREATE TRIGGER fault BEFORE INSERT ON audit_events \
                 BEGIN SELECT RAISE(ABORT, 'injected'); END";
    beside.execute_batch(fault).unwrap();
    let refused = recorded(&store, add_account(1)).await.unwrap_err();
    assert!(refused.to_string().contains("injected"), "{refused}");
    assert_eq!(accounts(&store).await.unwrap(), []);
    beside.execute_batch("DROP TRIGGER fault").unwrap();
    recorded(&store, add_account(1)).await.unwrap();
    assert_eq!(accounts(&store).await.unwrap().len(), 1);
    assert_eq!(all(&store).await.len(), 1);
}

/// A measurement: how long the first page of each filter takes among a million records. Not a test of every run:
/// `cargo test --release -p fleetlink-hub --test store -- --ignored --nocapture among_a_million`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement that takes a minute"]
async fn filters_among_a_million_records() {
    const COUNT: i64 = 1_000_000;
    let folder = Folder::fresh();
    let store = folder.store();
    let event = |n: i64| {
        let (action, kind, outcome) = match n {
            1..=5 => (
                AuditAction::KeyReplaced,
                ActorKind::Administrator,
                Outcome::Refused,
            ),
            _ if n % 10 == 0 => (
                AuditAction::LoginFailed,
                ActorKind::Nobody,
                Outcome::Refused,
            ),
            _ if n % 2 == 0 => (AuditAction::Joined, ActorKind::Device, Outcome::Done),
            _ => (AuditAction::Left, ActorKind::Device, Outcome::Done),
        };
        let device = format!("camera-{}", n % 500);
        let author = Author {
            by: Actor {
                kind,
                name: (kind != ActorKind::Nobody).then(|| device.clone().into()),
            },
            door: None,
            address: Some([192, 0, 2, 1].into()),
        };
        let mut event = AuditEvent::new(WallTime::from_unix_millis(n * 1000), action, author);
        (event.device, event.outcome) = (Some(device.into()), outcome);
        // A file of one name of many devices.
        event.file = (n % 2 == 0).then(|| "temperature".parse().unwrap());
        event.with_detail("exited the edge network")
    };
    let began = Instant::now();
    let numbers: Vec<i64> = (1..=COUNT).collect();
    for part in numbers.chunks(1000) {
        let events = part.iter().map(|n| event(*n)).collect();
        let change = StoreCall::Change(Change::Record(events));
        store.execute(change).await.unwrap();
    }
    let bytes = std::fs::metadata(folder.path().join("hub.db"))
        .unwrap()
        .len();
    let took = began.elapsed();
    println!(
        "{COUNT} records in {took:?}, {} bytes each",
        bytes / COUNT.unsigned_abs()
    );
    let new = AuditFilter::default;
    let at = WallTime::from_unix_millis;
    for (what, filter) in [
        ("all", new()),
        (
            "a device",
            AuditFilter {
                device: Some("camera-3".into()),
                ..new()
            },
        ),
        (
            "the keys of a device",
            AuditFilter {
                device: Some("camera-3".into()),
                actions: Some(AuditAction::beginning_with("key")),
                ..new()
            },
        ),
        (
            "keys",
            AuditFilter {
                actions: Some(AuditAction::beginning_with("key")),
                ..new()
            },
        ),
        (
            "no file of a device",
            AuditFilter {
                device: Some("camera-3".into()),
                file: Some("temperature".parse().unwrap()),
                ..new()
            },
        ),
        (
            "keys by devices",
            AuditFilter {
                by: Some(AuditBy::Kind(ActorKind::Device)),
                actions: Some(AuditAction::beginning_with("key")),
                ..new()
            },
        ),
        (
            "what devices failed in",
            AuditFilter {
                by: Some(AuditBy::Kind(ActorKind::Device)),
                outcome: Some(Outcome::Failed),
                ..new()
            },
        ),
        (
            "every action by a name",
            AuditFilter {
                by: Some(AuditBy::Name("camera-7".into())),
                actions: Some(AuditAction::ALL.to_vec()),
                ..new()
            },
        ),
        (
            "no such device",
            AuditFilter {
                device: Some("none".into()),
                ..new()
            },
        ),
        (
            "an administrator",
            AuditFilter {
                by: Some(AuditBy::Kind(ActorKind::Administrator)),
                ..new()
            },
        ),
        (
            "a name",
            AuditFilter {
                by: Some(AuditBy::Name("camera-7".into())),
                ..new()
            },
        ),
        (
            "refused",
            AuditFilter {
                outcome: Some(Outcome::Refused),
                ..new()
            },
        ),
        (
            "failed",
            AuditFilter {
                outcome: Some(Outcome::Failed),
                ..new()
            },
        ),
        (
            "an hour",
            AuditFilter {
                from: Some(at(3_600_000)),
                to: Some(at(7_200_000)),
                ..new()
            },
        ),
    ] {
        let began = Instant::now();
        let found = find(&store, filter, None, 500).await.len();
        let took = began.elapsed();
        println!("{what}: {found} records in {took:?}");
        assert!(took < Duration::from_secs(5), "a filter without an index");
    }
}
