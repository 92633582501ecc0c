//! The options that all checkers share.

use std::path::PathBuf;

use fleetlink_check::Points;

use crate::failure::Failure;

/// The options of the report.
#[derive(Debug, clap::Args)]
pub(crate) struct ReportOptions {
    /// Weigh the checks by this file and print a total: a line `check = n` for each check, `#`
    /// for comments.
    #[arg(long, value_name = "FILE")]
    points: Option<PathBuf>,
    /// Print the findings as one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

impl ReportOptions {
    /// Reads the file of points, if one is given.
    pub(crate) fn points(&self) -> Result<Option<Points>, Failure> {
        let points = self.points.as_deref().map(Points::read);
        points.transpose().map_err(Failure::from)
    }
}
