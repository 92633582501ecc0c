//! Requests that a program draws from the description of the API.

use std::process::Command;

use super::{Call, hub};

/// Requests drawn for each operation; all operations together get more than 5,000.
const EXAMPLES: &str = "250";
/// Requests in all, at least.
const REQUESTS: u64 = 5_000;

/// The checks of each reply: no error of the hub, and as the description says. Whether a wrong
/// secret is refused is not asked, since a name that is tried often is locked out (429); the table of
/// callers has its own test.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_headers_conformance,response_schema_conformance,negative_data_rejection,\
    unsupported_method";

/// Left out: streams without an end, and those that take the program's own token away.
const LEFT_OUT: &str = "api/v1/(events|session|tokens/.id)";

#[test]
#[ignore = "takes minutes and needs schemathesis: cargo xtask soak api"]
fn soak_drawn_requests_get_the_replies_that_the_description_promises() {
    let (hub, page) = hub(&["cam", "drone"], &[]);
    let path = "/api/v1/devices/cam/data/readings";
    let made = Call::new(page, "PUT", path).by("cam").body("1\n2.5\n");
    assert_eq!(made.send().status, 201);
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new("schemathesis")
        .current_dir(folder.path())
        .args(["run", &format!("http://{page}/api/v1/openapi.json")])
        .args([
            "--header",
            &format!("Authorization: Bearer {}", hub.token("administrator")),
        ])
        .args(["--max-examples", EXAMPLES, "--checks", CHECKS])
        .args(["--exclude-path-regex", LEFT_OUT])
        .args(["--workers", "1", "--request-timeout", "30", "--no-color"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    let generated = text.split_once(" generated").unwrap().0;
    let count: u64 = generated
        .split_whitespace()
        .last()
        .unwrap()
        .parse()
        .unwrap();
    assert!(count >= REQUESTS, "{text}");
}
