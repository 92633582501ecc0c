//! `kill -9` in the middle of work: what was answered is there, whole, and nothing else is left.
//!
//! It does not show that anything was flushed, since the page cache outlives the process.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use fleetlink_core::{Staged, StoreError};
use fleetlink_hub::store::Store;
use fleetlink_hub::store::sqlite::SqliteStore;

use super::Folder;
use crate::suite::*;

const CHILD: &str = "FLEETLINK_TEST_KILLED";
const FILES: u32 = 3;

#[tokio::test]
async fn what_was_answered_survives_a_kill() {
    if let Some(path) = std::env::var_os(CHILD) {
        return in_child(Path::new(&path)).await;
    }
    let folder = Folder::fresh();
    drop(with_cam(&folder).await);
    for kill_after in [1, 7, 20] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "sqlite::killed::what_was_answered_survives_a_kill",
            ])
            .arg("--nocapture")
            .env(CHILD, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let answered =
            lines.filter_map(|line| line.unwrap().strip_prefix("version ")?.parse().ok());
        let last: u64 = answered.take(kill_after).last().expect("answers");
        child.kill().unwrap();
        child.wait().unwrap();

        let store = folder.store();
        assert_eq!(store.reconciliation().damaged, []);
        let journal = store.journal(0, 1000).await.unwrap();
        assert!(journal.len() as u64 >= last);
        for entry in list(&store, "cam", None, 10).await.files {
            let text = read(&store, "cam", entry.file.number().unwrap())
                .await
                .unwrap();
            assert_eq!(summary(&text).count(), entry.samples);
        }
    }
}

async fn in_child(path: &Path) {
    let store = SqliteStore::open(path).unwrap();
    let begin = store.journal(0, 1000).await.unwrap().len() as u128;
    for bits in begin..begin + 500 {
        let id = u32::try_from(bits).unwrap() % FILES;
        let mode = if bits % 5 == 0 { Replace } else { Append };
        let text = large(if bits % 2 == 0 { 15_000 } else { 100 });
        let to = To("cam", id, bits);
        let staged = go_on(&store, bits, &text).await.unwrap();
        let receipt = commit(&store, to, mode, staged).await.unwrap();
        let mut out = std::io::stdout();
        writeln!(out, "version {}", receipt.version).unwrap();
        out.flush().unwrap();
    }
}

/// Stages the text, of which the process that was killed may have left the beginning.
async fn go_on(store: &dyn Store, bits: u128, text: &[u8]) -> Result<Staged, StoreError> {
    let mut staging = begin(store, "cam", bits).await?;
    let held = usize::try_from(staging.held()).unwrap();
    staging.write(&text[held..])?;
    finish(staging, text)
}
