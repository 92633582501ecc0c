//! The limits of the HTTP door.

use std::time::Duration;

/// The bytes of a request's line and headers, at most.
pub(crate) const MAX_HEAD_BYTES: usize = 32 * 1024;
/// The headers of a request, at most.
pub(crate) const MAX_HEADERS: usize = 64;
/// The bytes of a request's body that is no upload, at most.
pub(crate) const MAX_BODY_BYTES: usize = 64 * 1024;
/// The time for a request's line and headers. So long a connection may also be idle.
pub(crate) const HEAD_DEADLINE: Duration = Duration::from_secs(30);
/// The time for a request's body that is no upload.
#[expect(
    dead_code,
    reason = "the first endpoint that takes a document comes with accounts"
)]
pub(crate) const BODY_DEADLINE: Duration = Duration::from_secs(30);
/// The part of the connections that one client network has at most: one of so many.
pub(crate) const NETWORK_SHARE: usize = 2;
/// The time between two looks at the certificate's files.
pub(crate) const LOOK_AT_CERTIFICATE: Duration = Duration::from_secs(2);
