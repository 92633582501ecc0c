//! The prompts at narrow terminals.

use super::client_at;
use crate::harness::{Hub, Terminal, eventually};

#[test]
fn the_prompt_of_the_course_wraps_and_stays_whole() {
    let hub = Hub::start(&["supersmartwatch"]);
    for (columns, first, second) in [
        (
            60,
            "Enter one of the following commands (EDG, UED, SCS, DTE, AED",
            ", UVF, OUT): EDG",
        ),
        (
            80,
            "Enter one of the following commands (EDG, UED, SCS, DTE, AED, UVF, OUT): EDG 1 x",
            "x",
        ),
    ] {
        let mut watch = client_at(columns, &hub);
        watch.login("supersmartwatch");
        watch.type_keys(if columns == 60 { "EDG" } else { "EDG 1 xx" });
        watch.expect_rows(&["Welcome!", first, second]);
        // Cleared over both rows, and written again.
        watch.type_keys("\u{3}list\r");
        watch.output.expect("no uploaded files");
        let screen = watch.screen();
        assert!(
            !screen.iter().any(|row| row.contains("EDG 1")),
            "{screen:#?}"
        );
        watch.type_line("OUT");
        assert!(watch.wait());
    }
}

#[test]
fn join_has_a_short_prompt_unless_the_long_one_is_asked_for() {
    let hub = Hub::start(&["supersmartwatch"]);
    let port = hub.address.port().to_string();
    for columns in [60, 80] {
        let join = ["join", "127.0.0.1", &port, "--prompt", "short"];
        let mut watch = Terminal::start_at(columns, &join);
        watch.output.expect("Username:");
        watch.type_line("supersmartwatch");
        watch.output.expect("Password:");
        watch.type_line(crate::harness::PASSWORD);
        watch.output.expect("Welcome!");
        watch.output.expect("supersmartwatch> ");
        watch.type_keys("SCS 1 AVERAGE");
        eventually("the command stands behind the prompt", || {
            let screen = watch.screen();
            screen
                .last()
                .is_some_and(|row| row == "supersmartwatch> SCS 1 AVERAGE")
        });
        watch.type_keys("\r");
        watch.output.expect("does not exist at the server side");
        watch.type_line("OUT");
        assert!(watch.wait());
    }
    let join = ["join", "127.0.0.1", &port, "--prompt", "full"];
    let mut watch = Terminal::start_at(80, &join);
    watch.login("supersmartwatch");
}
