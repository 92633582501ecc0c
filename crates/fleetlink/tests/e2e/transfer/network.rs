//! What a network does: it loses, it is cut; and who is spoken to over it.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{content, event, listing, sparse, sparse_of};
use crate::harness::network::Network;
use crate::harness::{Hub, Shell, run};

/// What both sides read where nothing gets through any more.
const SILENT: &str = "nothing came from the peer for 15 seconds";
/// After so long a silent peer is given up.
const IDLE: Duration = Duration::from_secs(15);
/// For what a busy host does late, or did before the cut.
const SLACK: Duration = Duration::from_secs(2);

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
        assert_eq!(failed["message"], SILENT, "{failed}");
    }
    assert_ne!(sender.wait(), Some(0));
    assert_eq!(listing(&home.path().join("inbox")), Vec::<String>::new());
}

/// What takes long: both sides give up while the cable is out, each in its time, and afterwards all
/// is as before.
#[test]
#[ignore = "takes a minute: cargo xtask soak transfers"]
fn soak_a_cable_that_is_out_for_thirty_seconds() {
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
    let out = Instant::now();
    for (side, name) in [(&mut sender, "sender"), (&mut receiver, "receiver")] {
        let failed = event(&mut side.output, "failed");
        let after = out.elapsed();
        println!("the {name} gave up after {after:?}: {}", failed["message"]);
        assert_eq!(
            (&failed["code"], &failed["message"]),
            (&"timed_out".into(), &SILENT.into())
        );
        assert!((IDLE - SLACK..IDLE + SLACK).contains(&after), "{after:?}");
    }
    assert_eq!(sender.wait(), Some(6));
    std::thread::sleep(Duration::from_secs(30).saturating_sub(out.elapsed()));
    network.pass_packets();
    assert_eq!(listing(&home.path().join("inbox")), [""; 0]);
    let sent = content(5_000_000, 7);
    fs::write(folder.path().join("later"), &sent).unwrap();
    let send = ["send", "box", "later", "--pin", &hub.pin()];
    let send = hub.command(folder.path(), "cam", &send);
    let finished = run(&mut network.on_device(&send), "");
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(fs::read(home.path().join("inbox/cam_later")).unwrap() == sent);
}

/// A cable that is back before either side gives up costs time and nothing else.
#[test]
#[ignore = "takes a minute: cargo xtask soak transfers"]
fn soak_a_cable_that_is_out_for_a_moment() {
    let Some(network) = Network::make() else {
        return;
    };
    let hub = Hub::start_in(&network, &["cam", "box"], &[]);
    let (folder, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut receiver = receiving(&network, &hub, home.path());
    let large = folder.path().join("large");
    sparse_of(&large, 2 << 30);
    let send = ["send", "box", "large", "--events", "--pin", &hub.pin()];
    let send = hub.command(folder.path(), "cam", &send);
    let mut sender = Shell::run(network.on_device(&send));
    event(&mut receiver.output, "started");
    event(&mut receiver.output, "progress");
    network.drop_packets();
    let out = Instant::now();
    std::thread::sleep(Duration::from_secs(10));
    network.pass_packets();
    event(&mut sender.output, "stored");
    println!("it was there {:?} after the cut", out.elapsed());
    assert_eq!(sender.wait(), Some(0));
    let stored = fs::metadata(home.path().join("inbox/cam_large")).unwrap();
    assert_eq!(stored.len(), 2 << 30);
}

/// What takes long: more than the first moments of a connection, at the losses of the tests above.
#[test]
#[ignore = "takes minutes: cargo xtask soak transfers"]
fn soak_a_cable_that_loses_packets_for_long() {
    let Some(network) = Network::make() else {
        return;
    };
    let hub = Hub::start_in(&network, &["cam", "box"], &[]);
    let (folder, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut receiver = receiving(&network, &hub, home.path());
    for (percent, bytes, times) in [
        (1, 500_000_000, 1),
        (5, 100_000_000, 1),
        (30, 2_000_000, 10),
    ] {
        network.lose(percent);
        let sent = content(bytes, 3);
        let mut arrived = 0;
        let began = Instant::now();
        for number in 0..times {
            let name = format!("{percent}-{number}.bin");
            fs::write(folder.path().join(&name), &sent).unwrap();
            let send = ["send", "box", &name, "--json", "--pin", &hub.pin()];
            let send = hub.command(folder.path(), "cam", &send);
            let finished = run(&mut network.on_device(&send), "");
            let stored = home.path().join(format!("inbox/cam_{name}"));
            if finished.code == Some(0) {
                arrived += 1;
                event(&mut receiver.output, "stored");
                assert!(fs::read(&stored).unwrap() == sent, "{percent} % lost");
            } else {
                println!("{percent} %: {}", finished.stdout.trim_end());
                assert_eq!(percent, 30, "{finished:?}");
                assert!(!stored.exists());
            }
        }
        let took = began.elapsed();
        println!("{percent} % lost: {arrived} of {times} files of {bytes} bytes in {took:?}");
        assert!(arrived > 0, "{percent} % lost");
    }
}
