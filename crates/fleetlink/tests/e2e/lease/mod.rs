//! Connection-ID leases: the server and the client, and the checkers of both.

mod checker;
mod client_checker;

use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use crate::harness::lease_server::{self, Fault};
use crate::harness::{Finished, Hub, Output, Terminal, fleetlink, run, signal};

const LEASE: Duration = Duration::from_secs(1);

/// `fleetlink hello serve` on a free port of loopback; killed when dropped.
struct Server {
    child: Child,
    output: Output,
    address: SocketAddr,
}

impl Server {
    fn start(options: &[&str]) -> Self {
        let both = "127.0.0.1:0";
        let folder = std::env::temp_dir();
        let mut child = fleetlink(&folder)
            .args(["hello", "serve", "--udp", both, "--tcp", both])
            .args(options)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = Output::of(child.stdout.take().unwrap());
        output.expect("leases over UDP, listening on ");
        let address = output.expect("\n").parse().unwrap();
        Server {
            child,
            output,
            address,
        }
    }

    fn end(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        (code, self.output.to_end())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn hello(form: &str, server: SocketAddr, arguments: &[&str]) -> Command {
    let (host, port) = (server.ip().to_string(), server.port().to_string());
    let mut command = fleetlink(&std::env::temp_dir());
    command.args(["hello", form, &host, &port]).args(arguments);
    command
}

fn ask(server: SocketAddr, arguments: &[&str]) -> Finished {
    run(&mut hello("HELLO", server, arguments), "")
}

#[test]
fn a_client_is_granted_an_id_and_another_one_where_it_is_in_use() {
    let server = Server::start(&["--idle-exit", "never"]);
    let granted = ask(server.address, &["8877"]);
    assert_eq!(granted.code, Some(0), "{granted:?}");
    assert!(
        granted
            .stdout
            .starts_with("Connection established 8877 127.0.0.1 ")
    );

    let other = ask(server.address, &["8877", "--tcp"]);
    let lines: Vec<&str> = other.stdout.lines().collect();
    assert_eq!(lines[0], "Connection Error 8877");
    assert!(lines[1].starts_with("Connection established "), "{other:?}");
    assert!(!lines[1].contains("8877 127"), "{other:?}");
    assert_eq!(other.code, Some(0));

    signal(&server.child, Signal::TERM);
    let (code, output) = server.end();
    assert_eq!(code, Some(0));
    assert!(
        output.contains("UDP: 1 granted, 0 in use, 0 malformed"),
        "{output}"
    );
    assert!(
        output.contains("TCP: 1 granted, 1 in use, 0 malformed"),
        "{output}"
    );
}

#[test]
fn three_tries_and_a_failure() {
    let server = lease_server::start(Fault::RefusesAlways, LEASE, None);
    for transport in [&["8877"][..], &["8877", "--tcp"]] {
        let refused = ask(server, transport);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        let lines: Vec<&str> = refused.stdout.lines().collect();
        assert_eq!(lines.len(), 4, "{refused:?}");
        assert_eq!(
            (lines[0], lines[3]),
            ("Connection Error 8877", "Connection Failure")
        );
        let ids: Vec<_> = lines[..3]
            .iter()
            .map(|line| line.strip_prefix("Connection Error "))
            .collect();
        assert!(ids[0] != ids[1] && ids[1] != ids[2], "{refused:?}");
    }
}

#[test]
fn silence_and_replies_about_other_ids_are_time_outs() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let asked = ask(silent.local_addr().unwrap(), &["8877", "--timeout", "50ms"]);
    assert_eq!(asked.code, Some(6), "{asked:?}");
    assert!(asked.stdout.ends_with("Connection Failure\n"));
    let mut buffer = [0; 64];
    let requests: Vec<_> = (0..3)
        .map(|_| silent.recv_from(&mut buffer).unwrap())
        .collect();
    assert!(requests.iter().all(|(length, _)| *length == 10));
    let mut sources: Vec<_> = requests.iter().map(|(_, source)| source).collect();
    sources.dedup();
    assert_eq!(sources.len(), 3, "a new socket each");

    let wrong = lease_server::start(Fault::NamesAnotherId, LEASE, None);
    let asked = ask(wrong, &["8877", "--timeout", "50ms"]);
    assert_eq!(asked.code, Some(6), "{asked:?}");
    assert!(!asked.stdout.contains("established"));
}

#[test]
fn at_a_terminal_another_id_is_asked_for() {
    let server = lease_server::start(Fault::RefusesAlways, LEASE, None);
    let (host, port) = (server.ip().to_string(), server.port().to_string());
    let mut terminal = Terminal::start(&["hello", "HELLO", &host, &port, "8877"]);
    terminal.output.expect("Connection Error 8877");
    terminal.output.expect("Another connection ID");
    terminal.type_line("12345");
    terminal.output.expect("four digits");
    terminal.type_line("1234");
    terminal.output.expect("Connection Error 1234");
    terminal.output.expect("Another connection ID (Enter for ");
    let suggested = terminal.output.expect(")");
    terminal.type_line("");
    terminal
        .output
        .expect(&format!("Connection Error {suggested}"));
    terminal.output.expect("Connection Failure");
    assert!(!terminal.wait());
}

#[test]
fn the_end_of_the_input_at_the_question_ends_the_client() {
    let server = lease_server::start(Fault::RefusesAlways, LEASE, None);
    let (host, port) = (server.ip().to_string(), server.port().to_string());
    let mut terminal = Terminal::start(&["HELLO", &host, &port, "8877"]);
    terminal.output.expect("Another connection ID");
    terminal.type_keys("\u{4}");
    terminal.output.expect("Connection Failure");
    assert!(!terminal.wait());
    assert!(
        !terminal
            .output
            .to_end()
            .contains("Connection Error 8877\r\nConnection Error")
    );
}

#[test]
fn the_course_s_own_four_arguments_are_a_client() {
    let server = Server::start(&["--idle-exit", "never"]);
    let (host, port) = (
        server.address.ip().to_string(),
        server.address.port().to_string(),
    );
    let mut command = fleetlink(&std::env::temp_dir());
    let finished = run(command.args(["HELLO", &host, &port, "8877"]), "");
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(
        finished
            .stdout
            .starts_with("Connection established 8877 127.0.0.1 ")
    );
    let help = run(fleetlink(&std::env::temp_dir()).arg("--help"), "");
    assert!(!help.stdout.contains("HELLO"), "{}", help.stdout);
}

#[test]
fn a_server_that_cannot_be_reached_has_an_exit_status_of_its_own() {
    let gone = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = gone.local_addr().unwrap();
    drop(gone);
    for transport in [&["8877"][..], &["8877", "--tcp"]] {
        let asked = ask(address, transport);
        assert_eq!(asked.code, Some(5), "{asked:?}");
        assert!(asked.stdout.ends_with("Connection Failure\n"), "{asked:?}");
    }
    let unknown = run(
        fleetlink(&std::env::temp_dir()).args(["HELLO", "no.such.host.invalid", "20009", "8877"]),
        "",
    );
    assert_eq!(unknown.code, Some(5), "{unknown:?}");
}

/// Asks a server over both transports, one request malformed.
fn ask_and_send_rubbish(server: SocketAddr) {
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.send_to(b"HELLO\x1b[2J\xff", server).unwrap();
    assert_eq!(ask(server, &["0001"]).code, Some(0));
    assert_eq!(ask(server, &["0001", "--tcp"]).code, Some(0));
}

#[test]
fn requests_are_shown_at_a_terminal_and_in_a_pipe_on_demand() {
    let both = "127.0.0.1:0";
    let mut terminal = Terminal::start(&["hello", "serve", "--udp", both, "--tcp", both]);
    terminal.output.expect("leases over UDP, listening on ");
    let address: SocketAddr = terminal.output.expect("\r\n").parse().unwrap();
    let mut logged = Server::start(&["--log", "requests"]);
    for (output, address) in [
        (&mut terminal.output, address),
        (&mut logged.output, logged.address),
    ] {
        ask_and_send_rubbish(address);
        output.expect("UDP 127.0.0.1:");
        output.expect(": malformed: HELLO\\u{1b}[2J\\xff -> no answer");
        output.expect(": HELLO 0001 -> OK 0001 127.0.0.1 ");
        output.expect("TCP 127.0.0.1:");
        output.expect(": HELLO 0001 -> RESET 0001");
    }
    let silent = Server::start(&[]);
    ask_and_send_rubbish(silent.address);
    signal(&silent.child, Signal::TERM);
    let (_, output) = silent.end();
    assert!(!output.contains("malformed:"), "{output}");
}

#[test]
fn requests_beyond_a_hundred_a_second_are_counted() {
    let server = Server::start(&["--log", "requests"]);
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.connect(server.address).unwrap();
    let mut reply = [0; 64];
    // Far more than a hundred a second, however busy the machine: each waits for its answer.
    for id in 0..3000 {
        client.send(format!("HELLO {id:04}").as_bytes()).unwrap();
        client.recv(&mut reply).unwrap();
    }
    signal(&server.child, Signal::TERM);
    let (code, output) = server.end();
    assert_eq!(code, Some(0));
    let shown = output.matches(" -> OK ").count();
    let counted: Vec<usize> = output
        .lines()
        .filter_map(|line| line.strip_suffix(" more requests were not shown"))
        .map(|count| count.parse().unwrap())
        .collect();
    assert!(shown >= 100 && !counted.is_empty(), "{output}");
    assert_eq!(shown + counted.iter().sum::<usize>(), 3000, "{output}");
}

#[test]
fn a_second_server_on_a_port_is_an_error() {
    let server = Server::start(&[]);
    let address = server.address.to_string();
    for transport in ["--udp", "--tcp"] {
        let mut second = fleetlink(&std::env::temp_dir());
        let second = run(second.args(["hello", "serve", transport, &address]), "");
        assert_eq!(second.code, Some(1), "{second:?}");
        assert!(second.stderr.contains(&address), "{second:?}");
    }
}

#[test]
fn a_hub_serves_leases_beside_devices() {
    let hub = Hub::start_with(&["device"], &["--hello", "127.0.0.1:0"]);
    let mut output = hub.output.clone();
    output.expect("connection-ID leases at ");
    let address: SocketAddr = output.expect(",").parse().unwrap();
    assert_eq!(ask(address, &["0001"]).code, Some(0));
    assert_eq!(ask(address, &["0002", "--tcp"]).code, Some(0));
}
