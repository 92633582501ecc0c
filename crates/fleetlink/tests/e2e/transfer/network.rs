//! What a network does: it loses, it is cut; and who is spoken to over it.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{content, event, listing, sparse};
use crate::harness::network::Network;
use crate::harness::{Hub, Shell, run};

/// A device on the hub's host that takes files into `inbox` of this folder.
pub(super) fn receiving(network: &Network, hub: &Hub, home: &Path) -> Shell {
    fs::create_dir(home.join("inbox")).unwrap();
    let receive = [
        "receive",
        "--inbox",
        "inbox",
        "--events",
        "--pin",
        &hub.pin(),
    ];
    let receive = hub.command(home, "box", &receive);
    let mut receiver = Shell::run(network.on_hub(&receive));
    event(&mut receiver.output, "listening");
    receiver
}

#[test]
fn nobody_but_hub_and_peer_is_contacted() {
    let Some(network) = Network::make() else {
        return;
    };
    network.count_strangers();
    let hub = Hub::start_in(&network, &["cam", "box"], &[]);
    let (folder, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let pin = hub.pin();
    let mut receiver = receiving(&network, &hub, home.path());
    let sent = content(5_000_000, 7);
    fs::write(folder.path().join("a.mp4"), &sent).unwrap();
    let send = ["send", "box", "a.mp4", "--json", "--pin", &pin];
    let send = hub.command(folder.path(), "cam", &send);
    let finished = run(&mut network.on_device(&send), "");
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(
        finished.stdout.contains("\"address\":\"10.77.0.1:"),
        "{finished:?}"
    );
    event(&mut receiver.output, "stored");
    assert!(fs::read(home.path().join("inbox/cam_a.mp4")).unwrap() == sent);
    let counted = network.strangers();
    let silent = counted.matches("counter packets 0 bytes 0").count();
    assert_eq!(
        (silent, counted.matches("counter").count()),
        (4, 4),
        "{counted}"
    );
}

/// A third of all packets may be too many for a connection to begin at all: then both sides say so,
/// and nothing stays.
#[test]
fn a_cable_that_loses_packets_delivers_whole_files_or_an_error() {
    let Some(network) = Network::make() else {
        return;
    };
    let hub = Hub::start_in(&network, &["cam", "box"], &[]);
    let (folder, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut receiver = receiving(&network, &hub, home.path());
    for (percent, bytes) in [(1, 8_000_000), (5, 4_000_000), (30, 100_000)] {
        network.lose(percent);
        let name = format!("{percent}.bin");
        let sent = content(bytes, 3);
        fs::write(folder.path().join(&name), &sent).unwrap();
        let send = ["send", "box", &name, "--json", "--pin", &hub.pin()];
        let send = hub.command(folder.path(), "cam", &send);
        let finished = run(&mut network.on_device(&send), "");
        let stored = home.path().join(format!("inbox/cam_{name}"));
        if finished.code == Some(0) {
            event(&mut receiver.output, "stored");
            assert!(fs::read(&stored).unwrap() == sent, "{percent} % lost");
        } else {
            assert_eq!(percent, 30, "{finished:?}");
            let document: Value = serde_json::from_str(&finished.stdout).unwrap();
            assert!(document.to_string().contains("code"), "{document}");
            assert!(!stored.exists());
        }
    }
}

#[test]
fn a_cable_that_is_cut_ends_a_transfer_on_both_sides() {
    let Some(network) = Network::make() else {
        return;
    };
    let hub = Hub::start_in(&network, &["cam", "box"], &[]);
    let (folder, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut receiver = receiving(&network, &hub, home.path());
    sparse(&folder.path().join("large"));
    let send = ["send", "box", "large", "--events", "--pin", &hub.pin()];
    let send = hub.command(folder.path(), "cam", &send);
    let mut sender = Shell::run(network.on_device(&send));
    event(&mut receiver.output, "started");
    event(&mut sender.output, "started");
    network.drop_packets();
    for side in [&mut receiver, &mut sender] {
        let failed = event(&mut side.output, "failed");
        assert_eq!(failed["code"], "timed_out", "{failed}");
    }
    assert_ne!(sender.wait(), Some(0));
    assert_eq!(listing(&home.path().join("inbox")), Vec::<String>::new());
}
