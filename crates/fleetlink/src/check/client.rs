//! The part that the checks of all clients share.

use std::time::Duration;

use fleetlink_check::{Error, Plan, Program, Subject};

use super::{ProgramArguments, ReportOptions, run, seconds};
use crate::failure::Failure;
use crate::interrupt::unless_interrupted;
use crate::output::Output;

/// The client to check.
#[derive(Debug, clap::Args)]
pub(crate) struct ClientArguments {
    /// Time that the client waits for a reply, in seconds.
    #[arg(long, value_name = "S", default_value = "15", value_parser = seconds)]
    timeout: Duration,
    #[command(flatten)]
    pub(crate) report: ReportOptions,
    #[command(flatten)]
    program: ProgramArguments,
}

impl ClientArguments {
    /// Runs the checks that `plan` makes of the client and its time-out, and shows the report.
    pub(crate) async fn check(
        self,
        plan: impl FnOnce(Program, Duration) -> Result<Plan, Error>,
        output: &Output,
    ) -> Result<(), Failure> {
        let points = self.report.points()?;
        let program = Program::from(self.program);
        let command = program.shown();
        let mut plan = plan(program, self.timeout)?;
        plan.weigh(points, |_| false)?;
        unless_interrupted(run(plan, Subject::Client(&command), output)).await
    }
}
