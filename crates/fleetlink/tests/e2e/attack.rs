//! A hub under attack by password, from many addresses.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::harness::{DEADLINE, Guess, Guesser, Hub, PASSWORD, fleetlink, run};

const OWNER: &str = "supersmartwatch";
/// The guesses that a name has, `--max-attempts`.
const ATTEMPTS: usize = 3;
/// The duration of a lock-out.
const BLOCK: Duration = Duration::from_secs(10);
/// The names on which a client network may fail.
const NAMES: usize = 4;
const PENALTIES: [&str; 7] = [
    "--penalize-loopback",
    "--penalty-names",
    "4",
    "--penalty-base",
    "10m",
    "--max-attempts",
    "3",
];

/// Every guess at one name, in the order in which they ended.
type Guesses = Arc<Mutex<Vec<Guess>>>;

fn count(guesses: &Guesses, reason: &str) -> usize {
    let guesses = guesses.lock().unwrap();
    guesses
        .iter()
        .filter(|guess| guess.reason == reason)
        .count()
}

/// Guesses at the owner's name from one address until the test ends.
async fn attack(source: Ipv4Addr, hub: std::net::SocketAddr, guesses: Guesses) {
    let mut guesser = Guesser::from(source, hub).await;
    for n in 0.. {
        let guess = guesser.guess(OWNER, &format!("guess {n}")).await;
        guesses.lock().unwrap().push(guess);
        // Not so fast that the attack's own work is what the machine does.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Tries one password on many names from one address, and is stopped.
async fn sweep(source: Ipv4Addr, hub: std::net::SocketAddr) {
    let mut guesser = Guesser::from(source, hub).await;
    for n in 0..20 {
        let guess = guesser.guess(&format!("name-{source}-{n}"), "123456").await;
        let expected = if n < NAMES {
            "wrong_password"
        } else {
            "penalised"
        };
        assert_eq!(guess.reason, expected, "{source}, name {n}");
        assert_eq!(guess.retry_after.is_some(), n >= NAMES);
    }
    let right = guesser.guess(OWNER, PASSWORD).await;
    assert_eq!(right.reason, "penalised", "the right password too");
}

/// Joins in `folder` by key and leaves; how long the join took.
fn join_by_key(hub: &Hub, folder: &Path) -> Duration {
    let (host, port) = (hub.address.ip().to_string(), hub.address.port().to_string());
    let mut command = fleetlink(folder);
    command.args(["join", &host, &port, "--device", OWNER]);
    let began = Instant::now();
    let finished = run(&mut command, "OUT\n");
    let took = began.elapsed();
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(finished.stdout.contains("Welcome!"), "{finished:?}");
    assert!(!finished.stdout.contains("Password:"), "{finished:?}");
    took
}

/// The hub decides about the first of these guesses after it was sent and about the last before it
/// was answered: so this holds on the slowest machine.
fn assert_never_more_than(attempts: usize, guesses: &Guesses) -> usize {
    let guesses = guesses.lock().unwrap();
    let mut checked: Vec<&Guess> = guesses.iter().filter(|g| g.was_checked()).collect();
    checked.sort_by_key(|guess| guess.sent);
    for some in checked.windows(attempts + 1) {
        let last = some.iter().map(|guess| guess.answered).max().unwrap();
        assert!(last - some[0].sent >= BLOCK, "{some:?}");
    }
    checked.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_under_attack_from_many_addresses_is_still_its_owners() {
    let hub = Hub::start_with(&[OWNER], &PENALTIES);
    // The first join enrols the key.
    let mut shell = hub.join(OWNER);
    let folder = shell.folder().to_owned();
    shell.send("OUT");
    assert_eq!(shell.wait(), Some(0));

    // The owner's own address is penalised as well.
    for n in 1..=5 {
        sweep(Ipv4Addr::new(127, 0, 0, n), hub.address).await;
    }
    let guesses = Guesses::default();
    let mut attackers = tokio::task::JoinSet::new();
    for n in 0..40 {
        let source = Ipv4Addr::new(127, n, 9, 1 + n);
        attackers.spawn(attack(source, hub.address, Arc::clone(&guesses)));
    }
    let (mut while_blocked, mut slowest, began) = (0, Duration::ZERO, Instant::now());
    while while_blocked < 5 || count(&guesses, "now_blocked") < 2 {
        assert!(
            began.elapsed() < DEADLINE,
            "{while_blocked} joins in a block"
        );
        // Another session each time: who is not logged in may not send much.
        let mut probe = Guesser::from(Ipv4Addr::new(127, 77, 77, 77), hub.address).await;
        let before = probe.guess(OWNER, "probe").await;
        let took = tokio::task::block_in_place(|| join_by_key(&hub, &folder));
        let after = probe.guess(OWNER, "probe").await;
        slowest = slowest.max(took);
        // The same lock-out, with less of it left: it lasted all the while.
        let is_blocked = before.reason == "blocked" && after.reason == "blocked";
        while_blocked += u32::from(is_blocked && after.retry_after < before.retry_after);
        guesses.lock().unwrap().extend([before, after]);
        if let Some(Err(failed)) = attackers.try_join_next() {
            std::panic::resume_unwind(failed.into_panic());
        }
    }
    attackers.shutdown().await;

    let checked = assert_never_more_than(ATTEMPTS, &guesses);
    let tried = guesses.lock().unwrap().len();
    assert_eq!(count(&guesses, "none"), 0);
    assert_eq!(count(&guesses, "penalised"), 0, "one name is not many");
    assert!(checked >= ATTEMPTS * 2 && tried > checked * 10);
    println!(
        "{tried} guesses from 41 addresses in {:?}, {checked} checked; {while_blocked} joins by \
         key in a block, the slowest took {slowest:?}",
        began.elapsed()
    );
}

#[test]
fn an_address_that_fails_on_many_names_is_refused_with_a_code_of_its_own() {
    let options = ["--penalize-loopback", "--penalty-names", "2"];
    let mut hub = Hub::start_with(&[OWNER, "camera"], &options);
    let folder = tempfile::tempdir().unwrap();
    for (device, password, reason, code) in [
        (OWNER, "wrong", "wrong_password", 3),
        ("nobody", "wrong", "wrong_password", 3),
        ("camera", PASSWORD, "penalised", 4),
    ] {
        let mut command = hub.command(folder.path(), device, &["data", "list", "--json"]);
        command.env("FLEETLINK_PASSWORD", password);
        let finished = run(&mut command, "");
        let document: serde_json::Value = serde_json::from_str(&finished.stdout).unwrap();
        assert_eq!(document["error"]["code"], reason, "{finished:?}");
        assert_eq!(finished.code, Some(code), "{finished:?}");
    }
    hub.output
        .expect("passwords from 127.0.0.1 are refused for 15 s");
}

#[test]
fn loopback_is_penalised_only_where_that_is_switched_on() {
    let hub = Hub::start_with(&["camera"], &["--penalty-names", "2"]);
    let folder = tempfile::tempdir().unwrap();
    for n in 0..4 {
        let name = format!("nobody-{n}");
        let finished = hub.run(folder.path(), &name, &["data", "list"]);
        assert_eq!(finished.code, Some(3), "{finished:?}");
    }
    let finished = hub.run(folder.path(), "camera", &["data", "list"]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
}

/// The owner has no key, and the attacker guesses as soon as it may. Not every lock-out is waited
/// for: what is shown is that one ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owner_without_a_key_gets_in_while_the_attack_goes_on() {
    let options = ["--penalize-loopback", "--max-attempts", "1"];
    let hub = Hub::start_with(&[OWNER], &options);
    let guesses = Guesses::default();
    let source = Ipv4Addr::new(127, 0, 0, 66);
    let attacking = tokio::spawn(attack(source, hub.address, Arc::clone(&guesses)));
    let began = Instant::now();
    while count(&guesses, "penalised") == 0 {
        assert!(began.elapsed() < DEADLINE, "no penalty");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // The last guess that was checked began a lock-out of ten seconds and a penalty of fifteen.
    let home = Ipv4Addr::new(127, 0, 0, 2);
    let mut reasons = Vec::new();
    while reasons.last().is_none_or(|reason| reason != "none") {
        assert!(began.elapsed() < DEADLINE, "{reasons:?}");
        let mut owner = Guesser::from(home, hub.address).await;
        reasons.push(owner.guess(OWNER, PASSWORD).await.reason);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(
        reasons.iter().any(|reason| reason == "blocked"),
        "{reasons:?}"
    );
    assert!(!attacking.is_finished(), "the attack went on all the while");
    attacking.abort();
}
