//! The hub's counts: what happens is counted where it happens, by atomics and nothing else, and read
//! when somebody asks.

mod console;
mod exposition;
mod histogram;
mod labels;
mod process;
mod table;

pub(crate) use self::exposition::{Form, write};
pub(crate) use self::histogram::{COMMIT_SIZES, Histogram, LATENCIES, Observed};
pub(crate) use self::table::{Gathered, StoreGauges};

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fleetlink_core::{DroppedEvents, TransferTotals};
use fleetlink_proto::control::{ErrorCode, Request};

use crate::operator::CountsInfo;

use self::labels::{
    Deletions, Departures, Entrances, LoginFailures, Methods, PenaltyKinds, StatusClasses,
    UploadModes, Verbs,
};

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(crate) fn one(&self) {
        self.add(1);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that goes up and down.
#[derive(Debug, Default)]
pub(crate) struct Gauge(AtomicUsize);

impl Gauge {
    pub(crate) fn set(&self, value: usize) {
        self.0.store(value, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counts of a running hub since its start.
#[derive(Debug)]
pub(crate) struct Meters {
    pub(crate) present: Gauge,
    pub(crate) sessions: Gauge,
    pub(crate) console_dropped: Counter,
    pub(crate) feed_resets: Counter,
    pub(crate) audit_dropped: Counter,
    transfers: Mutex<TransferTotals>,
    joins: Entrances,
    leaves: Departures,
    logins: Counter,
    login_failures: LoginFailures,
    page_logins: Counter,
    penalties: PenaltyKinds,
    uploads: UploadModes,
    uploaded_bytes: Counter,
    uploaded_samples: Counter,
    downloads: Counter,
    downloaded_bytes: Counter,
    deletions: Deletions,
    grants: Counter,
    calls: Methods<Histogram>,
    refusals: Vec<Counter>,
    http: Verbs<Histogram>,
    http_replies: StatusClasses,
    pub(crate) network_refused: Counter,
    pub(crate) handshake_refused: Counter,
    pub(crate) http_refused: Counter,
}

impl Default for Meters {
    fn default() -> Self {
        Meters {
            present: Gauge::default(),
            sessions: Gauge::default(),
            console_dropped: Counter::default(),
            audit_dropped: Counter::default(),
            feed_resets: Counter::default(),
            transfers: Mutex::default(),
            joins: Entrances::default(),
            leaves: Departures::default(),
            logins: Counter::default(),
            login_failures: LoginFailures::default(),
            page_logins: Counter::default(),
            penalties: PenaltyKinds::default(),
            uploads: UploadModes::default(),
            uploaded_bytes: Counter::default(),
            uploaded_samples: Counter::default(),
            downloads: Counter::default(),
            downloaded_bytes: Counter::default(),
            deletions: Deletions::default(),
            grants: Counter::default(),
            calls: Methods::new(|| Histogram::new(LATENCIES)),
            refusals: ErrorCode::ALL.iter().map(|_| Counter::default()).collect(),
            http: Verbs::new(|| Histogram::new(LATENCIES)),
            http_replies: StatusClasses::default(),
            network_refused: Counter::default(),
            handshake_refused: Counter::default(),
            http_refused: Counter::default(),
        }
    }
}

impl Meters {
    /// The transfers so far.
    pub(crate) fn set_transfers(&self, totals: TransferTotals) {
        *self.transfers() = totals;
    }

    fn transfers(&self) -> MutexGuard<'_, TransferTotals> {
        self.transfers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The counts that the operator is told; those of bytes on connections are elsewhere.
    pub(crate) fn summary(&self) -> CountsInfo {
        let busy = ErrorCode::ALL.iter().zip(&self.refusals);
        let busy = busy.filter(|(code, _)| **code == ErrorCode::Busy);
        let refused = [
            &self.network_refused,
            &self.handshake_refused,
            &self.http_refused,
        ];
        CountsInfo {
            uploads: self.uploads.all().iter().map(|(_, uploads)| uploads).sum(),
            uploaded_bytes: self.uploaded_bytes.get(),
            uploaded_samples: self.uploaded_samples.get(),
            refused_busy: busy.map(|(_, count)| count.get()).sum(),
            refused_connections: refused.map(Counter::get).iter().sum(),
            dropped: self.console_dropped.get() + self.feed_resets.get() + self.audit_dropped.get(),
            ..CountsInfo::default()
        }
    }

    /// The audit events that have no record are so many by now.
    pub(crate) fn set_audit_dropped(&self, dropped: DroppedEvents) {
        let all = dropped.left_out + dropped.unwritten;
        self.audit_dropped
            .add(all.saturating_sub(self.audit_dropped.get()));
    }

    /// A call of a session is answered after this time.
    pub(crate) fn answered(&self, method: &'static str, time: Duration) {
        if let Some(histogram) = self.calls.of(method) {
            histogram.observe(time);
        }
    }

    /// A call is refused.
    pub(crate) fn refused(&self, code: ErrorCode) {
        let place = ErrorCode::ALL.iter().position(|known| *known == code);
        if let Some(counter) = place.and_then(|place| self.refusals.get(place)) {
            counter.one();
        }
    }

    /// An HTTP request is answered after this time, up to the first byte of the body.
    pub(crate) fn replied(&self, method: &str, status: u16, time: Duration) {
        self.http.of(method).observe(time);
        self.http_replies.of(status).one();
    }
}

/// The methods of calls, which are the values of a label.
pub(crate) fn methods() -> &'static [&'static str] {
    Request::METHODS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn audit_events_without_a_record_are_counted_once() {
        let meters = Meters::default();
        for (left_out, unwritten, all) in [(3, 0, 3), (3, 2, 5), (3, 2, 5)] {
            meters.set_audit_dropped(DroppedEvents {
                left_out,
                unwritten,
            });
            assert_eq!(meters.audit_dropped.get(), all);
        }
    }

    #[test]
    fn each_method_and_each_code_is_counted_apart() {
        let meters = Meters::default();
        for method in methods() {
            meters.answered(method, Duration::from_millis(3));
        }
        assert!(methods().len() > 15);
        for (_, histogram) in meters.calls.iter() {
            assert_eq!(histogram.get().count, 1);
        }
        meters.answered("no.such.method", Duration::ZERO);
        ErrorCode::ALL.iter().for_each(|code| meters.refused(*code));
        assert!(meters.refusals.iter().all(|counter| counter.get() == 1));
        meters.replied("BREW", 299, Duration::ZERO);
        assert_eq!(meters.http.of("other").get().count, 1);
    }
}
