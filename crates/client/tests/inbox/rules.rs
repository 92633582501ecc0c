//! The files that are accepted, their names, and the traces of those that are not.

use std::fs;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};

use fleetlink_client::{ReceivePolicy, transfer::Inbox};
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

/// However many there are: the next number is found, and the first name is used again once it is
/// free.
#[test]
fn the_ten_thousandth_file_of_a_name_has_its_number() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("uav-camera_x.txt"), "").unwrap();
    for number in 2..=10_000 {
        let name = format!("uav-camera_x-{number}.txt");
        fs::write(folder.path().join(name), "").unwrap();
    }
    for start in 0..2 {
        let inbox = open(folder.path());
        for file in 1..=3 {
            let stored = take(&inbox, "x.txt", b"new").unwrap();
            let number = 10_000 + 3 * start + file;
            assert_eq!(stored.as_str(), format!("uav-camera_x-{number}.txt"));
        }
    }
    let inbox = open(folder.path());
    fs::remove_file(folder.path().join("uav-camera_x.txt")).unwrap();
    assert_eq!(
        take(&inbox, "x.txt", b"").unwrap().as_str(),
        "uav-camera_x.txt"
    );
}

/// Two senders' files whose names come to one stay two files.
#[test]
fn two_senders_whose_names_come_to_one_get_a_number() {
    let folder = tempfile::tempdir().unwrap();
    let inbox = open(folder.path());
    let mut names = Vec::new();
    for (sender, name) in [("a", "b_c.txt"), ("a_b", "c.txt"), ("a", "b_c.txt")] {
        let sender = sender.parse().unwrap();
        let incoming = inbox.admit(&sender, &offer(name, 0)).unwrap();
        names.push(incoming.finish(&end(b"")).unwrap().to_string());
    }
    assert_eq!(names, ["a_b_c.txt", "a_b_c-2.txt", "a_b_c-3.txt"]);
}

/// Receivers that start all the time take none of each other's files for left over.
#[test]
fn a_file_that_comes_survives_every_start() {
    let folder = tempfile::tempdir().unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    open(folder.path());
                }
            });
        }
        let inbox = open(folder.path());
        for number in 0..300 {
            take(&inbox, &number.to_string(), b"content").unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(listing(folder.path()).len(), 300);
}

/// A leftover of somebody else that this device may not remove is no reason not to start.
#[test]
fn another_s_leftover_is_no_error() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let left = folder.path().join(".fleetlink-00000000000000aa.part");
    fs::write(&left, "x").unwrap();
    let modes = |mode| fs::Permissions::from_mode(mode);
    fs::set_permissions(&left, modes(0o000)).unwrap();
    let inbox = open(folder.path());
    take(&inbox, "x", b"1").unwrap();
}
