//! The engine of the checkers: what is checked about somebody's server, in which order, and how
//! the findings are shown. It knows no protocol.
//!
//! A checker adds [`Check`]s to a [`Plan`], runs it, and shows its `Report`:
//!
//! ```ignore
//! let mut plan = Plan::new();
//! plan.add(Check::new("reply", "a request is answered", Order::First, async move {
//!     let came = ask(server, REQUEST).await;
//!     Finding::compare(&came, EXPECTED, "the reply has a fixed form").sent(shown(REQUEST))
//! }));
//! plan.skip("stop", "the service can be stopped", "give --allow-stop");
//! plan.run().await.show("127.0.0.1:8000", output)
//! ```

mod finding;
mod plan;
mod report;

pub(crate) use finding::{Finding, shown};
pub(crate) use plan::{Check, Order, Plan};
