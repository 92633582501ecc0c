//! The first calls of a session, against a hub that follows a script.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;

use fleetlink_client::{
    HubAddress,
    internals::{Credential, Dialer, Trust},
    kept::DeviceKeys,
};
use fleetlink_proto::control::{ErrorCode, Join};
use fleetlink_testkit::scripted_hub::{Script, ScriptedHub};

const ANEW: Join = Join {
    udp_port: 5,
    rejoin: None,
    receives: false,
    only_if_free: false,
};

fn dialer(hub: &ScriptedHub, credential: Credential) -> Dialer {
    Dialer {
        address: HubAddress::new(&hub.address.ip().to_string(), hub.address.port()).unwrap(),
        trust: Trust::Pinned(hub.pin),
        name: "camera".to_owned(),
        credential: credential.into(),
        client: "test".to_owned(),
        successor: None,
    }
}

async fn key(hub: &ScriptedHub) -> Credential {
    let folder = tempfile::tempdir().unwrap();
    let keys = DeviceKeys::in_folder(folder.path());
    let name = "camera".parse().unwrap();
    let enrolled = async |_: &_| Ok::<_, Box<dyn std::error::Error>>(());
    let made = keys.make(hub.pin, &name, enrolled).await;
    Credential::Key(Arc::new(made.unwrap()))
}

#[tokio::test]
async fn a_device_with_a_key_says_all_at_once_and_one_with_a_password_waits_for_the_hello() {
    let script = Script {
        patient: true,
        silent_until: 3,
        ..Script::default()
    };
    let hub = ScriptedHub::start(script).await;
    let (_joined, reply) = dialer(&hub, key(&hub).await).join(ANEW).await.unwrap();
    assert_eq!(reply.generation.get(), 1);
    let called = || std::mem::take(&mut hub.seen.lock().unwrap().called);
    assert_eq!(called(), ["hello", "login", "join"]);

    hub.rewrite(|script| script.silent_until = 2);
    let _attached = dialer(&hub, key(&hub).await).attach().await.unwrap();
    assert_eq!(called(), ["hello", "login"]);

    hub.rewrite(|script| *script = Script::default());
    let password = Credential::Password("right".into());
    let (_joined, reply) = dialer(&hub, password).join(ANEW).await.unwrap();
    assert_eq!(reply.generation.get(), 2);
}

#[tokio::test]
async fn a_refused_hello_is_what_the_device_hears_and_no_password_is_said() {
    let script = Script {
        refuse_hello: true,
        ..Script::default()
    };
    let hub = ScriptedHub::start(script).await;
    let password = Credential::Password("right".into());
    for (credential, expected) in [
        (password, &["hello"][..]),
        (key(&hub).await, &["hello", "login", "join"]),
    ] {
        let refused = dialer(&hub, credential).join(ANEW).await;
        let refused = refused.map(|_| ()).unwrap_err();
        assert!(
            refused.is_refused_with(ErrorCode::VersionMismatch),
            "{refused}"
        );
        let called = std::mem::take(&mut hub.seen.lock().unwrap().called);
        assert_eq!(called, expected);
    }
}
