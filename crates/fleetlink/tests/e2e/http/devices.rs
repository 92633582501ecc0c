//! The devices of a hub over HTTP.

use super::{Call, hub};

#[test]
fn a_device_sees_no_list_of_devices_and_ends_no_session() {
    let (_hub, page) = hub(&["cam", "other"], &[]);
    for (method, path) in [
        ("GET", "/api/v1/hub"),
        ("GET", "/api/v1/devices"),
        ("GET", "/api/v1/devices/cam"),
        ("GET", "/api/v1/devices/nobody"),
        ("DELETE", "/api/v1/devices/other"),
        ("GET", "/api/v1/devices/cam/sessions"),
        ("DELETE", "/api/v1/devices/other/sessions/1"),
    ] {
        let reply = Call::new(page, method, path).by("cam").send();
        let found = (reply.status, reply.problem());
        assert_eq!(found, (403, "not_allowed".to_owned()), "{method} {path}");
        let nobody = Call::new(page, method, path).send();
        assert_eq!(nobody.status, 401, "{method} {path}");
    }
    let list = Call::get(page, "/api/v1/devices/other/data").by("other");
    assert_eq!(list.send().status, 200, "it is there still");
}
