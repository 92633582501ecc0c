//! The hub is killed in the middle of uploads.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Instant;

use serde_json::Value;

use crate::harness::{Hub, eventually};

const ROUNDS: u32 = 20;
const DEVICE: &str = "supersmartwatch";

/// The samples and bytes of a data file at the hub, as the device is told.
fn listed(hub: &Hub, folder: &Path) -> Vec<(u64, u64)> {
    let finished = hub.run(folder, DEVICE, &["data", "list", "--json"]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let list: Value = serde_json::from_str(&finished.stdout).unwrap();
    let number = |file: &Value, key: &str| file[key].as_u64().unwrap();
    let files = list["files"].as_array().unwrap().iter();
    files
        .map(|file| (number(file, "file"), number(file, "samples")))
        .collect()
}

#[test]
fn acknowledged_files_are_whole_and_nothing_is_half_done() {
    let mut hub = Hub::start(&[DEVICE]);
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged: Vec<(u64, u64, u64)> = Vec::new();
    // The life of an upload on this machine, as busy as it is.
    let begun = Instant::now();
    listed(&hub, folder.path());
    let life = begun.elapsed() * 2;
    for round in 0..ROUNDS {
        let id = u64::from(round);
        // Up to 64 KiB goes into a row, more into a file: both are hit.
        let samples = if round % 3 == 0 { 2_000 } else { 400_000 };
        let mut text = String::new();
        (0..samples).for_each(|n| writeln!(text, "{}", n + id).unwrap());
        fs::write(folder.path().join(format!("{DEVICE}-{id}.txt")), text).unwrap();

        let mut command = hub.command(
            folder.path(),
            DEVICE,
            &["data", "upload", &id.to_string(), "--json"],
        );
        let upload = std::thread::spawn(move || command.output().unwrap());
        // A different moment each time, over the whole life of an upload.
        std::thread::sleep(life * (round * 7 % ROUNDS) / ROUNDS);
        hub.kill();
        hub.restart();
        let output = upload.join().unwrap();
        if output.status.success() {
            let sum = (0..samples).sum::<u64>() + samples * id;
            acknowledged.push((id, samples, sum));
        }

        let held = listed(&hub, folder.path());
        for (id, samples, sum) in &acknowledged {
            assert!(
                held.contains(&(*id, *samples)),
                "round {round}: {id} in {held:?}"
            );
            let sums = hub.run(
                folder.path(),
                DEVICE,
                &["data", "compute", &id.to_string(), "SUM", "--json"],
            );
            let reply: Value = serde_json::from_str(&sums.stdout).unwrap();
            assert_eq!(reply["result"], sum.to_string(), "round {round}");
        }
        for (id, count) in &held {
            let whole = if id % 3 == 0 { 2_000 } else { 400_000 };
            assert_eq!(*count, whole, "round {round}: file {id} is half there");
        }
        // The client has tried again meanwhile: the log follows within a quarter of a second.
        eventually("the log shows what is held", || {
            hub.log("upload-log.txt").lines().count() == held.len()
        });
        assert!(hub.log("edge-device-log.txt").is_empty());
    }
    assert!(
        acknowledged.len() >= 5,
        "the client tries again: {}",
        acknowledged.len()
    );

    let get = hub.run(folder.path(), DEVICE, &["data", "get", "1", "fetched.txt"]);
    if acknowledged.iter().any(|(id, ..)| *id == 1) {
        assert_eq!(get.code, Some(0), "{get:?}");
        let original = fs::read(folder.path().join(format!("{DEVICE}-1.txt"))).unwrap();
        assert_eq!(
            fs::read(folder.path().join("fetched.txt")).unwrap(),
            original
        );
    }
}
