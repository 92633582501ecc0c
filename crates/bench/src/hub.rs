//! A real hub with accounts, for a measurement.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use fleetlink_core::{Account, PasswordHash, StoreCall};
use fleetlink_device::{Credential, Dialer, HubAddress, Trust};
use fleetlink_hub::store::Store;
use fleetlink_hub::store::sqlite::SqliteStore;
use fleetlink_proto::{Password, WallTime};

use crate::Outcome;
use crate::process::{Process, fleetlink};

/// The password of every account.
pub(crate) const PASSWORD: &str = "comp9331";

/// A running hub.
pub(crate) struct Hub {
    process: Process,
    data: PathBuf,
    address: HubAddress,
    trust: Trust,
    hash: PasswordHash,
}

impl Hub {
    /// A hub in `folder` with so many accounts, [`device_name`]. All have one hash: so many hashes
    /// would take longer than what is measured, and leave their memory behind.
    pub(crate) async fn start(folder: &Path, accounts: u32) -> Outcome<Self> {
        let data = folder.join("hub");
        let list = folder.join("accounts.txt");
        fs::write(&list, format!("{} {PASSWORD}\n", device_name(0)))?;
        let mut making = Process::start(command(&data)?.arg("--credentials").arg(&list))?;
        making.expect("listening on ")?;
        making.terminate()?;

        let store = SqliteStore::open(&data)?;
        let known = store.accounts().await?;
        let hash = known
            .first()
            .and_then(|account| account.password_hash.clone());
        let hash = hash.ok_or("no account")?;
        for n in 1..accounts {
            let account = Account {
                name: device_name(n).parse()?,
                password_hash: Some(hash.clone()),
                created: WallTime::from_unix_millis(0),
                key: None,
            };
            store.execute(StoreCall::AddAccount(account)).await?;
        }
        drop(store);

        let mut process = Process::start(&mut command(&data)?)?;
        let address = process.expect("listening on ")?.parse()?;
        let pin = process.expect("pin ")?.parse()?;
        process.ignore_output();
        let trust = Trust::Pinned(pin);
        Ok(Hub {
            process,
            data,
            address,
            trust,
            hash,
        })
    }

    pub(crate) fn address(&self) -> &HubAddress {
        &self.address
    }

    pub(crate) fn trust(&self) -> Trust {
        self.trust
    }

    /// The folder of its key and certificate.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// The hash of [`PASSWORD`] with the parameters that the hub uses.
    pub(crate) fn hash(&self) -> &PasswordHash {
        &self.hash
    }

    /// What logs in as the `n`th account.
    pub(crate) fn dialer(&self, n: u32) -> Dialer {
        Dialer {
            address: self.address.clone(),
            trust: self.trust,
            name: device_name(n),
            credential: Credential::Password(Password::from(PASSWORD)),
            client: "fleetlink-bench".to_owned(),
        }
    }

    pub(crate) fn processor_time(&self) -> Outcome<Duration> {
        self.process.processor_time()
    }

    pub(crate) fn resident(&self) -> Outcome<u64> {
        self.process.resident()
    }
}

/// The name of the `n`th account.
pub(crate) fn device_name(n: u32) -> String {
    format!("device{n}")
}

fn command(data: &Path) -> Outcome<Command> {
    let mut command = Command::new(fleetlink()?);
    command
        .args(["hub", "--listen", "127.0.0.1:0", "--data"])
        .arg(data);
    Ok(command)
}
