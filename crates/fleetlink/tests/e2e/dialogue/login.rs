//! The login: right, wrong, unknown, locked out; typed ahead, interrupted, and in a pipe.

use rustix::process::Signal;

use super::{assert_screen, client, joined};
use crate::harness::{Hub, PASSWORD, PROMPT, Terminal, eventually, fleetlink, run};

#[test]
fn a_right_login() {
    let hub = Hub::start(&["supersmartwatch"]);
    let mut watch = joined(&hub, "supersmartwatch");
    watch.type_line("OUT");
    assert!(watch.wait());
    watch.output.to_end();
    assert_screen(
        &watch,
        "Username: supersmartwatch\n\
         Password:\n\
         Welcome!\n\
         > OUT\n\
         Bye, supersmartwatch!",
    );
}

/// Types a name and wrong passwords until the client ends.
fn fail(hub: &Hub, name: &str, passwords: &[&str]) -> Terminal {
    let mut terminal = client(hub);
    terminal.output.expect("Username:");
    terminal.type_line(name);
    for password in passwords {
        terminal.output.expect("Password:");
        terminal.type_line(password);
    }
    assert_eq!(terminal.wait_code(), 4);
    terminal.output.to_end();
    terminal
}

#[test]
fn three_wrong_passwords_and_the_lock_out() {
    let hub = Hub::start(&["supersmartwatch"]);
    let wrong = ["guess-1", "guess-2", "guess-3"];
    for name in ["supersmartwatch", "nobody"] {
        let failed = fail(&hub, name, &wrong);
        assert_screen(
            &failed,
            &format!(
                "Username: {name}\n\
                 Password:\n\
                 Invalid Password. Please try again\n\
                 Password:\n\
                 Invalid Password. Please try again\n\
                 Password:\n\
                 Invalid Password. Your account has been blocked. Please try again later"
            ),
        );
        assert!(!failed.output.so_far().contains("guess"));
        // The right password is refused too.
        let blocked = fail(&hub, name, &[PASSWORD]);
        assert_screen(
            &blocked,
            &format!(
                "Username: {name}\n\
                 Password:\n\
                 Your account is blocked due to multiple authentication failures. Please try again \
                 later"
            ),
        );
    }
    let shown = hub.output.so_far();
    assert!(!shown.contains("guess"), "{shown}");
}

#[test]
fn in_a_pipe_the_name_is_read_once_and_no_password_is_taken_for_one() {
    let mut hub = Hub::start(&["Yoda"]);
    let port = hub.address.port().to_string();
    let folder = tempfile::tempdir().unwrap();
    let mut command = fleetlink(folder.path());
    command.args(["client", "127.0.0.1", &port, "0"]);
    let finished = run(&mut command, "Yoda\nxylophone\nyesterday\nzeppelin\n");
    assert_eq!(finished.code, Some(4), "{finished:?}");
    let lines: Vec<&str> = finished.stdout.lines().collect();
    assert_eq!(
        lines,
        [
            "Username:",
            "Password:",
            "Invalid Password. Please try again",
            "Password:",
            "Invalid Password. Please try again",
            "Password:",
            "Invalid Password. Your account has been blocked. Please try again later",
        ]
    );
    hub.output.expect("the name is blocked from now on");
    let shown = hub.output.so_far();
    for password in ["xylophone", "yesterday", "zeppelin"] {
        assert!(!shown.contains(password), "{shown}");
        assert!(!finished.stderr.contains(password), "{finished:?}");
    }
}

#[test]
fn what_is_typed_ahead_of_the_password_is_not_shown() {
    let hub = Hub::start(&["supersmartwatch"]);
    let mut watch = client(&hub);
    watch.output.expect("Username:");
    // At once: the password is typed before anybody asks for it.
    watch.type_keys(&format!("supersmartwatch\rwrong\r{PASSWORD}\rAED\nhelp"));
    watch.output.expect("no other active edge devices");
    watch.output.expect("help");
    let screen = watch.screen();
    let head = [
        "Username: supersmartwatch",
        "Password:",
        "Invalid Password. Please try again",
        "Password:",
        "Welcome!",
    ];
    assert_eq!(screen[..5], head);
    watch.expect_rows(&["no other active edge devices", &format!("{PROMPT} help")]);
    let shown = watch.output.so_far();
    assert!(
        !shown.contains(PASSWORD) && !shown.contains("wrong"),
        "{shown}"
    );
}

#[test]
fn what_is_typed_can_be_erased() {
    let hub = Hub::start(&["supersmartwatch"]);
    let mut watch = client(&hub);
    watch.output.expect("Username:");
    watch.type_keys("super market\u{17}\u{17}nobody\u{15}supersmartwatchx\u{7f}\r");
    watch.output.expect("Password:");
    watch.type_keys(&format!("x\u{7f}\u{7f}wrong\u{15}{PASSWORD}\r"));
    watch.output.expect(PROMPT);
    assert_eq!(watch.screen()[0], "Username: supersmartwatch");
}

#[test]
fn signals_at_a_hidden_prompt_end_the_client_and_leave_the_terminal_as_it_was() {
    let hub = Hub::start(&["supersmartwatch"]);
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let mut watch = client(&hub);
        watch.output.expect("Username:");
        watch.type_line("supersmartwatch");
        watch.output.expect("Password:");
        let before = watch.bytes_read();
        watch.type_keys("half");
        // What comes after the end of the process is the terminal's to echo.
        eventually("what was typed is read", || {
            watch.bytes_read() >= before + 4
        });
        assert!(!watch.echoes());
        watch.signal(signal);
        assert!(!watch.wait(), "{signal:?}");
        assert!(watch.echoes(), "{signal:?}");
        assert!(!watch.output.so_far().contains("half"));
    }
}
