//! How a hub starts, and what a start that fails leaves behind.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod disk_full;

use std::fs;
use std::path::Path;

use fleetlink_hub::{HubConfig, Operator, OperatorCall, RunningHub, StartError};

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
    let deadline = std::time::Duration::from_secs(30);
    tokio::time::timeout(deadline, reaching).await.unwrap()
}
