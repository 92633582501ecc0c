//! A hub that shows another key than the one that the device knows.

use std::sync::{Arc, Mutex};

use fleetlink_client::{
    Client, Error, ErrorKind, JoinTicket, Retry, Unfollowed,
    internals::Successor,
    kept::{DeviceKeys, KnownHubs},
};
use fleetlink_proto::control::limits::MAX_SUCCESSION;
use fleetlink_proto::succession::{Succession, SuccessionError};
use fleetlink_proto::ticket::{TicketSecret, TicketSubject};
use fleetlink_proto::{HubKey, Signature, WallTime, signed};
use rcgen::PublicKeyData as _;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};

use super::*;

/// A key that a hub has or had.
struct Key {
    der: Vec<u8>,
    public: HubKey,
    pin: HubPin,
}

impl Key {
    fn new() -> Self {
        let pair = rcgen::KeyPair::generate().unwrap();
        let spki = pair.subject_public_key_info();
        let digest = ring::digest::digest(&ring::digest::SHA256, &spki);
        Key {
            der: pair.serialize_der(),
            public: HubKey::from_spki(&spki).unwrap(),
            pin: HubPin::from_sha256(digest.as_ref().try_into().unwrap()),
        }
    }

    /// This key's word for the next, written out from docs/protocol/trust.md by the tests of `signed`.
    fn names(&self, next: &Key) -> Succession {
        let at = WallTime::from_unix_millis(1_700_000_000_123);
        let message = signed::succession(self.pin, &next.public, at);
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, &self.der, &random).unwrap();
        let signature = pair.sign(&random, &message).unwrap();
        Succession {
            old: self.public.clone(),
            new: next.public.clone(),
            at,
            signature: Signature::from_bytes(signature.as_ref().try_into().unwrap()),
        }
    }
}

async fn hub_with(key: &Key, succession: Vec<Succession>) -> ScriptedHub {
    let key = Some(key.der.clone());
    let script = Script {
        succession,
        key,
        ..Script::default()
    };
    ScriptedHub::start(script).await
}

/// A device that knows the hub by this key, with what it was told of moves.
struct Device {
    state: tempfile::TempDir,
    told: Arc<Mutex<Vec<(HubPin, HubPin)>>>,
    dialer: Dialer,
}

impl Device {
    fn that_knows(key: &Key, hub: &ScriptedHub) -> Self {
        let state = tempfile::tempdir().unwrap();
        let known = KnownHubs::in_folder(state.path());
        known.keep(&address(hub), key.pin).unwrap();
        let told = Arc::<Mutex<Vec<_>>>::default();
        let tells = Arc::clone(&told);
        let successor = Successor::in_folder(state.path(), move |moved| {
            assert_eq!(moved.not_kept, None);
            tells.lock().unwrap().push((moved.old, moved.new));
        });
        let dialer = Dialer {
            trust: Trust::Pinned(key.pin),
            successor: Some(successor),
            ..dialer(hub)
        };
        Device {
            state,
            told,
            dialer,
        }
    }

    fn kept(&self) -> Option<HubPin> {
        let known = KnownHubs::in_folder(self.state.path());
        known.pin(&self.dialer.address).unwrap()
    }
}

#[tokio::test]
async fn a_device_follows_statements_to_the_key_that_is_shown() {
    let keys = [Key::new(), Key::new(), Key::new()];
    let [first, second, third] = &keys;
    let chain = vec![first.names(second), second.names(third)];
    let hub = hub_with(third, chain).await;
    let mut device = Device::that_knows(first, &hub);
    let own = DeviceKeys::in_folder(device.state.path());
    let name = "camera".parse().unwrap();
    let accept = async |_: &fleetlink_client::kept::KeyPair| Ok::<_, Error>(());
    let made = own.make(first.pin, &name, accept).await.unwrap().public();

    device.dialer.attach().await.unwrap();
    assert_eq!(device.dialer.trust, Trust::Pinned(third.pin));
    assert_eq!(device.kept(), Some(third.pin));
    let moved = own.find(third.pin, &name).unwrap().unwrap();
    assert_eq!(moved.public(), made);
    assert!(own.find(first.pin, &name).unwrap().is_none());
    device.dialer.attach().await.unwrap();
    assert_eq!(*device.told.lock().unwrap(), [(first.pin, third.pin)]);
    assert_eq!(hub.seen.lock().unwrap().logins, 2);
}

#[tokio::test]
async fn what_does_not_lead_to_the_shown_key_is_not_followed_and_nobody_logs_in() {
    use SuccessionError::{End, Gap, Loop, Signature, TooLong};
    let keys: [Key; 4] = std::array::from_fn(|_| Key::new());
    let [known, middle, shown, foreign] = &keys;
    let forged = |from: &Key, by: &Key, to: &Key| Succession {
        old: from.public.clone(),
        ..by.names(to)
    };
    let earlier = Succession {
        at: WallTime::from_unix_millis(0),
        ..known.names(shown)
    };
    let long = vec![known.names(shown); MAX_SUCCESSION + 1];
    let cases = [
        (vec![forged(known, foreign, shown)], Some(Signature(1))),
        (vec![earlier], Some(Signature(1))),
        (
            vec![known.names(middle), forged(middle, known, shown)],
            Some(Signature(2)),
        ),
        (vec![middle.names(shown)], Some(Gap(1))),
        (
            vec![known.names(middle), foreign.names(shown)],
            Some(Gap(2)),
        ),
        (vec![known.names(known), known.names(shown)], Some(Loop(1))),
        (
            vec![known.names(middle), middle.names(known), known.names(shown)],
            Some(Loop(2)),
        ),
        (vec![known.names(foreign)], Some(End)),
        (vec![known.names(shown), shown.names(foreign)], Some(End)),
        (long, Some(TooLong)),
        (vec![], None),
    ];
    for (chain, expected) in cases {
        let hub = hub_with(shown, chain).await;
        let mut device = Device::that_knows(known, &hub);
        let refused = device.dialer.attach().await.err().unwrap();
        assert_eq!(refused.retry(), Retry::Never, "{refused}");
        let ErrorKind::PinChanged { why, .. } = refused.kind() else {
            panic!("{refused}");
        };
        let why = match why {
            Unfollowed::Unproven(why) => Some(*why),
            Unfollowed::Unannounced => None,
            other => panic!("{other}"),
        };
        assert_eq!(why, expected);
        assert_eq!(
            device.kept(),
            Some(known.pin),
            "nothing moved: {expected:?}"
        );
        assert!(device.told.lock().unwrap().is_empty());
        let seen = hub.seen.lock().unwrap();
        assert_eq!(seen.logins, 0, "nothing was said: {expected:?}");
    }
}

/// A device without a person does not give up because the hub went away while it was asked.
#[tokio::test]
async fn a_hub_that_cannot_be_asked_is_asked_again_later() {
    let (known, shown) = (Key::new(), Key::new());
    let hub = hub_with(&shown, vec![known.names(&shown)]).await;
    hub.rewrite(|script| script.close_at_hello = true);
    let mut device = Device::that_knows(&known, &hub);
    let refused = device.dialer.attach().await.err().unwrap();
    assert_ne!(refused.retry(), Retry::Never, "{refused}");
    assert_eq!(device.kept(), Some(known.pin));
    hub.rewrite(|script| script.close_at_hello = false);
    device.dialer.attach().await.unwrap();
    assert_eq!(device.kept(), Some(shown.pin));
}

/// The hub has got another key since it issued the ticket, and is found at an address that the ticket
/// does not name. The device has its key under the hub's new pin.
#[tokio::test]
async fn a_ticket_is_not_used_again_at_another_address_of_a_hub_with_a_new_key() {
    let (before, shown) = (Key::new(), Key::new());
    let hub = hub_with(&shown, vec![before.names(&shown)]).await;
    let subject = TicketSubject::Name("camera".parse().unwrap());
    let secret = TicketSecret::from_bytes([3; 16]);
    let gone = vec!["127.0.0.1:1".to_owned()];
    let ticket = JoinTicket::new(before.pin, secret, subject, gone).unwrap();
    let state = tempfile::tempdir().unwrap();
    let builder = Client::builder(hub.address.to_string())
        .ticket(ticket)
        .device("camera")
        .state_dir(state.path());
    for logins in [0, 1] {
        let client = builder.clone().connect().await.unwrap();
        assert!(client.has_key());
        let seen = hub.seen.lock().unwrap();
        assert_eq!((seen.redeemed.len(), seen.logins), (1, logins));
    }
}
