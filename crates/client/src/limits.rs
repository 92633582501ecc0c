//! The times and sizes that the device sets for itself; those of the protocol are
//! [`fleetlink_proto::control::limits`].

use std::time::Duration;

/// The time in which one address of the hub must accept a TCP connection.
pub const TCP_CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// The time in which the hub's name must be resolved.
pub const RESOLVE_DEADLINE: Duration = Duration::from_secs(10);
/// The time in which the hub must reply to a call. A login can wait for many others before it.
pub const CALL_DEADLINE: Duration = Duration::from_secs(120);
/// The time in which the hub must make an upload durable.
pub const COMMIT_DEADLINE: Duration = Duration::from_secs(600);
/// The time for which a `leave` waits for its reply.
pub const LEAVE_DEADLINE: Duration = Duration::from_secs(2);
/// The time for which a download may stand still.
pub const DOWNLOAD_STALL_DEADLINE: Duration = Duration::from_secs(120);

/// Calls of one session that may wait for their answers.
pub const MAX_CALLS_IN_FLIGHT: usize = 32;
/// Lines that may wait for the writer.
pub const CONTROL_QUEUE: usize = 64;
/// Upload chunks that may wait for the writer, over all uploads of a session.
pub const CHUNK_QUEUE: usize = 1;
/// Blocks that an upload reads ahead of the network.
pub const BLOCKS_READ_AHEAD: usize = 2;
/// The time for which an upload waits for the end of its stream before it is opened: a small stream that
/// has ended by then goes in one flight.
pub const STREAM_PATIENCE: Duration = Duration::from_secs(2);
/// Pieces of a download that may wait for their reader.
pub const DOWNLOAD_QUEUE: usize = 16;
/// Bytes that one read from the network takes at most.
pub const READ_BUFFER: usize = 256 * 1024;
/// The same before the first download.
pub const LINE_READ_SIZE: usize = 4 * 1024;
/// Plain bytes that TLS may hold before they are written.
pub const TLS_BUFFER: usize = 64 * 1024;
/// Bytes that the kernel may hold unsent: what is said behind an upload's bytes waits for these.
pub const UNSENT_BYTES: u32 = 128 * 1024;

/// The first wait before another connection.
pub const BACKOFF_FIRST: Duration = Duration::from_millis(250);
/// The longest wait before another connection.
pub const BACKOFF_LONGEST: Duration = Duration::from_secs(30);
/// The shortest wait before a password is sent again whose reply was lost: the hub has counted it as an
/// attempt.
pub const LOST_PASSWORD_WAIT: Duration = Duration::from_secs(30);
/// The time for which a login or a ticket is tried again while the hub is busy or its reply is lost.
pub const OPENING_PATIENCE: Duration = Duration::from_secs(5);
/// The longest wait that a hub may ask a joined device for.
pub const REFUSED_WAIT_LONGEST: Duration = Duration::from_secs(60);
/// Tries of one change in a row that may bring it no further; where the hub says that it is busy,
/// at least so many.
pub const MAX_IDLE_TRIES: u32 = 8;
/// Tries to resolve a name that the resolver says nobody has.
pub const MAX_UNKNOWN_TRIES: u32 = 5;
/// The most samples that one call of [`generate`](crate::data::generate()) makes.
pub const MAX_GENERATED: u64 = 1_000_000_000;

/// Blocks of a file that came and wait for the disk.
pub const BLOCKS_BEFORE_DISK: usize = 2;
/// Bytes of a file that come before the disk is told to take them; the rest is left for the end.
pub const WRITE_BACK_BYTES: u64 = 64 * 1024 * 1024;
/// Bytes of the inbox's disk that no transfer takes.
pub const KEEP_FREE_BYTES: u64 = 8 * 1024 * 1024;
/// The highest number that a file's name gets where others have taken it.
pub const MAX_NAME_NUMBER: u32 = 999_999_999;
/// Names of files of which an inbox remembers the number that it gave last.
pub const MAX_REMEMBERED_NAMES: usize = 4096;

/// Generated files that are remembered; of more, the oldest is taken for one of the person's own.
pub const MAX_GENERATED_FILES: usize = 4096;

/// Bytes of one file that may wait between the network and the receiver. The QUIC implementation
/// ends a connection when more than 2048 pieces of packets wait ('too many gaps in stream buffer');
/// this is less than half of them, at the smallest packets.
pub const STREAM_WINDOW: u32 = 1024 * 1024;
/// Bytes of one connection that may wait between the network and a device, each way.
pub const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;
/// The time for which a peer is dialled only at the address that the hub sees, before all are tried: as
/// long as QUIC waits before it repeats its first packet (RFC 9002, section 6.2.2).
pub const DIAL_HEAD_START: Duration = Duration::from_secs(1);
/// The interval at which a joined device looks whether its addresses differ from those that its hub knows.
pub const ADDRESSES_LOOK: Duration = Duration::from_secs(5);
/// The time for which new addresses must stay the same before the hub is told.
pub const ADDRESSES_REST: Duration = Duration::from_secs(1);
/// Connections of peers that may be open before their introductions; more are refused.
pub const MAX_UNKNOWN_PEERS: usize = 64;
/// Of these, the connections of one source; more are refused.
pub const MAX_UNKNOWN_PEERS_PER_NETWORK: usize = 8;
/// Connections of introduced peers that may be open; more are told that the device is busy.
pub const MAX_PEERS: usize = 64;
/// Devices whose keys are remembered, at all hubs; the file has 2 MB then. More are told of and not
/// remembered, so that a hub which invents devices has none of the known ones forgotten.
pub const MAX_KNOWN_DEVICES: usize = 10_000;
/// Files of all peers that may be coming in; each holds a few blocks in memory and a thread.
pub const MAX_FILES_COMING: usize = 32;
/// Files of all peers that hardly get on, beside those.
pub const MAX_SLOW_FILES: usize = 224;
/// Offers that may wait for a place; more are told that the device is busy.
pub const MAX_OFFERS_WAITING: usize = 256;
/// Arrivals that may wait to be looked at; then files wait too.
pub const ARRIVAL_QUEUE: usize = 64;

/// The longest line of input, its ending not counted: numbers may have many decimals, which are
/// rounded.
pub const MAX_INPUT_LINE_BYTES: usize = 4 * 1024;
/// Bytes of input that are looked at together, to see whether they are strict already.
pub const INPUT_BLOCK_BYTES: usize = 64 * 1024;

/// Bytes that one read of an append takes from its source.
pub const APPEND_READ_BYTES: usize = 64 * 1024;
/// Bytes of one commit of an append; one chunk holds them.
pub const APPEND_BATCH_BYTES: usize = 1024 * 1024;
/// Bytes of an append that wait for the hub; while there are more, nothing is read.
pub const APPEND_HELD_BYTES: usize = 64 * 1024 * 1024;
/// The time for which an append that is to end still reads what its producer has written. It ends sooner
/// after a silence of [`APPEND_QUIET`].
pub const APPEND_DRAIN: Duration = Duration::from_secs(1);
/// See [`APPEND_DRAIN`].
pub const APPEND_QUIET: Duration = Duration::from_millis(100);
