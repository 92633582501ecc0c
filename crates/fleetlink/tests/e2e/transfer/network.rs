//! Networks that lose packets or are cut, and the peers that a device speaks to over them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::{content, event, listing, sparse, sparse_of};
use crate::harness::network::Network;
use crate::harness::{Finished, Hub, Shell, run};

/// The message on both sides when nothing gets through any more.
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

/// A hub and its device `box`, which takes files, at one end; its device `cam` at the other.
struct Cable {
    network: Network,
    hub: Hub,
    receiver: Shell,
    /// Of `cam`.
    folder: TempDir,
    /// Of `box`.
    home: TempDir,
}

impl Cable {
    /// None where this host lets nobody make networks.
    fn lay() -> Option<Self> {
        Some(Cable::between(Network::make()?))
    }

    fn between(network: Network) -> Self {
        let hub = Hub::start_in(&network, &["cam", "box"], &[]);
        let (folder, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let receiver = receiving(&network, &hub, home.path());
        Cable {
            network,
            hub,
            receiver,
            folder,
            home,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The path at which a file of this name arrives.
    fn stored(&self, name: &str) -> PathBuf {
        self.home.path().join(format!("inbox/cam_{name}"))
    }

    fn inbox(&self) -> Vec<String> {
        listing(&self.home.path().join("inbox"))
    }

    fn sending(&self, name: &str, options: &[&str]) -> Command {
        let pin = self.hub.pin();
        let send = [&["send", "box", name, "--pin", &pin], options].concat();
        let send = self.hub.command(self.folder.path(), "cam", &send);
        self.network.on_device(&send)
    }

    /// Sends a file of this content, and waits for the end of that.
    fn send(&self, name: &str, content: &[u8]) -> Finished {
        fs::write(self.path(name), content).unwrap();
        run(&mut self.sending(name, &["--json"]), "")
    }

    /// A sender of the file that is at `large`. The receiver has heard of it.
    fn send_large(&mut self) -> Shell {
        let sender = Shell::run(self.sending("large", &["--events"]));
        event(&mut self.receiver.output, "started");
        sender
    }
}

/// Each of them stands still for long, and none is lost.
#[test]
fn files_go_at_once_over_a_slow_cable() {
    let Some(cable) = Cable::lay() else {
        return;
    };
    cable.network.slow_down(20);
    let names = ["a", "b", "c", "d"];
    for (name, seed) in names.iter().zip(0..) {
        fs::write(cable.path(name), content(120_000, seed)).unwrap();
    }
    let sent = run(&mut cable.sending("a", &["b", "c", "d"]), "");
    assert_eq!(sent.code, Some(0), "{}", sent.stderr);
    for (name, seed) in names.iter().zip(0..) {
        assert!(fs::read(cable.stored(name)).unwrap() == content(120_000, seed));
    }
}

#[test]
fn nobody_but_hub_and_peer_is_contacted() {
    let Some(network) = Network::make() else {
        return;
    };
    network.count_strangers();
    let mut cable = Cable::between(network);
    let sent = content(5_000_000, 7);
    let finished = cable.send("a.mp4", &sent);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(
        finished.stdout.contains("\"address\":\"10.77.0.1:"),
        "{finished:?}"
    );
    event(&mut cable.receiver.output, "stored");
    assert!(fs::read(cable.stored("a.mp4")).unwrap() == sent);
    let counted = cable.network.strangers();
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
    let Some(mut cable) = Cable::lay() else {
        return;
    };
    for (percent, bytes) in [(1, 8_000_000), (5, 4_000_000), (30, 100_000)] {
        cable.network.lose(percent);
        let name = format!("{percent}.bin");
        let sent = content(bytes, 3);
        let finished = cable.send(&name, &sent);
        let stored = cable.stored(&name);
        if finished.code == Some(0) {
            event(&mut cable.receiver.output, "stored");
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
    let Some(mut cable) = Cable::lay() else {
        return;
    };
    sparse(&cable.path("large"));
    let mut sender = cable.send_large();
    event(&mut sender.output, "started");
    cable.network.drop_packets();
    for side in [&mut cable.receiver, &mut sender] {
        let failed = event(&mut side.output, "failed");
        assert_eq!(failed["code"], "timed_out", "{failed}");
        assert_eq!(failed["message"], SILENT, "{failed}");
    }
    assert_ne!(sender.wait(), Some(0));
    assert_eq!(cable.inbox(), Vec::<String>::new());
}

/// A soak: both sides give up while the cable is out, each in its time, and afterwards all is as before.
#[test]
#[ignore = "takes a minute: cargo xtask soak transfers"]
fn soak_a_cable_that_is_out_for_thirty_seconds() {
    let Some(mut cable) = Cable::lay() else {
        return;
    };
    sparse(&cable.path("large"));
    let mut sender = cable.send_large();
    event(&mut sender.output, "started");
    cable.network.drop_packets();
    let out = Instant::now();
    for (side, name) in [(&mut sender, "sender"), (&mut cable.receiver, "receiver")] {
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
    cable.network.pass_packets();
    assert_eq!(cable.inbox(), [""; 0]);
    let sent = content(5_000_000, 7);
    let finished = cable.send("later", &sent);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(fs::read(cable.stored("later")).unwrap() == sent);
}

/// A cable that is back before either side gives up costs time and nothing else.
#[test]
#[ignore = "takes a minute: cargo xtask soak transfers"]
fn soak_a_cable_that_is_out_for_a_moment() {
    let Some(mut cable) = Cable::lay() else {
        return;
    };
    sparse_of(&cable.path("large"), 2 << 30);
    let mut sender = cable.send_large();
    event(&mut cable.receiver.output, "progress");
    cable.network.drop_packets();
    let out = Instant::now();
    std::thread::sleep(Duration::from_secs(10));
    cable.network.pass_packets();
    event(&mut sender.output, "stored");
    println!("it was there {:?} after the cut", out.elapsed());
    assert_eq!(sender.wait(), Some(0));
    let stored = fs::metadata(cable.stored("large")).unwrap();
    assert_eq!(stored.len(), 2 << 30);
}

/// A soak: more than the first moments of a connection, at the losses of the tests above.
#[test]
#[ignore = "takes minutes: cargo xtask soak transfers"]
fn soak_a_cable_that_loses_packets_for_long() {
    let Some(mut cable) = Cable::lay() else {
        return;
    };
    for (percent, bytes, times) in [
        (1, 500_000_000, 1),
        (5, 100_000_000, 1),
        (30, 2_000_000, 10),
    ] {
        cable.network.lose(percent);
        let sent = content(bytes, 3);
        let mut arrived = 0;
        let began = Instant::now();
        for number in 0..times {
            let name = format!("{percent}-{number}.bin");
            let finished = cable.send(&name, &sent);
            let stored = cable.stored(&name);
            if finished.code == Some(0) {
                arrived += 1;
                event(&mut cable.receiver.output, "stored");
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
