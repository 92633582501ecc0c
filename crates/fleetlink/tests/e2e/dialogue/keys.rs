//! Keys and signals at the prompt, and lines that are pasted or typed while a command runs.

use rustix::process::Signal;

use super::{client_at, joined};
use crate::harness::{Hub, PROMPT, Terminal, eventually};

#[test]
fn ctrl_c_clears_a_line_and_leaves_on_an_empty_one() {
    let hub = Hub::start(&["supersmartwatch"]);
    let mut watch = joined(&hub, "supersmartwatch");
    watch.type_keys("UED 1");
    watch.expect_rows(&[&format!("{PROMPT} UED 1")]);
    watch.type_keys("\u{3}");
    watch.expect_rows(&["Welcome!", PROMPT]);
    watch.type_line("list");
    watch.output.expect("no uploaded files");
    watch.output.expect(PROMPT);
    watch.type_keys("\u{3}");
    watch.output.expect("Bye, supersmartwatch!");
    assert_eq!(watch.wait_code(), 0);
    assert!(watch.echoes());
    let mut console = hub.output.clone();
    console.expect("supersmartwatch exited the edge network");
    eventually("nobody is active", || hub.active().is_empty());
}

#[test]
fn ctrl_c_asks_once_where_files_are_under_way() {
    let hub = Hub::start(&["supersmartwatch", "wei-smartphone"]);
    let mut watch = joined(&hub, "supersmartwatch");
    let mut phone = joined(&hub, "wei-smartphone");
    // It will not be done before the keys are pressed.
    std::fs::write(watch.file("film"), "film").unwrap();
    phone.signal(Signal::STOP);
    watch.type_line("UVF wei-smartphone film");
    watch.output.expect("film is being sent to wei-smartphone");
    watch.output.expect(PROMPT);
    watch.type_keys("\u{3}");
    watch.output.expect("Files are under way: wait, or leave");
    watch.output.expect(PROMPT);
    watch.type_keys("\u{3}");
    watch.output.expect("Bye, supersmartwatch!");
    assert!(watch.wait());
    phone.signal(Signal::CONT);
    phone.type_line("OUT");
    assert!(phone.wait());
}

#[test]
fn signals_at_the_prompt_leave() {
    let hub = Hub::start(&["supersmartwatch"]);
    let mut console = hub.output.clone();
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let mut watch = joined(&hub, "supersmartwatch");
        watch.type_keys("half a li");
        watch.expect_rows(&[&format!("{PROMPT} half a li")]);
        watch.signal(signal);
        watch.output.expect("Bye, supersmartwatch!");
        assert!(watch.wait(), "{signal:?}");
        assert!(watch.echoes(), "{signal:?}");
        console.expect("supersmartwatch exited the edge network");
    }
}

#[test]
fn a_request_to_end_ends_a_command_too_and_leaves_no_file_behind() {
    let hub = Hub::start(&["supersmartwatch"]);
    for signal in [Signal::TERM, Signal::HUP] {
        let mut watch = joined(&hub, "supersmartwatch");
        watch.type_line("EDG 1 1000000000");
        let folder = watch.file(".");
        let part = || {
            let files = std::fs::read_dir(&folder).unwrap();
            let mut names = files.map(|entry| entry.unwrap().file_name());
            names.any(|name| name.to_string_lossy().ends_with(".part"))
        };
        eventually("samples are written", part);
        watch.signal(signal);
        watch.output.expect("Bye, supersmartwatch!");
        watch.wait();
        assert!(!part(), "{signal:?}");
    }
}

/// The lines behind `list` and `transfers` are executed, and the last one can be edited.
fn pasted(watch: &mut Terminal, keys: &str) {
    watch.type_keys(keys);
    for answer in [
        "no other active edge devices",
        "no uploaded files",
        "no transfers are under way",
    ] {
        watch.output.expect(answer);
    }
    watch.expect_rows(&[
        &format!("{PROMPT} AED"),
        "no other active edge devices",
        &format!("{PROMPT} list"),
        "no uploaded files",
        &format!("{PROMPT} transfers"),
        "no transfers are under way",
        &format!("{PROMPT} UE"),
    ]);
    watch.type_keys("D 9\r");
    watch
        .output
        .expect("the file to be uploaded does not exist");
    watch.output.expect(PROMPT);
}

#[test]
fn pasted_lines_are_executed_in_order_and_the_last_stays_editable() {
    let hub = Hub::start(&["supersmartwatch"]);
    let mut watch = joined(&hub, "supersmartwatch");
    for end in ["\n", "\r", "\r\n"] {
        let lines = format!("AED{end}list{end}transfers{end}UE");
        pasted(&mut watch, &lines);
        pasted(&mut watch, &format!("\u{1b}[200~{lines}\u{1b}[201~"));
    }
    // A tab in what is pasted separates words, as it does in a file.
    watch.type_keys("\u{1b}[200~EDG\t1\t5\n\u{1b}[201~");
    watch.output.expect("5 data samples have been generated");
}

#[test]
fn lines_typed_while_a_command_runs_are_executed_in_order() {
    let hub = Hub::start(&["supersmartwatch"]);
    let mut watch = joined(&hub, "supersmartwatch");
    watch.type_line("EDG 1 2000000");
    for keys in ["UE", "D 1\rSCS 1 ", "MIN\nDTE 1\r\n", "lis"] {
        watch.type_keys(keys);
    }
    for answer in [
        "2000000 data samples have been generated",
        "Data file with ID of 1 has been uploaded to server",
        "Computation (MIN) result on the file (ID:1)",
        "file with ID of 1 has been successfully removed",
    ] {
        watch.output.expect(answer);
    }
    watch.expect_rows(&[&format!("{PROMPT} lis")]);
    watch.type_keys("t\r");
    watch.output.expect("no uploaded files");
}

#[test]
fn what_is_no_text_loses_no_session() {
    let hub = Hub::start(&["supersmartwatch"]);
    let mut watch = joined(&hub, "supersmartwatch");
    watch.type_bytes(b"AED \xff");
    watch.output.expect("is not UTF-8");
    watch.output.expect(PROMPT);
    watch.type_line("list");
    watch.output.expect("no uploaded files");
}

#[test]
fn tab_completes_commands_files_and_devices() {
    let hub = Hub::start(&["supersmartwatch", "wei-smartphone"]);
    let mut watch = joined(&hub, "supersmartwatch");
    let _phone = joined(&hub, "wei-smartphone");
    std::fs::write(watch.file("lecture1.mp4"), "film").unwrap();
    for (keys, line) in [
        ("tra\t", "transfers"),
        ("\u{3}ed\t7 3\r", ""),
        ("UE\t7\r", ""),
        ("sc\t\tav\t", "SCS 7 AVERAGE"),
        ("\u{3}get \t", "get 7"),
        ("\u{3}UVF w\tl\t", "UVF wei-smartphone lecture1.mp4"),
    ] {
        watch.type_keys(keys);
        let row = format!("{PROMPT} {line}").trim_end().to_owned();
        let last = || watch.screen().split_off(watch.screen().len() - 2).join("");
        eventually(line, || last().ends_with(&row));
    }
    let shown = hub.output.so_far();
    assert!(
        !shown.contains("issued AED") && !shown.contains("issued list"),
        "{shown}"
    );
}

#[test]
fn a_hub_that_is_silent_does_not_hold_the_prompt_at_a_narrow_terminal() {
    let mut hub = Hub::start(&["supersmartwatch"]);
    let mut watch = client_at(60, &hub);
    watch.login("supersmartwatch");
    hub.kill();
    watch.output.expect("The hub is away");
    watch.type_keys("UVF \u{9}x\u{15}help\r");
    watch.output.expect("list the other active devices");
    watch.type_keys("\u{3}");
    watch.output.expect("Bye, supersmartwatch!");
    assert!(watch.wait());
}
