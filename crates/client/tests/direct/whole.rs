//! Files that arrive.

use std::fs;

use fleetlink_client::{Arrival, ReceivePolicy, transfer::Control};
use fleetlink_proto::transfer::Reason;
use fleetlink_proto::transfer::limits::{BLOCK_BYTES, Deadlines};

use crate::world::{Hub, content, here, in_time, peers, send};

const BLOCK: usize = BLOCK_BYTES as usize;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_every_size_arrive_whole_under_the_senders_name() {
    let hub = Hub::new();
    let mut receiver = hub.receiver("uav", Deadlines::default()).await;
    let camera = hub.device("camera").await;
    let grant = hub.grant(&camera, &receiver.device);
    let peer = camera.connect(grant, &receiver.device).await.unwrap();
    for bytes in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 64_000_000] {
        let content = content(bytes);
        let path = camera.file(&format!("{bytes}.bin"), &content);
        let receipt = send(&peer, path).await.unwrap();
        assert_eq!(receipt.bytes, bytes as u64);
        let name = format!("camera_{bytes}.bin");
        assert_eq!(receipt.stored_as.as_str(), name);
        assert!(fs::read(receiver.inbox().join(name)).unwrap() == content);
        match receiver.next().await {
            Arrival::Stored { sender, stored, .. } => {
                assert_eq!(sender.as_str(), "camera");
                assert_eq!(stored.name.as_str(), format!("{bytes}.bin"));
                assert_eq!(stored.stored_as, receipt.stored_as);
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(
        peer.address()
            .is_some_and(|at| at.port() == receiver.device.endpoint.port())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transfer_can_be_watched() {
    let hub = Hub::new();
    let mut receiver = hub.receiver("uav", Deadlines::default()).await;
    let camera = hub.device("camera").await;
    let grant = hub.grant(&camera, &receiver.device);
    let peer = camera.connect(grant, &receiver.device).await.unwrap();
    let path = camera.file("x", &content(3 * BLOCK));
    let control = Control::new();
    let progress = control.progress();
    in_time(peer.send_file(path, &control)).await.unwrap();
    let (bytes, size) = (progress.borrow().bytes, progress.borrow().size);
    assert_eq!((bytes, size), (3 * BLOCK as u64, 3 * BLOCK as u64));
    assert!(progress.borrow().rate() > 0);
    match in_time(receiver.arrivals.recv()).await.unwrap() {
        Arrival::Coming {
            offer,
            control,
            address,
            ..
        } => {
            assert_eq!(offer.name, "x");
            let mut progress = control.progress();
            in_time(progress.wait_for(|p| p.bytes == p.size))
                .await
                .unwrap();
            assert_eq!(address.unwrap().port(), camera.endpoint.port());
        }
        other => panic!("{other:?}"),
    }
}

/// Twenty at once, in both directions, some of one name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_files_at_once_arrive() {
    let hub = Hub::new();
    let left = hub.receiver("left", Deadlines::default()).await;
    let right = hub.receiver("right", Deadlines::default()).await;
    let there = hub.grant(&left.device, &right.device);
    let there = left.device.connect(there, &right.device).await.unwrap();
    let back = hub.grant(&right.device, &left.device);
    let back = right.device.connect(back, &left.device).await.unwrap();
    let mut sending = tokio::task::JoinSet::new();
    for number in 0..20_usize {
        let (peer, from) = match number % 2 {
            0 => (there.clone(), &left.device),
            _ => (back.clone(), &right.device),
        };
        let folder = from.folder.path().join(number.to_string());
        fs::create_dir(&folder).unwrap();
        let path = folder.join(format!("{}.bin", number % 4));
        fs::write(&path, content(number * 100_000)).unwrap();
        sending.spawn(async move { (number, send(&peer, path).await) });
    }
    let mut seen = Vec::new();
    while let Some(sent) = sending.join_next().await {
        let (number, receipt) = sent.unwrap();
        let name = receipt.unwrap().stored_as;
        let inbox = match number % 2 {
            0 => right.inbox(),
            _ => left.inbox(),
        };
        let path = inbox.join(name.as_str());
        assert!(
            fs::read(&path).unwrap() == content(number * 100_000),
            "{name}"
        );
        seen.push(path);
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 20);
    assert_eq!(left.listing().len() + right.listing().len(), 20);
}

/// They wait their turn: a receiver has room for a few at a time, and forgets none.
#[tokio::test]
async fn a_thousand_offers_at_once_are_taken_in_turn() {
    const OFFERS: usize = 1000;
    let hub = Hub::new();
    let sender = hub.device("cam").await;
    let mut receiver = hub.receiver("box", Deadlines::default()).await;
    let peer = hub.grant(&sender, &receiver.device);
    let peer = sender.connect(peer, &receiver.device).await.unwrap();
    let mut sending = tokio::task::JoinSet::new();
    for number in 0..OFFERS {
        let path = sender.file(&number.to_string(), &content(number));
        let peer = peer.clone();
        sending.spawn(async move { send(&peer, path).await });
    }
    let looking_on = async {
        let mut stored = 0;
        while stored < OFFERS {
            match receiver.next().await {
                Arrival::Stored { .. } => stored += 1,
                Arrival::Coming { .. } => {}
                failed => panic!("{failed:?}"),
            }
        }
    };
    let sent = async {
        while let Some(sent) = sending.join_next().await {
            sent.unwrap().unwrap();
        }
    };
    tokio::join!(looking_on, sent);
    let inbox = receiver.inbox();
    assert_eq!(receiver.listing().len(), OFFERS);
    for number in 0..OFFERS {
        let received = fs::read(inbox.join(format!("cam_{number}"))).unwrap();
        assert!(received == content(number), "{number}");
    }
}

#[tokio::test]
async fn what_the_receiver_does_not_take_is_said_on_both_sides() {
    let hub = Hub::new();
    let policy = ReceivePolicy {
        from: vec!["cam*".parse().unwrap()],
        max_size: Some(10),
        max_total: Some(15),
    };
    let mut receiver = hub.receiver_by("uav", Deadlines::default(), policy).await;
    let camera = hub.device("camera").await;
    let grant = hub.grant(&camera, &receiver.device);
    let peer = camera.connect(grant, &receiver.device).await.unwrap();
    for (bytes, reason) in [
        (11, Some(Reason::TooLarge)),
        (10, None),
        (6, Some(Reason::TotalReached)),
        (5, None),
    ] {
        let path = camera.file("x", &content(bytes));
        let refused = send(&peer, path).await.err();
        assert_eq!(refused.as_ref().map(peers), reason, "{bytes}");
        match (receiver.next().await, reason) {
            (Arrival::Failed { failure, .. }, Some(reason)) => assert_eq!(here(&failure), reason),
            (Arrival::Stored { .. }, None) => {}
            other => panic!("{other:?}"),
        }
    }
    let scanner = hub.device("scanner").await;
    let grant = hub.grant(&scanner, &receiver.device);
    let peer = scanner.connect(grant, &receiver.device).await.unwrap();
    let refused = send(&peer, scanner.file("x", b"")).await.unwrap_err();
    assert_eq!(peers(&refused), Reason::NotAllowed);
    assert_eq!(
        refused.to_string(),
        "this device takes no files from scanner"
    );
    assert_eq!(receiver.listing(), ["camera_x", "camera_x-2"]);
}

#[tokio::test]
async fn what_cannot_be_sent_is_said_before_anything_is() {
    let hub = Hub::new();
    let receiver = hub.receiver("uav", Deadlines::default()).await;
    let camera = hub.device("camera").await;
    let grant = hub.grant(&camera, &receiver.device);
    let peer = camera.connect(grant, &receiver.device).await.unwrap();
    let folder = camera.folder.path();
    std::os::unix::net::UnixListener::bind(folder.join("socket")).unwrap();
    for (name, reason) in [
        ("missing", Reason::CannotRead),
        ("state", Reason::CannotRead),
        ("socket", Reason::CannotRead),
        ("..", Reason::BadName),
    ] {
        let failure = send(&peer, folder.join(name)).await.unwrap_err();
        assert_eq!(here(&failure), reason, "{name}");
    }
    assert_eq!(receiver.listing(), [""; 0]);
}
