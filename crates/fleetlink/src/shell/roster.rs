//! The hub's answers to Tab: the device's uploaded files, and the other devices.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use fleetlink_client::{Error, Session, presence::Link};
use fleetlink_proto::{DataFile, DeviceName};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;

/// The time that a person who has pressed Tab waits.
const PATIENCE: Duration = Duration::from_millis(500);
/// The time for which a list is offered again without another call.
const FRESH: Duration = Duration::from_secs(3);

/// Asks the hub in the background: nobody typed a command, so the hub shows none.
pub(super) struct Roster {
    link: watch::Receiver<Link>,
    runtime: Handle,
    files: Cached<DataFile>,
    devices: Cached<DeviceName>,
}

type Cached<T> = Mutex<Option<(Instant, Vec<T>)>>;

impl Roster {
    /// Of the hub at the other end.
    pub(super) fn new(link: watch::Receiver<Link>) -> Self {
        Roster {
            link,
            runtime: Handle::current(),
            files: Cached::default(),
            devices: Cached::default(),
        }
    }

    /// The uploaded data files. Blocks; empty where the hub does not answer soon.
    pub(super) fn files(&self) -> Vec<DataFile> {
        self.cached(&self.files, async |session| {
            let files = session.all_files_in_background().await?;
            Ok(files.into_iter().map(|entry| entry.file).collect())
        })
    }

    /// The other devices' names. Blocks; empty where the hub does not answer soon.
    pub(super) fn devices(&self) -> Vec<DeviceName> {
        self.cached(&self.devices, async |session| {
            let devices = session.all_devices_in_background().await?;
            Ok(devices.into_iter().map(|device| device.name).collect())
        })
    }

    fn cached<T: Clone>(
        &self,
        cache: &Cached<T>,
        ask: impl AsyncFnOnce(Session) -> Result<Vec<T>, Error>,
    ) -> Vec<T> {
        let Ok(mut cached) = cache.lock() else {
            return Vec::new();
        };
        if let Some((when, names)) = &*cached
            && when.elapsed() < FRESH
        {
            return names.clone();
        }
        let session = match &*self.link.borrow() {
            Link::Up(session) => session.clone(),
            _ => return Vec::new(),
        };
        let asked = async { timeout(PATIENCE, ask(session)).await };
        let Ok(Ok(names)) = self.runtime.block_on(asked) else {
            return Vec::new();
        };
        *cached = Some((Instant::now(), names.clone()));
        names
    }
}

#[cfg(test)]
impl Roster {
    /// Offers these without a hub.
    pub(super) fn of(files: &[&str], devices: &[&str]) -> Self {
        fn known<T: std::str::FromStr<Err: std::fmt::Debug>>(names: &[&str]) -> Cached<T> {
            let names = names.iter().map(|name| name.parse().unwrap()).collect();
            Mutex::new(Some((Instant::now() + Duration::from_secs(3600), names)))
        }
        let closed = fleetlink_client::Closed::Lost("no hub".to_owned());
        Roster {
            link: watch::channel(Link::Away(closed)).1,
            runtime: Handle::current(),
            files: known(files),
            devices: known(devices),
        }
    }
}
