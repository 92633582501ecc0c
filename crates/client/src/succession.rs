//! Moving to a hub's new key, where the old one has announced it.

use std::fmt;
use std::sync::Arc;

use fleetlink_proto::ring_keys::Ring;
use fleetlink_proto::succession::{self, SuccessionError};
use fleetlink_proto::{HubPin, Retry};

use crate::connect::{Unfollowed, pin_changed};
use crate::kept_file::off_runtime;
use crate::{
    Connection, DeviceKeys, ErrorKind, HubAddress, KnownDevices, KnownHubs, Result, Session, Trust,
    connect,
};

/// Follows a hub to a new key that it announces: everything that is kept moves to that key, and
/// somebody is told.
#[derive(Clone)]
pub struct Successor {
    known: KnownHubs,
    devices: KnownDevices,
    keys: DeviceKeys,
    tell: Arc<dyn Fn(&Moved) + Send + Sync>,
}

/// A device knows its hub by another key from here on.
#[derive(Debug, Clone)]
pub struct Moved {
    /// The hub's address.
    pub address: HubAddress,
    /// The expected pin.
    pub old: HubPin,
    /// The pin that the hub shows, announced by the old key or by keys between.
    pub new: HubPin,
    /// The error for which the kept pin or keys did not move; the next start tries again.
    pub not_kept: Option<String>,
}

impl Successor {
    /// With what is kept in this state folder; `tell` is called after each move.
    pub fn in_folder(
        folder: impl Into<std::path::PathBuf>,
        tell: impl Fn(&Moved) + Send + Sync + 'static,
    ) -> Self {
        let folder = folder.into();
        Successor {
            known: KnownHubs::in_folder(&folder),
            devices: KnownDevices::in_folder(&folder),
            keys: DeviceKeys::in_folder(folder),
            tell: Arc::new(tell),
        }
    }

    /// Connects as [`connect`] does. Where the hub shows another key than the pinned one, it is
    /// asked for the statements that lead there, on a connection of its own on which nothing else
    /// is said; `trust` is the new pin once they do.
    ///
    /// # Errors
    /// As of [`connect`]; [`ErrorKind::PinChanged`] says why the new key was not followed.
    pub async fn connect(
        &self,
        address: &HubAddress,
        trust: &mut Trust,
        client: &str,
    ) -> Result<Connection> {
        let error = match connect(address, *trust).await {
            Err(error) => error,
            connected => return connected,
        };
        let ErrorKind::PinChanged {
            expected, found, ..
        } = *error.kind()
        else {
            return Err(error);
        };
        let way = match ask(address, expected, found, client).await {
            Ok(way) => way,
            Err(why) => {
                let error = pin_changed(address, (expected, found), why);
                return Err(match self.known.pin(address) {
                    Ok(Some(kept)) if kept == expected => {
                        error.kept_in(address, &self.known.path())
                    }
                    _ => error,
                });
            }
        };
        // Before the next connection, which may fail: that would not make it less true.
        let (this, moved_address) = (self.clone(), address.clone());
        let moving = off_runtime(move || {
            this.move_to_last(&moved_address, &way);
            Ok(())
        });
        moving.await?;
        *trust = Trust::Pinned(found);
        connect(address, *trust).await
    }

    /// Keys first, so that the device can log in whatever else fails; the pin last: were the power cut
    /// between, the old one would lead here again, but nothing would lead to what is kept under it.
    fn move_to_last(&self, address: &HubAddress, way: &[HubPin]) {
        let [old @ .., new] = way else { return };
        let Some(first) = old.first() else { return };
        let moved = || {
            self.keys.move_to(old, *new).map_err(|e| e.to_string())?;
            let devices = self.devices.move_to(old, *new);
            devices.map_err(|e| e.to_string())?;
            let kept = self.known.move_to(address, old, *new);
            kept.map_err(|e| e.to_string())
        };
        (self.tell)(&Moved {
            address: address.clone(),
            old: *first,
            new: *new,
            not_kept: moved().err(),
        });
    }
}

impl fmt::Debug for Successor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Successor").finish_non_exhaustive()
    }
}

/// The pins from the expected one to the found one, as the hub has proved them.
async fn ask(
    address: &HubAddress,
    expected: HubPin,
    found: HubPin,
    client: &str,
) -> std::result::Result<Vec<HubPin>, Unfollowed> {
    // Only the key that was shown, and this time with the proof that the hub has it.
    let connection = connect(address, Trust::Pinned(found)).await;
    let connection = connection.map_err(|e| Unfollowed::Unasked(e.to_string()))?;
    let statements = Session::succession(connection, client, expected).await;
    let statements = statements.map_err(|error| match error.kind() {
        ErrorKind::TimedOut => Unfollowed::Unasked(error.to_string()),
        ErrorKind::Closed(closed) if closed.retry() != Retry::Never => {
            Unfollowed::Unasked(error.to_string())
        }
        _ => Unfollowed::Unanswered(error.to_string()),
    })?;
    match succession::follow(&statements, expected, found, &Ring) {
        Ok(way) => Ok(way),
        Err(SuccessionError::Unannounced) => Err(Unfollowed::Unannounced),
        Err(error) => Err(Unfollowed::Unproven(error)),
    }
}
