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
    server_in(tempfile::tempdir().unwrap(), credentials)
}

fn server_in(folder: tempfile::TempDir, credentials: &str) -> Server {
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

/// Writes the list anew and waits until the server says that it was read.
fn rewrite(server: &mut Server, text: &str) {
    fs::write(server.folder.path().join("credentials.txt"), text).unwrap();
    server
        .output
        .expect("credentials.txt has changed and was read again");
}

#[test]
fn a_line_that_is_taken_out_takes_the_login_away_and_leaves_the_data() {
    let mut server = server(&format!("a {PASSWORD}\nb {PASSWORD}\n"));
    let (mut a, mut b) = (client(&server), client(&server));
    a.login("a");
    b.login("b");
    fs::write(a.file("a-1.txt"), "1\n2\n").unwrap();
    assert!(a.ask("UED 1").contains("has been uploaded"));

    rewrite(&mut server, &format!("b {PASSWORD}\nc {PASSWORD}\n"));
    assert_eq!(a.wait(), Some(10));
    eventually("it is said", || {
        let said = server.output.so_far();
        said.contains("account a may no longer log in; its data stay")
    });
    assert_eq!(b.ask("AED"), "no other active edge devices");
    let mut again = client(&server);
    again.attempt("a", PASSWORD);
    again.output.expect("Invalid Password. Please try again");
    client(&server).login("c");

    // The same line again: the login is back, and the data were there all the while.
    rewrite(&mut server, &format!("a {PASSWORD}\nb {PASSWORD}\n"));
    let mut back = client(&server);
    back.login("a");
    assert!(back.ask("SCS 1 SUM").ends_with("is: 3"));
}

#[test]
fn a_list_that_is_bad_empty_or_missing_takes_nothing_away() {
    let mut server = server(&format!("a {PASSWORD}\nb {PASSWORD}\n"));
    let mut a = client(&server);
    a.login("a");
    let stays = "names that are no longer in it keep their login";
    for text in [
        format!("b {PASSWORD}\nc\n"),
        "\n".to_owned(),
        "\u{fffd}".to_owned(),
    ] {
        rewrite(&mut server, &text);
        server.output.expect(stays);
    }
    let file = server.folder.path().join("credentials.txt");
    fs::remove_file(&file).unwrap();
    // Whoever is given by nobody's file is no matter of the list.
    let add = [
        "account",
        "add",
        "own",
        "--password-stdin",
        "--data",
        "fleetlink-data",
    ];
    let added = run(
        fleetlink(server.folder.path()).args(add),
        &format!("{PASSWORD}\n"),
    );
    assert_eq!(added.code, Some(0), "{added:?}");
    client(&server).login("own");
    rewrite(&mut server, &format!("b {PASSWORD}\n"));
    assert_eq!(a.wait(), Some(10), "the good list counts");
    client(&server).login("b");
    client(&server).login("own");
}

#[test]
fn a_line_that_is_taken_out_while_no_server_runs_counts_at_the_next_start() {
    let mut first = server(&format!("a {PASSWORD}\nb {PASSWORD}\n"));
    client(&first).login("a");
    client(&first).login("b");
    first.child.kill().unwrap();
    first.child.wait().unwrap();
    let folder = std::mem::replace(&mut first.folder, tempfile::tempdir().unwrap());
    let mut second = server_in(folder, &format!("b {PASSWORD}\n"));
    // The file was written just now: it counts once it has not changed for a second.
    second.output.expect("account a may no longer log in");
    let mut a = client(&second);
    a.attempt("a", PASSWORD);
    a.output.expect("Invalid Password. Please try again");
    client(&second).login("b");
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
