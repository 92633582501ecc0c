//! The start of a hub, and the traces of a start that fails.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod disk_full;

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use fleetlink_hub::number_exchange;
use fleetlink_hub::{
    Clock, HubConfig, LeaseConfig, Operator, OperatorCall, RunningHub, StartError,
};
use fleetlink_proto::lease::LeaseSettings;
use fleetlink_proto::number_exchange::{OnOutOfRange, Service};
use socket2::{Domain, Socket, Type};

const UPLOAD_LOG: &str = "upload-log.txt";
const EARLIER: &str = "cam; 30 September 2022 10:31:13; 1; 10\n";

fn config(data: &Path, logs: &Path) -> HubConfig {
    HubConfig {
        plain: true,
        logs: logs.to_owned(),
        ..HubConfig::new("127.0.0.1:0".parse().unwrap(), data)
    }
}

async fn start(config: HubConfig) -> Result<RunningHub, StartError> {
    fleetlink_hub::start(config).await.map(|(hub, _)| hub)
}

async fn refusal(config: HubConfig) -> StartError {
    start(config).await.map(|_| ()).unwrap_err()
}

#[tokio::test]
async fn a_second_hub_at_an_address_touches_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let hub = start(config(folder.path(), folder.path())).await.unwrap();
    let other = folder.path().join("other");
    let second = HubConfig {
        listen: hub.address(),
        ..config(&other, folder.path())
    };
    let refused = refusal(second).await;
    assert!(matches!(refused, StartError::Listen { .. }), "{refused}");
    assert!(!other.exists());
    hub.close().await;
}

/// An address that nobody has a moment ago.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// Whether a program has this address, whether or not it listens.
fn is_taken(address: SocketAddr) -> bool {
    // Without SO_REUSEADDR, which the standard library sets.
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
    socket.bind(&address.into()).is_err()
}

#[tokio::test]
async fn of_two_hubs_that_start_at_once_at_an_address_the_second_touches_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    Operator::make_store(&path("first")).unwrap();
    // While a command is at work in its folder, the first hub waits in the middle of its start.
    let command = Operator::connect(&path("first")).await.unwrap();
    let listen = free_address();
    let first = HubConfig {
        listen,
        ..config(&path("first"), &path("first"))
    };
    let first = tokio::spawn(start(first));
    while !is_taken(listen) {
        tokio::task::yield_now().await;
    }
    let second = HubConfig {
        listen,
        ..config(&path("second"), &path("second"))
    };
    let refused = refusal(second).await;
    assert!(matches!(refused, StartError::Listen { .. }), "{refused}");
    assert!(!path("second").exists());
    command.finish().await;
    first.await.unwrap().unwrap().close().await;
}

#[tokio::test]
async fn a_hub_whose_second_service_finds_its_port_taken_touches_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap();
    let service = Service {
        name: "sum".parse().unwrap(),
        number: Default::default(),
        on_out_of_range: OnOutOfRange::Stop,
        reply_sum: false,
    };
    let exchange = HubConfig {
        number_exchange: Some(number_exchange::Config {
            listen: taken,
            service,
            quiet_time: Duration::from_secs(1),
        }),
        ..config(&data, &data)
    };
    let leases = HubConfig {
        leases: Some(LeaseConfig {
            udp: None,
            tcp: Some(taken),
            settings: LeaseSettings::default(),
            clock: Clock::Monotonic(std::time::Instant::now()),
            requests: None,
        }),
        ..config(&data, &data)
    };
    for config in [exchange, leases] {
        let refused = refusal(config).await;
        assert!(
            refused.to_string().contains(&taken.to_string()),
            "{refused}"
        );
        assert!(!data.exists());
    }
}

#[tokio::test]
async fn two_hubs_do_not_share_a_folder_of_logs() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let hub = start(config(&path("a"), folder.path())).await.unwrap();
    fs::write(path(UPLOAD_LOG), EARLIER).unwrap();
    let refused = refusal(config(&path("b"), folder.path())).await;
    assert!(refused.to_string().contains("another hub"), "{refused}");
    assert_eq!(fs::read_to_string(path(UPLOAD_LOG)).unwrap(), EARLIER);
    hub.close().await;
    let hub = start(config(&path("b"), folder.path())).await.unwrap();
    // Lines are added and never taken away.
    assert_eq!(fs::read_to_string(path(UPLOAD_LOG)).unwrap(), EARLIER);
    hub.close().await;
}

#[tokio::test]
async fn a_start_that_fails_leaves_the_log_files_and_frees_the_data() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(UPLOAD_LOG), EARLIER).unwrap();
    let unreachable = HubConfig {
        listen: "0.0.0.0:0".parse().unwrap(),
        plain: false,
        ..config(folder.path(), folder.path())
    };
    let refused = refusal(unreachable).await;
    assert!(
        matches!(refused, StartError::NoAccounts { .. }),
        "{refused}"
    );
    let log = fs::read_to_string(folder.path().join(UPLOAD_LOG)).unwrap();
    assert_eq!(log, EARLIER);

    // The account that was asked for can be added at once.
    let mut operator = reach(folder.path()).await;
    let account = OperatorCall::AddAccount {
        name: "cam".parse().unwrap(),
        password: "secret".into(),
    };
    operator.call(account).await.unwrap();
    operator.finish().await;
}

/// The driver of the start that failed ends a moment after it.
async fn reach(data: &Path) -> Operator {
    let reaching = async {
        loop {
            match Operator::connect(data).await {
                Ok(operator) => return operator,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    let deadline = Duration::from_secs(30);
    tokio::time::timeout(deadline, reaching).await.unwrap()
}
