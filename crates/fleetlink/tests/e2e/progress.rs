//! Bars at terminals of every kind.

use crate::harness::Terminal;

/// So many samples take a while.
const MANY: &str = "200000000";

fn generate(kind: &str, columns: u16) -> Terminal {
    Terminal::start_as(
        kind,
        columns,
        &["data", "generate", "1", MANY, "--device", "cam"],
    )
}

/// The lines of an output, without what moves the cursor.
fn lines(output: &str) -> Vec<String> {
    let mut plain = String::new();
    let mut rest = output;
    while let Some(escape) = rest.find("\u{1b}[") {
        plain.push_str(&rest[..escape]);
        let sequence = &rest[escape + 2..];
        let end = sequence.find(|c: char| c.is_ascii_alphabetic());
        rest = end.map_or("", |end| &sequence[end + 1..]);
    }
    plain.push_str(rest);
    let lines = plain.split(['\r', '\n']).filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}

/// At 40 columns no bar is broken, and nothing is faster than a disk is.
#[test]
fn bars_fit_a_narrow_terminal_and_tell_true_rates() {
    let mut terminal = generate("xterm", 40);
    for _ in 0..8 {
        terminal.output.expect(" %");
    }
    terminal.output.expect("/s");
    let so_far = terminal.output.so_far();
    let complete = &so_far[..so_far.rfind('\n').unwrap()];
    for line in lines(complete) {
        assert!(line.chars().count() < 40, "{line:?}");
        let rate = line
            .split(", ")
            .nth(1)
            .and_then(|rate| rate.strip_suffix("/s"));
        if let Some(rate) = rate {
            assert!(
                rate.replace(',', "").parse::<u64>().unwrap() < 2_000_000_000,
                "{line:?}"
            );
        }
    }
}

#[test]
fn bars_follow_a_terminal_that_gets_narrower() {
    let mut terminal = generate("xterm", 100);
    terminal.output.expect(" of 200,000,000");
    assert!(!terminal.output.so_far().contains(" %"));
    terminal.resize(40);
    terminal.output.expect(" %");
    // A bar that the terminal has broken is taken away whole.
    assert!(terminal.output.so_far().contains("\r\u{1b}[2A\u{1b}[J"));
}

#[test]
fn a_dumb_terminal_gets_plain_short_lines() {
    let mut terminal = generate("dumb", 80);
    let line = terminal.output.expect("\n");
    assert!(line.starts_with("samples: "), "{line:?}");
    assert!(line.contains(" of 200,000,000"), "{line:?}");
    assert!(line.len() < 80, "{line:?}");
    terminal.type_keys("\u{3}");
    assert!(!terminal.wait());
    assert!(!terminal.output.to_end().contains('\u{1b}'));
}
