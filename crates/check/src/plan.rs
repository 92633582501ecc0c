//! The checks of one program, run one after the other.

use std::pin::Pin;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::finding::{Finding, Verdict};
use crate::points::Points;
use crate::progress::ProgressListener;
use crate::report::{Checked, Report};
use crate::trace::Trace;

/// The time of one check, unless it sets another one.
const CHECK_DEADLINE: Duration = Duration::from_secs(60);

/// The work of a check, or a request that shows whether the server still answers.
pub type Work = Pin<Box<dyn Future<Output = Finding> + Send>>;
type Alive = Box<dyn Fn() -> Work + Send>;

/// One thing that is checked.
pub struct Check {
    id: String,
    shows: String,
    needs: Vec<String>,
    unless_failed: Vec<String>,
    limit: Duration,
    work: Work,
}

impl Check {
    /// Makes the check `id` (stable, for programs), which shows `shows` (a sentence without a full
    /// stop).
    pub fn new(
        id: impl Into<String>,
        shows: impl Into<String>,
        work: impl Future<Output = Finding> + Send + 'static,
    ) -> Self {
        Check {
            id: id.into(),
            shows: shows.into(),
            needs: Vec::new(),
            unless_failed: Vec::new(),
            limit: CHECK_DEADLINE,
            work: Box::pin(work),
        }
    }

    /// Skips the check unless all of these passed. Checks that are not in the plan do not count.
    pub fn needs(mut self, ids: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.needs.extend(ids.into_iter().map(Into::into));
        self
    }

    /// Skips the check where one of these failed: the same fault is not told twice. Unlike a need,
    /// it may have been skipped.
    pub fn unless_failed(mut self, ids: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.unless_failed.extend(ids.into_iter().map(Into::into));
        self
    }

    /// Replaces the check by a skipped one with this reason.
    pub fn instead(self, why: &'static str) -> Self {
        Check {
            work: Box::pin(async move { Finding::skipped(why) }),
            needs: Vec::new(),
            unless_failed: Vec::new(),
            ..self
        }
    }

    /// Sets the time that the check may take, in place of 60 seconds.
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }
}

/// The checks of one program. They run and are shown in the order in which they are added.
pub struct Plan {
    checks: Vec<Check>,
    trace: Trace,
    alive: Option<Alive>,
    points: Option<Points>,
}

impl Plan {
    /// Makes a plan without any check. The checks note their inputs in `trace`.
    pub fn new(trace: Trace) -> Self {
        Plan {
            checks: Vec::new(),
            trace,
            alive: None,
            points: None,
        }
    }

    /// Sets the request that follows each failure. Where it finds [`Finding::gone`], the server is
    /// reported as gone; any other finding is ignored.
    pub fn watch(&mut self, alive: impl Fn() -> Work + Send + 'static) {
        self.alive = Some(Box::new(alive));
    }

    /// Adds a check.
    pub fn add(&mut self, check: Check) {
        self.checks.push(check);
    }

    /// Adds a check that is skipped, with the reason.
    pub fn skip(
        &mut self,
        id: impl Into<String>,
        shows: impl Into<String>,
        why: impl Into<String>,
    ) {
        let why = why.into();
        self.add(Check::new(id, shows, async move { Finding::skipped(why) }));
    }

    /// Sets the points of the checks. Fails where they name a check that is neither in this plan nor
    /// `known` beside it.
    pub fn weigh(
        &mut self,
        points: Option<Points>,
        known: impl Fn(&str) -> bool,
    ) -> Result<(), Error> {
        if let Some(points) = &points {
            let ids: Vec<&str> = self.checks.iter().map(|check| check.id.as_str()).collect();
            points.verify(&ids, known)?;
        }
        self.points = points;
        Ok(())
    }

    /// Runs the checks.
    pub async fn run(self, progress: &mut dyn ProgressListener) -> Report {
        let of = self.checks.len();
        let mut course = Course {
            trace: self.trace,
            alive: self.alive,
            checked: Vec::new(),
            gone: None,
        };
        for (number, check) in (1..).zip(self.checks) {
            progress.begin(number, of, &check.id, &check.shows);
            course.take(check).await;
        }
        Report::new(course.checked, self.points.as_ref())
    }
}

/// A run of a plan.
struct Course {
    trace: Trace,
    alive: Option<Alive>,
    checked: Vec<Checked>,
    /// The id of the check in which the server died.
    gone: Option<String>,
}

impl Course {
    async fn take(&mut self, check: Check) {
        let Check {
            id,
            shows,
            needs,
            unless_failed,
            limit,
            work,
        } = check;
        let place = self.checked.len();
        self.trace.begin(place);
        let began = Instant::now();
        let (finding, forfeit) = if let Some(dead) = &self.gone {
            let why = format!("the server is gone since {dead}");
            (Finding::skipped(why), true)
        } else if let Some(need) = self.first_missing(&needs, &unless_failed) {
            (Finding::skipped(format!("needs: {need}")), true)
        } else {
            let finding = tokio::time::timeout(limit, work).await;
            let late = |_| Finding::fail(format!("it did not end within {limit:?}"));
            (finding.unwrap_or_else(late), false)
        };
        let gone = finding.gone;
        self.checked.push(Checked {
            id,
            shows,
            finding,
            forfeit,
            seconds: began.elapsed().as_secs_f64(),
            weighed: None,
        });
        if gone {
            let reason = self.checked[place].finding.why.clone().unwrap_or_default();
            self.bury(place, &reason);
        }
        self.look_after(place).await;
    }

    /// The first need that did not pass, or check that failed and must not have.
    fn first_missing(&self, needs: &[String], unless_failed: &[String]) -> Option<String> {
        let any = |id: &String, is: fn(Verdict) -> bool| {
            let mut of = self.checked.iter().filter(|checked| checked.id == *id);
            of.any(|checked| is(checked.finding.verdict()))
        };
        let missing = needs.iter().find(|id| any(id, |is| is != Verdict::Pass));
        let failed = || {
            unless_failed
                .iter()
                .find(|id| any(id, |is| is == Verdict::Fail))
        };
        missing.or_else(failed).cloned()
    }

    /// After a failure: whether the server still lives, so that its death is not told as another
    /// failure.
    async fn look_after(&mut self, place: usize) {
        let failed = self.checked[place].finding.failed();
        if let (true, Some(alive)) = (failed && self.gone.is_none(), &self.alive) {
            let found = alive().await;
            if found.gone {
                self.bury(place, &found.why.unwrap_or_default());
            }
        }
    }

    /// Reports the death that was met at `place`: at the check that sent the last input.
    fn bury(&mut self, place: usize, reason: &str) {
        let Some(input) = self.trace.last() else {
            // It never was there.
            self.gone = Some(self.checked[place].id.clone());
            return;
        };
        let killer = &mut self.checked[input.check];
        let why = format!("the server was gone after this input: {reason}");
        let finding = killer.finding.clone();
        killer.finding = if !finding.failed() || finding.gone {
            finding.but(why).sent(&input.shown).came(reason)
        } else if finding.sent.is_some() {
            finding.remark(why)
        } else {
            finding.remark(why).sent(&input.shown)
        };
        let id = killer.id.clone();
        let met = &mut self.checked[place];
        if input.check != place && met.finding.gone {
            met.finding = Finding::skipped(format!("the server is gone since {id}"));
            met.forfeit = true;
        }
        self.gone = Some(id);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    fn verdicts(report: &Report) -> Vec<(&str, Verdict)> {
        let checked = report.checks.iter();
        checked
            .map(|c| (c.id.as_str(), c.finding.verdict()))
            .collect()
    }

    async fn run(plan: Plan) -> Report {
        plan.run(&mut ()).await
    }

    #[tokio::test]
    async fn checks_run_one_after_the_other_in_the_order_of_the_plan() {
        let log = Arc::new(Mutex::new(Vec::new()));
        let mut plan = Plan::new(Trace::default());
        for id in ["one", "two", "three"] {
            let log = Arc::clone(&log);
            plan.add(Check::new(id, "", async move {
                log.lock().unwrap().push(format!("{id} begins"));
                tokio::task::yield_now().await;
                log.lock().unwrap().push(format!("{id} ends"));
                Finding::pass()
            }));
        }
        run(plan).await;
        let expected: Vec<String> = ["one", "two", "three"]
            .iter()
            .flat_map(|id| [format!("{id} begins"), format!("{id} ends")])
            .collect();
        assert_eq!(*log.lock().unwrap(), expected);
    }

    #[tokio::test]
    async fn a_check_is_skipped_where_one_that_it_needs_did_not_pass() {
        let mut plan = Plan::new(Trace::default());
        let never = || async { unreachable!("it is skipped") };
        plan.add(Check::new("reply", "", async { Finding::fail("wrong") }));
        plan.add(Check::new("sum", "", never()).needs(["reply"]));
        plan.add(Check::new("crowd", "", never()).needs(["sum"]));
        plan.add(Check::new("close", "", async { Finding::pass() }).needs(["absent"]));
        plan.add(Check::new("twin", "", never()).unless_failed(["reply"]));
        plan.add(Check::new("other", "", async { Finding::pass() }).unless_failed(["sum"]));
        let report = run(plan).await;
        assert_eq!(
            verdicts(&report),
            [
                ("reply", Verdict::Fail),
                ("sum", Verdict::Skipped),
                ("crowd", Verdict::Skipped),
                ("close", Verdict::Pass),
                ("twin", Verdict::Skipped),
                ("other", Verdict::Pass)
            ]
        );
        let why = |place: usize| report.checks[place].finding.why.clone();
        assert_eq!(why(1).as_deref(), Some("needs: reply"));
        assert_eq!(why(2).as_deref(), Some("needs: sum"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_that_hangs_is_a_failure() {
        let mut plan = Plan::new(Trace::default());
        let hanging = Check::new("hang", "", std::future::pending());
        plan.add(hanging.within(Duration::from_secs(5)));
        plan.skip("stop", "", "not asked for");
        assert_eq!(
            verdicts(&run(plan).await),
            [("hang", Verdict::Fail), ("stop", Verdict::Skipped)]
        );
    }

    /// Three checks, of which the second kills the server; `late` is whether that shows only in
    /// the third.
    async fn death(late: bool) -> Report {
        let trace = Trace::default();
        let mut plan = Plan::new(trace.clone());
        let first = trace.clone();
        plan.add(Check::new("reply", "", async move {
            first.note(b"good");
            Finding::pass()
        }));
        let second = trace.clone();
        plan.add(Check::new("malformed", "", async move {
            second.note(b"bad\0");
            // It lives a little longer.
            second.note_good(b"good");
            if late {
                Finding::pass()
            } else {
                Finding::gone("connection refused")
            }
        }));
        plan.add(Check::new("pieces", "", async move {
            assert!(late, "it is skipped");
            Finding::gone("connection refused")
        }));
        plan.skip("stop", "", "not asked for");
        run(plan).await
    }

    #[tokio::test]
    async fn a_death_is_reported_once_with_the_input_before_it() {
        for late in [false, true] {
            let report = death(late).await;
            assert_eq!(
                verdicts(&report),
                [
                    ("reply", Verdict::Pass),
                    ("malformed", Verdict::Fail),
                    ("pieces", Verdict::Skipped),
                    ("stop", Verdict::Skipped)
                ],
                "late: {late}"
            );
            let finding = &report.checks[1].finding;
            assert_eq!(finding.sent.as_deref(), Some("bad\\u{0}"));
            let why = report.checks[2].finding.why.as_deref();
            assert_eq!(why, Some("the server is gone since malformed"));
        }
    }

    #[tokio::test]
    async fn a_death_by_a_check_that_failed_is_no_further_failure() {
        let trace = Trace::default();
        let mut plan = Plan::new(trace.clone());
        plan.watch(|| Box::pin(async { Finding::gone("connection refused") }));
        plan.add(Check::new("range", "", async move {
            trace.note(b"100");
            Finding::fail("100 is in range").sent("100")
        }));
        plan.add(Check::new("names", "", async { unreachable!("skipped") }));
        let report = run(plan).await;
        assert_eq!(
            verdicts(&report),
            [("range", Verdict::Fail), ("names", Verdict::Skipped)]
        );
        let finding = &report.checks[0].finding;
        assert_eq!(finding.why.as_deref(), Some("100 is in range"));
        assert!(finding.remark.as_deref().unwrap().contains("gone"));
    }

    #[tokio::test]
    async fn a_server_that_never_was_there_is_one_failure() {
        let mut plan = Plan::new(Trace::default());
        plan.add(Check::new("reach", "", async { Finding::gone("refused") }));
        plan.add(Check::new("reply", "", async { unreachable!("skipped") }));
        let report = run(plan).await;
        assert_eq!(
            verdicts(&report),
            [("reach", Verdict::Fail), ("reply", Verdict::Skipped)]
        );
        assert_eq!(report.checks[0].finding.why.as_deref(), Some("refused"));
    }
}
