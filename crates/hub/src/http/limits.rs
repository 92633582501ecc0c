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
pub(crate) const BODY_DEADLINE: Duration = Duration::from_secs(30);
/// Reads of the store at once; further ones wait.
pub(crate) const READS_AT_ONCE: usize = 8;
/// Exports of audit records at once; further ones are refused.
pub(crate) const EXPORTS_AT_ONCE: usize = 2;
/// The time that a read of the store waits for its place.
pub(crate) const READ_WAIT: Duration = Duration::from_secs(5);
/// The bytes of an upload that are staged at once.
pub(crate) const BLOCK_BYTES: usize = 256 * 1024;
/// The time for which the hub still reads an upload that it has refused: a client that is cut off
/// while it sends never sees the reply.
pub(crate) const REFUSED_UPLOAD_READ: Duration = Duration::from_secs(5);
/// The data files on a page of a list, at most.
pub(crate) const PAGE_ITEMS: usize = 200;
/// The columns of a plot, unless the client asks for another number.
pub(crate) const PLOT_COLUMNS: u32 = 1200;
/// The part of the connections that one client network has at most: one of so many.
pub(crate) const NETWORK_SHARE: usize = 2;
/// The time between two looks at the certificate's files.
pub(crate) const LOOK_AT_CERTIFICATE: Duration = Duration::from_secs(2);
/// The time for which the size of the store is not looked for again.
pub(crate) const SIZE_IS_KNOWN: Duration = Duration::from_secs(15);
/// Streams of events that are open at once.
pub(crate) const MAX_STREAMS: usize = 256;
/// The same of one client network.
pub(crate) const MAX_STREAMS_PER_NETWORK: usize = 128;
/// The same of all devices together: they leave room for people.
pub(crate) const MAX_STREAMS_OF_DEVICES: usize = MAX_STREAMS / 2;
/// The same of one device.
pub(crate) const MAX_STREAMS_PER_DEVICE: usize = 4;
/// The same of one session of the page or one token.
pub(crate) const MAX_STREAMS_PER_CALLER: usize = 64;
/// The time without an event after which a stream sends a comment.
pub(crate) const PING: Duration = Duration::from_secs(15);
/// The time in which the events of a stream gather after those that were sent last.
pub(crate) const EVENTS_TOGETHER: Duration = Duration::from_millis(20);
/// The time after which a download or a stream of events asks again whether its caller may read.
pub(crate) const ASK_AGAIN: Duration = Duration::from_secs(1);
