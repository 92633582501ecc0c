//! Transfers that somebody ends, and files that change.

use std::fs;
use std::io::Write as _;

use fleetlink_client::{Arrival, transfer::Control};
use fleetlink_proto::transfer::Reason;
use fleetlink_proto::transfer::limits::Deadlines;

use crate::world::{Hub, Receiver, here, in_time, peers};

const LARGE: usize = 200 << 20;

async fn coming(receiver: &mut Receiver) -> Control {
    match in_time(receiver.arrivals.recv()).await.unwrap() {
        Arrival::Coming { control, .. } => control,
        other => panic!("{other:?}"),
    }
}

/// A file of zeros that takes no room.
fn sparse(device: &crate::world::Device) -> std::path::PathBuf {
    let path = device.folder.path().join("sparse");
    fs::File::create(&path)
        .unwrap()
        .set_len(LARGE as u64)
        .unwrap();
    path
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn either_side_cancels_and_both_say_so() {
    let hub = Hub::new();
    let mut receiver = hub.receiver("uav", Deadlines::default()).await;
    let camera = hub.device("camera").await;
    let grant = hub.grant(&camera, &receiver.device);
    let peer = camera.connect(grant, &receiver.device).await.unwrap();
    for by_sender in [true, false] {
        let (control, peer, path) = (Control::new(), peer.clone(), sparse(&camera));
        let sending = {
            let control = control.clone();
            tokio::spawn(async move { peer.send_file(path, &control).await })
        };
        let theirs = coming(&mut receiver).await;
        let mut progress = theirs.progress();
        in_time(progress.wait_for(|p| p.bytes > 1 << 20))
            .await
            .unwrap();
        let cancelled = if by_sender { &control } else { &theirs };
        cancelled.cancel(Reason::Cancelled, "enough");
        let sent = in_time(sending).await.unwrap().unwrap_err();
        let received = receiver.failure().await;
        let (own, other) = if by_sender {
            (&sent, &received)
        } else {
            (&received, &sent)
        };
        assert_eq!(here(own), Reason::Cancelled);
        assert_eq!(own.to_string(), "enough");
        assert_eq!(peers(other), Reason::Cancelled);
        assert_eq!(receiver.listing(), [""; 0]);
    }
    // The connection is as good as before.
    let path = camera.file("after", b"1");
    in_time(peer.send_file(path, &Control::new()))
        .await
        .unwrap();
    assert_eq!(receiver.listing(), ["camera_after"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_changes_while_it_is_sent_is_an_error_on_both_sides() {
    let hub = Hub::new();
    let mut receiver = hub.receiver("uav", Deadlines::default()).await;
    let camera = hub.device("camera").await;
    let grant = hub.grant(&camera, &receiver.device);
    let peer = camera.connect(grant, &receiver.device).await.unwrap();
    let changes: [fn(&std::path::Path); 3] = [
        |path| {
            let mut file = fs::OpenOptions::new().append(true).open(path).unwrap();
            file.write_all(b"more").unwrap();
        },
        |path| {
            let file = fs::OpenOptions::new().write(true).open(path).unwrap();
            file.set_len(5 << 20).unwrap();
        },
        |path| {
            let mut file = fs::OpenOptions::new().write(true).open(path).unwrap();
            file.write_all(b"other").unwrap();
        },
    ];
    for change in changes {
        let path = sparse(&camera);
        let sending = {
            let (peer, path) = (peer.clone(), path.clone());
            tokio::spawn(async move { peer.send_file(path, &Control::new()).await })
        };
        let mut progress = coming(&mut receiver).await.progress();
        in_time(progress.wait_for(|p| p.bytes > 1 << 20))
            .await
            .unwrap();
        change(&path);
        let sent = in_time(sending).await.unwrap().unwrap_err();
        assert_eq!(here(&sent), Reason::SourceChanged);
        assert_eq!(peers(&receiver.failure().await), Reason::SourceChanged);
        assert_eq!(receiver.listing(), [""; 0]);
    }
}

/// A device that goes says so, and a connection that is in use ends with both sides knowing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closing_endpoint_ends_its_transfers() {
    let hub = Hub::new();
    let mut receiver = hub.receiver("uav", Deadlines::default()).await;
    let camera = hub.device("camera").await;
    let grant = hub.grant(&camera, &receiver.device);
    let peer = camera.connect(grant, &receiver.device).await.unwrap();
    let path = sparse(&camera);
    let sending = tokio::spawn(async move { peer.send_file(path, &Control::new()).await });
    coming(&mut receiver).await;
    camera.endpoint.close().await;
    in_time(sending).await.unwrap().unwrap_err();
    receiver.failure().await;
    assert_eq!(receiver.listing(), [""; 0]);
}
