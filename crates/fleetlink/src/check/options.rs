//! How a report is wanted: the options that all checkers share.

use std::path::PathBuf;

use super::points::Points;
use crate::failure::Failure;

/// How a report is wanted.
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
    /// The points, where a file gives them.
    pub(crate) fn points(&self) -> Result<Option<Points>, Failure> {
        self.points.as_deref().map(Points::read).transpose()
    }
}
