//! The course's own command lines.

use std::fs;
use std::process::{Child, Stdio};

use crate::harness::{Output, PASSWORD, Shell, eventually, fleetlink, run};

struct Server {
    child: Child,
    folder: tempfile::TempDir,
    output: Output,
    port: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn server(credentials: &str) -> Server {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("credentials.txt"), credentials).unwrap();
    let mut child = fleetlink(folder.path())
        .args(["server", "0", "3"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut output = Output::of(child.stdout.take().unwrap());
    output.expect("listening on ");
    let address = output.expect("\n");
    let port = address.rsplit(':').next().unwrap().to_owned();
    output.expect("devices join with");
    Server {
        child,
        folder,
        output,
        port,
    }
}

fn client(server: &Server) -> Shell {
    let folder = tempfile::tempdir().unwrap();
    Shell::start_command(folder, &["client", "127.0.0.1", &server.port, "0"])
}

#[test]
fn server_and_client_in_the_working_directory() {
    let mut server = server(&format!(
        "a {PASSWORD}\r\n\r\nb {PASSWORD}\r\nbad line here\r\n"
    ));
    let (mut a, mut b) = (client(&server), client(&server));
    a.login("a");
    b.login("b");
    assert!(a.ask("AED").starts_with("b; 127.0.0.1; "));
    let active = || fs::read_to_string(server.folder.path().join("edge-device-log.txt")).unwrap();
    eventually("both are listed", || active().lines().count() == 2);
    let log = active();
    assert!(
        log.starts_with("1; ") && log.contains("; a; 127.0.0.1; "),
        "{log}"
    );
    a.send("OUT");
    assert_eq!(a.wait(), Some(0));

    // New names and changed passwords are read again, which the server says.
    let changed = format!("a {PASSWORD}\nb changed\nc {PASSWORD}\n");
    fs::write(server.folder.path().join("credentials.txt"), changed).unwrap();
    server
        .output
        .expect("credentials.txt has changed and was read again");
    let said = || server.output.so_far();
    // Among the hub's own lines, which are printed beside that one.
    eventually("the changes are shown", || {
        said().contains("account c was added") && said().contains("account b has a new password")
    });
    client(&server).login("c");
    let mut again = client(&server);
    again.attempt("b", PASSWORD);
    again.output.expect("Invalid Password. Please try again");
    again.output.expect("Password:");
    again.send("changed");
    again.output.expect("Welcome!");

    let said = said();
    for about in ["account a ", "account c ", "account b has a new password"] {
        assert_eq!(said.matches(about).count(), 1, "{about}: {said}");
    }
}

#[test]
fn a_fresh_hub_in_another_folder_is_no_alarm_on_loopback() {
    let first = server(&format!("a {PASSWORD}\n"));
    let folder = tempfile::tempdir().unwrap();
    let port = first.port.clone();
    let mut shell = Shell::start_command(folder, &["client", "localhost", &port, "0"]);
    shell.login("a");
    shell.send("OUT");
    assert_eq!(shell.wait(), Some(0));
    assert!(!shell.file("state").join("known-hubs").exists());
    drop(first);
    // Another key under the same port, met by the same device.
    let second = tempfile::tempdir().unwrap();
    fs::write(
        second.path().join("credentials.txt"),
        format!("a {PASSWORD}\n"),
    )
    .unwrap();
    let mut child = fleetlink(second.path())
        .args(["server", &port, "3"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = Output::of(child.stdout.take().unwrap());
    output.expect("listening on ");
    let input = format!("a\n{PASSWORD}\nOUT\n");
    let finished = ["127.0.0.1", "localhost"].map(|host| {
        let arguments = ["client", host, &port, "0"];
        run(fleetlink(shell.folder()).args(arguments), &input)
    });
    child.kill().unwrap();
    child.wait().unwrap();
    for finished in finished {
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert!(finished.stdout.contains("Bye, a!"));
    }
}

#[test]
fn wrong_arguments_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let finished = run(fleetlink(folder.path()).args(["server", "0", "6"]), "");
    assert_ne!(finished.code, Some(0));
    assert!(
        finished.stderr.contains(
            "Invalid number of allowed failed consecutive attempts: 6. The valid value of \
             argument number is an integer between 1 and 5"
        ),
        "{finished:?}"
    );
    let finished = run(fleetlink(folder.path()).args(["server", "0", "3"]), "");
    assert_ne!(finished.code, Some(0));
    assert!(finished.stderr.contains("credentials.txt"), "{finished:?}");
}

#[test]
fn a_credentials_file_with_bad_lines_alone_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("credentials.txt"), "alone\na/b secret\n").unwrap();
    let finished = run(fleetlink(folder.path()).args(["server", "0", "3"]), "");
    assert_ne!(finished.code, Some(0));
    for reason in ["line 1: expected a name", "line 2: \"a/b\" is no name"] {
        assert!(finished.stderr.contains(reason), "{finished:?}");
    }
    assert!(!finished.stderr.contains("secret"), "{finished:?}");
}
