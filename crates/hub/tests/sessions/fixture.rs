//! A hub of its own for each test, on loopback.

use std::time::Duration;

use fleetlink_hub::{HubConfig, Operator, OperatorCall, OperatorReply, RunningHub, Settings};

/// The time that anything may take before a test fails.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// A hub, and the folder of its data.
pub(crate) struct Fixture {
    pub(crate) hub: RunningHub,
    folder: tempfile::TempDir,
}

impl Fixture {
    /// Ends the hub and starts it again over plain TCP, with the same data.
    pub(crate) async fn restart(self) -> Self {
        self.hub.close().await;
        serve(self.folder, Settings::default(), false).await
    }

    /// Has the operator's call done by the running hub.
    pub(crate) async fn operate(&self, call: OperatorCall) -> OperatorReply {
        let mut operator = Operator::connect(self.folder.path()).await.unwrap();
        assert!(operator.hub_is_running());
        operator.call(call).await.unwrap()
    }
}

/// A fresh hub with the account of the transcripts, over TLS or over plain TCP.
pub(crate) async fn hub_over(tls: bool) -> Fixture {
    start(&["supersmartwatch"], Settings::default(), tls).await
}

/// The same over plain TCP.
pub(crate) async fn hub() -> Fixture {
    hub_over(false).await
}

/// A fresh hub with these accounts, all of one password.
pub(crate) async fn hub_with(names: &[&str], settings: Settings) -> Fixture {
    start(names, settings, false).await
}

async fn start(names: &[&str], settings: Settings, tls: bool) -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_owned();
    Operator::make_store(&data).unwrap();
    let mut operator = Operator::connect(&data).await.unwrap();
    for name in names {
        let account = OperatorCall::AddAccount {
            name: name.parse().unwrap(),
            password: "comp9331".into(),
        };
        operator.call(account).await.unwrap();
    }
    operator.finish().await;
    serve(folder, settings, tls).await
}

async fn serve(folder: tempfile::TempDir, settings: Settings, tls: bool) -> Fixture {
    let config = HubConfig {
        plain: !tls,
        settings,
        ..HubConfig::new("127.0.0.1:0".parse().unwrap(), folder.path())
    };
    let (hub, _lines) = fleetlink_hub::start(config).await.unwrap();
    Fixture { hub, folder }
}
