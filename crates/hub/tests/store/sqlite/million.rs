//! A measurement: what a million appends of one line cost. Not a test of every run:
//! `cargo test --release -p fleetlink-hub --test store -- --ignored --nocapture a_million_appends`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::Folder;
use crate::suite::*;

const APPENDS: u32 = 1_000_000;
const WRITERS: u32 = 256;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement that takes minutes"]
async fn a_million_appends_of_one_line() {
    let appends = std::env::var("FLEETLINK_TEST_APPENDS").map_or(APPENDS, |n| n.parse().unwrap());
    let folder = Folder::fresh();
    let store = with_cam(&folder).await;
    let (next, began) = (Arc::new(AtomicU32::new(0)), Instant::now());
    let writers: Vec<_> = (0..WRITERS)
        .map(|_| {
            let (store, next) = (Arc::clone(&store), Arc::clone(&next));
            tokio::spawn(async move {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= appends {
                        return;
                    }
                    let text = format!("{}.{:03}\n", 20 + n % 10, n % 1000);
                    upload(&*store, To("cam", 1, n.into()), Append, text.as_bytes())
                        .await
                        .unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let took = began.elapsed();
    println!(
        "{appends} appends in {took:?}: {:.0}/s",
        f64::from(appends) / took.as_secs_f64()
    );
    // What is merged behind the last append.
    let entry = || async { list(&*store, "cam", None, 1).await.files.remove(0) };
    let (mut segments, mut same) = (entry().await.segments, 0);
    while same < 10 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let now = entry().await.segments;
        same = if now == segments { same + 1 } else { 0 };
        segments = now;
    }
    let asked = Instant::now();
    for _ in 0..1000 {
        assert_eq!(
            summary_of(&*store, "cam", 1).await.unwrap().count(),
            u64::from(appends)
        );
    }
    println!("SCS: {:?} each", asked.elapsed() / 1000);
    let read_at = Instant::now();
    let text = read(&*store, "cam", 1).await.unwrap();
    println!("download of {} bytes: {:?}", text.len(), read_at.elapsed());
    assert_eq!(summary(&text).count(), u64::from(appends));
    drop(store);
    let database = Connection::open(folder.path().join("hub.db")).unwrap();
    for table in ["segments", "journal"] {
        let count = format!("SELECT count(*) FROM {table}");
        let rows: u64 = database.query_row(&count, [], |row| row.get(0)).unwrap();
        println!("{table}: {rows} rows");
    }
    let bytes = std::fs::metadata(folder.path().join("hub.db"))
        .unwrap()
        .len();
    println!("hub.db: {bytes} bytes");
    let opened = Instant::now();
    drop(folder.store());
    println!("opened and closed again in {:?}", opened.elapsed());
}
