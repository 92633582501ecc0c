//! The check of a hub's data.

use std::path::Path;

use crate::store::sqlite::{self, Verified, VerifyError};
use crate::watch::Watch;

/// Checks everything in the data folder of a hub that may be running: each hash and each reference.
/// Nothing is changed. Blocking.
///
/// # Errors
/// There is no store, or it cannot be read; damage is part of the result.
pub fn verify(data: &Path, watch: &Watch) -> Result<Verified, VerifyError> {
    sqlite::verify(data, watch)
}
