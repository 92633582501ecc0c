//! The protocol's documents say what the code does: their tables are held against the code's own.

use fleetlink_proto::control::{
    ErrorCode, Feature, HubNotification, Request, SessionLimits, limits,
};
use fleetlink_proto::transfer::{self, Reason};

const CONTROL: &str = include_str!("../../../docs/protocol/control.md");
const KEYS: &str = include_str!("../../../docs/protocol/keys.md");
const TRANSFER: &str = include_str!("../../../docs/protocol/transfer.md");
const TRANSCRIPTS: &str = include_str!("../../../docs/protocol/transcripts.md");
const TRUST: &str = include_str!("../../../docs/protocol/trust.md");
const SECURITY: &str = include_str!("../../../SECURITY.md");

/// The one row of these documents that begins with this cell.
fn row_of(documents: &[&'static str], first_cell: &str) -> &'static str {
    let start = format!("| {first_cell} |");
    let mut rows = documents
        .iter()
        .flat_map(|document| document.lines())
        .filter(|line| line.starts_with(&start));
    let row = rows
        .next()
        .unwrap_or_else(|| panic!("no row for {first_cell}"));
    assert_eq!(rows.next(), None, "two rows for {first_cell}");
    row
}

/// The row of a method, a notification or an error, which stands on the page of its subject.
fn row(first_cell: &str) -> &'static str {
    row_of(&[CONTROL, KEYS, TRANSFER], first_cell)
}

/// The row of a limit, which stands where a client or an operator looks for it.
fn limit_row(what: &str) -> &'static str {
    row_of(&[CONTROL, KEYS, TRUST, SECURITY], what)
}

#[test]
fn names_every_method() {
    for method in Request::METHODS {
        row(&format!("`{method}`"));
    }
}

#[test]
fn names_every_notification() {
    for method in HubNotification::METHODS {
        row(&format!("`{method}`"));
    }
}

#[test]
fn names_every_feature_and_limit_of_hello() {
    for feature in Feature::ALL {
        let name = format!("`{}`", feature.name());
        assert!(CONTROL.contains(&name), "control.md names no {name}");
    }
    // The transcripts are replayed: what stands there is what a hub answers.
    let limits = serde_json::to_string(&SessionLimits::default()).unwrap();
    assert!(TRANSCRIPTS.contains(&limits), "{limits}");
}

#[test]
fn names_every_error_with_its_number() {
    for code in ErrorCode::ALL {
        let row = row(&code.number().to_string());
        assert!(row.contains(&format!("`{}`", code.name())), "{row}");
    }
}

#[test]
fn states_every_limit() {
    let seconds = |time: std::time::Duration| format!("{} s", time.as_secs());
    let limits = [
        ("`line_bytes`", limits::MAX_LINE_BYTES.to_string()),
        ("`chunk_bytes`", limits::MAX_CHUNK_BYTES.to_string()),
        (
            "a name in `login` that is looked at",
            format!("{} bytes", limits::MAX_LOGIN_NAME_BYTES),
        ),
        (
            "statements of new hub keys",
            limits::MAX_SUCCESSION.to_string(),
        ),
        ("`page_entries`", limits::MAX_PAGE_ENTRIES.to_string()),
        ("`calls`", limits::MAX_REQUESTS_IN_FLIGHT.to_string()),
        (
            "sessions of a device, unless the hub sets another number",
            limits::DEFAULT_SESSIONS_PER_DEVICE.to_string(),
        ),
        (
            "sessions of a hub, at most",
            limits::MAX_SESSIONS.to_string(),
        ),
        ("`uploads`", limits::MAX_UPLOADS_PER_SESSION.to_string()),
        ("`downloads`", limits::MAX_DOWNLOADS_PER_SESSION.to_string()),
        (
            "uploads, downloads of a device",
            format!(
                "{}, {}",
                limits::MAX_UPLOADS_PER_DEVICE,
                limits::MAX_DOWNLOADS_PER_DEVICE
            ),
        ),
        (
            "uploads, downloads of a hub",
            format!(
                "{}, {}",
                limits::MAX_UPLOADS_PER_HUB,
                limits::MAX_DOWNLOADS_PER_HUB
            ),
        ),
        ("`upload_bytes`", limits::MAX_UPLOAD_BYTES.to_string()),
        (
            "store operations of a device that wait for each other",
            limits::MAX_QUEUED_OPERATIONS.to_string(),
        ),
        (
            "lines of a session that are no message",
            limits::MAX_GARBAGE_LINES.to_string(),
        ),
        (
            "bytes of a session before its login",
            limits::MAX_BYTES_BEFORE_LOGIN.to_string(),
        ),
        (
            "sessions of a client network without a login; loopback has no limit",
            limits::MAX_UNKNOWN_SESSIONS_PER_NETWORK.to_string(),
        ),
        (
            "connections of a client network in their TLS handshake; loopback has no limit",
            limits::MAX_HANDSHAKES_PER_NETWORK.to_string(),
        ),
        (
            "logins of a name that wait while earlier ones are checked",
            limits::MAX_WAITING_LOGINS_PER_NAME.to_string(),
        ),
        (
            "names whose failures are remembered beyond the time of a lock-out",
            limits::MAX_REMEMBERED_NAMES.to_string(),
        ),
        (
            "different names of a client network that fail before a penalty, unless the hub sets 2 to \
             100",
            limits::DEFAULT_PENALTY_NAMES.to_string(),
        ),
        (
            "client networks whose failures are remembered",
            limits::MAX_FAILING_NETWORKS.to_string(),
        ),
        (
            "the first and the longest penalty, unless the hub sets others from 1 s to 86400 s",
            format!(
                "{}, {}",
                seconds(limits::DEFAULT_PENALTY),
                seconds(limits::DEFAULT_LONGEST_PENALTY)
            ),
        ),
        (
            "a name on which a client network failed is remembered for",
            seconds(limits::FAILED_NAME_KEPT),
        ),
        (
            "password checks that wait",
            limits::MAX_WAITING_PASSWORD_CHECKS.to_string(),
        ),
        (
            "accounts kept in memory, those of sessions among them",
            limits::MAX_CACHED_ACCOUNTS.to_string(),
        ),
        (
            "calls that wait for an account to be read",
            limits::MAX_PARKED_CALLS.to_string(),
        ),
        ("uses of a join ticket", limits::MAX_TICKET_USES.to_string()),
        (
            "join tickets that are open",
            limits::MAX_OPEN_TICKETS.to_string(),
        ),
        (
            "join tickets that are used, expired or revoked and still known to be",
            limits::MAX_FINISHED_TICKETS.to_string(),
        ),
        (
            "uses of a join ticket that wait until earlier ones are decided",
            limits::MAX_WAITING_REDEMPTIONS.to_string(),
        ),
        (
            "a join ticket's life, unless the operator sets another",
            seconds(limits::DEFAULT_TICKET_LIFE),
        ),
        (
            "a join ticket's life, at most",
            seconds(limits::MAX_TICKET_LIFE),
        ),
        ("TLS handshake", seconds(limits::HANDSHAKE_DEADLINE)),
        (
            "from the connection to `hello`",
            seconds(limits::HELLO_DEADLINE),
        ),
        ("without a login", seconds(limits::LOGIN_DEADLINE)),
        (
            "nonces of a connection",
            limits::MAX_LOGIN_NONCES.to_string(),
        ),
        ("a nonce", seconds(limits::LOGIN_NONCE_LIFE)),
        ("a lock-out", seconds(limits::LOCK_OUT_TIME)),
        (
            "keep-alive, unless the hub sets another from 0.2 s to 3600 s",
            seconds(limits::DEFAULT_KEEP_ALIVE),
        ),
        ("a write without progress", seconds(limits::WRITE_DEADLINE)),
        (
            "a write without progress while more than 67108864 bytes of all sessions are unread",
            seconds(limits::WRITE_DEADLINE_UNDER_LOAD),
        ),
        (
            "replies of a session that the device leaves unread",
            format!("{} bytes", limits::MAX_UNREAD_BYTES),
        ),
        (
            "an open upload of which nothing comes, unless the hub sets another time",
            seconds(limits::DEFAULT_UPLOAD_IDLE),
        ),
        (
            "the hub's wait for its sessions at the end",
            seconds(limits::DRAIN_DEADLINE),
        ),
        (
            "an interrupted upload is kept for",
            seconds(limits::PARTIAL_UPLOAD_KEPT),
        ),
        ("`resume_from_bytes`", limits::RESUME_FROM_BYTES.to_string()),
    ];
    let id = format!("a text of at most {} bytes", limits::MAX_REQUEST_ID_BYTES);
    assert!(CONTROL.contains(&id), "{id}");
    assert_eq!(limits::MAX_NUMBER, (1 << 53) - 1);
    assert!(CONTROL.contains("are whole numbers below 2⁵³"));
    for (what, limit) in limits {
        let row = limit_row(what);
        assert!(
            row.ends_with(&format!("| {limit} |")) || row.ends_with(&format!("| {limit} bytes |")),
            "{row}: {limit}"
        );
    }
}

#[test]
fn names_every_reason_of_a_transfer_with_its_number() {
    for reason in Reason::ALL {
        let row = row_of(&[TRANSFER], &format!("`{}`", reason.name()));
        assert!(row.contains(&format!("| {} |", reason.number())), "{row}");
    }
}

#[test]
fn states_every_limit_of_transfers() {
    let two = |device: usize, hub: usize| format!("{device}, {hub}");
    use transfer::limits;

    let bytes = |limit: u64| format!("{limit} bytes");
    let seconds = |time: std::time::Duration| format!("{} s", time.as_secs());
    for (what, limit) in [
        ("a transfer's block", bytes(limits::BLOCK_BYTES.into())),
        (
            "a frame that is no block",
            bytes(limits::MAX_MESSAGE_BYTES.into()),
        ),
        ("a file's name", bytes(limits::MAX_FILE_NAME_BYTES as u64)),
        (
            "a message of a refusal or cancel",
            bytes(limits::MAX_EXPLANATION_BYTES as u64),
        ),
        ("a file", bytes(limits::MAX_FILE_BYTES)),
        (
            "files of a connection at once",
            limits::MAX_FILES_PER_CONNECTION.to_string(),
        ),
        (
            "addresses that a device announces",
            limits::MAX_ADDRESSES.to_string(),
        ),
        (
            "addresses that a dial tries",
            limits::MAX_DIALLED_ADDRESSES.to_string(),
        ),
        ("a dial", seconds(limits::DIAL_DEADLINE)),
        (
            "an introduction, and its answer",
            seconds(limits::INTRODUCTION_DEADLINE),
        ),
        (
            "from a file's stream to the offer",
            seconds(limits::OFFER_DEADLINE),
        ),
        (
            "from the offer to its answer",
            seconds(limits::ANSWER_DEADLINE),
        ),
        (
            "a transfer that stands still, unless a device sets another time",
            seconds(limits::STALL_DEADLINE),
        ),
        ("between two states", seconds(limits::STATE_STEP)),
        (
            "a connection without a file",
            seconds(limits::UNUSED_DEADLINE),
        ),
        (
            "a peer of which nothing is heard",
            seconds(limits::IDLE_DEADLINE),
        ),
        (
            "statements of new hub keys with a grant",
            limits::MAX_GRANT_SUCCESSION.to_string(),
        ),
        (
            "files under way that the hub hears of: of a device, of all",
            two(
                limits::MAX_REPORTED_PER_DEVICE,
                limits::MAX_REPORTED_PER_HUB,
            ),
        ),
        (
            "files that are over and still known: of a device, of all",
            two(limits::MAX_ENDED_PER_DEVICE, limits::MAX_ENDED_PER_HUB),
        ),
        (
            "grants under which may be reported: of a device, of all",
            two(
                limits::MAX_REPORTING_GRANTS_PER_DEVICE,
                limits::MAX_REPORTING_GRANTS_PER_HUB,
            ),
        ),
        (
            "between two files that a device begins to report, in the long run",
            format!("{} s", limits::REPORTED_FILE_STEP.as_secs_f64()),
        ),
        (
            "a device may be ahead of that by",
            seconds(limits::REPORTED_FILES_AHEAD),
        ),
        (
            "between two reports of a file under way",
            seconds(limits::REPORT_STEP),
        ),
        (
            "a reported file whose session has ended",
            seconds(limits::REPORT_SILENCE),
        ),
        ("a grant", seconds(limits::GRANT_LIFETIME)),
        (
            "an endpoint's certificate",
            seconds(limits::CERTIFICATE_LIFETIME),
        ),
    ] {
        assert_eq!(row_of(&[TRANSFER], what), format!("| {what} | {limit} |"));
    }
}
