//! Many transfers at once.

use std::fs;

use super::content;
use crate::harness::{Hub, Shell, eventually};

const DEVICES: [&str; 5] = ["d0", "d1", "d2", "d3", "d4"];
const BYTES: usize = 4_000_000;

/// Each of five devices sends to each of the four others, all twenty at once.
#[test]
fn twenty_transfers_at_once_among_five_devices() {
    let hub = Hub::start(&DEVICES);
    let mut shells: Vec<Shell> = DEVICES.iter().map(|name| hub.join(name)).collect();
    for (from, shell) in shells.iter_mut().enumerate() {
        for to in (0..DEVICES.len()).filter(|to| *to != from) {
            let seed = u8::try_from(from * 10 + to).unwrap();
            let name = format!("for-{}", DEVICES[to]);
            fs::write(shell.file(&name), content(BYTES, seed)).unwrap();
            shell.send(&format!("UVF {} {name}", DEVICES[to]));
        }
    }
    for (to, shell) in shells.iter().enumerate() {
        for from in (0..DEVICES.len()).filter(|from| *from != to) {
            let (sender, receiver) = (DEVICES[from], DEVICES[to]);
            let received = format!("Received for-{receiver} from {sender}");
            eventually(&received, || shell.output.so_far().contains(&received));
            let stored = fs::read(shell.file(&format!("{sender}_for-{receiver}"))).unwrap();
            let seed = u8::try_from(from * 10 + to).unwrap();
            assert!(stored == content(BYTES, seed), "{received}");
            let sent = format!("for-{receiver} has been uploaded");
            eventually(&sent, || shells[from].output.so_far().contains(&sent));
        }
    }
}

/// A soak: the whole of a file that no memory holds.
#[test]
#[ignore = "takes 5 GB of disk: cargo xtask soak transfers"]
fn soak_five_gigabytes_arrive_whole() {
    let hub = Hub::start(&["cam", "box"]);
    let (folder, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let receiver = super::receiving(&hub, home.path(), "box", &[]);
    let file = fs::File::create(folder.path().join("huge")).unwrap();
    file.set_len(5_000_000_000).unwrap();
    let finished = hub.run(folder.path(), "cam", &["send", "box", "huge"]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let stored = fs::metadata(home.path().join("inbox/cam_huge")).unwrap();
    assert_eq!(stored.len(), 5_000_000_000);
    drop(receiver);
}
