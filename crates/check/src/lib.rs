//! Checkers for anybody's servers and clients of the two small protocols.
//!
//! A checker builds a [`Plan`]: the checks of one program, in the order in which they run. Running
//! the plan gives a [`Report`]: a table for people, and a document for programs.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use fleetlink_check::{Subject, lease};
//! use fleetlink_proto::lease::Transport;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let server = lease::Server {
//!     address: "127.0.0.1:20009".parse().expect("an address"),
//!     transport: Transport::Udp,
//!     lease: Duration::from_secs(30),
//!     idle_exit: None,
//! };
//! let report = server.plan().run(&mut ()).await;
//! println!("{}", report.table());
//! assert_eq!(report.failed(), 0);
//! # }
//! ```
//!
//! Checks run one after the other. A check that needs another one is skipped unless that one
//! passed, so that one fault fails one check. When a server is gone, the report says so once, with
//! the last input that the server received.
//!
//! The engine knows no protocol: [`Check`], [`Plan`], [`Finding`] and [`Trace`] serve a checker of
//! another protocol as well.

mod error;
mod finding;
pub mod lease;
pub mod number_exchange;
mod plan;
mod points;
mod process;
mod program;
mod progress;
mod report;
mod trace;

pub use error::Error;
pub use finding::{Finding, Verdict, shown};
pub use plan::{Check, Plan, Work};
pub use points::Points;
pub use program::Program;
pub use progress::ProgressListener;
pub use report::{Document, Report, Subject};
pub use trace::Trace;

use process::{Ended, Place, Running};

/// The result of a check: the failing finding ends the check early.
type CheckResult = Result<Finding, Finding>;

/// The finding, whichever way the check ended.
async fn merged(check: impl Future<Output = CheckResult>) -> Finding {
    check.await.unwrap_or_else(|failed| failed)
}
