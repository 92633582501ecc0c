//! Sessions end with the login that opened them, and at the operator's word.

use serde_json::Value;

use crate::harness::{Finished, Hub, Shell, eventually};

const DEVICE: &str = "cam";

/// A device that shows a password each time: the course's client has no key of its own.
fn client(hub: &Hub) -> Shell {
    let folder = tempfile::tempdir().unwrap();
    let port = hub.address.port().to_string();
    let mut shell = Shell::start_command(folder, &["client", "127.0.0.1", &port, "0"]);
    shell.login(DEVICE);
    shell
}

fn sessions(hub: &Hub) -> Vec<Value> {
    let listed = hub.operate("session", &["list", "--json"], "");
    assert_eq!(listed.code, Some(0), "{listed:?}");
    let document: Value = serde_json::from_str(&listed.stdout).unwrap();
    document["sessions"].as_array().unwrap().clone()
}

fn done(finished: &Finished) {
    assert_eq!(finished.code, Some(0), "{finished:?}");
}

#[test]
fn a_session_ends_with_its_password_and_does_not_come_back() {
    let hub = Hub::start(&[DEVICE]);
    let mut shell = client(&hub);
    done(&hub.account(&["passwd", DEVICE, "--password-stdin"], "another\n"));
    assert_eq!(shell.wait(), Some(10));
    assert!(sessions(&hub).is_empty(), "and it does not come back");
    eventually("it is off the list", || hub.active().is_empty());
}

#[test]
fn revoking_a_key_that_there_is_not_ends_the_sessions_all_the_same() {
    let hub = Hub::start(&[DEVICE]);
    let mut shell = client(&hub);
    let revoked = hub.operate("key", &["revoke", "--device", DEVICE], "");
    assert_eq!(revoked.code, Some(1), "{revoked:?}");
    for said in ["no key", "ended: 1", "account passwd"] {
        assert!(revoked.stderr.contains(said), "{said}: {revoked:?}");
    }
    assert_eq!(shell.wait(), Some(10));
}

/// Of a command that would wait for its input for ever.
#[test]
fn an_upload_under_way_ends_with_the_password() {
    let hub = Hub::start(&[DEVICE]);
    let folder = tempfile::tempdir().unwrap();
    let upload = hub.command(folder.path(), DEVICE, &["data", "upload", "1", "-"]);
    let mut upload = Shell::run(upload);
    upload.send("1");
    eventually("the upload is open", || {
        sessions(&hub).iter().any(|session| session["uploads"] == 1)
    });
    done(&hub.account(&["passwd", DEVICE, "--password-stdin"], "another\n"));
    eventually("its session is over", || sessions(&hub).is_empty());
    upload.close_input();
    assert_ne!(upload.wait(), Some(0));
    assert_eq!(hub.log("upload-log.txt"), "");
}

#[test]
fn the_operator_sees_sessions_and_ends_them() {
    let hub = Hub::start(&[DEVICE, "uav"]);
    let (mut shell, mut other) = (client(&hub), hub.join("uav"));
    let all = sessions(&hub);
    let of = |name: &str| {
        all.iter()
            .find(|session| session["device"] == name)
            .unwrap()
    };
    let cam = of(DEVICE);
    assert_eq!(
        (&cam["state"], &cam["by"]),
        (&"joined".into(), &"password".into())
    );
    assert_eq!(
        (&cam["address"], &cam["uploads"]),
        (&"127.0.0.1".into(), &0.into())
    );
    let listed = hub.operate("session", &["list"], "").stdout;
    assert!(listed.contains("; cam; 127.0.0.1; since "), "{listed}");

    done(&hub.operate("session", &["end", DEVICE], ""));
    assert_eq!(shell.wait(), Some(10), "it does not come back by itself");
    let number = of("uav")["session"].to_string();
    done(&hub.operate("session", &["end", &number], ""));
    assert_eq!(other.wait(), Some(10));
    assert!(sessions(&hub).is_empty());

    let refused = hub.operate("session", &["end", DEVICE], "");
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("cam has no session"), "{refused:?}");
    // Whoever starts it again gets in: its login was not taken away.
    client(&hub);
}

#[test]
fn without_a_hub_there_are_no_sessions() {
    let mut hub = Hub::start(&[DEVICE]);
    hub.kill();
    for arguments in [&["list"][..], &["end", DEVICE]] {
        let refused = hub.operate("session", arguments, "");
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.stderr.contains("no hub runs"), "{refused:?}");
    }
}
