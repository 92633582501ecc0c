//! What is taken, under which name, and what stays of what is not.

use std::fs;
use std::sync::Barrier;

use fleetlink_device::{Inbox, ReceivePolicy};
use fleetlink_proto::transfer::{Reason, limits};

use crate::{admit, camera, end, listing, offer, open, take};

#[test]
fn a_file_is_stored_whole_under_the_senders_name() {
    let folder = tempfile::tempdir().unwrap();
    let inbox = open(folder.path());
    let large = vec![7; limits::BLOCK_BYTES as usize + 1];
    for (content, stored_as) in [
        (&b""[..], "uav-camera_test.mp4"),
        (b"1", "uav-camera_test-2.mp4"),
        (&large, "uav-camera_test-3.mp4"),
    ] {
        assert_eq!(
            take(&inbox, "test.mp4", content).unwrap().as_str(),
            stored_as
        );
        assert!(fs::read(folder.path().join(stored_as)).unwrap() == content);
    }
    assert_eq!(listing(folder.path()).len(), 3);
}

#[test]
fn a_wrong_hash_or_length_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let inbox = open(folder.path());
    for (written, said) in [("abc", "abd"), ("abc", "ab"), ("ab", "abc"), ("", "a")] {
        let mut incoming = admit(&inbox, "x", 3).unwrap();
        incoming.write(written.as_bytes()).unwrap();
        let refused = incoming.finish(&end(said.as_bytes())).unwrap_err();
        assert_eq!(refused.reason, Reason::HashMismatch);
    }
    drop(admit(&inbox, "cancelled", 3).unwrap());
    assert_eq!(listing(folder.path()), [""; 0]);
}

#[test]
fn what_is_under_way_counts_and_what_failed_does_not() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("earlier"), [0; 40]).unwrap();
    let policy = ReceivePolicy {
        max_total: Some(100),
        ..ReceivePolicy::from_everybody()
    };
    let inbox = Inbox::open(folder.path(), policy).unwrap();
    let full = |size| admit(&inbox, "y", size).unwrap_err().reason == Reason::TotalReached;
    let coming = admit(&inbox, "x", 60).unwrap();
    assert!(full(1));
    drop(coming);
    take(&inbox, "x", &[0; 60]).unwrap();
    assert!(full(1));
    admit(&inbox, "empty", 0).unwrap();
    // Whoever empties the inbox makes room.
    fs::remove_file(folder.path().join("earlier")).unwrap();
    assert!(full(41));
    take(&inbox, "z", &[0; 40]).unwrap();
    assert!(full(usize::MAX));
}

#[test]
fn no_rule_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let policy = ReceivePolicy {
        from: vec!["camera-*".parse().unwrap()],
        max_size: Some(3),
        max_total: None,
    };
    let inbox = Inbox::open(folder.path(), policy).unwrap();
    let refused = inbox.admit(&camera(), &offer("x", 1)).unwrap_err();
    assert_eq!(refused.reason, Reason::NotAllowed);
    let allowed = "camera-1".parse().unwrap();
    let refused = inbox.admit(&allowed, &offer("x", 4)).unwrap_err();
    assert_eq!(refused.reason, Reason::TooLarge);
    inbox.admit(&allowed, &offer("x", 3)).unwrap();
    assert_eq!(listing(folder.path()), [""; 0]);
}

/// Many files of one name at once: each gets its own.
#[test]
fn files_of_one_name_at_once_replace_nothing() {
    const FILES: usize = 16;
    let folder = tempfile::tempdir().unwrap();
    let inbox = open(folder.path());
    let start = Barrier::new(FILES);
    std::thread::scope(|scope| {
        for number in 0..FILES {
            let (inbox, start) = (&inbox, &start);
            scope.spawn(move || {
                let content = number.to_string();
                let mut incoming = admit(inbox, "x.txt", content.len()).unwrap();
                incoming.write(content.as_bytes()).unwrap();
                start.wait();
                incoming.finish(&end(content.as_bytes())).unwrap();
            });
        }
    });
    let names = listing(folder.path());
    let mut contents: Vec<usize> = names
        .iter()
        .map(|name| fs::read_to_string(folder.path().join(name)).unwrap())
        .map(|content| content.parse().unwrap())
        .collect();
    contents.sort_unstable();
    assert_eq!(contents, (0..FILES).collect::<Vec<_>>(), "{names:?}");
    assert!(
        names.contains(&format!("uav-camera_x-{FILES}.txt")),
        "{names:?}"
    );
}

/// Others put files into the folder too.
#[test]
fn what_others_put_into_the_folder_counts() {
    let folder = tempfile::tempdir().unwrap();
    let policy = ReceivePolicy {
        max_total: Some(10),
        ..ReceivePolicy::from_everybody()
    };
    let inbox = Inbox::open(folder.path(), policy).unwrap();
    take(&inbox, "a", b"12345").unwrap();
    fs::write(folder.path().join("other"), b"1234").unwrap();
    let refused = admit(&inbox, "b", 2).unwrap_err();
    assert_eq!(refused.reason, Reason::TotalReached);
    fs::remove_file(folder.path().join("other")).unwrap();
    take(&inbox, "b", b"12345").unwrap();
}
