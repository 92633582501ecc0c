//! The checks of one server, run together where they allow it and in order where they must.

use std::pin::Pin;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::finding::Finding;
use super::report::{Checked, Report};

/// How long one check may take unless it says otherwise.
const CHECK_DEADLINE: Duration = Duration::from_secs(30);
/// Checks that run at once.
const MAX_TOGETHER: usize = 8;

/// When a check runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Before all others, one after the other; where it fails, every other is skipped.
    First,
    /// Beside others of this kind.
    Together,
    /// After those, one at a time: it needs the server for itself, or may hurt it.
    Alone,
    /// At the very end, one at a time: the server may be gone afterwards.
    Last,
}

type Work = Pin<Box<dyn Future<Output = Finding> + Send>>;

/// One thing that is checked.
pub(crate) struct Check {
    id: &'static str,
    shows: &'static str,
    order: Order,
    limit: Duration,
    work: Work,
}

impl Check {
    /// The check `id` (stable, for programs) that shows `shows` (a sentence without a full stop).
    pub(crate) fn new(
        id: &'static str,
        shows: &'static str,
        order: Order,
        work: impl Future<Output = Finding> + Send + 'static,
    ) -> Self {
        Check {
            id,
            shows,
            order,
            limit: CHECK_DEADLINE,
            work: Box::pin(work),
        }
    }

    /// Lets it take up to `limit`, other than the default of 30 seconds.
    pub(crate) fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    async fn run(self) -> Checked {
        let began = Instant::now();
        let finding = tokio::time::timeout(self.limit, self.work)
            .await
            .unwrap_or_else(|_| Finding::fail(format!("it did not end within {:?}", self.limit)));
        Checked {
            id: self.id,
            shows: self.shows,
            finding,
            seconds: began.elapsed().as_secs_f64(),
        }
    }

    fn skip(&self, why: &str) -> Checked {
        Checked::skipped(self.id, self.shows, why)
    }
}

/// The checks of one server. They are shown in the order in which they are added.
#[derive(Default)]
pub(crate) struct Plan {
    checks: Vec<Check>,
}

impl Plan {
    /// Without any check.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a check.
    pub(crate) fn add(&mut self, check: Check) {
        self.checks.push(check);
    }

    /// Adds a check that is not run, and why.
    pub(crate) fn skip(&mut self, id: &'static str, shows: &'static str, why: &'static str) {
        let work = async move { Finding::skipped(why) };
        self.add(Check::new(id, shows, Order::Together, work));
    }

    /// Runs them all.
    pub(crate) async fn run(self) -> Report {
        let mut places: Vec<Option<Checked>> = Vec::new();
        let mut phases: [Vec<(usize, Check)>; 4] = Default::default();
        for (place, check) in self.checks.into_iter().enumerate() {
            places.push(None);
            phases[check.order as usize].push((place, check));
        }
        let [first, together, alone, last] = phases;
        let mut failed = None;
        for (place, check) in first {
            let checked = match failed {
                None => check.run().await,
                Some(id) => check.skip(&because_of(id)),
            };
            if checked.finding.failed() {
                failed = Some(checked.id);
            }
            places[place] = Some(checked);
        }
        if let Some(id) = failed {
            for (place, check) in together.into_iter().chain(alone).chain(last) {
                places[place] = Some(check.skip(&because_of(id)));
            }
            return Report::of(places);
        }
        run_together(together, &mut places).await;
        for (place, check) in alone.into_iter().chain(last) {
            places[place] = Some(check.run().await);
        }
        Report::of(places)
    }
}

fn because_of(id: &str) -> String {
    format!("{id} failed")
}

async fn run_together(checks: Vec<(usize, Check)>, places: &mut [Option<Checked>]) {
    let mut waiting = checks.into_iter();
    let mut running = JoinSet::new();
    loop {
        while running.len() < MAX_TOGETHER
            && let Some((place, check)) = waiting.next()
        {
            running.spawn(async move { (place, check.run().await) });
        }
        match running.join_next().await {
            None => return,
            Some(Ok((place, checked))) => places[place] = Some(checked),
            Some(Err(stopped)) => std::panic::resume_unwind(stopped.into_panic()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::check::finding::Verdict;

    fn verdicts(report: &Report) -> Vec<(&'static str, Verdict)> {
        let checked = report.checks.iter();
        checked.map(|c| (c.id, c.finding.verdict)).collect()
    }

    #[tokio::test]
    async fn runs_in_the_order_that_checks_need_and_shows_them_as_added() {
        let log = Arc::new(Mutex::new(Vec::new()));
        let mut plan = Plan::new();
        for (id, order) in [
            ("last", Order::Last),
            ("alone", Order::Alone),
            ("together", Order::Together),
            ("first", Order::First),
        ] {
            let log = Arc::clone(&log);
            plan.add(Check::new(id, "", order, async move {
                log.lock().unwrap().push(id);
                Finding::pass()
            }));
        }
        let report = plan.run().await;
        assert_eq!(*log.lock().unwrap(), ["first", "together", "alone", "last"]);
        let ids: Vec<_> = report.checks.iter().map(|checked| checked.id).collect();
        assert_eq!(ids, ["last", "alone", "together", "first"]);
    }

    #[tokio::test]
    async fn checks_that_allow_it_run_at_once() {
        // Each waits for the other.
        let meeting = Arc::new(tokio::sync::Barrier::new(2));
        let mut plan = Plan::new();
        for id in ["one", "other"] {
            let meeting = Arc::clone(&meeting);
            plan.add(Check::new(id, "", Order::Together, async move {
                meeting.wait().await;
                Finding::pass()
            }));
        }
        assert!(!plan.run().await.failed());
    }

    #[tokio::test]
    async fn nothing_runs_after_a_first_check_that_failed() {
        let mut plan = Plan::new();
        plan.add(Check::new("reach", "", Order::First, async {
            Finding::fail("refused")
        }));
        plan.add(Check::new("reply", "", Order::Together, async {
            unreachable!("it is skipped")
        }));
        assert_eq!(
            verdicts(&plan.run().await),
            [("reach", Verdict::Fail), ("reply", Verdict::Skipped)]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_that_hangs_is_a_failure() {
        let mut plan = Plan::new();
        let hanging = Check::new("hang", "", Order::Alone, std::future::pending());
        plan.add(hanging.within(Duration::from_secs(5)));
        plan.skip("stop", "", "not asked for");
        assert_eq!(
            verdicts(&plan.run().await),
            [("hang", Verdict::Fail), ("stop", Verdict::Skipped)]
        );
    }
}
