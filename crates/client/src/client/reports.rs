//! The device's word to its hub about the files that it sends. A transfer never waits for it, and none
//! fails by it: a hub that is away hears of the end later, or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use fleetlink_proto::control::ErrorCode;
use fleetlink_proto::transfer::limits::REPORT_STEP;
use fleetlink_proto::transfer::{
    Offer, Reason, Receipt, ReportTransfer, ReportedState, TransferPath,
};
use tokio::sync::watch;
use tokio::time::timeout;

use super::{Client, Inner};
use crate::supervisor::Link;
use crate::{Control, ErrorKind, Peer, Result, Session};

/// Files whose reports may wait; the hub does not hear of further ones.
const MAX_REPORTS: usize = 256;
/// The time for which the end of a file is worth telling.
const END_KEPT: Duration = Duration::from_secs(60);
/// The time for which a client that leaves waits until the hub has heard of the ends.
const FINISH_DEADLINE: Duration = Duration::from_secs(1);

/// The longest time between two looks at the files.
const POLL_STEP: Duration = Duration::from_millis(250);
/// The shortest time after which a busy hub is told again.
const LEAST_WAIT: Duration = Duration::from_millis(20);

/// The files that the hub is to hear of.
#[derive(Clone, Default)]
pub(super) struct Reports(Arc<Shared>);

struct Shared {
    book: Mutex<Book>,
    /// The number of files, told when one is added, ended or done with.
    left: watch::Sender<usize>,
}

#[derive(Default)]
struct Book {
    files: BTreeMap<u64, File>,
    last: u64,
    is_told: bool,
}

struct File {
    /// The state that was told last, or is to be told first.
    report: ReportTransfer,
    control: Control,
    /// The time of the last report.
    told: Option<Instant>,
    /// The time before which the hub wants to hear no report of this file.
    not_before: Option<Instant>,
    /// The time of the end.
    ended: Option<Instant>,
}

/// One file that the hub hears of, until this is dropped.
pub(super) struct Report {
    shared: Arc<Shared>,
    number: u64,
    report: ReportTransfer,
}

impl Default for Shared {
    fn default() -> Self {
        Shared {
            book: Mutex::default(),
            left: watch::Sender::new(0),
        }
    }
}

impl Client {
    /// Begins to tell the hub of a file that is offered to this peer.
    pub(super) fn begin_report(
        &self,
        peer: &Peer,
        offer: &Offer,
        control: &Control,
    ) -> Option<Report> {
        let Reports(shared) = &self.inner.reports;
        let mut book = shared.book();
        if book.files.len() >= MAX_REPORTS {
            return None;
        }
        let report = ReportTransfer {
            grant: peer.grant(),
            file: peer.next_file(),
            name: offer.name.parse().ok()?,
            bytes: offer.size,
            done: 0,
            path: Some(TransferPath::Direct),
            state: ReportedState::Running,
            reason: None,
        };
        book.last += 1;
        let number = book.last;
        let file = File {
            report: report.clone(),
            control: control.clone(),
            told: None,
            not_before: None,
            ended: None,
        };
        book.files.insert(number, file);
        if !std::mem::replace(&mut book.is_told, true) {
            tokio::spawn(tell(Arc::downgrade(&self.inner), Arc::clone(shared)));
        }
        shared.left.send_replace(book.files.len());
        Some(Report {
            shared: Arc::clone(shared),
            number,
            report,
        })
    }
}

impl Report {
    /// Whether it is about this file on its way to this peer.
    pub(super) fn is_of(&self, peer: &Peer, offer: &Offer) -> bool {
        let told = &self.report;
        told.grant == peer.grant() && told.name.as_str() == offer.name && told.bytes == offer.size
    }

    /// The connection is lost; the file goes on by another one.
    pub(super) fn lose(self) {
        self.shared.end(self.number, Some(Reason::ConnectionLost));
    }

    /// The file is over.
    pub(super) fn end(self, sent: &Result<Receipt>) {
        let reason = match sent {
            Ok(_) => None,
            Err(error) => Some(match error.kind() {
                ErrorKind::Transfer(failure) => failure.ended().reason,
                _ => Reason::Internal,
            }),
        };
        self.shared.end(self.number, reason);
    }
}

impl Drop for Report {
    /// Nobody waits for the file any more, unless it has ended.
    fn drop(&mut self) {
        self.shared.end(self.number, Some(Reason::Cancelled));
    }
}

impl Reports {
    /// Ends the reports: files that are still under way fail. Returns when the hub has heard of all ends,
    /// or after a while.
    pub(super) async fn finish(&self) {
        let Reports(shared) = self;
        let under_way: Vec<u64> = shared.book().files.keys().copied().collect();
        for number in under_way {
            shared.end(number, Some(Reason::Closing));
        }
        let mut left = shared.left.subscribe();
        let _ = timeout(FINISH_DEADLINE, left.wait_for(|left| *left == 0)).await;
    }
}

impl Shared {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first end counts.
    fn end(&self, number: u64, failed: Option<Reason>) {
        let mut book = self.book();
        let Some(file) = book.files.get_mut(&number).filter(|f| f.ended.is_none()) else {
            return;
        };
        file.ended = Some(Instant::now());
        let report = &mut file.report;
        report.done = match failed {
            None => report.bytes,
            Some(_) => file.control.arrived().min(report.bytes),
        };
        report.reason = failed;
        report.state = match failed {
            None => ReportedState::Finished,
            Some(_) => ReportedState::Failed,
        };
        self.left.send_replace(book.files.len());
    }

    /// The next report that is due, by the order in which the files began. The hub hears of the files
    /// of a grant in this order, so a file that waits holds back those of its grant that it has not
    /// heard of.
    fn next(&self, now: Instant) -> Option<(u64, ReportTransfer)> {
        let mut book = self.book();
        let mut waiting = BTreeSet::new();
        for (number, file) in &mut book.files {
            if file.not_before.is_some_and(|time| now < time) {
                waiting.insert(file.report.grant);
                continue;
            }
            if file.told.is_none() && waiting.contains(&file.report.grant) {
                continue;
            }
            let done = file.control.arrived().min(file.report.bytes);
            let moves = done != file.report.done;
            let is_due = match (file.told, file.ended) {
                (None, _) | (_, Some(_)) => true,
                (Some(told), None) => moves && now >= told + REPORT_STEP,
            };
            if is_due {
                if file.ended.is_none() {
                    file.report.done = done;
                }
                return Some((*number, file.report.clone()));
            }
        }
        None
    }

    /// The hub is busy: it wants to hear of this file again at this time.
    fn wait(&self, number: u64, until: Instant) {
        if let Some(file) = self.book().files.get_mut(&number) {
            file.not_before = Some(until);
        }
    }

    /// The time until which nothing new need be looked for.
    fn pause(&self, now: Instant) -> Duration {
        let book = self.book();
        let waiting = book.files.values().filter_map(|file| file.not_before);
        let waits = waiting.filter_map(|time| time.checked_duration_since(now));
        let waits = waits.filter(|wait| !wait.is_zero());
        waits.min().unwrap_or(POLL_STEP).min(POLL_STEP)
    }

    /// The hub has heard this.
    fn told(&self, number: u64, report: &ReportTransfer) {
        let mut book = self.book();
        if report.state != ReportedState::Running {
            book.files.remove(&number);
        } else if let Some(file) = book.files.get_mut(&number) {
            file.told = Some(Instant::now());
        }
        self.left.send_replace(book.files.len());
    }

    /// Notes the hub's answer to a report. `false` where the session can take no further one.
    fn answered(&self, number: u64, report: &ReportTransfer, answer: Result<()>) -> bool {
        let Err(error) = answer else {
            self.told(number, report);
            return true;
        };
        match error.refusal() {
            Some(refused) if refused.code == ErrorCode::Busy => {
                let wait = error.retry_after().unwrap_or(REPORT_STEP);
                let wait = wait.clamp(LEAST_WAIT, REPORT_STEP);
                self.wait(number, Instant::now() + wait);
                true
            }
            Some(refused) => {
                tracing::debug!(
                    reason = refused.code.name(),
                    "the hub hears no report of a file"
                );
                self.forget(number);
                true
            }
            None => false,
        }
    }

    fn forget(&self, number: u64) {
        let mut book = self.book();
        book.files.remove(&number);
        self.left.send_replace(book.files.len());
    }

    /// Forgets the ends that nobody heard in time; `true` where no file is left.
    fn is_done(&self, now: Instant) -> bool {
        let mut book = self.book();
        book.files.retain(|_, file| {
            let is_old = |ended: Instant| now >= ended + END_KEPT;
            !file.ended.is_some_and(is_old)
        });
        self.left.send_replace(book.files.len());
        if book.files.is_empty() {
            book.is_told = false;
        }
        book.files.is_empty()
    }

    /// The hub hears of no transfers.
    fn give_up(&self) {
        self.book().files.clear();
        self.left.send_replace(0);
    }
}

/// Tells the hub of the files, until none is left.
async fn tell(client: Weak<Inner>, shared: Arc<Shared>) {
    let mut changes = shared.left.subscribe();
    while !shared.is_done(Instant::now()) {
        changes.mark_unchanged();
        let Some(inner) = client.upgrade() else {
            return;
        };
        let session = Client { inner }.session_at_hand().await;
        if let Some(session) = session {
            if !session.hears_reports() {
                shared.give_up();
                continue;
            }
            while let Some((number, report)) = shared.next(Instant::now()) {
                let told = session.report_transfer(report.clone()).await;
                if !shared.answered(number, &report, told) {
                    break;
                }
            }
        }
        // A file that begins or ends is told at once, progress once a second.
        let _ = timeout(shared.pause(Instant::now()), changes.changed()).await;
    }
}

impl Client {
    /// The session, if there is one now. Nothing is dialled for it.
    async fn session_at_hand(&self) -> Option<Session> {
        let session = match self.inner.supervisor() {
            Some(supervisor) => match &*supervisor.link().borrow() {
                Link::Up(session) => session.clone(),
                Link::Away(_) | Link::Over(_) => return None,
            },
            None => self.parts().await.0,
        };
        session.is_closed().is_none().then_some(session)
    }
}

#[cfg(test)]
mod tests {
    use fleetlink_proto::control::RpcError;
    use fleetlink_proto::transfer::TransferId;

    use super::*;
    use crate::Error;

    fn file(grant: u8, file: u32) -> File {
        let report = ReportTransfer {
            grant: TransferId::from_bytes([grant; 16]),
            file,
            name: "a.mp4".parse().unwrap(),
            bytes: 100,
            done: 0,
            path: Some(TransferPath::Direct),
            state: ReportedState::Running,
            reason: None,
        };
        File {
            report,
            control: Control::new(),
            told: None,
            not_before: None,
            ended: None,
        }
    }

    fn shared(files: impl IntoIterator<Item = File>) -> Shared {
        let shared = Shared::default();
        shared.book().files = (1..).zip(files).collect();
        shared
    }

    fn busy() -> Error {
        Error::refused(RpcError::new(ErrorCode::Busy, "full"))
    }

    /// The files that the hub hears of by `now`, where it is busy for the file of this number.
    fn heard(shared: &Shared, refused: Option<u64>, now: Instant) -> Vec<u64> {
        let mut heard = Vec::new();
        // A file that is told again and again would fill the list.
        while let Some((number, report)) = shared.next(now).filter(|_| heard.len() < 10) {
            let is_busy = refused == Some(number);
            let answer = if is_busy { Err(busy()) } else { Ok(()) };
            assert!(shared.answered(number, &report, answer));
            if !is_busy {
                heard.push(number);
            }
        }
        heard
    }

    #[test]
    fn a_file_for_which_the_hub_is_busy_keeps_no_file_of_another_grant() {
        let shared = shared([file(1, 1), file(2, 1), file(1, 2), file(3, 1)]);
        for number in [1, 3, 4] {
            shared.end(number, None);
        }
        let now = Instant::now();
        assert_eq!(heard(&shared, Some(1), now), [2, 4]);
        // Without a wait that the hub asks for, it is told again after a second; those of the same
        // grant follow in their order.
        assert!(shared.next(now).is_none());
        assert!(shared.pause(now) <= POLL_STEP);
        let later = Instant::now() + REPORT_STEP;
        assert_eq!(heard(&shared, None, later), [1, 3]);
        assert_eq!(shared.book().files.len(), 1);
    }

    #[test]
    fn the_end_of_a_file_that_the_hub_knows_waits_for_no_other_file() {
        let shared = shared([file(1, 1), file(1, 2)]);
        let now = Instant::now();
        shared.book().files.get_mut(&2).unwrap().told = Some(now);
        shared.end(2, Some(Reason::NoSpace));
        assert_eq!(heard(&shared, Some(1), now), [2]);
        assert_eq!(shared.book().files.len(), 1);
    }
}
