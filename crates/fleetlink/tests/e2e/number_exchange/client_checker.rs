//! The checker of the number exchange's clients, against good ones and against each broken one.

use serde_json::Value;

use super::FORMS;
use crate::harness::{campaign_runs, checked};

const CLIENT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/e2e/number_exchange/exchange_client.py"
);
/// Broken clients that are checked at once.
const AT_ONCE: usize = 8;
const OURS: &str = env!("CARGO_BIN_EXE_fleetlink");

fn check(options: &[&str], client: &[&str]) -> (Vec<String>, Value) {
    checked::check("sum", options, client)
}

fn check_python(fault: &str, form: &str) -> (Vec<String>, Value) {
    let client = [
        "python3", CLIENT, fault, form, "{host}", "{port}", "{number}",
    ];
    check(&["--timeout", "2"], &client)
}

#[test]
fn good_clients_pass_in_every_form_ours_among_them() {
    std::thread::scope(|scope| {
        for form in FORMS {
            scope.spawn(move || {
                let ours = [
                    OURS,
                    "sum",
                    "send",
                    "{host}",
                    "{port}",
                    "{number}",
                    "--name",
                    "Ours",
                    "--dialect",
                    form,
                ];
                let (failed, report) = check(&["--dialect", form], &ours);
                assert!(failed.is_empty(), "{form}: {report:#}");
            });
        }
        for form in ["text", "json", "comma"] {
            scope.spawn(move || {
                for fault in ["none", "no-half-close"] {
                    let (failed, report) = check_python(fault, form);
                    assert!(failed.is_empty(), "{fault} {form}: {report:#}");
                }
            });
        }
    });
}

#[test]
fn the_number_is_a_line_where_the_client_asks_for_it() {
    let client = ["python3", CLIENT, "none", "json", "{host}", "{port}"];
    let (failed, report) = check(&["--timeout", "2"], &client);
    assert!(failed.is_empty(), "{report:#}");
}

/// Each client has one fault, and the checker names it alone.
#[test]
fn each_broken_client_fails_the_one_check_of_its_fault() {
    let faults = [
        ("no-form", "text", "request"),
        ("other-number", "json", "request"),
        ("shows-nothing", "text", "shows"),
        ("no-sum", "json", "sum"),
        ("adds-wrong", "text", "sum"),
        ("wrong-status", "text", "ends"),
        ("hangs", "json", "ends"),
        ("no-line-end", "comma", "line-end"),
        ("one-read", "json", "pieces"),
        ("believes-the-sum", "json", "wrong-sum"),
        ("swallows-garbage", "text", "garbage"),
        ("takes-nothing", "json", "close"),
        ("crashes-at-close", "comma", "close"),
        ("crashes-at-reset", "json", "reset"),
        ("no-time-out", "text", "time-out"),
        ("refuses-zero", "json", "out-of-range"),
        ("hangs-at-zero", "text", "out-of-range"),
    ];
    // Few at once: each starts many processes.
    for group in faults.chunks(AT_ONCE) {
        std::thread::scope(|scope| {
            for &(fault, form, id) in group {
                scope.spawn(move || {
                    for _ in 0..campaign_runs() {
                        let (failed, report) = check_python(fault, form);
                        assert_eq!(failed, [id], "{fault}: {report:#}");
                    }
                });
            }
        });
    }
}

#[test]
fn a_client_of_another_form_than_the_wanted_one_fails() {
    let client = [
        "python3", CLIENT, "none", "comma", "{host}", "{port}", "{number}",
    ];
    let (failed, report) = check(&["--dialect", "text", "--timeout", "2"], &client);
    assert_eq!(failed, ["request"], "{report:#}");
    let why = report["checks"][1]["why"].as_str().unwrap();
    assert_eq!(why, "the client speaks the form name,number");
}
