//! `fleetlink hello check`: whether anybody's server keeps to the protocol.

mod asking;
mod expiry;
mod idle;
mod leases;
mod robustness;

use std::time::Duration;

use fleetlink_proto::lease::Transport;

use self::asking::Target;
use super::Server;
use crate::check::{Check, Finding, Order, Plan};
use crate::duration;
use crate::failure::Failure;
use crate::interrupt::unless_interrupted;
use crate::output::Output;

/// Time that a check gets beside the waiting that the protocol asks for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Which server to check.
#[derive(Debug, clap::Args)]
pub(super) struct CheckArguments {
    #[command(flatten)]
    server: Server,
    /// Check it over TCP instead of UDP.
    #[arg(long)]
    tcp: bool,
    /// How long the server leases an id.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration::parse)]
    lease: Duration,
    /// Check last that the server ends after this long without a request.
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    idle_exit: Option<Duration>,
    /// Print the findings as one JSON document.
    #[arg(long)]
    pub(super) json: bool,
}

/// Checks a server; takes little more than one lease time.
pub(super) async fn check(arguments: CheckArguments, output: &Output) -> Result<(), Failure> {
    let transport = if arguments.tcp {
        Transport::Tcp
    } else {
        Transport::Udp
    };
    unless_interrupted(async {
        let addresses = arguments.server.resolve().await?;
        let Some(&address) = addresses.first() else {
            return Err(Failure::General("the server has no address".to_owned()));
        };
        let target = Target::new(address, transport);
        let plan = plan(&target, arguments.lease, arguments.idle_exit);
        plan.run()
            .await
            .show(&format!("{address} over {transport}"), output)
    })
    .await
}

/// What came of a check: a finding either way, the failing ones early.
type Outcome = Result<Finding, Finding>;

fn plan(target: &Target, lease: Duration, idle: Option<Duration>) -> Plan {
    let mut plan = Plan::new();
    let mut add = |id, shows, order, limit, work: futures::Work| {
        plan.add(Check::new(id, shows, order, work).within(limit));
    };
    let soon = PATIENCE;
    let later = lease.saturating_add(PATIENCE);
    let on = || target.clone();
    use Order::{Alone, First, Together};
    add(
        "grant",
        "a free id is granted",
        First,
        soon,
        futures::of(leases::grant(on())),
    );
    add(
        "address",
        "OK tells the client its own address and port",
        Together,
        soon,
        futures::of(leases::address(on())),
    );
    add(
        "in-use",
        "a granted id is in use for everybody",
        Together,
        soon,
        futures::of(leases::in_use(on())),
    );
    add(
        "sources",
        "a lease of one client keeps no other id from anybody",
        Together,
        soon,
        futures::of(leases::sources(on())),
    );
    add(
        "one-table",
        "UDP and TCP share one table",
        Together,
        soon,
        futures::of(leases::one_table(on())),
    );
    add(
        "line-end",
        "a reply ends with a newline if its request did",
        Together,
        soon,
        futures::of(leases::line_end(on())),
    );
    add(
        "not-before",
        "an id stays in use until its lease is over",
        Together,
        later,
        futures::of(expiry::not_before(on(), lease)),
    );
    add(
        "on-time",
        "an id is free as soon as its lease is over",
        Together,
        later,
        futures::of(expiry::on_time(on(), lease)),
    );
    add(
        "no-renewal",
        "asking for an id in use renews nothing",
        Together,
        later,
        futures::of(expiry::no_renewal(on(), lease)),
    );
    add(
        "malformed",
        "malformed input gets no answer and no lease",
        Alone,
        soon,
        futures::of(robustness::malformed(on())),
    );
    plan_tcp(&mut plan, target);
    let (id, shows) = ("idle-exit", "the server ends when nobody asks any more");
    match idle {
        Some(idle) => {
            let work = futures::of(idle::exit(target.clone(), idle));
            let limit = idle.saturating_add(PATIENCE);
            plan.add(Check::new(id, shows, Order::Last, work).within(limit));
        }
        None => plan.skip(id, shows, "ask for it with --idle-exit TIME"),
    }
    plan
}

fn plan_tcp(plan: &mut Plan, target: &Target) {
    let checks = [
        ("pieces", "a request may arrive in pieces"),
        ("silence", "a client that says nothing holds up nobody"),
        (
            "close",
            "the server closes after OK and RESET, without a reset of the connection",
        ),
    ];
    for (id, shows) in checks {
        if target.transport == Transport::Udp {
            plan.skip(id, shows, "of TCP alone: check it with --tcp");
            continue;
        }
        let (order, work) = match id {
            "pieces" => (
                Order::Together,
                futures::of(robustness::pieces(target.clone())),
            ),
            "close" => (
                Order::Together,
                futures::of(robustness::close(target.clone())),
            ),
            // A server that serves one after the other would fail the others, too.
            _ => (
                Order::Alone,
                futures::of(robustness::silence(target.clone())),
            ),
        };
        plan.add(Check::new(id, shows, order, work).within(PATIENCE));
    }
}

/// Checks of different functions in one type.
mod futures {
    use std::pin::Pin;

    use super::{Finding, Outcome};

    pub(super) type Work = Pin<Box<dyn Future<Output = Finding> + Send>>;

    pub(super) fn of(check: impl Future<Output = Outcome> + Send + 'static) -> Work {
        Box::pin(async { check.await.unwrap_or_else(|failed| failed) })
    }
}
