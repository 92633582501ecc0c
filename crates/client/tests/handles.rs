//! The key, the session and the presence that a client's handle keeps, and the result of a ticket.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fleetlink_client::{
    Client, ClientBuilder, Closed, Error, ErrorKind, Event, FirstUse, HubPin, JoinTicket, Notice,
    ReceivePolicy,
    kept::{DeviceKeys, KnownHubs},
};
use fleetlink_proto::ticket::{TicketSecret, TicketSubject};
use fleetlink_testkit::scripted_hub::{Script, ScriptedHub};
use tempfile::TempDir;

fn at(hub: &ScriptedHub, state: &TempDir) -> ClientBuilder {
    Client::builder(hub.address.to_string())
        .device("camera")
        .state_dir(state.path())
        .password("right")
}

async fn hub_and_state() -> (ScriptedHub, TempDir) {
    let patient = Script {
        patient: true,
        ..Script::default()
    };
    (
        ScriptedHub::start(patient).await,
        tempfile::tempdir().unwrap(),
    )
}

async fn failure(builder: ClientBuilder) -> Error {
    builder.connect().await.map(|_| ()).unwrap_err()
}

/// Loses the connection, and has the client log in again.
async fn log_in_again(hub: &ScriptedHub, client: &Client) {
    let before = hub.seen.lock().unwrap().logins;
    hub.rewrite(|script| script.close_once_at = Some(1));
    client.upload(1, [1]).await.unwrap();
    assert_eq!(hub.seen.lock().unwrap().logins, before + 1);
}

async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < Duration::from_secs(60), "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_key_that_was_replaced_or_revoked_is_not_shown_again() {
    let (hub, state) = hub_and_state().await;
    let client = at(&hub, &state).enrol_key().connect().await.unwrap();
    let keys = DeviceKeys::in_folder(state.path());
    let name = client.device().clone();
    let first = keys.find(hub.pin, &name).unwrap().unwrap().public();
    log_in_again(&hub, &client).await;
    assert_eq!(hub.seen.lock().unwrap().login_key, Some(first));
    let second = client.replace_key().await.unwrap();
    assert_ne!(second, first);
    log_in_again(&hub, &client).await;
    assert_eq!(hub.seen.lock().unwrap().login_key, Some(second));
    // A joined device comes back by it too.
    let mut events = client.join().await.unwrap();
    let third = client.replace_key().await.unwrap();
    log_in_again(&hub, &client).await;
    assert_eq!(hub.seen.lock().unwrap().login_key, Some(third));
    assert!(matches!(events.next().await, Some(Event::Joined(_))));
    client.revoke_key().await.unwrap();
    assert!(!client.has_key());
    log_in_again(&hub, &client).await;
    assert_eq!(hub.seen.lock().unwrap().login_key, None, "by the password");
}

/// The hub counts each password as an attempt: a wrong one that is sent twice locks the name out
/// early.
#[tokio::test]
async fn a_password_whose_answer_is_lost_is_not_sent_again() {
    let (hub, state) = hub_and_state().await;
    hub.rewrite(|script| script.lost_logins = 1);
    let lost = failure(at(&hub, &state)).await;
    assert!(
        matches!(lost.kind(), ErrorKind::Closed(Closed::Lost(_))),
        "{lost}"
    );
    assert_eq!(hub.seen.lock().unwrap().logins, 1);
    // A key is no guess.
    at(&hub, &state).enrol_key().connect().await.unwrap();
    hub.rewrite(|script| script.lost_logins = 1);
    at(&hub, &state).connect().await.unwrap();
    assert_eq!(hub.seen.lock().unwrap().logins, 4);
}

#[tokio::test]
async fn a_login_that_is_not_to_be_by_key_says_so_where_the_password_is_missing() {
    let (hub, state) = hub_and_state().await;
    let builder = Client::builder(hub.address.to_string())
        .device("camera")
        .state_dir(state.path());
    let needy = failure(builder.by_key(false)).await;
    assert!(matches!(needy.kind(), ErrorKind::PasswordNeeded), "{needy}");
    assert!(!needy.to_string().contains("no key"), "{needy}");
}

#[tokio::test]
async fn events_that_are_kept_keep_no_session() {
    let (hub, state) = hub_and_state().await;
    let client = at(&hub, &state).connect().await.unwrap();
    let mut events = client.join().await.unwrap();
    drop(client);
    eventually("the session ends", || hub.seen.lock().unwrap().open == 0).await;
    let mut last = None;
    while let Some(event) = events.next().await {
        last = Some(event);
    }
    let Some(Event::Ended(why)) = last else {
        panic!("{last:?}");
    };
    assert!(
        matches!(why.kind(), ErrorKind::Closed(Closed::Left)),
        "{why}"
    );
}

/// Of the client that left, other clones and the events live on.
#[tokio::test]
async fn a_client_that_has_left_says_so_at_once() {
    let (hub, state) = hub_and_state().await;
    let client = at(&hub, &state).connect().await.unwrap();
    let mut events = client.join().await.unwrap();
    client.leave().await;
    // A hub that is waited for takes longer.
    let soon = tokio::time::timeout(Duration::from_secs(20), async {
        assert!(matches!(events.next().await, Some(Event::Joined(_))));
        let Some(Event::Ended(why)) = events.next().await else {
            panic!("the presence has ended");
        };
        assert!(events.next().await.is_none());
        let session = client.session().await.map(|_| ()).unwrap_err();
        let call = client.keys().await.map(|_| ()).unwrap_err();
        [why, session, call]
    });
    for error in soon.await.expect("nothing is waited for") {
        let left = matches!(error.kind(), ErrorKind::Closed(Closed::Left));
        assert!(left, "{error}");
    }
}

#[tokio::test]
async fn a_client_that_has_left_without_a_join_does_not_log_in_again() {
    let (hub, state) = hub_and_state().await;
    let client = at(&hub, &state).connect().await.unwrap();
    client.upload(1, [1]).await.unwrap();
    let connected = hub.seen.lock().unwrap().connected;
    client.leave().await;
    let errors = [
        client.session().await.map(|_| ()).unwrap_err(),
        client.clone().upload(1, [2]).await.map(|_| ()).unwrap_err(),
        client.join().await.map(|_| ()).unwrap_err(),
    ];
    for error in errors {
        let left = matches!(error.kind(), ErrorKind::Closed(Closed::Left));
        assert!(left, "{error}");
    }
    assert_eq!(hub.seen.lock().unwrap().connected, connected);
}

#[tokio::test]
async fn a_device_that_takes_files_leaves_with_its_events() {
    let (hub, state) = hub_and_state().await;
    let client = at(&hub, &state).connect().await.unwrap();
    let inbox = state.path().join("inbox");
    let receive = || client.join().inbox(&inbox, ReceivePolicy::from_everybody());
    drop(receive().await.unwrap());
    eventually("it is not present", || hub.seen.lock().unwrap().open == 0).await;
    client.upload(1, [1]).await.unwrap();
    let mut events = receive().await.unwrap();
    assert!(matches!(events.next().await, Some(Event::Joined(_))));
    assert_eq!(hub.seen.lock().unwrap().joins, 2);
}

/// Another process holds the lock of the state folder's file. The runtime goes on meanwhile, here on
/// one thread.
#[tokio::test]
async fn a_lock_of_the_state_folder_stops_nobody_else() {
    let (hub, state) = hub_and_state().await;
    let lock = File::create(state.path().join("known-hubs.lock")).unwrap();
    lock.lock().unwrap();
    let went_on = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&went_on);
    let holding = std::thread::spawn(move || {
        let began = Instant::now();
        while !seen.load(Ordering::Relaxed) && began.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(10));
        }
        lock.unlock().unwrap();
        seen.load(Ordering::Relaxed)
    });
    let other = async {
        // The connection has been made by then, and its pin is about to be kept.
        while hub.seen.lock().unwrap().connected == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        went_on.store(true, Ordering::Relaxed);
    };
    let connecting = at(&hub, &state).first_use(FirstUse::Trust).connect();
    let (connected, ()) = tokio::join!(connecting, other);
    connected.unwrap();
    assert!(holding.join().unwrap(), "nothing else ran meanwhile");
}

fn ticket(hub: &ScriptedHub, addresses: Vec<String>) -> JoinTicket {
    let subject = TicketSubject::Name("camera".parse().unwrap());
    JoinTicket::new(
        hub.pin,
        TicketSecret::from_bytes([3; 16]),
        subject,
        addresses,
    )
    .unwrap()
}

/// An address at which nobody listens.
fn free_address() -> String {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap().to_string()
}

#[tokio::test]
async fn what_does_not_go_with_a_ticket_is_an_error_that_says_so() {
    let (hub, state) = hub_and_state().await;
    let ticket = ticket(&hub, vec![hub.address.to_string()]);
    let builder = || Client::builder_with_ticket(ticket.clone()).state_dir(state.path());
    let other = HubPin::from_sha256([9; 32]);
    for wrong in [
        builder().plain(),
        builder().password("right"),
        builder().pin(other),
        builder().device("no name"),
        Client::builder(format!("{}#{other}", hub.address))
            .ticket(ticket.clone())
            .state_dir(state.path()),
    ] {
        let error = failure(wrong).await;
        assert!(matches!(error.kind(), ErrorKind::Usage), "{error}");
    }
    assert_eq!(hub.seen.lock().unwrap().connected, 0);
    builder().pin(hub.pin).connect().await.unwrap();
}

#[tokio::test]
async fn an_address_and_a_patience_apply_to_a_ticket_too() {
    let (hub, state) = hub_and_state().await;
    let nowhere = ticket(&hub, vec![free_address()]);
    let told = Arc::new(Mutex::new(0));
    let counting = Arc::clone(&told);
    let builder = Client::builder_with_ticket(nowhere.clone())
        .state_dir(state.path())
        .notices(move |notice| {
            *counting.lock().unwrap() += usize::from(matches!(notice, Notice::Waiting { .. }));
        });
    failure(builder.clone()).await;
    assert_eq!(*told.lock().unwrap(), 0, "without patience");
    failure(builder.wait(Duration::from_secs(1))).await;
    assert_eq!(*told.lock().unwrap(), 1);
    let client = Client::builder(hub.address.to_string())
        .ticket(nowhere)
        .state_dir(state.path());
    let client = client.connect().await.unwrap();
    assert_eq!(client.address().to_string(), hub.address.to_string());
}

#[tokio::test]
async fn the_key_that_a_ticket_brought_is_tried_at_each_address() {
    let (hub, state) = hub_and_state().await;
    let gone = free_address();
    let ticket = ticket(&hub, vec![gone.clone(), hub.address.to_string()]);
    let builder = Client::builder_with_ticket(ticket)
        .device("camera")
        .state_dir(state.path());
    builder.clone().connect().await.unwrap();
    // The hub was met at the other address once, and is not there any more.
    KnownHubs::in_folder(state.path())
        .keep(&gone.parse().unwrap(), hub.pin)
        .unwrap();
    let client = builder.connect().await.unwrap();
    assert!(client.has_key());
    let seen = hub.seen.lock().unwrap();
    assert_eq!((seen.redeemed.len(), seen.logins), (1, 1));
}

/// The hub got another key after it had issued the ticket, and the device has followed it. Where the
/// hub does not answer for a moment, that is no reason to use the ticket again.
#[tokio::test]
async fn a_hub_that_is_away_is_waited_for_and_the_ticket_not_used_again() {
    let (hub, state) = hub_and_state().await;
    let addresses = vec![hub.address.to_string()];
    let now = ticket(&hub, addresses.clone());
    let with = |ticket| {
        let builder = Client::builder_with_ticket(ticket).state_dir(state.path());
        builder.device("camera")
    };
    with(now).connect().await.unwrap();
    let before = HubPin::from_sha256([9; 32]);
    let subject = TicketSubject::Name("camera".parse().unwrap());
    let issued = JoinTicket::new(
        before,
        TicketSecret::from_bytes([3; 16]),
        subject,
        addresses,
    );
    hub.rewrite(|script| script.close_at_hello = true);
    let hub = Arc::new(hub);
    let again = Arc::clone(&hub);
    let client = with(issued.unwrap())
        .wait(Duration::from_secs(60))
        .notices(move |notice| {
            if matches!(notice, Notice::Waiting { .. }) {
                again.rewrite(|script| script.close_at_hello = false);
            }
        })
        .connect()
        .await
        .unwrap();
    assert!(client.has_key());
    let seen = hub.seen.lock().unwrap();
    assert_eq!((seen.redeemed.len(), seen.logins), (1, 1));
}

#[tokio::test]
async fn a_ticket_leads_to_its_own_hub_whatever_address_is_given() {
    let (other, state) = hub_and_state().await;
    let (hub, _) = hub_and_state().await;
    let enrolled = ticket(&other, vec![other.address.to_string()]);
    let with = |builder: ClientBuilder| builder.device("camera").state_dir(state.path());
    let builder = with(Client::builder_with_ticket(enrolled));
    builder.connect().await.unwrap();
    let ticket = ticket(&hub, vec![hub.address.to_string()]);
    for redeemed in [1, 1] {
        let builder = Client::builder(other.address.to_string()).ticket(ticket.clone());
        let client = with(builder).connect().await.unwrap();
        assert_eq!(client.address().to_string(), hub.address.to_string());
        assert_eq!(hub.seen.lock().unwrap().redeemed.len(), redeemed);
    }
    assert_eq!(other.seen.lock().unwrap().logins, 0);
    assert_eq!(hub.seen.lock().unwrap().logins, 1, "by the key");
}
