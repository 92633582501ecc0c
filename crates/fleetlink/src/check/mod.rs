//! The engine of the checkers: what is checked about somebody's program, in which order, and how
//! the findings are shown. It knows no protocol.
//!
//! A checker adds [`Check`]s to a [`Plan`], runs it, and shows its `Report`:
//!
//! ```ignore
//! let trace = Trace::default();
//! let mut plan = Plan::new(trace.clone());
//! plan.add(Check::new("reply", "a request is answered", async move {
//!     let came = ask(server, REQUEST, &trace).await;
//!     Finding::compare(&came, EXPECTED, "the reply has a fixed form").sent(shown(REQUEST))
//! }));
//! plan.add(Check::new("sum", "the sum is right", sum(server)).needs(["reply"]));
//! plan.skip("stop", "the service can be stopped", "give --allow-stop");
//! plan.run(output).await.show(Subject::Server("127.0.0.1:8000"), output)
//! ```
//!
//! Checks run one after the other, in the order in which they are added. A check that needs another
//! one is skipped unless that one passed: so one fault fails one check.

mod finding;
mod options;
mod plan;
mod points;
mod process;
mod program;
mod progress;
mod report;
mod trace;

pub(crate) use finding::{Finding, shown};
pub(crate) use options::ReportOptions;
pub(crate) use plan::{Check, Plan};
pub(crate) use process::{Ended, Place, Running};
pub(crate) use program::{Program, seconds};
pub(crate) use progress::Progress;
pub(crate) use report::Subject;
pub(crate) use trace::Trace;
