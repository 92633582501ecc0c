//! `data append` from a pipe that stays open, and input that is no strict data file.

use std::fs;
use std::io::Write as _;
use std::process::{Child, ChildStdin, Command, Stdio};

use rustix::process::Signal;
use serde_json::Value;

use crate::harness::{Hub, Output, eventually, run, signal};

const DEVICE: &str = "supersmartwatch";

/// A running append and the pipe that feeds it.
struct Append {
    child: Child,
    input: Option<ChildStdin>,
    notices: Output,
    result: Output,
}

impl Append {
    fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Append {
            input: child.stdin.take(),
            notices: Output::of(child.stderr.take().unwrap()),
            result: Output::of(child.stdout.take().unwrap()),
            child,
        }
    }

    fn feed(&mut self, text: &str) {
        let input = self.input.as_mut().unwrap();
        input.write_all(text.as_bytes()).unwrap();
    }

    /// The exit status and the JSON document, once it has ended.
    fn end(mut self) -> (Option<i32>, Value) {
        let code = self.child.wait().unwrap().code();
        let text = self.result.to_end();
        let document = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text:?}"));
        (code, document)
    }
}

impl Drop for Append {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The result that the hub computes, or the failure.
fn compute(hub: &Hub, folder: &std::path::Path, operation: &str) -> (String, u64) {
    let arguments = ["data", "compute", "1", operation, "--json"];
    let finished = hub.run(folder, DEVICE, &arguments);
    let document: Value = serde_json::from_str(&finished.stdout).unwrap();
    let result = document["result"].as_str().unwrap_or_default().to_owned();
    (result, document["samples"].as_u64().unwrap_or_default())
}

#[test]
fn an_open_pipe_is_committed_while_it_runs_and_at_its_end() {
    let hub = Hub::start(&[DEVICE]);
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["data", "append", "1", "-", "--json", "--every", "100ms"];
    let mut append = Append::start(&mut hub.command(folder.path(), DEVICE, &arguments));
    append.feed("1\n+2\n3.12345");
    eventually("two lines are at the hub while the pipe is open", || {
        compute(&hub, folder.path(), "SUM") == ("3".to_owned(), 2)
    });
    append.feed("67891\n4");
    append.input = None;
    let (code, document) = append.end();
    assert_eq!(code, Some(0), "{document}");
    assert_eq!(
        (&document["samples"], &document["rounded"]),
        (&4.into(), &1.into())
    );
    assert_eq!(
        compute(&hub, folder.path(), "SUM"),
        ("10.123456789".to_owned(), 4)
    );
}

#[test]
fn many_lines_do_not_wait_for_the_time() {
    let hub = Hub::start(&[DEVICE]);
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["data", "append", "1", "-", "--every", "1h", "--lines", "10"];
    let mut append = Append::start(&mut hub.command(folder.path(), DEVICE, &arguments));
    append.feed(&"7\n".repeat(10));
    eventually("ten lines are at the hub", || {
        compute(&hub, folder.path(), "SUM") == ("70".to_owned(), 10)
    });
}

#[test]
fn what_has_come_is_sent_when_it_is_interrupted() {
    let hub = Hub::start(&[DEVICE]);
    for (file, ending) in [(1, Signal::INT), (2, Signal::TERM)] {
        let folder = tempfile::tempdir().unwrap();
        let file = file.to_string();
        let arguments = ["data", "append", &file, "-", "--json", "--every", "1h"];
        let mut append = Append::start(&mut hub.command(folder.path(), DEVICE, &arguments));
        append.feed("1\n2\n");
        eventually("the pipe is read", || {
            let unread = rustix::io::ioctl_fionread(append.input.as_ref().unwrap());
            unread.unwrap() == 0
        });
        signal(&append.child, ending);
        let (code, document) = append.end();
        assert_eq!(code, Some(0), "{document}");
        assert_eq!(document["samples"], 2);
    }
}

#[test]
fn lines_wait_for_a_hub_that_is_away_and_are_delivered_once_and_in_order() {
    let mut hub = Hub::start(&[DEVICE]);
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["data", "append", "1", "-", "--json", "--every", "50ms"];
    let mut append = Append::start(&mut hub.command(folder.path(), DEVICE, &arguments));
    let mut expected = String::new();
    let mut next = 0..;
    let mut feed = |append: &mut Append, expected: &mut String| {
        for number in next.by_ref().take(50) {
            append.feed(&format!("{number}\n"));
            expected.push_str(&format!("{number}\n"));
        }
    };
    feed(&mut append, &mut expected);
    eventually("the first lines are at the hub", || {
        compute(&hub, folder.path(), "SUM").1 > 0
    });
    for _ in 0..3 {
        hub.kill();
        feed(&mut append, &mut expected);
        append.notices.expect("the hub is away, lines are kept");
        feed(&mut append, &mut expected);
        hub.restart();
        append.notices.expect("the hub is back");
        feed(&mut append, &mut expected);
    }
    append.input = None;
    let (code, document) = append.end();
    assert_eq!(code, Some(0), "{document}");
    assert_eq!(document["samples"], 500);
    let get = hub.run(folder.path(), DEVICE, &["data", "get", "1", "-"]);
    assert_eq!(get.stdout, expected);
}

#[test]
fn what_was_not_delivered_is_counted_and_is_an_exit_status() {
    let mut hub = Hub::start(&[DEVICE]);
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["data", "append", "1", "-", "--json", "--retry-for", "200ms"];
    let mut append = Append::start(&mut hub.command(folder.path(), DEVICE, &arguments));
    append.feed("1\n");
    eventually("a line is at the hub", || {
        compute(&hub, folder.path(), "SUM").1 == 1
    });
    hub.kill();
    append.feed("2\n3\n");
    append.input = None;
    let (code, document) = append.end();
    assert_eq!(code, Some(14), "{document}");
    assert_eq!(document["error"]["code"], "undelivered");
    let message = document["error"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("2 samples were not delivered"),
        "{message}"
    );
}

#[test]
fn the_lines_before_a_refused_one_are_delivered() {
    let hub = Hub::start(&[DEVICE]);
    let folder = tempfile::tempdir().unwrap();
    let mut command = hub.command(folder.path(), DEVICE, &["data", "append", "1", "-"]);
    let finished = run(&mut command, "1\n2\n21,5\n4\n");
    assert_eq!(finished.code, Some(9), "{finished:?}");
    assert!(
        finished
            .stderr
            .contains("line 3: \"21,5\": a decimal comma"),
        "{finished:?}"
    );
    assert_eq!(compute(&hub, folder.path(), "SUM"), ("3".to_owned(), 2));
}

/// A file is one upload: a bad line leaves what was there.
#[test]
fn a_file_is_added_whole_or_not_at_all() {
    let hub = Hub::start(&[DEVICE]);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("readings"), "1\n2\nx\n").unwrap();
    for source in ["readings", "-"] {
        let mut command = hub.command(folder.path(), DEVICE, &["data", "append", "1", source]);
        let redirected = fs::File::open(folder.path().join("readings")).unwrap();
        let output = command.stdin(redirected).output().unwrap();
        assert_eq!(output.status.code(), Some(9), "{output:?}");
        assert_eq!(compute(&hub, folder.path(), "SUM").1, 0);
    }
}

#[test]
fn an_empty_replacement_is_made_on_request_alone() {
    let hub = Hub::start(&[DEVICE]);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("empty"), "\u{feff}\n\n").unwrap();
    let upload = |source: &str, options: &[&str], input: &str| {
        let arguments = [&["data", "upload", "1", source], options].concat();
        run(&mut hub.command(folder.path(), DEVICE, &arguments), input)
    };
    assert_eq!(upload("-", &[], "5\n5\n").code, Some(0));
    for source in ["-", "empty"] {
        let refused = upload(source, &[], "");
        assert_eq!(refused.code, Some(9), "{refused:?}");
        assert!(refused.stderr.contains("--allow-empty"), "{refused:?}");
        assert_eq!(compute(&hub, folder.path(), "SUM"), ("10".to_owned(), 2));
    }
    assert_eq!(upload("-", &["--allow-empty"], "").code, Some(0));
    assert_eq!(compute(&hub, folder.path(), "SUM"), ("0".to_owned(), 0));
}

#[test]
fn ordinary_sensor_output_goes_through_and_what_was_rounded_is_said() {
    let hub = Hub::start(&[DEVICE]);
    let folder = tempfile::tempdir().unwrap();
    let text = "\u{feff}+5\r\n4.4E-7\r\n0.0000000015\r\n 7 \r\n\r\n";
    let mut upload = hub.command(
        folder.path(),
        DEVICE,
        &["data", "upload", "1", "-", "--json"],
    );
    let finished = run(&mut upload, text);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let document: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(
        (&document["samples"], &document["rounded"]),
        (&4.into(), &1.into())
    );
    assert!(
        finished
            .stderr
            .contains("1 sample had more than nine decimals"),
        "{finished:?}"
    );
    assert_eq!(
        compute(&hub, folder.path(), "SUM"),
        ("12.000000442".to_owned(), 4)
    );
}
