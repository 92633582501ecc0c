//! Large uploads, exact answers, and every kind of bad line.

use std::fs;
use std::io::Write;

use crate::harness::{Hub, run};

const DEVICE: &str = "supersmartwatch";

/// The most memory that a process has used, in KiB.
fn peak_memory(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// `count` integers from 0 to 999999, and their sum.
fn integers(count: u64) -> (Vec<u8>, u64) {
    let (mut text, mut sum, mut state) = (Vec::new(), 0, 1u64);
    for _ in 0..count {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let sample = (state >> 33) % 1_000_000;
        sum += sample;
        writeln!(text, "{sample}").unwrap();
    }
    (text, sum)
}

#[test]
fn memory_does_not_depend_on_the_size_of_an_upload() {
    let hub = Hub::start(&[DEVICE]);
    let folder = tempfile::tempdir().unwrap();
    let upload = |id: &str, count| {
        let (text, sum) = integers(count);
        fs::write(folder.path().join(format!("{DEVICE}-{id}.txt")), text).unwrap();
        let finished = hub.run(folder.path(), DEVICE, &["data", "upload", id]);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let computed = hub.run(folder.path(), DEVICE, &["data", "compute", id, "SUM"]);
        assert!(
            computed.stdout.contains(&sum.to_string()),
            "{computed:?}, {sum}"
        );
        peak_memory(hub.pid())
    };
    let small = upload("1", 1_000_000);
    let large = upload("2", 10_000_000);
    // 62 MB more arrived; what stays is the allocator's play.
    assert!(
        large < small + 16 * 1024,
        "{small} KiB for 7 MB and {large} KiB for 69 MB"
    );
    let size = fs::metadata(folder.path().join(format!("{DEVICE}-2.txt")))
        .unwrap()
        .len();
    assert!(size > 68_000_000);
}

#[test]
fn answers_are_exact() {
    let hub = Hub::start(&[DEVICE]);
    let folder = tempfile::tempdir().unwrap();
    for (text, operation, expected) in [
        // Beyond 64 bits.
        (
            "9223372036854775807\n9223372036854775807\n9223372036854775807\n",
            "SUM",
            "27670116110564327421",
        ),
        (
            "-9223372036854775808\n-9223372036854775808",
            "SUM",
            "-18446744073709551616",
        ),
        ("1\n2\n2\n", "AVERAGE", "1.666666667"),
        ("1\n2\n", "AVERAGE", "1.5"),
        ("0.000000001\n0.000000002\n", "AVERAGE", "0.000000002"),
        ("0.000000001\n0\n", "AVERAGE", "0"),
        ("21.5\r\n-0.25\r\n", "SUM", "21.25"),
        (
            "2022-09-30T10:31:13Z,21.5\n2022-09-30T10:31:14Z,20.5\n",
            "AVERAGE",
            "21",
        ),
        ("1664533873,3\n1664533874.5,4\n", "MAX", "4"),
        ("", "SUM", "0"),
    ] {
        let mut upload = hub.command(
            folder.path(),
            DEVICE,
            &["data", "upload", "1", "-", "--allow-empty"],
        );
        let finished = run(&mut upload, text);
        assert_eq!(finished.code, Some(0), "{text:?}: {finished:?}");
        let computed = hub.run(
            folder.path(),
            DEVICE,
            &["data", "compute", "1", operation, "--json"],
        );
        let reply: serde_json::Value = serde_json::from_str(&computed.stdout).unwrap();
        assert_eq!(reply["result"], expected, "{operation} of {text:?}");
    }
    let none = hub.run(folder.path(), DEVICE, &["data", "compute", "1", "MAX"]);
    assert_ne!(none.code, Some(0), "no samples have no maximum: {none:?}");
}

#[test]
fn a_bad_line_is_named_and_the_earlier_version_stays() {
    let hub = Hub::start(&[DEVICE]);
    let folder = tempfile::tempdir().unwrap();
    let upload = |text: &str| {
        run(
            &mut hub.command(folder.path(), DEVICE, &["data", "upload", "1", "-"]),
            text,
        )
    };
    assert_eq!(upload("1\n2\n").code, Some(0));
    for (bad, line) in [
        ("1\n\n2\n", 2),
        ("1\ntwo\n", 2),
        ("1\n2\0\n", 2),
        ("12345678901234567890\n", 1),
        ("21,5\n", 1),
        ("9223372036854775808\n", 1),
        ("1\n2022-09-30T10:31:13Z,21.5\n", 2),
        ("2022-09-30T10:31:13Z,21.5\n7\n", 2),
        ("2022-02-30T10:31:13Z,21.5\n", 1),
        ("1e50\n", 1),
        ("NaN\n", 1),
        ("1 1\n", 1),
        ("1\n2\n.\n", 3),
    ] {
        let finished = upload(bad);
        assert_ne!(finished.code, Some(0), "{bad:?}");
        assert!(
            finished.stderr.contains(&format!("line {line}")),
            "{bad:?}: {finished:?}"
        );
        let sum = hub.run(folder.path(), DEVICE, &["data", "compute", "1", "SUM"]);
        assert!(
            sum.stdout.contains('3'),
            "the earlier version stays: {sum:?}"
        );
    }
}

#[test]
fn a_device_at_its_quota_is_refused_by_every_door_and_others_are_not() {
    let (hub, page) = crate::http::hub_with_page(&["cam", "uav"], &["--quota", "c*=100"]);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("small.txt"), "1\n".repeat(40)).unwrap();
    let upload = |device: &str, file: &str| {
        let upload = ["data", "upload", file, "small.txt", "--json"];
        hub.run(folder.path(), device, &upload)
    };
    assert_eq!(upload("cam", "1").code, Some(0));
    let refused = upload("cam", "2");
    assert_eq!(refused.code, Some(11), "{refused:?}");
    assert!(refused.stdout.contains("quota_reached"), "{refused:?}");
    let append = crate::http::Call::new(page, "POST", "/api/v1/devices/cam/data/1");
    let refused = append.by("cam").body("1\n".repeat(40)).send();
    assert_eq!(
        (refused.status, refused.problem().as_str()),
        (507, "quota_reached")
    );
    for file in ["1", "2"] {
        assert_eq!(upload("uav", file).code, Some(0));
    }
    let deleted = hub.run(folder.path(), "cam", &["data", "delete", "1"]);
    assert_eq!(deleted.code, Some(0), "{deleted:?}");
    assert_eq!(upload("cam", "2").code, Some(0));
}
