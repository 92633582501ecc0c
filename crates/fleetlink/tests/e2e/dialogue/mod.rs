//! The dialogue of the course's assignment at a pseudo-terminal: what a person sees, row by row.

mod commands;
mod hub_lines;
mod job_control;
mod keys;
mod login;
mod readings;
mod strange_hub;
mod widths;

use crate::harness::{Hub, PASSWORD, PROMPT, Terminal};

/// The course's client at a terminal of so many columns.
fn client_at(columns: u16, hub: &Hub) -> Terminal {
    let (host, port) = (hub.address.ip().to_string(), hub.address.port().to_string());
    Terminal::start_at(columns, &["client", &host, &port, "0"])
}

/// The course's client at a terminal that is wide enough for each command.
fn client(hub: &Hub) -> Terminal {
    client_at(100, hub)
}

/// A device of that client, at its first prompt.
fn joined(hub: &Hub, name: &str) -> Terminal {
    let mut terminal = client(hub);
    terminal.login(name);
    terminal
}

/// Compares the screen with a transcript, in which `>` stands for the prompt and `*` for any text.
#[track_caller]
fn assert_screen(terminal: &Terminal, transcript: &str) {
    let screen = terminal.screen();
    let expected: Vec<String> = transcript
        .lines()
        .map(|line| match line.strip_prefix('>') {
            Some(command) => format!("{PROMPT}{command}"),
            None => line.to_owned(),
        })
        .collect();
    let same = screen.len() == expected.len()
        && screen
            .iter()
            .zip(&expected)
            .all(|(row, line)| fits(row, line));
    assert!(same, "{expected:#?}\n-- is not --\n{screen:#?}");
    assert!(!terminal.output.so_far().contains(PASSWORD));
}

fn fits(row: &str, line: &str) -> bool {
    match line.split_once('*') {
        Some((head, tail)) => {
            row.len() >= head.len() + tail.len() && row.starts_with(head) && row.ends_with(tail)
        }
        None => row == line,
    }
}
