//! Devices that show their password with each request.

use super::{Call, hub};
use crate::harness::PASSWORD;

const LIST: &str = "/api/v1/devices/cam/data";

#[test]
fn a_device_lists_its_own_data_files_by_its_password() {
    let (_hub, page) = hub(&["cam", "other"], &[]);
    let reply = Call::get(page, LIST).by("cam").send();
    assert_eq!(reply.status, 200, "{}", reply.text());
    let empty = serde_json::json!({"items": [], "next": null});
    assert_eq!(reply.json(), empty);
    let foreign = Call::get(page, LIST).by("other").send();
    assert_eq!(
        (foreign.status, foreign.problem().as_str()),
        (403, "not_allowed")
    );
}

#[test]
fn wrong_passwords_are_refused_alike_and_lock_the_name_out() {
    let (_hub, page) = hub(&["cam"], &["--max-attempts", "2"]);
    let ask = |name: &str| Call::get(page, LIST).with_password(name, "wrong").send();
    for name in ["cam", "nobody"] {
        let first = ask(name);
        assert_eq!(
            (first.status, first.problem().as_str()),
            (401, "wrong_password")
        );
        assert!(first.header("www-authenticate").starts_with("Basic"));
        assert_eq!((ask(name).status, ask(name).status), (401, 429), "{name}");
    }
    let locked_out = Call::get(page, LIST).by("cam").send();
    assert_eq!(
        (locked_out.status, locked_out.problem().as_str()),
        (429, "blocked")
    );
    let wait: u64 = locked_out.header("retry-after").parse().unwrap();
    assert!((1..=10).contains(&wait));
    let page_asks = Call::get(page, LIST).header("x-fleetlink", "1").send();
    assert_eq!(
        (page_asks.status, page_asks.header("www-authenticate")),
        (401, "")
    );
}

#[test]
fn what_is_no_proof_is_refused() {
    let (_hub, page) = hub(&["cam"], &[]);
    let ask = |shown: &str| {
        Call::get(page, LIST)
            .header("authorization", shown)
            .send()
            .status
    };
    assert_eq!(ask("Basic !"), 400);
    assert_eq!(ask("Basic Y2Ft"), 400, "no colon");
    assert_eq!(ask("Digest x"), 401);
    assert_eq!(ask("Basic"), 400);
    let twice = Call::get(page, LIST).by("cam").by("cam").send();
    assert_eq!(twice.status, 400);
}

#[test]
fn a_remembered_password_ends_with_its_account_and_obeys_a_lock_out() {
    let (hub, page) = hub(&["cam"], &["--max-attempts", "2"]);
    let ask = |password: &str| Call::get(page, LIST).with_password("cam", password).send();
    for _ in 0..3 {
        assert_eq!(ask(PASSWORD).status, 200);
    }
    for _ in 0..2 {
        assert_eq!(ask("wrong").status, 401);
    }
    assert_eq!(ask(PASSWORD).problem(), "blocked");
    let unlocked = hub.operate("account", &["unlock", "cam"], "");
    assert_eq!(unlocked.code, Some(0), "{unlocked:?}");
    assert_eq!(ask(PASSWORD).status, 200);
    let changed = ["passwd", "cam", "--password-stdin"];
    let changed = hub.operate("account", &changed, "another\n");
    assert_eq!(changed.code, Some(0), "{changed:?}");
    assert_eq!(ask(PASSWORD).problem(), "wrong_password");
    assert_eq!(ask("another").status, 200);
}
