//! Files that wait for each other's places.

use fleetlink_client::limits::MAX_FILES_COMING;
use fleetlink_client::transfer::Control;
use fleetlink_proto::transfer::WaitsFor;
use fleetlink_proto::transfer::limits::{Deadlines, MAX_FILES_PER_CONNECTION};

use crate::hostile::{Hostile, offer};
use crate::world::{Hub, in_time};

/// Peers that offer files and send nothing of them take every place; they keep them for a while.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_waits_its_turn_and_takes_the_place_of_one_that_stands_still() {
    let hub = Hub::new();
    let receiver = hub.receiver("uav", Deadlines::default()).await;
    let mut held = Vec::new();
    let mut peers = Vec::new();
    let each = usize::try_from(MAX_FILES_PER_CONNECTION).unwrap();
    for number in 0..MAX_FILES_COMING.div_ceil(each) {
        let hostile = Hostile::new(&hub, &format!("still-{number}")).await;
        let connection = hostile.connect(&hub, &receiver.device).await;
        for _ in 0..each.min(MAX_FILES_COMING - number * each) {
            let (mut send, mut recv) = in_time(connection.open_bi()).await.unwrap();
            send.write_all(&offer("x", 10)).await.unwrap();
            // It is accepted.
            in_time(recv.read_exact(&mut [0; 5])).await.unwrap();
            held.push((send, recv));
        }
        peers.push((hostile, connection));
    }
    assert_eq!(held.len(), MAX_FILES_COMING);
    let camera = hub.device("camera").await;
    let grant = hub.grant(&camera, &receiver.device);
    let peer = camera.connect(grant, &receiver.device).await.unwrap();
    let control = Control::new();
    let mut waits = control.waits();
    let told = async {
        let waits = waits.wait_for(|waits| *waits == Some(WaitsFor::Place));
        assert!(waits.await.is_ok());
        Ok(())
    };
    let sent = peer.send_file(camera.file("own", b"1"), &control);
    let both = in_time(async { tokio::try_join!(sent, told) }).await;
    both.unwrap();
    assert!(receiver.listing().contains(&"camera_own".to_owned()));
}
