//! A real hub with accounts, for a measurement.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use fleetlink_client::{
    HubAddress,
    internals::{Credential, Dialer, Trust},
    kept::{DeviceKeys, KeyPair},
};
use fleetlink_core::{Account, AccountVersion, Change, PasswordHash, StoreCall};
use fleetlink_hub::store::Store;
use fleetlink_hub::store::sqlite::SqliteStore;
use fleetlink_proto::control::EnrolledKey;
use fleetlink_proto::{DeviceName, HubPin, Password, WallTime};

use crate::BenchResult;
use crate::process::{Process, fleetlink};

/// The password of every account.
pub(crate) const PASSWORD: &str = "comp9331";

pub(crate) const ANY_PORT: &str = "127.0.0.1:0";

/// A running hub.
pub(crate) struct Hub {
    /// None while it is stopped.
    process: Option<Process>,
    data: PathBuf,
    address: HubAddress,
    trust: Trust,
    hash: PasswordHash,
    keys: Vec<Arc<KeyPair>>,
}

impl Hub {
    /// A hub in `folder` with so many accounts, [`device_name`], each with a key. All have one hash: so
    /// many hashes would take longer than what is measured, and leave their memory behind.
    pub(crate) async fn start(folder: &Path, accounts: u32) -> BenchResult<Self> {
        let data = folder.join("hub");
        let mut making = Process::start(&mut command(&data, ANY_PORT)?)?;
        let pin: HubPin = making.expect("pin ")?.parse()?;
        making.terminate()?;
        add_account(&data, &device_name(0))?;

        let store = SqliteStore::open(&data)?;
        let known = store.known_names(vec![device_name(0).parse()?]).await?;
        let hash = known
            .accounts
            .first()
            .and_then(|account| account.password_hash.clone());
        let hash = hash.ok_or("no account")?;
        let made = DeviceKeys::in_folder(folder);
        let mut keys = Vec::new();
        for n in 0..accounts {
            let name = device_name(n).parse()?;
            keys.push(enrol(&store, &made, pin, name, (n > 0).then_some(&hash)).await?);
        }
        drop(store);

        let mut process = Process::start(&mut command(&data, ANY_PORT)?)?;
        let address = process.expect("listening on ")?.parse()?;
        process.ignore_output();
        let trust = Trust::Pinned(pin);
        Ok(Hub {
            process: Some(process),
            data,
            address,
            trust,
            hash,
            keys,
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

    /// A dialer that logs in as the `n`th account by its password.
    pub(crate) fn dialer(&self, n: u32) -> Dialer {
        self.dialer_with(n, Credential::Password(Password::from(PASSWORD)))
    }

    /// A dialer that logs in as the `n`th account by its key.
    pub(crate) fn key_dialer(&self, n: u32) -> Dialer {
        let key = Arc::clone(&self.keys[n as usize]);
        self.dialer_with(n, Credential::Key(key))
    }

    fn dialer_with(&self, n: u32, credential: Credential) -> Dialer {
        Dialer {
            address: self.address.clone(),
            trust: self.trust,
            name: device_name(n),
            credential: credential.into(),
            client: "fleetlink-bench".to_owned(),
            successor: None,
        }
    }

    pub(crate) fn processor_time(&self) -> BenchResult<Duration> {
        self.running()?.processor_time()
    }

    pub(crate) fn resident(&self) -> BenchResult<u64> {
        self.running()?.resident()
    }

    /// Its open descriptors.
    pub(crate) fn descriptors(&self) -> BenchResult<usize> {
        self.running()?.descriptors()
    }

    /// Ends it as a service manager does.
    pub(crate) fn stop(&mut self) -> BenchResult {
        self.process.take().ok_or("it has stopped")?.terminate()
    }

    /// Starts it at the address that it had.
    pub(crate) fn start_again(&mut self) -> BenchResult {
        let address = self.address.to_string();
        let mut process = Process::start(&mut command(&self.data, &address)?)?;
        process.expect("listening on ")?;
        process.ignore_output();
        self.process = Some(process);
        Ok(())
    }

    fn running(&self) -> BenchResult<&Process> {
        Ok(self.process.as_ref().ok_or("it has stopped")?)
    }
}

/// Makes a key for an account, which is added with this hash or is there already.
async fn enrol(
    store: &SqliteStore,
    keys: &DeviceKeys,
    pin: HubPin,
    name: DeviceName,
    hash: Option<&PasswordHash>,
) -> BenchResult<Arc<KeyPair>> {
    let created = WallTime::from_unix_millis(0);
    let pair = keys.make(pin, &name, async |_| BenchResult::Ok(())).await?;
    let key = EnrolledKey {
        key: pair.public(),
        enrolled: created,
    };
    let call = match hash.cloned() {
        Some(password_hash) => StoreCall::Change(Change::AddAccount(Account {
            name,
            password_hash: Some(password_hash),
            created,
            key: Some(key),
            version: AccountVersion::default(),
        })),
        None => StoreCall::Change(Change::SetKey {
            name,
            key,
            replace: false,
        }),
    };
    store.execute(call).await?;
    Ok(Arc::new(pair))
}

/// The name of the `n`th account.
pub(crate) fn device_name(n: u32) -> String {
    format!("device{n}")
}

/// Adds an account with [`PASSWORD`] to the store of a hub that does not run.
fn add_account(data: &Path, name: &str) -> BenchResult {
    let mut command = Command::new(fleetlink()?);
    command.args(["account", "add", name, "--password-stdin", "--data"]);
    let mut adding = command.arg(data).stdin(Stdio::piped()).spawn()?;
    let mut input = adding.stdin.take().ok_or("no standard input")?;
    writeln!(input, "{PASSWORD}")?;
    drop(input);
    let status = adding.wait()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("account add: {status}").into())
    }
}

pub(crate) fn command(data: &Path, listen: &str) -> BenchResult<Command> {
    let mut command = Command::new(fleetlink()?);
    command
        .args(["hub", "--listen", listen, "--data"])
        .arg(data)
        .env("FLEETLINK_HTTP", "off");
    Ok(command)
}
