//! Ctrl-Z and `fg`: at the name, at the password, at a command, and while one runs.

use std::env;

use rustix::process::Signal;

use crate::harness::{Hub, PASSWORD, PROMPT, Terminal, eventually};

/// The course's client, started by a shell with job control.
fn client(hub: &Hub) -> Terminal {
    let mut shell = Terminal::start_job_control();
    shell.output.expect("SH> ");
    let (binary, port) = (env!("CARGO_BIN_EXE_fleetlink"), hub.address.port());
    shell.type_line(&format!("{binary} client 127.0.0.1 {port} 0"));
    shell.output.expect("Username:");
    shell
}

/// Stops the client, lets the shell do something, and goes on.
#[track_caller]
fn stop_and_go_on(shell: &mut Terminal) {
    shell.type_keys("\u{1a}");
    shell.output.expect("SH> ");
    assert!(shell.echoes(), "the shell has its terminal back");
    shell.type_line("echo $((6 * 7))");
    shell.output.expect("42");
    shell.output.expect("SH> ");
    shell.type_line("fg");
    shell.output.expect("client 127.0.0.1");
    shell.output.expect("\n");
}

#[test]
fn a_stopped_client_goes_on_where_it_was() {
    let hub = Hub::start(&["supersmartwatch"]);
    let mut shell = client(&hub);
    shell.type_keys("super");
    shell.output.expect("super");
    stop_and_go_on(&mut shell);
    shell.output.expect("Username: super");
    shell.type_line("smartwatch");
    shell.output.expect("Password:");

    shell.type_keys("half");
    // Else the rest of it is typed at the shell.
    eventually("the keys are read", || shell.has_read_all());
    stop_and_go_on(&mut shell);
    shell.output.expect("Password:");
    eventually("the password is hidden again", || !shell.echoes());
    shell.type_line(PASSWORD);
    shell.output.expect("Welcome!");
    shell.output.expect(PROMPT);

    shell.type_keys("AE");
    shell.expect_rows(&[&format!("{PROMPT} AE")]);
    stop_and_go_on(&mut shell);
    shell.expect_rows(&[&format!("{PROMPT} AE")]);
    shell.type_keys("D\r");
    shell.output.expect("no other active edge devices");
    shell.output.expect(PROMPT);

    shell.type_line("EDG 1 1000000000");
    shell.output.expect(" of 1,000,000,000");
    stop_and_go_on(&mut shell);
    // Until the client goes on, Ctrl-C may be the shell's.
    shell.output.expect(" of 1,000,000,000");
    shell.type_keys("\u{3}");
    shell.output.expect("Interrupted.");
    shell.output.expect(PROMPT);
    shell.type_line("OUT");
    shell.output.expect("Bye, supersmartwatch!");
    shell.output.expect("SH> ");
    assert!(shell.echoes());
    shell.type_line("exit");
    shell.wait();
    let shown = shell.output.so_far();
    assert!(
        !shown.contains(PASSWORD) && !shown.contains("half"),
        "{shown}"
    );
}

#[test]
fn nobody_is_stopped_where_no_shell_could_go_on() {
    let hub = Hub::start(&["supersmartwatch"]);
    let mut watch = super::joined(&hub, "supersmartwatch");
    watch.type_keys("\u{1a}");
    watch.signal(Signal::TSTP);
    watch.type_line("AED");
    watch.output.expect("no other active edge devices");
}
