//! Links and files that somebody else puts into the inbox meanwhile.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::{admit, end, listing, open, take};

/// A link under the final name, to a file, a folder or nothing, is a name that is taken.
#[test]
fn a_link_under_the_final_name_is_neither_followed_nor_replaced() {
    type Plant<'a> = (&'static str, &'a dyn Fn(&Path));
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("inbox");
    fs::create_dir(&folder).unwrap();
    let victim = outer.path().join("victim");
    fs::write(&victim, "untouched").unwrap();
    let elsewhere = outer.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let inbox = open(&folder);
    let plants: [Plant<'_>; 4] = [
        ("file", &|at| symlink(&victim, at).unwrap()),
        ("folder", &|at| symlink(&elsewhere, at).unwrap()),
        ("nothing", &|at| symlink("../not-there", at).unwrap()),
        ("hard", &|at| fs::hard_link(&victim, at).unwrap()),
    ];
    for (name, plant) in plants {
        // Before the offer, and while the file is coming.
        plant(&folder.join(format!("uav-camera_{name}")));
        let mut incoming = admit(&inbox, name, 3).unwrap();
        plant(&folder.join(format!("uav-camera_{name}-2")));
        incoming.write(b"new").unwrap();
        let stored = incoming.finish(&end(b"new")).unwrap();
        assert_eq!(stored.as_str(), format!("uav-camera_{name}-3"));
        assert_eq!(fs::read(folder.join(stored.as_str())).unwrap(), b"new");
    }
    assert_eq!(fs::read(&victim).unwrap(), b"untouched");
    assert_eq!(listing(&elsewhere), [""; 0]);
    assert_eq!(listing(outer.path()), ["elsewhere", "inbox", "victim"]);
}

/// Swapped for a link, the partial file is not what gets the name, and the link's target is not
/// written to.
#[test]
fn a_swapped_partial_file_is_noticed() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("inbox");
    fs::create_dir(&folder).unwrap();
    let victim = outer.path().join("victim");
    fs::write(&victim, "untouched").unwrap();
    let inbox = open(&folder);
    let mut incoming = admit(&inbox, "x", 6).unwrap();
    incoming.write(b"abc").unwrap();
    let [partial] = &listing(&folder)[..] else {
        panic!("{:?}", listing(&folder));
    };
    fs::remove_file(folder.join(partial)).unwrap();
    symlink(&victim, folder.join(partial)).unwrap();
    incoming.write(b"def").unwrap();
    incoming.finish(&end(b"abcdef")).unwrap_err();
    assert_eq!(fs::read(&victim).unwrap(), b"untouched");
    assert_eq!(listing(&folder), [""; 0]);
}

/// The folder is held by its handle: moved or replaced, files still arrive in it and not elsewhere.
#[test]
fn a_replaced_folder_is_not_written_to() {
    let outer = tempfile::tempdir().unwrap();
    let (folder, moved) = (outer.path().join("inbox"), outer.path().join("moved"));
    fs::create_dir(&folder).unwrap();
    let inbox = open(&folder);
    fs::rename(&folder, &moved).unwrap();
    let elsewhere = outer.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    symlink(&elsewhere, &folder).unwrap();
    take(&inbox, "x", b"1").unwrap();
    assert_eq!(listing(&moved), ["uav-camera_x"]);
    assert_eq!(listing(&elsewhere), [""; 0]);
}

/// Leftovers of a killed process are removed; files of a living one, and other things than files, stay.
#[test]
fn leftovers_go_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let victim = folder.path().join("victim");
    fs::write(&victim, "x").unwrap();
    let first = open(folder.path());
    let living = admit(&first, "x", 5).unwrap();
    let left = ".fleetlink-00000000000000aa.part";
    fs::write(folder.path().join(left), "left").unwrap();
    symlink(&victim, folder.path().join(".fleetlink-link.part")).unwrap();
    fs::create_dir(folder.path().join(".fleetlink-folder.part")).unwrap();
    open(folder.path());
    let names = listing(folder.path());
    assert!(!names.contains(&left.to_owned()), "{names:?}");
    assert_eq!(names.len(), 4, "{names:?}");
    drop(living);
    assert_eq!(listing(folder.path()).len(), 3);
}
