//! The choice of the hub's data folder.

use std::path::PathBuf;

use etcetera::BaseStrategy as _;

use crate::failure::Failure;

/// The folder of a hub's data.
#[derive(Debug, clap::Args)]
pub(crate) struct DataFolder {
    /// The folder of the hub's data, key and log files.
    #[arg(
        long = "data",
        value_name = "DIR",
        env = "FLEETLINK_DATA",
        global = true
    )]
    folder: Option<PathBuf>,
}

/// The arguments of every command that administers a hub, whether it runs or not.
#[derive(Debug, clap::Args)]
pub(crate) struct OperatorArguments {
    #[command(flatten)]
    data: DataFolder,
    /// The result as one JSON document.
    #[arg(long, global = true)]
    json: bool,
}

/// The option that makes a device's command one of the operator's. No environment variable sets it:
/// a device's command would become another one unseen.
#[derive(Debug, clap::Args)]
pub(crate) struct AsOperator {
    /// Act as the operator of the hub whose data are in this folder, without a password, whether it
    /// runs or not. --device names the device, and --hub is ignored.
    #[arg(id = "operator-data", long = "data", global = true, value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
}

impl DataFolder {
    /// The folder that was given, else the one of this user's hub.
    pub(crate) fn resolve(self) -> Result<PathBuf, Failure> {
        of(self.folder)
    }

    /// The folder that was given, if one was.
    pub(crate) fn given(self) -> Option<PathBuf> {
        self.folder
    }
}

/// The folder that was given, else the one of this user's hub.
pub(crate) fn of(folder: Option<PathBuf>) -> Result<PathBuf, Failure> {
    if let Some(folder) = folder {
        return Ok(folder);
    }
    let base = etcetera::choose_base_strategy()
        .map_err(|e| Failure::Usage(format!("{e}; name the hub's data folder by --data")))?;
    Ok(base.data_dir().join("fleetlink").join("hub"))
}

impl OperatorArguments {
    /// As of [`DataFolder::resolve`].
    pub(crate) fn folder(self) -> Result<PathBuf, Failure> {
        self.data.resolve()
    }

    /// Whether the result is one JSON document.
    pub(crate) fn json(&self) -> bool {
        self.json
    }
}
