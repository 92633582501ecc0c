//! The report of a checker: a table for people, one document for programs.

use std::fmt::Write as _;

use fleetlink_proto::Escaped;
use serde::Serialize;

use crate::finding::{Finding, Verdict};
use crate::points::Points;

/// A check that has run, or was skipped.
#[derive(Debug, Serialize)]
pub(super) struct Checked {
    pub(super) id: String,
    pub(super) shows: String,
    #[serde(flatten)]
    pub(super) finding: Finding,
    pub(super) seconds: f64,
    /// The check was skipped because of a fault of the program, so its points are lost.
    #[serde(skip)]
    pub(super) forfeit: bool,
    #[serde(flatten)]
    pub(super) weighed: Option<Marks>,
}

/// Points that were reached, of those that could be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct Marks {
    points: u64,
    of: u64,
}

impl Checked {
    /// A check that was skipped for a reason that the program has no part in does not count.
    fn marks(&self, points: &Points) -> Marks {
        let worth = u64::from(points.of(&self.id));
        let (points, of) = match self.finding.verdict() {
            Verdict::Pass => (worth, worth),
            Verdict::Skipped if !self.forfeit => (0, 0),
            Verdict::Fail | Verdict::Skipped => (0, worth),
        };
        Marks { points, of }
    }
}

/// The program that was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Subject<'a> {
    /// A server, by its address.
    Server(&'a str),
    /// A client, by its command.
    Client(&'a str),
}

/// The findings of a plan.
#[derive(Debug)]
pub struct Report {
    pub(super) checks: Vec<Checked>,
    total: Option<Marks>,
}

/// A report as one document.
#[derive(Debug, Serialize)]
pub struct Document<'a> {
    #[serde(flatten)]
    subject: Subject<'a>,
    passed: usize,
    failed: usize,
    skipped: usize,
    #[serde(flatten)]
    total: Option<Marks>,
    checks: &'a [Checked],
}

impl Report {
    pub(super) fn new(mut checks: Vec<Checked>, points: Option<&Points>) -> Self {
        let total = points.map(|points| {
            let mut total = Marks::default();
            for checked in &mut checks {
                let marks = checked.marks(points);
                total.points += marks.points;
                total.of += marks.of;
                checked.weighed = Some(marks);
            }
            total
        });
        Report { checks, total }
    }

    fn count(&self, verdict: Verdict) -> usize {
        let of = |checked: &&Checked| checked.finding.verdict() == verdict;
        self.checks.iter().filter(of).count()
    }

    /// The number of checks that failed.
    pub fn failed(&self) -> usize {
        self.count(Verdict::Fail)
    }

    /// The finding of each check that ran or was skipped, with the check's id.
    pub fn findings(&self) -> impl Iterator<Item = (&str, &Finding)> {
        let checks = self.checks.iter();
        checks.map(|checked| (checked.id.as_str(), &checked.finding))
    }

    /// The report as one document, for `serde`.
    pub fn document<'a>(&'a self, subject: Subject<'a>) -> Document<'a> {
        Document {
            subject,
            passed: self.count(Verdict::Pass),
            failed: self.failed(),
            skipped: self.count(Verdict::Skipped),
            total: self.total,
            checks: &self.checks,
        }
    }

    /// The report as a table: a row for each check, followed by the bytes that were sent and that
    /// came. A failed check also has the expected bytes and the reason.
    pub fn table(&self) -> String {
        let width = self.checks.iter().map(|checked| checked.id.len()).max();
        let width = width.unwrap_or(0);
        let mut table = String::new();
        for checked in &self.checks {
            let Checked {
                id, shows, finding, ..
            } = checked;
            let verdict = match finding.verdict() {
                Verdict::Pass => "pass",
                Verdict::Fail => "FAIL",
                Verdict::Skipped => "skipped",
            };
            let why_skipped = match (finding.verdict(), &finding.why) {
                (Verdict::Skipped, Some(why)) => format!(" ({why})"),
                _ => String::new(),
            };
            let marks = checked.weighed.filter(|marks| marks.of > 0);
            let marks = marks.map_or_else(String::new, |m| format!(" [{}/{}]", m.points, m.of));
            // Writing to a String does not fail.
            let _ = writeln!(
                table,
                "{verdict:<8} {id:<width$}  {}{why_skipped}{marks}",
                Escaped(shows)
            );
            for (label, text) in details(finding) {
                let _ = writeln!(table, "{label:>18}  {text}");
            }
        }
        let _ = write!(
            table,
            "\n{} passed, {} failed, {} skipped",
            self.count(Verdict::Pass),
            self.count(Verdict::Fail),
            self.count(Verdict::Skipped)
        );
        if let Some(Marks { points, of }) = self.total {
            let _ = write!(table, "\n{points} of {of} points");
        }
        table
    }
}

fn details(finding: &Finding) -> impl Iterator<Item = (&'static str, &str)> {
    let if_failed = |text| finding.failed().then_some(text);
    [
        ("sent", Some(&finding.sent)),
        ("came", Some(&finding.came)),
        ("expected", if_failed(&finding.expected)),
        ("why", if_failed(&finding.why)),
        ("remark", Some(&finding.remark)),
    ]
    .into_iter()
    .filter_map(|(label, text)| Some((label, text?.as_deref()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(points: Option<&str>) -> Report {
        let checked = |id: &str, shows: &str, finding, forfeit| Checked {
            id: id.to_owned(),
            shows: shows.to_owned(),
            finding,
            seconds: 0.25,
            forfeit,
            weighed: None,
        };
        let file = tempfile::NamedTempFile::new().unwrap();
        let points = points.map(|text| {
            std::fs::write(file.path(), text).unwrap();
            Points::read(file.path()).unwrap()
        });
        let pass = Finding::pass().sent("1").came("2").expected("2");
        let wrong = Finding::compare(b"4", b"3", "1 + 2 is 3");
        let checks = vec![
            checked("reply", "it is answered", pass.remark("late"), false),
            checked("sum", "the sum is right", wrong, false),
            checked("crowd", "all", Finding::skipped("needs: sum"), true),
            checked("stop", "it stops", Finding::skipped("not asked"), false),
        ];
        Report::new(checks, points.as_ref())
    }

    #[test]
    fn the_table_says_what_was_seen_and_what_should_have_been() {
        let expected = "\
pass     reply  it is answered
              sent  1
              came  2
            remark  late
FAIL     sum    the sum is right
              came  4
          expected  3
               why  1 + 2 is 3
skipped  crowd  all (needs: sum)
skipped  stop   it stops (not asked)

1 passed, 1 failed, 2 skipped";
        assert_eq!(report(None).table(), expected);
    }

    #[test]
    fn points_are_shown_and_totalled() {
        let report = report(Some("reply = 3\nsum = 2\ncrowd = 4\nstop = 8"));
        let table = report.table();
        assert!(table.ends_with("\n3 of 9 points"), "{table}");
        assert!(table.contains("it is answered [3/3]\n"), "{table}");
        assert!(table.contains("(needs: sum) [0/4]\n"), "{table}");
        assert!(table.contains("(not asked)\n"), "{table}");
    }

    #[test]
    fn the_document_carries_every_detail() {
        let checks = serde_json::to_value(&report(None).checks).unwrap();
        assert_eq!(
            checks[0],
            serde_json::json!({"id": "reply", "shows": "it is answered", "result": "pass",
                "sent": "1", "came": "2", "expected": "2", "remark": "late", "seconds": 0.25})
        );
        assert_eq!(checks[3]["result"], "skipped");
        let weighed = report(Some("reply = 3\nsum = 2"));
        let checks = serde_json::to_value(&weighed.checks).unwrap();
        assert_eq!(
            (&checks[0]["points"], &checks[0]["of"]),
            (&3.into(), &3.into())
        );
        assert_eq!(
            (&checks[1]["points"], &checks[1]["of"]),
            (&0.into(), &2.into())
        );
    }

    #[test]
    fn the_document_names_the_program_and_counts_the_verdicts() {
        let report = report(None);
        assert_eq!(report.failed(), 1);
        let document = serde_json::to_value(report.document(Subject::Server("s"))).unwrap();
        assert_eq!(document["server"], "s");
        assert_eq!(
            (
                &document["passed"],
                &document["failed"],
                &document["skipped"]
            ),
            (&1.into(), &1.into(), &2.into())
        );
        assert_eq!(Report::new(vec![], None).failed(), 0);
    }
}
