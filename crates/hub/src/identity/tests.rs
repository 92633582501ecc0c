use std::fs;
use std::os::unix::fs::PermissionsExt;

use fleetlink_proto::control::limits::MAX_SUCCESSION;

use super::*;
use crate::whole_file::{Moment, cut};

const DAY: i64 = 24 * 3600 * 1000;

fn day(days: i64) -> WallTime {
    let start = "2026-11-21T06:00:00Z".parse::<WallTime>().unwrap();
    WallTime::from_unix_millis(start.unix_millis() + days * DAY)
}

fn load(folder: &Path) -> Arc<Shown> {
    Identity::load_or_create(folder, day(0)).unwrap().shown()
}

#[test]
fn the_pin_survives_restarts_and_a_lost_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let first = load(folder.path());
    assert_eq!(load(folder.path()).pin(), first.pin());
    fs::remove_file(folder.path().join(CERTIFICATE_FILE)).unwrap();
    let renewed = load(folder.path());
    assert_eq!(renewed.pin(), first.pin());
    assert_ne!(renewed.certificate, first.certificate);
    let mode = fs::metadata(folder.path().join(KEY_FILE))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_damaged_key_is_an_error_and_not_a_new_key() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(KEY_FILE), "nonsense").unwrap();
    let refused = Identity::load_or_create(folder.path(), day(0));
    let refused = refused.err().unwrap().to_string();
    assert!(refused.contains("restore it from a backup"), "{refused}");
}

#[test]
fn a_certificate_is_renewed_under_the_same_key_when_a_third_of_its_life_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let identity = Identity::load_or_create(folder.path(), day(0)).unwrap();
    let first = identity.shown();
    // Two thirds of 365 days are 243 and a third.
    for fresh in [0, 1, 243] {
        assert!(!identity.renew(day(fresh)).unwrap(), "day {fresh}");
    }
    assert_eq!(identity.shown().certificate, first.certificate);
    // Late, long after its end, and with a clock that is far behind or ahead.
    for due in [244, 1_000, -10_000, 4_000_000] {
        let before = identity.shown();
        assert!(identity.renew(day(due)).unwrap(), "day {due}");
        let after = identity.shown();
        assert_ne!(after.certificate, before.certificate);
        assert_eq!(after.pin(), first.pin());
        assert!(!identity.renew(day(due)).unwrap(), "once");
        let kept = fs::read(folder.path().join(CERTIFICATE_FILE)).unwrap();
        assert_eq!(after.certificate.as_ref(), kept);
    }
}

#[test]
fn a_renewal_that_cannot_be_kept_hinders_no_start() {
    let folder = tempfile::tempdir().unwrap();
    let first = load(folder.path());
    cut::AT.set(Some((0, Moment::HalfWritten)));
    let started = Identity::load_or_create(folder.path(), day(364));
    cut::AT.set(None);
    let renewed = started.unwrap().shown();
    assert_eq!(renewed.pin(), first.pin());
    assert_ne!(renewed.certificate, first.certificate);
}

#[test]
fn a_new_key_is_signed_for_by_each_key_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let identity = Identity::load_or_create(folder.path(), day(0)).unwrap();
    let mut pins = vec![identity.shown().pin()];
    assert!(identity.shown().succession_from(pins[0]).is_empty());
    for _ in 0..=MAX_SUCCESSION {
        let rotated = identity.rotate(day(1)).unwrap();
        assert_eq!(rotated.old, *pins.last().unwrap());
        pins.push(rotated.new);
    }
    let shown = load(folder.path());
    assert_eq!(shown.pin(), *pins.last().unwrap());
    let oldest = shown.succession_from(pins[0]);
    assert!(oldest.is_empty(), "the oldest is forgotten");
    let longest = shown.succession_from(pins[1]);
    assert_eq!(longest.len(), MAX_SUCCESSION);
    let line = serde_json::to_string(longest).unwrap();
    assert!(line.len() < 60_000, "fits a line: {}", line.len());
    assert_eq!(shown.succession_from(pins[MAX_SUCCESSION]).len(), 1);
    assert!(shown.succession_from(shown.pin()).is_empty());

    // With a grant go as many as the one of the two needs that knows the older key.
    let newest = shown.pin();
    let (older, old) = (pins[MAX_SUCCESSION - 1], pins[MAX_SUCCESSION]);
    for pins in [[old, older], [older, newest], [older, older]] {
        let way = shown.succession_for(&pins);
        assert_eq!(way, shown.succession_from(older), "{pins:?}");
    }
    assert!(shown.succession_for(&[newest, newest]).is_empty());
    let latest = shown.succession_for(&[pins[1], older]);
    assert_eq!(latest, &longest[MAX_SUCCESSION - MAX_GRANT_SUCCESSION..]);
}

#[test]
fn statements_that_do_not_lead_to_the_key_are_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(KEY_FILE);
    let identity = Identity::load_or_create(folder.path(), day(0)).unwrap();
    identity.rotate(day(1)).unwrap();
    let rotated = fs::read_to_string(&path).unwrap();
    identity.rotate(day(2)).unwrap();
    let again = fs::read_to_string(&path).unwrap();
    let statements: String = rotated
        .lines()
        .filter(|line| line.starts_with("succession"))
        .collect();
    let key: String = again
        .lines()
        .filter(|line| !line.starts_with("succession"))
        .map(|line| format!("{line}\n"))
        .collect();
    for wrong in [
        format!("{key}{statements}\n"),
        again.replace("succession {", "succession ["),
        again.replace("\"signature\":\"", "\"signature\":\"00"),
    ] {
        fs::write(&path, wrong).unwrap();
        let refused = Identity::load_or_create(folder.path(), day(2))
            .err()
            .unwrap();
        let refused = refused.to_string();
        assert!(refused.contains("`succession`"), "{refused}");
    }
    fs::write(&path, key).unwrap();
    load(folder.path());
}

/// A power failure at any moment: the next start has the old key or the new one, with all
/// statements that lead to it, and the next rotation succeeds.
#[test]
fn a_rotation_that_is_cut_off_at_any_moment_leaves_the_old_key_or_the_new_one() {
    use Moment::{Durable, HalfWritten, Renamed, Synced, Written};
    for write in 0..2 {
        for moment in [HalfWritten, Written, Synced, Renamed, Durable] {
            let folder = tempfile::tempdir().unwrap();
            let identity = Identity::load_or_create(folder.path(), day(0)).unwrap();
            let first = identity.shown().pin();
            let second = identity.rotate(day(1)).unwrap().new;
            cut::AT.set(Some((write, moment)));
            let rotated = identity.rotate(day(2));
            cut::AT.set(None);
            // The certificate's file, the second one, is not essential.
            assert_eq!(rotated.is_ok(), write == 1, "{write} {moment:?}");
            if write == 0 {
                assert_eq!(
                    identity.shown().pin(),
                    second,
                    "not shown before it is kept"
                );
            }

            let shown = load(folder.path());
            let is_new = write == 1 || matches!(moment, Renamed | Durable);
            assert_eq!(shown.pin() != second, is_new, "{write} {moment:?}");
            let statements = if is_new { 2 } else { 1 };
            assert_eq!(shown.succession_from(first).len(), statements);
            assert!(
                !folder.path().join("hub.new").exists(),
                "no key is left over"
            );
            let again = Identity::load(folder.path(), day(3)).unwrap();
            let last = again.rotate(day(3)).unwrap().new;
            assert_eq!(load(folder.path()).pin(), last);
        }
    }
}

#[test]
fn there_is_nothing_to_rotate_before_the_first_start() {
    let folder = tempfile::tempdir().unwrap();
    let refused = Identity::load(folder.path(), day(0)).err().unwrap();
    assert!(matches!(refused, IdentityError::Missing(_)), "{refused}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn only_the_new_private_key_is_on_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let identity = Identity::load_or_create(folder.path(), day(0)).unwrap();
    let key = fs::read_to_string(folder.path().join(KEY_FILE)).unwrap();
    let secret = key.lines().nth(2).unwrap();
    identity.rotate(day(1)).unwrap();
    for entry in fs::read_dir(folder.path()).unwrap() {
        let content = fs::read(entry.unwrap().path()).unwrap();
        assert!(!String::from_utf8_lossy(&content).contains(secret));
    }
}
