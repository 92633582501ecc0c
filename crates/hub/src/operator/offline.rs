//! Administration where no hub runs: the same core over the same store, without listeners.

use std::path::Path;
use std::sync::Arc;

use fleetlink_core::{Hub, Input, Settings};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::message::{OperatorCall, OperatorReply};
use super::{OperatorContext, OperatorError, perform};
use crate::driver::{CONSOLE_QUEUE, Driver, Followers};
use crate::passwords::Passwords;
use crate::reach::Reach;
use crate::store::Store;
use crate::store::sqlite::SqliteStore;

/// A core without sessions.
pub(super) struct Offline {
    context: OperatorContext,
    running: JoinHandle<()>,
    /// Nobody reads the console's lines: the command says what it did.
    _console: mpsc::Receiver<String>,
}

impl Offline {
    pub(super) async fn open(folder: &Path) -> Result<Self, String> {
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(folder).map_err(|e| e.to_string())?);
        let accounts = store.accounts().await.map_err(|e| e.to_string())?;
        let tickets = store.tickets().await.map_err(|e| e.to_string())?;
        let (console, lines) = mpsc::channel(CONSOLE_QUEUE);
        let followers = Followers {
            active: watch::Sender::default(),
            journal: watch::Sender::default(),
            console,
        };
        let passwords = Passwords::new();
        let (driver, handle) = Driver::new(
            |now| Hub::new(Settings::default(), accounts, now).with_tickets(tickets),
            store,
            passwords.clone(),
            followers,
        );
        let running = tokio::spawn(driver.run());
        Ok(Offline {
            context: OperatorContext {
                driver: handle,
                passwords,
                // A ticket may be issued before the first start.
                reach: Reach::Stopped(folder.to_owned()),
            },
            running,
            _console: lines,
        })
    }

    pub(super) async fn call(&self, call: OperatorCall) -> Result<OperatorReply, OperatorError> {
        perform(call, &self.context)
            .await
            .map_err(OperatorError::Refused)
    }

    pub(super) async fn close(self) {
        // A driver that is gone already has nothing left to drain.
        let _ = self.context.driver.input(Input::Close).await;
        let _ = self.running.await;
    }
}
