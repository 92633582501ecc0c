//! The parts that the checkers' commands share: arguments, progress, and the report.

mod client;
mod options;
mod program;
mod progress;

use fleetlink_check::{Plan, Subject};

pub(crate) use client::ClientArguments;
pub(crate) use options::ReportOptions;
pub(crate) use program::{ProgramArguments, seconds};
pub(crate) use progress::CheckLine;

use crate::failure::Failure;
use crate::output::Output;

/// Runs the checks and shows the report: a table, or one JSON document where the output is JSON.
/// Fails where a check failed, for the exit status.
pub(crate) async fn run(plan: Plan, subject: Subject<'_>, output: &Output) -> Result<(), Failure> {
    let report = plan.run(&mut CheckLine::new(output)).await;
    output.result(&report.table(), &report.document(subject));
    match report.failed() {
        0 => Ok(()),
        failed => Err(Failure::ChecksFailed(failed)),
    }
}

impl From<fleetlink_check::Error> for Failure {
    fn from(error: fleetlink_check::Error) -> Self {
        use fleetlink_check::Error;

        let message = error.to_string();
        match error {
            Error::UnreadablePoints { error, .. }
                if error.kind() == std::io::ErrorKind::NotFound =>
            {
                Failure::NoSuchFile(message)
            }
            Error::UnreadablePoints { .. } => Failure::General(message),
            Error::BadPoints(_) | Error::NoPort => Failure::Usage(message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fleetlink_check::{Check, Finding, Points, Trace};

    #[tokio::test]
    async fn the_exit_status_is_a_success_only_if_nothing_failed() {
        let output = Output::new(true);
        for (finding, code) in [(Finding::pass(), None), (Finding::fail("no"), Some(1))] {
            let mut plan = Plan::new(Trace::default());
            plan.add(Check::new("reply", "it is answered", async { finding }));
            let ran = run(plan, Subject::Server("s"), &output).await;
            assert_eq!(ran.err().map(|failure| failure.exit_code()), code);
        }
    }

    #[test]
    fn errors_before_the_first_check_have_their_own_exit_codes() {
        let folder = tempfile::tempdir().unwrap();
        let failure = |path: &std::path::Path| Failure::from(Points::read(path).unwrap_err());
        let missing = failure(&folder.path().join("none"));
        assert!(matches!(missing, Failure::NoSuchFile(_)), "{missing}");
        let bad = folder.path().join("bad");
        std::fs::write(&bad, "reply 3").unwrap();
        assert_eq!(failure(&bad).exit_code(), 2);
        assert_eq!(Failure::from(fleetlink_check::Error::NoPort).exit_code(), 2);
    }
}
