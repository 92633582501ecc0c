//! The choice of a session's hash.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

/// The hash of uploads and downloads, on which `hello` agrees. Transfers between devices use BLAKE3.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HashAlgorithm {
    /// BLAKE3 with 32 bytes of output.
    #[default]
    Blake3,
    /// SHA-256 (FIPS 180-4).
    Sha256,
}

impl HashAlgorithm {
    /// Every hash that this version knows.
    pub const ALL: &[HashAlgorithm] = &[HashAlgorithm::Blake3, HashAlgorithm::Sha256];

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            HashAlgorithm::Blake3 => "blake3",
            HashAlgorithm::Sha256 => "sha256",
        }
    }

    /// Reads a list of names, in its order, without those that this version does not know.
    pub(crate) fn read_known<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<HashAlgorithm>>, D::Error> {
        let names = Option::<Vec<String>>::deserialize(deserializer)?;
        let named = |name: &String| {
            let mut all = HashAlgorithm::ALL.iter().copied();
            all.find(|algorithm| algorithm.name() == name)
        };
        Ok(names.map(|names| names.iter().filter_map(named).collect()))
    }
}

impl fmt::Display for HashAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
