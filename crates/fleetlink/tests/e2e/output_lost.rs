//! Output that cannot be written, and output that nobody reads.

use std::fs::{self, File};
use std::io::{self, PipeReader, PipeWriter, Read as _, Write as _};
use std::net::{Shutdown, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};

#[cfg(target_os = "linux")]
use fleetlink_testkit::{run_on_small_disk, small_disk};
use rustix::fs::OFlags;
use rustix::process::Signal;
use serde_json::Value;

use crate::harness::{Hub, Output, PASSWORD, Terminal, eventually, fleetlink, signal};

/// A process that is killed when dropped.
struct Owned(Child);

impl Drop for Owned {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a command whose standard output is this; its exit code, and what it said beside.
#[track_caller]
fn run_to(command: &mut Command, stdout: impl Into<Stdio>, input: &str) -> (Option<i32>, String) {
    let child = command
        .stdin(Stdio::piped())
        .stdout(stdout)
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut child = Owned(child);
    let mut stdin = child.0.stdin.take().unwrap();
    // A command may end without reading everything.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let mut said = String::new();
    let mut stderr = child.0.stderr.take().unwrap();
    stderr.read_to_string(&mut said).unwrap();
    (child.0.wait().unwrap().code(), said)
}

fn full() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

/// A pipe whose reader is gone.
fn closed() -> PipeWriter {
    io::pipe().unwrap().1
}

/// A pipe that is full, and that nobody reads until the test does.
fn blocked() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = io::pipe().unwrap();
    let flags = rustix::fs::fcntl_getfl(&writer).unwrap();
    rustix::fs::fcntl_setfl(&writer, flags | OFlags::NONBLOCK).unwrap();
    for piece in [4096, 1] {
        while writer.write(&vec![b'\n'; piece]).is_ok() {}
    }
    rustix::fs::fcntl_setfl(&writer, flags).unwrap();
    (reader, writer)
}

/// Tries commands with standard output on a full disk.
struct Walk<'a> {
    hub: &'a Hub,
    folder: &'a Path,
}

impl Walk<'_> {
    /// A command of the device `cam`.
    #[track_caller]
    fn device(&self, arguments: &str, input: &str) {
        let split: Vec<&str> = arguments.split(' ').collect();
        let command = self.hub.command(self.folder, "cam", &split);
        self.lost(arguments, command, input, 15);
    }

    /// A command of the hub's operator.
    #[track_caller]
    fn operator(&self, arguments: &str, input: &str) {
        let mut command = fleetlink(self.folder);
        command.args(arguments.split(' '));
        command.arg("--data").arg(self.hub.data());
        self.lost(arguments, command, input, 15);
    }

    /// A command without a hub.
    #[track_caller]
    fn alone(&self, arguments: &str, code: i32) {
        let mut command = fleetlink(self.folder);
        command.args(arguments.split(' '));
        self.lost(arguments, command, "", code);
    }

    #[track_caller]
    fn lost(&self, arguments: &str, mut command: Command, input: &str, code: i32) {
        let (found, said) = run_to(&mut command, full(), input);
        assert_eq!(found, Some(code), "{arguments}: {said}");
        let lost = "standard output could not be written: No space left on device";
        assert_eq!(said.matches(lost).count(), 1, "{arguments}: {said}");
    }
}

#[test]
fn no_command_loses_its_output_and_succeeds() {
    let hub = Hub::start(&["cam", "box", "other", "last"]);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("cam-1.txt"), "1\n2\n").unwrap();
    fs::write(folder.path().join("names"), "new secret\n").unwrap();
    fs::write(folder.path().join("credentials.txt"), "cam secret\n").unwrap();
    assert_eq!(hub.visit(folder.path(), "cam").code, Some(0));
    let mut receiver = hub.join("box");
    let walk = Walk {
        hub: &hub,
        folder: folder.path(),
    };
    let (host, port) = (hub.address.ip(), hub.address.port());
    walk.device(&format!("join {host} {port} --device cam"), "AED\nOUT\n");
    let login = format!("cam\n{PASSWORD}\nOUT\n");
    walk.device(&format!("client {host} {port} 0"), &login);
    for data in [
        "generate 2 10",
        "upload 1",
        "append 1",
        "list",
        "compute 1 SUM",
        "get 1 got",
        "get 1 -",
    ] {
        walk.device(&format!("data {data}"), "");
    }
    for data in ["list", "compute 1 SUM", "get 1 theirs", "get 1 -"] {
        walk.operator(&format!("data {data} --device cam"), "");
    }
    walk.device("data delete 1", "");
    walk.device("data upload 1", "");
    walk.operator("data delete 1 --device cam", "");
    walk.device("device list", "");
    walk.device("send box cam-1.txt", "");
    receiver.output.expect("Received cam-1.txt from cam");
    walk.device("receive --inbox .", "");
    for key in ["show", "list", "known", "forget box", "replace", "revoke"] {
        walk.device(&format!("key {key}"), "");
    }
    walk.operator("account add carl --password-stdin", "secret\n");
    walk.operator("account passwd carl --password-stdin", "secrets\n");
    for account in ["list", "unlock carl", "remove carl", "import names"] {
        walk.operator(&format!("account {account}"), "");
    }
    walk.operator("ticket --name fresh", "");
    assert_eq!(
        hub.operate("ticket", &["--name", "again"], "").code,
        Some(0)
    );
    for ticket in ["ticket list", "ticket revoke 2"] {
        walk.operator(ticket, "");
    }
    let _last = hub.join("last");
    for session in ["session list", "session end last"] {
        walk.operator(session, "");
    }
    walk.operator("hub rotate-key", "");
    servers(&walk);
    walk.alone("use", 15);
    walk.operator("upload list", "");
}

/// The servers, their clients and the checkers.
fn servers(walk: &Walk<'_>) {
    walk.alone("hub --listen 127.0.0.1:0 --data fresh", 15);
    walk.alone("server 0 3", 15);
    walk.alone("hello serve --udp 127.0.0.1:0", 15);
    walk.alone("sum serve --listen 127.0.0.1:0", 15);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let answer = std::thread::spawn(move || {
        let (_, from) = socket.recv_from(&mut [0; 64]).unwrap();
        let granted = format!("OK 8877 {} {}", from.ip(), from.port());
        socket.send_to(granted.as_bytes(), from).unwrap();
        socket
    });
    walk.alone(&format!("hello request 127.0.0.1 {port} 8877"), 15);
    drop(answer.join().unwrap());
    // Nobody is there: the report says so, and is lost.
    walk.alone(&format!("hello check 127.0.0.1 {port} --lease 1s"), 1);
    walk.alone(&format!("sum check 127.0.0.1 {port}"), 1);
    let mut serve = fleetlink(walk.folder);
    serve.args(["sum", "serve", "--listen", "127.0.0.1:0"]);
    let mut serve = Owned(serve.stdout(Stdio::piped()).spawn().unwrap());
    let mut output = Output::of(serve.0.stdout.take().unwrap());
    output.expect("listening on 127.0.0.1:");
    let port = output.expect("\n");
    walk.alone(&format!("sum send 127.0.0.1 {port} 25"), 15);
}

#[test]
fn help_and_the_version_are_output_too() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&["--help"][..], &["data", "--help"], &["--version"]] {
        let mut command = fleetlink(folder.path());
        command.args(arguments);
        let (code, said) = run_to(&mut command, full(), "");
        assert_eq!(code, Some(15), "{said}");
        assert!(said.contains("No space left on device"), "{said}");
        let (code, said) = run_to(&mut command, closed(), "");
        assert_eq!((code, said.as_str()), (Some(141), ""));
    }
}

/// A ticket that nobody has seen lets nobody in.
#[test]
fn a_ticket_that_could_not_be_shown_is_revoked() {
    let hub = Hub::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    for (number, json) in [(1, false), (2, true)] {
        let mut command = fleetlink(folder.path());
        command.args(["ticket", "--name", "cam", "--data"]);
        command.arg(hub.data());
        if json {
            command.arg("--json");
        }
        let (code, said) = run_to(&mut command, full(), "");
        assert_eq!(code, Some(15), "{said}");
        let revoked = format!("ticket {number} is revoked again");
        assert!(said.contains(&revoked), "{said}");
    }
    let mut command = fleetlink(folder.path());
    command.args(["ticket", "--name", "cam", "--data"]);
    let (code, said) = run_to(command.arg(hub.data()), closed(), "");
    assert_eq!(code, Some(141), "{said}");
    let list = hub.operate("ticket", &["list", "--json"], "").stdout;
    let list: Value = serde_json::from_str(&list).unwrap();
    let states: Vec<&Value> = list["tickets"].as_array().unwrap().iter().collect();
    assert_eq!(states.len(), 3, "{list}");
    assert!(
        states.iter().all(|ticket| ticket["state"] == "revoked"),
        "{list}"
    );
}

#[test]
fn a_closed_pipe_ends_a_command_quietly() {
    let hub = Hub::start(&["cam", "box"]);
    let folder = tempfile::tempdir().unwrap();
    let samples: String = (0..100_000).map(|n| format!("{n}\n")).collect();
    assert_eq!(hub.visit(folder.path(), "cam").code, Some(0));
    fs::write(folder.path().join("cam-1.txt"), samples).unwrap();
    assert_eq!(
        hub.run(folder.path(), "cam", &["data", "upload", "1"]).code,
        Some(0)
    );
    for arguments in [
        &["data", "list"][..],
        &["data", "list", "--json"],
        &["data", "compute", "1", "SUM"],
        &["data", "get", "1", "-"],
        // The error is said where somebody may read it.
        &["receive", "--inbox", ".", "--events"],
        &["receive", "--inbox", "."],
    ] {
        let mut command = hub.command(folder.path(), "cam", arguments);
        let (code, said) = run_to(&mut command, closed(), "");
        assert_eq!((code, said.as_str()), (Some(141), ""), "{arguments:?}");
    }
}

/// A receiver whose events nobody reads takes files, and ends when it is told to.
#[test]
fn events_that_nobody_reads_stop_neither_files_nor_signals() {
    let hub = Hub::start(&["cam", "box"]);
    let (folder, inbox) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(folder.path().join("a"), "x").unwrap();
    fs::create_dir(inbox.path().join("in")).unwrap();
    for (end, form) in [
        (Signal::TERM, "--events"),
        (Signal::INT, "--events"),
        (Signal::TERM, ""),
    ] {
        let (mut reader, writer) = blocked();
        let mut arguments = vec!["receive", "--inbox", "in"];
        arguments.extend((!form.is_empty()).then_some(form));
        let mut command = hub.command(inbox.path(), "box", &arguments);
        let spawned = command.stdin(Stdio::null()).stdout(writer).spawn();
        let mut receiver = Owned(spawned.unwrap());
        drop(command);
        eventually("the receiver joins", || hub.active() == ["box"]);
        eventually("a file goes there", || {
            let sent = hub.run(folder.path(), "cam", &["send", "box", "a"]);
            sent.code == Some(0)
        });
        signal(&receiver.0, end);
        eventually("it ends", || receiver.0.try_wait().unwrap().is_some());
        assert_eq!(receiver.0.wait().unwrap().code(), Some(0));
        eventually("it has left", || hub.active().is_empty());
        // Nothing of what waited comes any more, and that is all there is.
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).unwrap();
        assert!(rest.iter().all(|byte| *byte == b'\n'));
    }
    assert!(fs::read_dir(inbox.path().join("in")).unwrap().count() >= 3);
}

/// Once somebody reads again, it is said how many lines are missing, and where.
#[test]
fn lines_that_were_left_out_are_counted() {
    const CLIENTS: usize = 4000;
    let folder = tempfile::tempdir().unwrap();
    let (reader, writer) = blocked();
    let port = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap().port()
    };
    let mut command = fleetlink(folder.path());
    command.args(["sum", "serve", "--listen", &format!("127.0.0.1:{port}")]);
    let spawned = command.stdin(Stdio::null()).stdout(writer).spawn();
    let server = Owned(spawned.unwrap());
    drop(command);
    let connect = || TcpStream::connect(("127.0.0.1", port));
    eventually("it listens", || connect().is_ok());
    for _ in 0..CLIENTS {
        let mut client = connect().unwrap();
        client.write_all(b"Client of c: 1\n").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut reply = String::new();
        client.read_to_string(&mut reply).unwrap();
        assert!(reply.starts_with("Server of "), "{reply:?}");
    }
    let mut output = Output::of(reader);
    output.expect("listening on");
    output.expect(" lines were left out: they could not be written)\n");
    signal(&server.0, Signal::TERM);
    output.to_end();
}

/// Ctrl-S stops the terminal, and nothing else.
#[test]
fn a_stopped_terminal_stops_neither_files_nor_ctrl_c() {
    let hub = Hub::start(&["cam", "box"]);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a"), "x").unwrap();
    let inbox = tempfile::tempdir().unwrap();
    let address = hub.address.to_string();
    let inbox_path = inbox.path().to_str().unwrap();
    let arguments = [
        "receive", "--inbox", inbox_path, "--hub", &address, "--device", "box",
    ];
    let mut receiver = Terminal::start(&arguments);
    receiver.output.expect("Password");
    receiver.type_line(PASSWORD);
    receiver.output.expect("box takes files into");
    receiver.type_keys("\u{13}");
    for _ in 0..3 {
        let sent = hub.run(folder.path(), "cam", &["send", "box", "a"]);
        assert_eq!(sent.code, Some(0), "{sent:?}");
    }
    receiver.type_keys("\u{3}");
    assert!(receiver.wait(), "Ctrl-C is a good end");
    assert_eq!(fs::read_dir(inbox.path()).unwrap().count(), 3);
    eventually("it has left", || hub.active().is_empty());
}

/// A hub in `folder` with these standard streams.
fn hub_to(folder: &Path, stdout: impl Into<Stdio>, stderr: impl Into<Stdio>) -> Owned {
    let mut command = fleetlink(folder);
    command.args(["hub", "--listen", "127.0.0.1:0", "--data", "data"]);
    let spawned = command.stdin(Stdio::null()).stdout(stdout).stderr(stderr);
    Owned(spawned.spawn().unwrap())
}

/// Has the hub show a line, by a command of its operator.
#[track_caller]
fn has_a_line(folder: &Path, device: &str) {
    let mut command = fleetlink(folder);
    command.args([
        "account",
        "add",
        device,
        "--password-stdin",
        "--data",
        "data",
    ]);
    let (code, said) = run_to(&mut command, Stdio::null(), "secret\n");
    assert_eq!(code, Some(0), "{said}");
}

/// A reader that takes the first line and goes, as `head -1` does.
#[test]
fn a_hub_goes_on_without_a_reader_and_says_so_once() {
    let folder = tempfile::tempdir().unwrap();
    let (reader, writer) = io::pipe().unwrap();
    let (errors, said) = io::pipe().unwrap();
    let mut hub = hub_to(folder.path(), writer, said);
    {
        let mut byte = [0];
        let mut reader = reader;
        while byte != [b'\n'] {
            reader.read_exact(&mut byte).unwrap();
        }
    }
    let mut errors = Output::of(errors);
    for device in ["a", "b", "c"] {
        has_a_line(folder.path(), device);
    }
    errors.expect("nobody reads the hub's lines any more; the hub goes on without them\n");
    for device in ["d", "e"] {
        has_a_line(folder.path(), device);
    }
    signal(&hub.0, Signal::TERM);
    assert_eq!(hub.0.wait().unwrap().code(), Some(0), "it was asked to end");
    let said = errors.to_end();
    assert_eq!(said.matches("nobody reads").count(), 1, "{said}");
}

/// A disk that fills up while the hub runs, and has room again.
#[cfg(target_os = "linux")]
#[test]
fn a_hub_goes_on_beside_a_full_disk_and_counts_its_lines() {
    let Some(disk) = small_disk() else {
        let disk = tempfile::tempdir().unwrap();
        let test = "output_lost::a_hub_goes_on_beside_a_full_disk_and_counts_its_lines";
        return run_on_small_disk(test, "64k", disk.path());
    };
    let folder = tempfile::tempdir().unwrap();
    let path = disk.join("lines");
    let mut file = File::options()
        .append(true)
        .create(true)
        .open(&path)
        .unwrap();
    let (errors, said) = io::pipe().unwrap();
    let mut hub = hub_to(folder.path(), file.try_clone().unwrap(), said);
    let mut errors = Output::of(errors);
    let lines = || fs::read_to_string(&path).unwrap();
    eventually("it is ready", || {
        lines().contains("there are no accounts yet")
    });
    let mut ballast = File::create(disk.join("ballast")).unwrap();
    while ballast.write(&[0; 4096]).is_ok() {}
    while file.write(b"\n").is_ok() {}

    for device in ["a", "b", "c"] {
        has_a_line(folder.path(), device);
    }
    errors.expect("standard output could not be written: No space left on device");
    errors.expect("; the hub goes on, and counts the lines that are left out\n");
    for device in ["d", "e"] {
        has_a_line(folder.path(), device);
    }
    drop(ballast);
    fs::remove_file(disk.join("ballast")).unwrap();
    has_a_line(folder.path(), "f");
    eventually("it goes on", || lines().contains("account f was added\n"));
    let shown = lines();
    let missing = shown.lines().find_map(|line| {
        let count = line.strip_suffix(" lines were left out: they could not be written)")?;
        count.strip_prefix('(')?.parse().ok()
    });
    let missing: usize = missing.expect("how many are missing");
    let told = shown.matches(" was added").count();
    assert_eq!((missing >= 3, missing + told), (true, 6), "{shown}");
    signal(&hub.0, Signal::TERM);
    assert_eq!(hub.0.wait().unwrap().code(), Some(0), "all is told");
    let said = errors.to_end();
    assert_eq!(said.matches("could not be written").count(), 1, "{said}");
}
