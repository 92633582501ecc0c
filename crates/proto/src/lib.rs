//! Bytes to messages and back: the names, grammars, limits and messages of fleetlink, without I/O.

#![warn(missing_docs)]

pub mod access;
mod client_network;
pub mod control;
mod data_file;
mod device_key;
mod device_name;
mod hash;
mod hash_algorithm;
mod hub_key;
mod hub_pin;
mod hub_time;
mod idempotency_key;
mod joiners;
pub mod lease;
mod login_nonce;
pub mod number_exchange;
mod password;
mod retry;
#[cfg(feature = "ring")]
pub mod ring_keys;
pub mod samples;
pub mod signed;
pub mod succession;
mod text;
pub mod ticket;
pub mod transfer;
mod wall_time;
mod whole_number;

pub use client_network::ClientNetwork;
pub use data_file::{DataFile, DataFileError, MAX_DATA_FILE_BYTES};
pub use device_key::{DeviceKey, DeviceKeyError, Signature, SignatureError};
pub use device_name::{DeviceName, DeviceNameError, MAX_DEVICE_NAME_BYTES};
pub use hash::{ContentHash, ContentHashError};
pub use hash_algorithm::HashAlgorithm;
pub use hub_key::{HubKey, HubKeyError};
pub use hub_pin::{HubPin, HubPinError};
pub use hub_time::{HubRun, HubRunError, HubTime};
pub use idempotency_key::{IdempotencyKey, IdempotencyKeyError};
pub use login_nonce::{LoginNonce, LoginNonceError};
pub use password::{MAX_PASSWORD_BYTES, Password, PasswordError};
pub use retry::Retry;
pub use text::{Escaped, EscapedBytes};
pub use wall_time::WallTime;
pub use whole_number::{Generation, Version};
