//! Databases as each earlier version made them: the new one has everything, and logins work.

use std::path::Path;

use fleetlink_core::{
    Change, ChangeKind, Commit, Deleter, PasswordHash, Query, StoreCall, StoreReply, TicketStanding,
};
use fleetlink_proto::access::AccessHash;
use fleetlink_proto::control::UploadMode;
use fleetlink_proto::samples::{SampleParser, Summary};
use fleetlink_proto::{ContentHash, DeviceKey, IdempotencyKey, Password, WallTime};
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::*;
use crate::passwords::Passwords;
use crate::server::{HubConfig, start};

const SAMPLES: &[u8] = b"1\n2\n39\n";
const AT: i64 = 1_664_533_873_042;
const KEY: [u8; 32] = [7; 32];
const TICKET: [u8; 32] = [9; 32];
const TOKEN: [u8; 32] = [10; 32];
const SESSION: [u8; 32] = [11; 32];

/// A database of this format, made by the steps that a version of that time had: an account with a
/// password, one with a key and a file, and what else there could be.
fn database(folder: &Path, format: usize, hash: &PasswordHash) {
    let database = Connection::open(folder.join("hub.db")).unwrap();
    for step in &schema::STEPS[..format] {
        database.execute_batch(step).unwrap();
    }
    let pragma = |name, value| database.pragma_update(None, name, value).unwrap();
    pragma("application_id", 0x666c_6e6b);
    pragma("user_version", i64::try_from(format).unwrap());
    for name in ["Cam", "uav"] {
        let insert = "INSERT INTO accounts (name, folded, password_hash, created_ms) \
                      VALUES (?1, ?2, ?3, ?4)";
        let values = params![name, name.to_lowercase(), hash.as_str(), AT];
        database.execute(insert, values).unwrap();
    }
    data(&database);
    if format >= 2 {
        let set = "UPDATE accounts SET device_key = ?1, enrolled_ms = ?2 WHERE name = 'uav'";
        database.execute(set, params![KEY, AT]).unwrap();
    }
    if format >= 3 {
        let ticket = "INSERT INTO tickets VALUES (4, ?1, 'new-', 1, 3, ?2, ?3, NULL)";
        database
            .execute(ticket, params![TICKET, AT, i64::MAX])
            .unwrap();
        let used = "INSERT INTO ticket_uses VALUES (4, 'new-1', ?1, ?2)";
        database.execute(used, params![KEY, AT]).unwrap();
    }
    if format >= 5 {
        let given = "INSERT INTO given_logins VALUES ('Cam', '/credentials.txt', ?1, 1)";
        database.execute(given, [hash.as_str()]).unwrap();
        let whole = "INSERT INTO credentials_files VALUES ('/credentials.txt', ?1)";
        database.execute(whole, [hash.as_str()]).unwrap();
    }
    if format >= 9 {
        let login = "INSERT INTO web_logins VALUES ('ana', 'ana', 'administrator', ?1, ?2)";
        database.execute(login, params![hash.as_str(), AT]).unwrap();
        let token = "INSERT INTO tokens VALUES (3, ?1, 'grafana', 'viewer', ?2, NULL, NULL)";
        database.execute(token, params![TOKEN, AT]).unwrap();
        let session = "INSERT INTO page_sessions VALUES (?1, 'ana', 'administrator', ?2, ?2)";
        database.execute(session, params![SESSION, AT]).unwrap();
    }
}

fn summary() -> Summary {
    let mut parser = SampleParser::new();
    parser.feed(SAMPLES).unwrap();
    parser.finish().unwrap()
}

/// One upload of `uav`, and the journal with a deletion behind it.
fn data(database: &Connection) {
    let (bytes, summary) = (SAMPLES.len(), summary().to_bytes());
    let file = "INSERT INTO files (device, file, version, segments, bytes, ends_open, changed_ms, summary) \
                VALUES ('uav', 5, 1, 1, ?1, 0, ?2, ?3)";
    database.execute(file, params![bytes, AT, summary]).unwrap();
    let segment = "INSERT INTO segments VALUES (1, 'uav', 5, 0, ?1, 0, ?2, ?3, ?4)";
    let hash = *ContentHash::of(SAMPLES).as_bytes();
    database
        .execute(segment, params![bytes, hash, summary, SAMPLES])
        .unwrap();
    for (sequence, kind) in [(1, 0), (2, 2)] {
        let journal = "INSERT INTO journal (sequence, device, key, kind, file, samples, bytes, at_ms) \
                       VALUES (?1, 'uav', ?2, ?3, 5, 3, ?4, ?5)";
        let key = u128::try_from(sequence).unwrap().to_be_bytes();
        let values = params![sequence, key, kind, bytes, AT];
        database.execute(journal, values).unwrap();
    }
}

/// Asserts that everything of a store of this format is there.
async fn has_everything(folder: &Path, format: usize) {
    let store = SqliteStore::open(folder).unwrap();
    let all = Query::Accounts {
        after: None,
        limit: 10,
    };
    let Ok(StoreReply::Accounts(accounts)) = store.execute(StoreCall::Query(all)).await else {
        panic!("accounts");
    };
    let names: Vec<&str> = accounts
        .iter()
        .map(|account| account.name.as_str())
        .collect();
    assert_eq!(names, ["Cam", "uav"]);
    let key = accounts[1].key.as_ref().map(|key| key.key);
    assert_eq!(key, (format >= 2).then_some(DeviceKey::from_bytes(KEY)));
    let files = store.files(None, None, 10).await.unwrap();
    assert_eq!((files.len(), files[0].1.entry.samples), (1, 3));
    let keep = Retention::default();
    store
        .tend(WallTime::from_unix_millis(AT), keep)
        .await
        .unwrap();
    let files = store.files(None, None, 10).await.unwrap();
    let latest = files[0].1.latest.map(|last| last.value.to_string());
    assert_eq!(latest.as_deref(), Some("39"), "format {format}");
    let kinds: Vec<_> = store.journal(0, 10).await.unwrap();
    let kinds: Vec<_> = kinds.into_iter().map(|change| change.kind).collect();
    assert_eq!(kinds[1], ChangeKind::Delete(Deleter::Device));
    let all = Query::Tickets {
        after: None,
        limit: 10,
    };
    let Ok(StoreReply::Tickets(tickets)) = store.execute(StoreCall::Query(all)).await else {
        panic!("tickets");
    };
    assert_eq!(tickets.len(), usize::from(format >= 3));
    for ticket in tickets {
        let now = WallTime::from_unix_millis(AT + 1);
        assert_eq!(ticket.standing(now), TicketStanding::Open);
        assert_eq!(ticket.used.len(), 1);
    }
    let memory = store.imports("/credentials.txt".into()).await.unwrap();
    assert_eq!(memory.whole.is_some(), format >= 5);
    assert_eq!(memory.logins.len(), usize::from(format >= 5));
    let at = WallTime::from_unix_millis(AT);
    let totals = store.execute(StoreCall::Query(Query::Totals { at })).await;
    let Ok(StoreReply::Totals(totals)) = totals else {
        panic!("totals");
    };
    assert_eq!(totals.logins, u64::from(format >= 9));
    for secret in [TOKEN, SESSION].map(AccessHash::from_bytes) {
        let found = store.execute(StoreCall::Query(Query::Admission { secret }));
        let Ok(StoreReply::Admission(found)) = found.await else {
            panic!("an admission");
        };
        assert_eq!(found.is_some(), format >= 9);
    }
}

/// Logs in and asks for a sum; returns the hub's replies.
async fn logs_in(folder: &Path) {
    let config = HubConfig {
        plain: true,
        ..HubConfig::new("127.0.0.1:0".parse().unwrap(), folder)
    };
    let (hub, _lines) = start(config).await.unwrap();
    let stream = TcpStream::connect(hub.address()).await.unwrap();
    let mut stream = BufReader::new(stream);
    let calls = [
        ("hello", json!({"versions": [1]})),
        ("login", json!({"name": "uav", "password": "wrong"})),
        ("login", json!({"name": "uav", "password": "comp9331"})),
        ("file.compute", json!({"file": 5, "operation": "SUM"})),
    ];
    let mut answers = Vec::new();
    for (id, (method, params)) in calls.into_iter().enumerate() {
        let call = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        let line = format!("{call}\n");
        stream.get_mut().write_all(line.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_line(&mut answer).await.unwrap();
        answers.push(serde_json::from_str::<Value>(&answer).unwrap());
    }
    assert_eq!(answers[1]["error"]["code"], 10, "{answers:?}");
    assert_eq!(answers[2]["result"]["name"], "uav", "{answers:?}");
    assert_eq!(answers[3]["result"]["result"], "42", "{answers:?}");
    hub.close().await;
}

/// Data files may have names that are not numbers, and the database is whole.
async fn takes_names(folder: &Path) {
    let store = SqliteStore::open(folder).unwrap();
    let change = UploadChange {
        device: "uav".parse().unwrap(),
        key: key(9),
        file: "lab/t".parse().unwrap(),
        mode: UploadMode::Append,
    };
    let StageReply::Begun(mut staging) = store.stage(change).await.unwrap() else {
        panic!("nobody else stages it");
    };
    staging.write(SAMPLES).unwrap();
    let staged = staging.finish(summary(), ContentHash::of(SAMPLES), false);
    let commit = Commit {
        device: "uav".parse().unwrap(),
        file: "lab/t".parse().unwrap(),
        mode: UploadMode::Append,
        key: key(9),
        staged: staged.unwrap(),
        at: WallTime::from_unix_millis(AT),
    };
    let commit = StoreCall::Change(Change::Commit(Box::new(commit)));
    assert!(matches!(
        store.execute(commit).await,
        Ok(StoreReply::Committed(..))
    ));
    let files = store.files(None, None, 10).await.unwrap();
    let files: Vec<String> = files
        .iter()
        .map(|(_, record)| record.entry.file.to_string())
        .collect();
    assert_eq!(files, ["5", "lab/t"]);
    drop(store);

    let database = Connection::open(folder.join("hub.db")).unwrap();
    for table in ["files", "segments", "journal"] {
        let of_column = "SELECT type FROM pragma_table_info(?1) WHERE name = 'file'";
        let declared: String = database
            .query_row(of_column, [table], |row| row.get(0))
            .unwrap();
        assert_eq!(declared, "ANY", "{table}");
        let kinds = format!("SELECT group_concat(DISTINCT typeof(file)) FROM {table}");
        let kinds: String = database.query_row(&kinds, [], |row| row.get(0)).unwrap();
        assert_eq!(kinds, "integer,text", "{table}");
    }
    let whole: String = database
        .pragma_query_value(None, "integrity_check", |row| row.get(0))
        .unwrap();
    assert_eq!(whole, "ok");
    let dangling = "SELECT count(*) FROM pragma_foreign_key_check";
    let dangling: i64 = database.query_row(dangling, [], |row| row.get(0)).unwrap();
    assert_eq!(dangling, 0);
}

fn key(bits: u128) -> IdempotencyKey {
    IdempotencyKey::from_bits(bits)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_of_any_earlier_format_keeps_everything_and_logins_work() {
    let password = Password::from("comp9331");
    let hash = Passwords::new().hash(password).await;
    for format in 1..=schema::STEPS.len() {
        let folder = tempfile::tempdir().unwrap();
        database(folder.path(), format, &hash);
        for _ in 0..2 {
            has_everything(folder.path(), format).await;
        }
        takes_names(folder.path()).await;
        logs_in(folder.path()).await;
    }
}
