//! Who is spoken to: the hub, the peer, and nobody else.

use std::fs;

use super::{content, event};
use crate::harness::network::Network;
use crate::harness::{Hub, Shell, run};

#[test]
fn nobody_but_hub_and_peer_is_contacted() {
    let Some(network) = Network::make() else {
        return;
    };
    network.count_strangers();
    let hub = Hub::start_in(&network, &["cam", "box"], &[]);
    let (folder, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::create_dir(home.path().join("inbox")).unwrap();
    let pin = hub.pin();
    let receive = ["receive", "--inbox", "inbox", "--events", "--pin", &pin];
    let receive = hub.command(home.path(), "box", &receive);
    let mut receiver = Shell::run(network.on_hub(&receive));
    event(&mut receiver.output, "listening");
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
