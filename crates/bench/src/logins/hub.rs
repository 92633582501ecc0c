//! The hub that is attacked: the product's library in a process of its own, over TLS.

use std::path::Path;
use std::process::Command;

use fleetlink_client::{HubAddress, internals::Trust};
use fleetlink_hub::{
    Authority, CredentialsFile, HubConfig, Settings, start, start_without_dummy_hash,
};

use crate::BenchResult;
use crate::crowd::runtime;
use crate::process::Process;
use crate::report::say;

/// The arguments with which this program becomes [`serve`].
pub(crate) const SERVE: (&str, &str) = ("logins", "hub");

/// The password check for a name without an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unknown {
    /// A hash that nobody has: the product.
    DummyHash,
    /// Nothing: what the campaign has to see.
    Nothing,
}

impl Unknown {
    const ALL: [(&str, Unknown); 2] = [
        ("dummy-hash", Unknown::DummyHash),
        ("nothing", Unknown::Nothing),
    ];
}

/// A running hub, killed when dropped.
pub(super) struct Hub {
    pub(super) address: HubAddress,
    pub(super) trust: Trust,
    _process: Process,
}

impl Hub {
    /// One with the accounts that `data` holds and those of this credentials file, that locks a
    /// name out after so many wrong passwords.
    pub(super) fn start(
        data: &Path,
        unknown: Unknown,
        attempts: u8,
        credentials: Option<&Path>,
    ) -> BenchResult<Self> {
        let (program, role) = SERVE;
        let checked = Unknown::ALL.into_iter().find(|(_, one)| *one == unknown);
        let mut command = Command::new(std::env::current_exe()?);
        command.args([program, role]).arg(data);
        command.arg(checked.map_or("", |(name, _)| name));
        command.arg(attempts.to_string()).args(credentials);
        let mut process = Process::start(&mut command)?;
        let address = process.expect("listening on ")?.parse()?;
        let pin = process.expect("pin ")?.parse()?;
        process.ignore_output();
        Ok(Hub {
            address,
            trust: Trust::Pinned(pin),
            _process: process,
        })
    }
}

/// Serves as a hub, and prints its lines, until it is killed.
pub(crate) fn serve() -> BenchResult {
    let mut arguments = std::env::args().skip(3);
    let mut next = || arguments.next().ok_or("data, check and attempts");
    let (data, checked, attempts) = (next()?, next()?, next()?);
    let known = Unknown::ALL.into_iter().find(|(name, _)| *name == checked);
    let (_, unknown) = known.ok_or("no such check")?;
    let config = HubConfig {
        listen: ([127, 0, 0, 1], 0).into(),
        logs: data.clone().into(),
        data: data.into(),
        credentials: arguments.next().map(|path| CredentialsFile {
            path: path.into(),
            authority: Authority::Import,
        }),
        plain: false,
        settings: Settings {
            max_attempts: attempts.parse()?,
            ..Settings::default()
        },
        retention: Default::default(),
        quotas: Default::default(),
        log_bounds: Default::default(),
        number_exchange: None,
        leases: None,
        http: None,
    };
    runtime()?.block_on(async {
        let (mut hub, mut events) = match unknown {
            Unknown::DummyHash => start(config).await?,
            Unknown::Nothing => start_without_dummy_hash(config).await?,
        };
        // Whoever starts it wants its accounts, not what goes on meanwhile.
        if let Some(import) = hub.take_import() {
            import.await?;
        }
        say(&format!("listening on {}", hub.address()));
        say(&format!("pin {}", hub.pin().ok_or("no pin")?));
        while let Some(shown) = events.recv().await {
            say(&shown.event.to_string());
        }
        Ok(())
    })
}
