//! The devices of a hub over HTTP.

use serde_json::{Value, json};

use super::{Call, hub};
use crate::harness::eventually;

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

#[test]
fn an_administrator_sees_the_devices_ends_their_sessions_and_removes_them() {
    let (hub, page) = hub(&["cam", "Lamp", "lock"], &[]);
    let token = hub.token("administrator");
    let call = |method: &str, path: &str| {
        Call::new(page, method, &format!("/api/v1/{path}"))
            .bearer(&token)
            .send()
    };
    let get = |path: &str| {
        let reply = call("GET", path);
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        reply.json()
    };
    let names = |query: &str| -> Vec<Value> {
        let list = get(&format!("devices{query}"));
        let items = list["items"].as_array().unwrap().iter();
        items.map(|item| item["name"].clone()).collect()
    };
    let mut shell = hub.join("cam");
    let file = Call::new(page, "PUT", "/api/v1/devices/cam/data/1").by("cam");
    assert_eq!(file.body("1\n2\n").send().status, 201);

    let found = get("hub");
    assert_eq!(found["devices"], json!({ "present": 1, "known": 3 }));
    assert_eq!(found["sessions"], 1);
    assert_eq!(found["pin"], hub.pin());
    assert_eq!(found["address"], hub.address.to_string());
    assert!(found["store"]["bytes"].as_u64().unwrap() > 0, "{found}");

    let mut all = names("");
    all.sort_by_key(|name| name.as_str().unwrap().to_lowercase());
    assert_eq!(all, ["cam", "Lamp", "lock"]);
    assert_eq!(names("?state=present"), ["cam"]);
    assert_eq!(names("?state=absent").len(), 2);
    assert_eq!(names("?search=LA"), ["Lamp"]);
    assert_eq!(names("?search=l&state=present"), Vec::<Value>::new());
    let (mut paged, mut query) = (Vec::new(), "?limit=1".to_owned());
    loop {
        paged.extend(names(&query));
        match get(&format!("devices{query}"))["next"].as_str() {
            Some(next) => query = format!("?limit=1&after={next}"),
            None => break,
        }
    }
    assert_eq!(paged, names(""));
    for wrong in ["?limit=0", "?limit=201", "?state=lost"] {
        assert_eq!(
            call("GET", &format!("devices{wrong}")).status,
            400,
            "{wrong}"
        );
    }

    let cam = get("devices/cam");
    assert_eq!(
        (&cam["present"], &cam["sessions"]),
        (&json!(true), &json!(1))
    );
    assert_eq!((&cam["data_files"], &cam["bytes"]), (&json!(1), &json!(4)));
    assert_eq!(
        cam["latest"],
        json!({"file": "1", "value": "2", "time": null})
    );
    let path = "/api/v1/devices/cam/data/1";
    let more = Call::new(page, "POST", path).by("cam").body("-3.50\n");
    assert_eq!(more.send().status, 201);
    for item in [&get("devices/cam"), &get("devices?search=cam")["items"][0]] {
        let expected = json!({"file": "1", "value": "-3.5", "time": null});
        assert_eq!(item["latest"], expected);
    }
    let files = get("devices/cam/data");
    let expected = json!({"value": "-3.5", "time": null});
    assert_eq!(files["items"][0]["latest"], expected);
    assert!(
        cam["joined"].is_string() && cam["first_seen"].is_string(),
        "{cam}"
    );
    let lamp = get("devices/Lamp");
    assert_eq!(lamp["latest"], json!(null));
    assert_eq!(
        (&lamp["present"], &lamp["address"]),
        (&json!(false), &json!(null))
    );
    assert_eq!(call("GET", "devices/nobody").status, 404);

    let sessions = get("devices/cam/sessions");
    let session = &sessions["items"][0];
    assert_eq!(
        (&session["kind"], &session["means"]),
        (&json!("joined"), &json!("password"))
    );
    let path = format!("devices/cam/sessions/{}", session["id"]);
    let of_another = format!("devices/lock/sessions/{}", session["id"]);
    assert_eq!(call("DELETE", &of_another).status, 404);
    assert_eq!(call("DELETE", &path).status, 204);
    eventually("the session has ended", || {
        get("devices/cam")["present"] == false
    });
    assert_eq!(call("DELETE", &path).status, 404);
    assert!(shell.wait().is_some());

    assert_eq!(call("DELETE", "devices/lock").status, 204);
    assert_eq!(call("GET", "devices/lock").status, 404);
    let refused = call("DELETE", "devices/cam");
    assert_eq!(
        (refused.status, refused.problem().as_str()),
        (409, "conflict")
    );
    assert_eq!(get("devices/cam")["data_files"], 1);
    assert_eq!(call("DELETE", "devices/cam?data=true").status, 204);
    assert_eq!(names(""), ["Lamp"]);
    assert_eq!(call("DELETE", "devices/cam").status, 404);
}
