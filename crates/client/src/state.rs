//! The state folder, which holds what outlives the process: known hubs, the shell's history.

use std::io;
use std::path::PathBuf;

use etcetera::BaseStrategy as _;

/// The state folder: `FLEETLINK_STATE_DIR`, else `fleetlink` in the XDG state folder. Not made yet.
pub fn state_folder() -> io::Result<PathBuf> {
    if let Some(folder) = std::env::var_os("FLEETLINK_STATE_DIR").filter(|f| !f.is_empty()) {
        return Ok(folder.into());
    }
    let xdg = etcetera::base_strategy::Xdg::new()
        .map_err(|e| io::Error::new(io::ErrorKind::NotFound, e.to_string()))?;
    let state = xdg.state_dir().unwrap_or_else(|| xdg.data_dir());
    Ok(state.join("fleetlink"))
}
