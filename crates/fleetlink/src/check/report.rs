//! What a checker tells: a table for people, one JSON document for programs.

use std::fmt::Write as _;

use serde::Serialize;

use super::finding::{Finding, Verdict};
use crate::failure::Failure;
use crate::output::Output;

/// A check that has run, or was skipped.
#[derive(Debug, Serialize)]
pub(super) struct Checked {
    pub(super) id: &'static str,
    pub(super) shows: &'static str,
    #[serde(flatten)]
    pub(super) finding: Finding,
    pub(super) seconds: f64,
}

impl Checked {
    pub(super) fn skipped(id: &'static str, shows: &'static str, why: &str) -> Self {
        Checked {
            id,
            shows,
            finding: Finding::skipped(why),
            seconds: 0.0,
        }
    }
}

/// What came of a plan.
#[derive(Debug)]
pub(crate) struct Report {
    pub(super) checks: Vec<Checked>,
}

#[derive(Serialize)]
struct Document<'a> {
    server: &'a str,
    passed: usize,
    failed: usize,
    skipped: usize,
    checks: &'a [Checked],
}

impl Report {
    pub(super) fn of(places: Vec<Option<Checked>>) -> Self {
        Report {
            checks: places.into_iter().flatten().collect(),
        }
    }

    fn count(&self, verdict: Verdict) -> usize {
        let of = |checked: &&Checked| checked.finding.verdict == verdict;
        self.checks.iter().filter(of).count()
    }

    /// Whether any check failed.
    pub(crate) fn failed(&self) -> bool {
        self.count(Verdict::Fail) > 0
    }

    /// Shows it as a table, or as JSON where the output is; an error where anything failed, for the
    /// exit status.
    pub(crate) fn show(&self, server: &str, output: &Output) -> Result<(), Failure> {
        let document = Document {
            server,
            passed: self.count(Verdict::Pass),
            failed: self.count(Verdict::Fail),
            skipped: self.count(Verdict::Skipped),
            checks: &self.checks,
        };
        output.result(&self.table(), &document);
        if self.failed() {
            return Err(Failure::ChecksFailed(document.failed));
        }
        Ok(())
    }

    /// A row for each check; what was sent and what came below it, and where it failed also what
    /// was expected and why.
    fn table(&self) -> String {
        let width = self.checks.iter().map(|checked| checked.id.len()).max();
        let width = width.unwrap_or(0);
        let mut table = String::new();
        for Checked {
            id, shows, finding, ..
        } in &self.checks
        {
            let verdict = match finding.verdict {
                Verdict::Pass => "pass",
                Verdict::Fail => "FAIL",
                Verdict::Skipped => "skipped",
            };
            // Writing to a String does not fail.
            let _ = writeln!(table, "{verdict:<8} {id:<width$}  {shows}");
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
        table
    }
}

fn details(finding: &Finding) -> impl Iterator<Item = (&'static str, &str)> {
    let expected = finding.failed().then_some(&finding.expected);
    [
        ("sent", Some(&finding.sent)),
        ("came", Some(&finding.came)),
        ("expected", expected),
        ("why", Some(&finding.why)),
    ]
    .into_iter()
    .filter_map(|(label, text)| Some((label, text?.as_deref()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let checked = |id, shows, finding| Checked {
            id,
            shows,
            finding,
            seconds: 0.25,
        };
        Report {
            checks: vec![
                checked(
                    "reply",
                    "a request is answered",
                    Finding::pass().sent("1").came("2").expected("2"),
                ),
                checked(
                    "sum",
                    "the sum is right",
                    Finding::compare(b"4", b"3", "1 + 2 is 3"),
                ),
                Checked::skipped("stop", "it can be stopped", "give --allow-stop"),
            ],
        }
    }

    #[test]
    fn the_table_says_what_was_seen_and_what_should_have_been() {
        let expected = "\
pass     reply  a request is answered
              sent  1
              came  2
FAIL     sum    the sum is right
              came  4
          expected  3
               why  1 + 2 is 3
skipped  stop   it can be stopped
               why  give --allow-stop

1 passed, 1 failed, 1 skipped";
        assert_eq!(report().table(), expected);
    }

    #[test]
    fn the_document_carries_every_detail() {
        let checks = serde_json::to_value(&report().checks).unwrap();
        assert_eq!(
            checks[0],
            serde_json::json!({"id": "reply", "shows": "a request is answered", "result": "pass",
                "sent": "1", "came": "2", "expected": "2", "seconds": 0.25})
        );
        assert_eq!(checks[2]["result"], "skipped");
    }

    #[test]
    fn the_exit_status_is_a_success_only_if_nothing_failed() {
        let failure = report().show("server", &Output::new(true)).unwrap_err();
        assert_eq!(failure.exit_code(), 1);
        let good = Report { checks: vec![] };
        assert!(good.show("server", &Output::new(true)).is_ok());
    }
}
