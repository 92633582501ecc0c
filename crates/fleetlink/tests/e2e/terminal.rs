//! The shell at a pseudo-terminal.

use std::fs;

use crate::harness::{Hub, PASSWORD, PROMPT, Terminal, eventually};

fn join(hub: &Hub) -> Terminal {
    let (host, port) = (hub.address.ip().to_string(), hub.address.port().to_string());
    Terminal::start(&["join", &host, &port])
}

#[test]
fn two_people_at_terminals() {
    let hub = Hub::start(&["supersmartwatch", "wei-smartphone"]);
    let (mut watch, mut phone) = (join(&hub), join(&hub));
    watch.login("supersmartwatch");
    phone.login("wei-smartphone");
    assert!(
        !watch.output.so_far().contains(PASSWORD),
        "a password is not echoed"
    );

    watch.type_line("AED");
    watch.output.expect("wei-smartphone; 127.0.0.1; ");
    watch.output.expect(PROMPT);
    for (command, shown) in [
        (
            "EDG 1 1000",
            "Data generation done, 1000 data samples have been generated",
        ),
        (
            "UED 1",
            "Data file with ID of 1 has been uploaded to server",
        ),
        (
            "SCS 1 MAX",
            "Computation (MAX) result on the file (ID:1) returned from the server is: ",
        ),
        (
            "DTE 1",
            "file with ID of 1 has been successfully removed from the central server",
        ),
        ("SCS 1", "SUM, AVERAGE, MAX"),
        ("nonsense", "Error. Invalid command!"),
        (
            "UVF wei-smartphone x",
            "the file to be uploaded does not exist",
        ),
        ("help", "EDG"),
    ] {
        watch.type_line(command);
        watch.output.expect(shown);
        watch.output.expect(PROMPT);
    }
    let lines = fs::read_to_string(watch.file("supersmartwatch-1.txt"))
        .unwrap()
        .lines()
        .count();
    assert_eq!(lines, 1000);

    watch.type_line("OUT");
    watch.output.expect("Bye, supersmartwatch!");
    assert!(watch.wait());
    // Ctrl-D leaves as OUT does.
    phone.type_keys("\u{4}");
    phone.output.expect("Bye, wei-smartphone!");
    assert!(phone.wait());
}

#[test]
fn what_arrives_is_printed_above_the_prompt() {
    let hub = Hub::start(&["supersmartwatch"]);
    let mut older = join(&hub);
    older.login("supersmartwatch");
    let mut polite = join(&hub);
    polite.type_login("supersmartwatch");
    polite.output.expect("is active elsewhere: from 127.0.0.1");
    polite.output.expect("Take over? (yes/no)");
    polite.type_line("no");
    assert!(!polite.wait(), "it is not to end the other");
    let mut newer = join(&hub);
    newer.type_login("supersmartwatch");
    newer.output.expect("Take over? (yes/no)");
    newer.type_line("yes");
    newer.output.expect(PROMPT);
    older.output.expect("joined");
    assert!(
        !older.wait(),
        "a device that was replaced ends with an error"
    );
    newer.type_line("OUT");
    newer.output.expect("Bye, supersmartwatch!");
}

#[test]
fn wrong_passwords_are_asked_for_again_until_the_lock_out() {
    let hub = Hub::start_with(&["supersmartwatch"], &["--max-attempts", "2"]);
    let mut watch = join(&hub);
    watch.output.expect("Username:");
    watch.type_line("supersmartwatch");
    for message in [
        "Invalid Password. Please try again",
        "Invalid Password. Your account has been blocked. Please try again later",
    ] {
        watch.output.expect("Password:");
        watch.type_line("wrong");
        watch.output.expect(message);
    }
    assert!(!watch.wait());
    assert_eq!(watch.output.so_far().matches("Username:").count(), 1);
}

#[test]
fn an_interrupt_at_a_hidden_prompt_leaves_the_terminal_as_it_was() {
    let hub = Hub::start(&["supersmartwatch"]);
    let (host, port) = (hub.address.ip().to_string(), hub.address.port().to_string());
    let address = hub.address.to_string();
    let data = hub.data().display().to_string();
    for arguments in [
        &["account", "add", "new", "--data", &data][..],
        &["account", "passwd", "new", "--data", &data],
        &["join", &host, &port, "--device", "supersmartwatch"],
        &["join", &host, &port, "--password-stdin"],
        &[
            "data",
            "list",
            "--hub",
            &address,
            "--device",
            "supersmartwatch",
        ],
    ] {
        let mut terminal = Terminal::start(arguments);
        eventually("the prompt hides what is typed", || !terminal.echoes());
        terminal.type_keys("\u{3}");
        assert!(!terminal.wait(), "{arguments:?}");
        assert!(terminal.echoes(), "{arguments:?}");
    }
}
