//! Disks that stand still for a while.

use std::fs;
use std::path::Path;
use std::time::Duration;

use fleetlink_client::transfer::Control;
use fleetlink_proto::transfer::limits::Deadlines;
use fleetlink_proto::transfer::{Reason, WaitsFor};
use fleetlink_testkit::{Frozen, PausingFile, run_on_pausing_disk, small_disk};

use crate::world::{Hub, here, in_time};

/// The time for which the sender waits for a reply to its offer.
const ANSWER: Duration = Duration::from_secs(3);

/// The file cannot even be made. Its sender is told so, and is more patient then than with a
/// receiver that says nothing.
#[cfg(target_os = "linux")]
#[test]
fn an_offer_waits_for_a_disk_that_stands_still() {
    if let Some(disk) = small_disk() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build();
        return runtime.unwrap().block_on(offered_while_frozen(&disk));
    }
    let folder = tempfile::tempdir().unwrap();
    let test = "pauses::an_offer_waits_for_a_disk_that_stands_still";
    run_on_pausing_disk(test, 64, folder.path());
}

async fn offered_while_frozen(disk: &Path) {
    let hub = Hub::new();
    let deadlines = Deadlines {
        answer: ANSWER,
        ..Deadlines::default()
    };
    let receiver = hub.receiver_into("uav", deadlines, disk).await;
    let camera = hub.device("camera").await;
    let grant = hub.grant(&camera, &receiver.device);
    let peer = camera.reach_within(grant, &receiver.device, deadlines);
    let peer = peer.await.unwrap();
    let frozen = Frozen::disk(disk);
    let control = Control::new();
    let mut waits = control.waits();
    let pausing = async move {
        let on_disk = waits.wait_for(|waits| *waits == Some(WaitsFor::Disk));
        assert!(on_disk.await.is_ok());
        // Longer than the sender waits for a receiver that says nothing.
        tokio::time::sleep(ANSWER * 2).await;
        drop(frozen);
        Ok(())
    };
    let sent = peer.send_file(camera.file("a", b"content"), &control);
    let both = in_time(async { tokio::try_join!(sent, pausing) }).await;
    both.unwrap();
    assert_eq!(fs::read(disk.join("camera_a")).unwrap(), b"content");
}

/// Its sender names the file and not the network, also where the time is over before anybody was
/// told of the wait.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_gives_nothing_for_a_short_time_is_named() {
    let hub = Hub::new();
    let receiver = hub.receiver("uav", Deadlines::default()).await;
    let camera = hub.device("camera").await;
    let path = camera.file("film", &vec![1; 5_000_000]);
    let Some(_slow) = PausingFile::after(2, &path) else {
        return;
    };
    let deadlines = Deadlines {
        stall: Duration::from_secs(1),
        ..Deadlines::default()
    };
    let grant = hub.grant(&camera, &receiver.device);
    let peer = camera.reach_within(grant, &receiver.device, deadlines);
    let peer = peer.await.unwrap();
    let control = Control::new();
    let sent = in_time(peer.send_file(path, &control)).await;
    assert_eq!(here(&sent.unwrap_err()), Reason::SourceStalled);
}
