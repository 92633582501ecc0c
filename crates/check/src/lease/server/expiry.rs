//! The check of the time at which an id is free again.
//!
//! The server granted between the sending of the request and the arrival of the reply. So a request
//! that is answered less than a lease after the sending must get a RESET. A request that is sent a
//! lease after the arrival must get a grant, however slow the network. One watch over one lease
//! shows all three findings: its ids are granted at its beginning, and its requests are sent one
//! after the other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fleetlink_proto::lease::LeaseId;
use tokio::sync::OnceCell;
use tokio::time::sleep_until;

use super::asking::Target;
use super::exchange::Asked;
use crate::{CheckResult, Finding};

/// The drift between two clocks, and the lateness of a timer.
const CLOCKS_DIFFER: Duration = Duration::from_millis(20);
/// The time by which an id may be free late: a server that looks every second, and half a second
/// for a busy machine.
const POLLING: Duration = Duration::from_millis(1500);
/// Percent of the lease after which a second client asks for an id that must be in use.
const EARLY_PERCENT: [u32; 3] = [70, 80, 90];
/// Whole watches that are tried where the checker's own pauses spoil one.
const WATCHES: u32 = 3;

const TOO_BUSY: &str = "this machine is too busy to tell";

/// The watch of a run, made by the first check that needs it.
pub(super) type Shared = Arc<OnceCell<Result<Watch, Finding>>>;

/// The observations over one lease.
pub(super) struct Watch {
    early: Early,
    late: Late,
    renewal: Renewal,
}

/// Requests before the end.
enum Early {
    InUse(Asked),
    Granted(Asked, LeaseId),
    /// No reply came before the end.
    Unknown,
}

/// Requests after the end.
enum Late {
    OnTime(Asked),
    WithinASecond(Asked),
    StillInUse(Asked, LeaseId),
    /// The watch was not ended.
    Unknown,
}

/// Requests from half of the lease on, so often that a server that renews never grants the id.
enum Renewal {
    Granted(Asked),
    StillInUse(Asked, LeaseId),
    /// The pauses were so long that a renewal, too, was over.
    Unknown,
}

/// Just before its end, an id is in use.
pub(super) async fn not_before(target: Target, shared: Shared) -> CheckResult {
    let watch = watch(&target, &shared).await?;
    match &watch.early {
        Early::InUse(asked) => Ok(asked.pass()),
        Early::Granted(asked, id) => {
            let why = format!("less than {:?} have passed since the grant", target.lease);
            Err(asked.fail(&why).expected(format!("RESET {id}")))
        }
        Early::Unknown => {
            let why = "the replies come too late to tell; check over a faster network";
            Ok(Finding::skipped(why))
        }
    }
}

/// Just after its end, an id is free.
pub(super) async fn on_time(target: Target, shared: Shared) -> CheckResult {
    let watch = watch(&target, &shared).await?;
    match &watch.late {
        Late::OnTime(asked) => Ok(asked.pass()),
        Late::WithinASecond(asked) => Ok(asked.pass().remark(format!(
            "the id is free up to a second late; it is free as soon as {:?} have passed",
            target.lease
        ))),
        Late::StillInUse(asked, id) => {
            let why = format!("{:?} have passed since the grant", target.lease + POLLING);
            Err(asked.fail(&why).expected(format!("OK {id} …")))
        }
        Late::Unknown => Ok(Finding::skipped(TOO_BUSY)),
    }
}

/// An id that others ask for is free after its end all the same.
pub(super) async fn no_renewal(target: Target, shared: Shared) -> CheckResult {
    let watch = watch(&target, &shared).await?;
    match &watch.renewal {
        Renewal::Granted(asked) => Ok(asked.pass()),
        Renewal::StillInUse(asked, id) => {
            let why = "a RESET renews nothing: the lease ran from its grant";
            Err(asked.fail(why).expected(format!("OK {id} …")))
        }
        Renewal::Unknown => Ok(Finding::skipped(TOO_BUSY)),
    }
}

async fn watch<'a>(target: &Target, shared: &'a Shared) -> Result<&'a Watch, Finding> {
    let watch = shared.get_or_init(|| async {
        let mut tries = 1;
        loop {
            let watch = Watch::over_one_lease(target).await?;
            let spoilt =
                matches!(watch.early, Early::Unknown) || matches!(watch.renewal, Renewal::Unknown);
            if !spoilt || tries == WATCHES {
                return Ok(watch);
            }
            tries += 1;
        }
    });
    watch.await.as_ref().map_err(Finding::clone)
}

/// A granted id that is asked for again.
struct Granted {
    id: LeaseId,
    grant: Asked,
}

impl Granted {
    async fn new(target: &Target) -> Result<Self, Finding> {
        let (id, grant) = target.granted().await?;
        Ok(Granted { id, grant })
    }

    /// A time at which the lease is not over.
    fn before_end(&self, lease: Duration) -> Instant {
        self.grant.before + lease
    }

    /// A time at which the lease is over.
    fn end(&self, lease: Duration) -> Instant {
        self.grant.after + lease + CLOCKS_DIFFER
    }
}

/// The next request.
#[derive(Clone, Copy)]
enum Step {
    Early(usize),
    Late,
    Latest,
    Renew,
}

impl Watch {
    async fn over_one_lease(target: &Target) -> Result<Self, Finding> {
        let mut early = Vec::new();
        for _ in EARLY_PERCENT {
            early.push(Granted::new(target).await?);
        }
        let late = [Granted::new(target).await?, Granted::new(target).await?];
        let renewed = Granted::new(target).await?;
        let mut course = Course::new(target, early, late, renewed);
        while let Some((time, step)) = course.next() {
            sleep_until(time.into()).await;
            course.take(target, step).await?;
        }
        Ok(course.seen())
    }
}

/// One watch under way.
struct Course {
    lease: Duration,
    steps: Vec<(Instant, Step)>,
    early_ids: Vec<Granted>,
    late_ids: [Granted; 2],
    renewed: Granted,
    early: Early,
    late: Late,
    renewal: Renewal,
    /// The time of the last request for the id that must not be renewed.
    asked_last: Instant,
    /// Whether a renewal by that request holds for longer than the pause after it.
    unbroken: bool,
}

impl Course {
    fn new(
        target: &Target,
        early_ids: Vec<Granted>,
        late_ids: [Granted; 2],
        renewed: Granted,
    ) -> Self {
        let lease = target.lease;
        let mut steps: Vec<_> = early_ids
            .iter()
            .zip(EARLY_PERCENT)
            .enumerate()
            .map(|(n, (id, percent))| (id.grant.before + lease * percent / 100, Step::Early(n)))
            .collect();
        steps.push((late_ids[0].end(lease), Step::Late));
        let asked_last = renewed.grant.before + lease / 2;
        steps.push((asked_last, Step::Renew));
        Course {
            lease,
            steps,
            early_ids,
            late_ids,
            renewed,
            early: Early::Unknown,
            late: Late::Unknown,
            renewal: Renewal::Unknown,
            asked_last,
            unbroken: true,
        }
    }

    /// The step that is due first.
    fn next(&mut self) -> Option<(Instant, Step)> {
        let steps = self.steps.iter().enumerate();
        let (place, _) = steps.min_by_key(|(_, (time, _))| *time)?;
        Some(self.steps.swap_remove(place))
    }

    async fn take(&mut self, target: &Target, step: Step) -> Result<(), Finding> {
        let id = match step {
            Step::Early(n) => self.early_ids[n].id,
            Step::Late => self.late_ids[0].id,
            Step::Latest => self.late_ids[1].id,
            Step::Renew => self.renewed.id,
        };
        let sent = Instant::now();
        let asked = target.ask(id).await?;
        match step {
            Step::Early(n) => self.see_early(n, asked),
            Step::Late if asked.grants(id) => self.late = Late::OnTime(asked),
            Step::Late => {
                let latest = self.late_ids[1].end(self.lease) + POLLING;
                self.steps.push((latest, Step::Latest));
            }
            Step::Latest if asked.grants(id) => self.late = Late::WithinASecond(asked),
            Step::Latest => self.late = Late::StillInUse(asked, id),
            Step::Renew => self.see_renewal(asked, sent),
        }
        Ok(())
    }

    fn see_early(&mut self, n: usize, asked: Asked) {
        let granted = &self.early_ids[n];
        let in_time = asked.after < granted.before_end(self.lease);
        if in_time && !matches!(self.early, Early::Granted(..)) {
            self.early = if asked.grants(granted.id) {
                Early::Granted(asked, granted.id)
            } else {
                Early::InUse(asked)
            };
        }
    }

    fn see_renewal(&mut self, asked: Asked, sent: Instant) {
        let since = sent.duration_since(self.asked_last.min(sent));
        self.unbroken &= since < self.lease * 3 / 4;
        self.asked_last = sent;
        let end = self.renewed.end(self.lease);
        if asked.grants(self.renewed.id) {
            if self.unbroken {
                self.renewal = Renewal::Granted(asked);
            }
        } else if sent >= end + POLLING {
            self.renewal = Renewal::StillInUse(asked, self.renewed.id);
        } else {
            let pause = (self.lease / 4).min(Duration::from_millis(500));
            self.steps.push((sent + pause, Step::Renew));
        }
    }

    fn seen(self) -> Watch {
        Watch {
            early: self.early,
            late: self.late,
            renewal: self.renewal,
        }
    }
}
