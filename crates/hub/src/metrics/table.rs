//! All metrics of a hub: their names, what they mean, and where each number comes from.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use fleetlink_proto::control::ErrorCode;
use fleetlink_proto::lease::{Counts, TransportCounts};

use super::exposition::{Page, Unit};
use super::process::{Process, float};
use super::{Counter, Meters};
use crate::store::StoreStatus;
use crate::traffic::Bytes;

/// The sizes of the store and its disk.
#[derive(Debug, Clone, Default)]
pub(crate) struct StoreGauges {
    pub(crate) known_devices: Option<u64>,
    pub(crate) bytes: Option<u64>,
    pub(crate) segment_files: Option<u64>,
    pub(crate) disk_bytes: Option<u64>,
    pub(crate) free_bytes: Option<u64>,
}

/// All that is shown at one time.
#[derive(Debug)]
pub(crate) struct Gathered {
    pub(crate) meters: Arc<Meters>,
    pub(crate) store: StoreStatus,
    pub(crate) gauges: StoreGauges,
    pub(crate) control_bytes: Bytes,
    pub(crate) http_bytes: Bytes,
    pub(crate) driver_queue: (usize, usize),
    pub(crate) console_queue: (usize, usize),
    /// Of the lease service, where it runs.
    pub(crate) leases: Option<Counts>,
    pub(crate) exchanges: u64,
    /// The ends of the certificates of devices' and of HTTP's door, as times since 1970.
    pub(crate) certificates: Vec<(&'static str, Duration)>,
}

impl Gathered {
    pub(super) fn describe(&self, page: &mut Page<'_>) -> fmt::Result {
        let version = ("version", env!("CARGO_PKG_VERSION"));
        page.info("fleetlink_build", "The version of the hub.", version)?;
        self.devices(page)?;
        self.data(page)?;
        self.calls(page)?;
        self.network(page)?;
        self.queues(page)?;
        self.store(page)?;
        self.services(page)?;
        process(page)
    }

    fn devices(&self, page: &mut Page<'_>) -> fmt::Result {
        let meters = &self.meters;
        page.gauge(
            "fleetlink_devices_present",
            "Devices that are present.",
            size(meters.present.get()),
        )?;
        page.gauge(
            "fleetlink_devices_known",
            "Devices that have an account.",
            known(self.gauges.known_devices),
        )?;
        page.gauge(
            "fleetlink_sessions",
            "Open connections of devices, also those that have not logged in yet.",
            size(meters.sessions.get()),
        )?;
        page.counters(
            ("fleetlink_joins", "entrance"),
            "Joins, by what the device had before: nothing, sessions that it took over from, or sessions that stay.",
            meters.joins.all(),
        )?;
        page.counters(
            ("fleetlink_leaves", "reason"),
            "Devices that were present and are no longer, by the reason.",
            meters.leaves.all(),
        )?;
        page.counter(
            "fleetlink_logins",
            "Sessions of devices that logged in.",
            meters.logins.get(),
        )?;
        page.counters(
            ("fleetlink_login_failures", "reason"),
            "Logins that failed, of devices and of people, by the reason.",
            meters.login_failures.all(),
        )?;
        page.counter(
            "fleetlink_page_logins",
            "People who logged in to the page.",
            meters.page_logins.get(),
        )?;
        page.counters(
            ("fleetlink_penalties", "kind"),
            "Penalties: for the wrong passwords of a network on many names, or on one name.",
            meters.penalties.all(),
        )
    }

    fn data(&self, page: &mut Page<'_>) -> fmt::Result {
        let meters = &self.meters;
        page.counters(
            ("fleetlink_uploads", "mode"),
            "Committed uploads.",
            meters.uploads.all(),
        )?;
        page.counter(
            "fleetlink_uploaded_bytes",
            "Bytes of committed uploads.",
            meters.uploaded_bytes.get(),
        )?;
        page.counter(
            "fleetlink_uploaded_samples",
            "Samples of committed uploads.",
            meters.uploaded_samples.get(),
        )?;
        page.counter(
            "fleetlink_downloads",
            "Downloads of data files in sessions that began.",
            meters.downloads.get(),
        )?;
        page.counter(
            "fleetlink_downloaded_bytes",
            "Bytes of the data files whose downloads began.",
            meters.downloaded_bytes.get(),
        )?;
        page.counters(
            ("fleetlink_deletions", "by"),
            "Deleted data files, by the one who deleted them.",
            meters.deletions.all(),
        )?;
        page.counter(
            "fleetlink_transfer_grants",
            "Permissions for transfers from device to device.",
            meters.grants.get(),
        )?;
        let transfers = *meters.transfers();
        page.gauge(
            "fleetlink_transfers_running",
            "Transfers from device to device that are under way, as their senders report them.",
            size(transfers.running),
        )?;
        let paths = [
            ("direct", transfers.direct),
            ("relayed", transfers.relayed),
            ("none", transfers.without_path),
        ];
        page.counters(
            ("fleetlink_transfers_finished", "path"),
            "Transfers that succeeded, by their path.",
            paths.map(|(path, of)| (path, of.finished)),
        )?;
        page.counters(
            ("fleetlink_transfers_failed", "path"),
            "Transfers that did not, by their path; none where there was no way yet.",
            paths.map(|(path, of)| (path, of.failed)),
        )?;
        page.counters(
            ("fleetlink_transferred_bytes", "path"),
            "Bytes of transfers that are over, by their path.",
            paths.map(|(path, of)| (path, of.bytes)),
        )
    }

    fn calls(&self, page: &mut Page<'_>) -> fmt::Result {
        let meters = &self.meters;
        page.histograms(
            ("fleetlink_call_duration_seconds", "method"),
            "Time from a call in a session to its reply.",
            meters
                .calls
                .iter()
                .map(|(method, calls)| (method, calls.get())),
        )?;
        let codes = ErrorCode::ALL.iter().map(|code| code.name());
        let refusals = meters.refusals.iter().map(Counter::get);
        page.counters(
            ("fleetlink_calls_refused", "code"),
            "Calls in sessions whose reply is an error, by its code; busy is a limit of the hub.",
            codes.zip(refusals),
        )?;
        page.histograms(
            ("fleetlink_http_request_duration_seconds", "method"),
            "Time from the head of an HTTP request to the head of its reply.",
            meters
                .http
                .iter()
                .map(|(method, http)| (method, http.get())),
        )?;
        page.counters(
            ("fleetlink_http_replies", "status"),
            "HTTP replies by the class of their status.",
            meters.http_replies.all(),
        )
    }

    fn network(&self, page: &mut Page<'_>) -> fmt::Result {
        let meters = &self.meters;
        let both = |of: fn(&Bytes) -> u64| {
            [
                ("control", of(&self.control_bytes)),
                ("http", of(&self.http_bytes)),
            ]
        };
        page.counters(
            ("fleetlink_received_bytes", "service"),
            "Bytes from devices' connections, and of the bodies of HTTP requests.",
            both(|bytes| bytes.received),
        )?;
        page.counters(
            ("fleetlink_sent_bytes", "service"),
            "Bytes to devices' connections, and of the bodies of HTTP replies.",
            both(|bytes| bytes.sent),
        )?;
        page.counters(
            ("fleetlink_connections_refused", "limit"),
            "Connections that were closed at once, by the limit: a network's share of the devices' door, its handshakes, or its share of the HTTP door.",
            [
                ("network", meters.network_refused.get()),
                ("handshakes", meters.handshake_refused.get()),
                ("http_network", meters.http_refused.get()),
            ],
        )?;
        let certificates = self.certificates.iter();
        page.gauges(
            ("fleetlink_certificate_not_after_seconds", "service"),
            "The time since 1970 at which a certificate ends; the one for devices is renewed by itself.",
            certificates.map(|(service, end)| (*service, float(end.as_secs()))),
        )
    }

    fn queues(&self, page: &mut Page<'_>) -> fmt::Result {
        let queues = [
            ("driver", self.driver_queue),
            ("console", self.console_queue),
            ("store_write", self.store.write_queue),
            ("store_read", self.store.read_queue),
        ];
        page.gauges(
            ("fleetlink_queue_length", "queue"),
            "Items that wait in a queue.",
            queues.map(|(queue, (length, _))| (queue, size(length))),
        )?;
        page.gauges(
            ("fleetlink_queue_capacity", "queue"),
            "Items that may wait in a queue.",
            queues.map(|(queue, (_, capacity))| (queue, size(capacity))),
        )?;
        page.counters(
            ("fleetlink_dropped", "what"),
            "What did not reach its reader: lines of the hub's console, places in the live feed that readers lost, and audit events that have no record of their own.",
            [
                ("console_lines", self.meters.console_dropped.get()),
                ("feed_readers", self.meters.feed_resets.get()),
                ("audit_events", self.meters.audit_dropped.get()),
            ],
        )
    }

    fn store(&self, page: &mut Page<'_>) -> fmt::Result {
        let (store, gauges) = (&self.store, &self.gauges);
        page.gauge(
            "fleetlink_store_healthy",
            "Whether the store can keep what it promises: 1, or 0 where it has failed and the hub ends.",
            if store.is_healthy { 1.0 } else { 0.0 },
        )?;
        page.histogram(
            "fleetlink_store_commit_duration_seconds",
            "Time of a transaction with its flush to the disk.",
            Unit::Microseconds,
            &store.commits,
        )?;
        page.histogram(
            "fleetlink_store_commit_changes",
            "Changes that are committed together.",
            Unit::One,
            &store.commit_sizes,
        )?;
        page.histogram(
            "fleetlink_store_flush_duration_seconds",
            "Time of the last flush of an upload that becomes a file.",
            Unit::Microseconds,
            &store.flushes,
        )?;
        page.gauge(
            "fleetlink_store_pyramid_backlog",
            "Segments that wait for their pyramid.",
            size(store.pyramid_backlog),
        )?;
        page.gauge(
            "fleetlink_store_merge_backlog",
            "Data files that wait for a merge of their segments.",
            size(store.merge_backlog),
        )?;
        page.gauge(
            "fleetlink_store_bytes",
            "Bytes of the data folder; looked for every 15 seconds at most.",
            known(gauges.bytes),
        )?;
        page.gauge(
            "fleetlink_store_segment_files",
            "Segments that are files of their own.",
            known(gauges.segment_files),
        )?;
        page.gauge(
            "fleetlink_disk_size_bytes",
            "Size of the data folder's disk.",
            known(gauges.disk_bytes),
        )?;
        page.gauge(
            "fleetlink_disk_free_bytes",
            "Bytes of the data folder's disk that the hub may still use.",
            known(gauges.free_bytes),
        )
    }

    fn services(&self, page: &mut Page<'_>) -> fmt::Result {
        let leases = self.leases.unwrap_or_default();
        page.counters(
            ("fleetlink_lease_udp_requests", "outcome"),
            "Requests for connection IDs over UDP.",
            outcomes(&leases.udp),
        )?;
        page.counters(
            ("fleetlink_lease_tcp_requests", "outcome"),
            "Requests for connection IDs over TCP.",
            outcomes(&leases.tcp),
        )?;
        page.counter(
            "fleetlink_number_exchanges",
            "Replies of the number exchange.",
            self.exchanges,
        )
    }
}

fn outcomes(counts: &TransportCounts) -> [(&'static str, u64); 6] {
    [
        ("granted", counts.granted),
        ("in_use", counts.in_use),
        ("over_share", counts.over_share),
        ("over_rate", counts.over_rate),
        ("malformed", counts.malformed),
        ("silent", counts.silent),
    ]
}

fn process(page: &mut Page<'_>) -> fmt::Result {
    let process = Process::read();
    page.seconds(
        "process_cpu_seconds",
        "Processor time of the hub.",
        process.cpu_seconds,
    )?;
    page.gauge(
        "process_resident_memory_bytes",
        "Memory of the hub.",
        float(process.resident_bytes),
    )?;
    page.gauge(
        "process_virtual_memory_bytes",
        "Address space of the hub.",
        float(process.virtual_bytes),
    )?;
    page.gauge(
        "process_threads",
        "Threads of the hub.",
        float(process.threads),
    )?;
    page.gauge(
        "process_open_fds",
        "Open file descriptors.",
        float(process.open_fds),
    )?;
    page.gauge(
        "process_max_fds",
        "File descriptors that may be open.",
        float(process.max_fds),
    )?;
    page.gauge(
        "process_start_time_seconds",
        "The time since 1970 at which the hub started.",
        process.start_seconds,
    )
}

fn size(number: usize) -> f64 {
    float(number as u64)
}

/// A number that may not be known: then it is none.
fn known(number: Option<u64>) -> f64 {
    number.map_or(f64::NAN, float)
}
