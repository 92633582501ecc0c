//! Administration where no hub runs: the same core over the same store, without listeners.

use std::path::Path;
use std::sync::Arc;

use fleetlink_core::{Hub, Input, Settings};
use fleetlink_proto::control::RpcError;
use fleetlink_proto::{DataFile, DeviceName};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::content::Content;
use super::message::{OperatorCall, OperatorReply};
use super::{Desk, OperatorError};
use crate::driver::{CONSOLE_QUEUE, Driver, Followers, HubEvent, wall_time};
use crate::feed::Feed;
use crate::hub_state::HubState;
use crate::passwords::Passwords;
use crate::store::Store;
use crate::store::sqlite::{OpenError, SqliteStore};
use crate::traffic::Traffic;

/// A core without sessions.
pub(super) struct Offline {
    desk: Desk,
    running: JoinHandle<()>,
    /// Nobody reads the console's lines: the command says what it did.
    _console: mpsc::Receiver<HubEvent>,
}

/// The reason why a store was not opened.
pub(super) enum OpenFailure {
    /// Another process has it.
    InUse(String),
    Other(String),
}

impl Offline {
    pub(super) async fn open(folder: &Path) -> Result<Self, OpenFailure> {
        let opened = SqliteStore::open(folder).map_err(|error| match error {
            OpenError::InUse(_) => OpenFailure::InUse(error.to_string()),
            error => OpenFailure::Other(error.to_string()),
        });
        let store: Arc<dyn Store> = Arc::new(opened?);
        let (console, lines) = mpsc::channel(CONSOLE_QUEUE);
        let followers = Followers {
            active: watch::Sender::default(),
            journal: watch::Sender::default(),
            console,
            feed: Feed::new(wall_time()),
            traffic: Traffic::default(),
            meters: Arc::default(),
        };
        let passwords = Passwords::new();
        let (driver, handle) = Driver::new(
            |now| {
                let is_offline = true;
                let settings = Settings {
                    is_offline,
                    ..Settings::default()
                };
                Hub::new(settings, now)
            },
            Arc::clone(&store),
            passwords.clone(),
            followers,
            None,
            Arc::new(wall_time),
        );
        let running = tokio::spawn(driver.run());
        let desk = Desk {
            driver: handle,
            passwords,
            store,
            hub_state: HubState::Stopped(folder.to_owned()),
            running: None,
        };
        Ok(Offline {
            desk,
            running,
            _console: lines,
        })
    }

    pub(super) async fn call(&self, call: OperatorCall) -> Result<OperatorReply, OperatorError> {
        self.desk
            .perform(call)
            .await
            .map_err(OperatorError::Refused)
    }

    /// Opens a data file.
    pub(super) async fn content(
        &self,
        device: DeviceName,
        file: DataFile,
    ) -> Result<Result<Content, RpcError>, OperatorError> {
        let opened = self.desk.content(device, file).await;
        opened.map_err(OperatorError::Refused)
    }

    pub(super) async fn close(self) {
        // A driver that is gone already has nothing left to drain.
        let _ = self.desk.driver.input(Input::Close).await;
        let _ = self.running.await;
    }
}
