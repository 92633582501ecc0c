//! Archives that somebody made to do harm are refused, and nothing is left of them.

use std::fs;
use std::path::Path;

use fleetlink_hub::{BackupOrder, BackupPlace, Watch, back_up, verify_backup};
use tar::{EntryType, Header};
use tempfile::TempDir;

use super::backups::{back, holding};

/// A part of an archive: its header and its bytes.
#[derive(Clone)]
struct Entry {
    header: Header,
    bytes: Vec<u8>,
}

fn entries(archive: &Path) -> Vec<Entry> {
    let mut archive = tar::Archive::new(fs::File::open(archive).unwrap());
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
        let header = entry.header().clone();
        Entry { header, bytes }
    });
    entries.collect()
}

fn write(path: &Path, entries: &[Entry]) {
    let mut text = Vec::new();
    for Entry { header, bytes } in entries {
        text.extend_from_slice(header.as_bytes());
        text.extend_from_slice(bytes);
        text.resize(text.len().next_multiple_of(512), 0);
    }
    text.resize(text.len() + 1024, 0);
    fs::write(path, text).unwrap();
}

fn changed(entry: &Entry, change: impl FnOnce(&mut Header)) -> Entry {
    let mut entry = entry.clone();
    change(&mut entry.header);
    entry.header.set_cksum();
    entry
}

/// A name as it is written, which no library would take.
fn named(entry: &Entry, name: &str) -> Entry {
    changed(entry, |header| {
        let field = &mut header.as_mut_bytes()[..100];
        field.fill(0);
        field[..name.len()].copy_from_slice(name.as_bytes());
    })
}

/// Part 1 is the database, part 2 the key, the last one a segment.
fn attacks(whole: &[Entry]) -> Vec<(&'static str, Vec<Entry>)> {
    let with = |at: usize, entry: Entry| {
        let mut entries = whole.to_vec();
        entries[at] = entry;
        entries
    };
    let last = whole.len() - 1;
    let mut attacks = Vec::new();
    for name in [
        "../escaped",
        "/tmp/escaped",
        "segments/../../escaped",
        "hub.lock",
        "segments",
        "segments/\u{1b}]52;c;eA==\u{7}\u{202e}",
    ] {
        attacks.push((name, with(last, named(&whole[last], name))));
        let mut more = whole.to_vec();
        more.push(named(&whole[last], name));
        attacks.push((name, more));
    }
    for kind in [
        EntryType::Symlink,
        EntryType::Link,
        EntryType::Char,
        EntryType::Block,
        EntryType::Fifo,
        EntryType::Directory,
        EntryType::GNUSparse,
        EntryType::GNULongName,
        EntryType::XHeader,
        EntryType::XGlobalHeader,
    ] {
        let entry = changed(&whole[last], |header| {
            header.set_entry_type(kind);
            header.as_mut_bytes()[157..168].copy_from_slice(b"/etc/passwd");
        });
        attacks.push(("a kind", with(last, entry.clone())));
        let mut first = whole.to_vec();
        first.insert(0, entry.clone());
        attacks.push(("a kind at the beginning", first));
        let mut between = whole.to_vec();
        between.insert(last, entry);
        attacks.push(("a kind between", between));
    }
    for size in [0, 1, 1 << 40, u64::MAX / 2] {
        let entry = changed(&whole[last], |header| header.set_size(size));
        attacks.push(("a length", with(last, entry)));
        let entry = changed(&whole[0], |header| header.set_size(size));
        attacks.push(("a length of the manifest", with(0, entry)));
    }
    let mut twice = whole.to_vec();
    twice.insert(last, whole[last].clone());
    attacks.push(("twice", twice));
    let mut swapped = whole.to_vec();
    swapped.swap(1, 2);
    attacks.push(("another order", swapped));
    attacks.push(("without a part", whole[..last].to_vec()));
    attacks.push(("without a manifest", whole[1..].to_vec()));
    attacks.push(("nothing", Vec::new()));
    attacks
}

/// A character that a terminal obeys. A line for each fault ends with one of them.
fn is_harmful(c: char) -> bool {
    c != '\n' && (c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
}

#[tokio::test]
async fn archives_are_refused_and_leave_nothing() {
    let folder = holding().await;
    let outside = TempDir::new().unwrap();
    let place = outside.path().join("place");
    fs::create_dir(&place).unwrap();
    let path = place.join("whole");
    let order = BackupOrder {
        data: folder.path().to_owned(),
        to: BackupPlace::File {
            path: path.clone(),
            replace: false,
        },
    };
    back_up(&order, &Watch::default()).unwrap();
    let whole = entries(&path);
    let hostile = place.join("hostile");
    let target = place.join("target");
    for (number, (what, entries)) in attacks(&whole).into_iter().enumerate() {
        write(&hostile, &entries);
        let refused = back(&hostile, None, &target);
        let error = refused.map(|_| ()).expect_err(what).to_string();
        assert!(
            !error.is_empty() && !error.contains(is_harmful),
            "{number} {what}: {error}"
        );
        let found = verify_backup(&hostile, None, &Watch::default());
        assert!(
            !found.is_ok_and(|found| found.faults.is_empty()),
            "{number} {what}"
        );
        assert!(!target.exists(), "{number} {what}");
        assert_eq!(fs::read_dir(&place).unwrap().count(), 2, "{number} {what}");
        assert_eq!(
            fs::read_dir(outside.path()).unwrap().count(),
            1,
            "{number} {what}"
        );
    }
    assert!(!Path::new("/tmp/escaped").exists());
    // The same parts as they were are taken.
    write(&hostile, &whole);
    back(&hostile, None, &target).unwrap();
}
