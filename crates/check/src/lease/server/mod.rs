//! The checks of a server.

mod asking;
mod connections;
mod exchange;
mod expiry;
mod idle;
mod leases;
mod robustness;

use std::net::SocketAddr;
use std::time::Duration;

use fleetlink_proto::lease::Transport;

use self::asking::Target;
use crate::{Check, CheckResult, Plan, Trace, merged};

/// Time that a check gets beside the waiting that the protocol asks for.
const PATIENCE: Duration = Duration::from_secs(120);
/// Leases that a check of expiry may watch.
const WATCHED_LEASES: u32 = 4;

/// A server of the lease service.
#[derive(Debug, Clone)]
pub struct Server {
    /// The server's address.
    pub address: SocketAddr,
    /// The transport over which it is checked.
    pub transport: Transport,
    /// The time for which the server leases an id.
    pub lease: Duration,
    /// The time without a request after which the server ends. `None` leaves that check out.
    pub idle_exit: Option<Duration>,
}

impl Server {
    /// The checks. They take little more than one lease time.
    pub fn plan(&self) -> Plan {
        let trace = Trace::default();
        let target = Target::new(self.address, self.transport, self.lease, trace.clone());
        plan(&target, self.idle_exit, trace)
    }
}

fn plan(target: &Target, idle: Option<Duration>, trace: Trace) -> Plan {
    let mut plan = Plan::new(trace);
    plan_leases(&mut plan, target);
    plan_expiry(&mut plan, target);
    plan_connections(&mut plan, target);
    let malformed = robustness::malformed(target.clone());
    plan.add(one(
        "malformed",
        "malformed input gets no answer and no lease",
        &["grant", "sources"],
        malformed,
    ));
    let silence = one(
        "silence",
        "a client that says nothing holds up nobody",
        &["grant"],
        connections::silence(target.clone()),
    );
    plan.add(of_tcp(silence, target));
    let looked_at = target.clone();
    plan.watch(move || {
        let target = looked_at.clone();
        Box::pin(merged(async move {
            target.answered().await.map(|asked| asked.pass())
        }))
    });
    let (id, shows) = ("idle-exit", "the server ends when nobody asks any more");
    match idle {
        Some(idle) => {
            let work = idle::exit(target.clone(), idle);
            let limit = idle.saturating_add(PATIENCE);
            plan.add(one(id, shows, &["grant"], work).within(limit));
        }
        None => plan.skip(id, shows, "ask for it with --idle-exit TIME"),
    }
    plan
}

/// A check that needs others.
fn one(
    id: &'static str,
    shows: &'static str,
    needs: &[&str],
    work: impl Future<Output = CheckResult> + Send + 'static,
) -> Check {
    let check = Check::new(id, shows, merged(work));
    check.needs(needs.iter().copied()).within(PATIENCE)
}

fn plan_leases(plan: &mut Plan, target: &Target) {
    let on = || target.clone();
    let first = leases::First::default();
    let grant = leases::grant(on(), first.clone());
    plan.add(one("grant", "a free id is granted", &[], grant));
    plan.add(one(
        "address",
        "OK tells the client its own address and port",
        &["grant"],
        leases::address(first),
    ));
    plan.add(one(
        "sources",
        "a lease of one client keeps no other id from anybody",
        &["grant"],
        leases::sources(on()),
    ));
    plan.add(one(
        "in-use",
        "a granted id is in use for everybody",
        &["grant", "sources"],
        leases::in_use(on()),
    ));
    plan.add(one(
        "one-table",
        "UDP and TCP share one table",
        &["grant", "sources", "in-use"],
        leases::one_table(on()),
    ));
    plan.add(one(
        "line-end",
        "advice: a reply ends with a newline if its request did",
        &["grant"],
        leases::line_end(on()),
    ));
}

fn plan_expiry(plan: &mut Plan, target: &Target) {
    let on = || target.clone();
    let watch = expiry::Shared::default();
    let limit = (target.lease.saturating_mul(WATCHED_LEASES)).saturating_add(PATIENCE);
    let not_before = one(
        "not-before",
        "an id stays in use until its lease is over",
        &["grant", "sources", "in-use"],
        expiry::not_before(on(), watch.clone()),
    );
    plan.add(not_before.within(limit));
    let on_time = one(
        "on-time",
        "an id is free as soon as its lease is over",
        &["grant", "sources"],
        expiry::on_time(on(), watch.clone()),
    );
    plan.add(on_time.within(limit));
    let no_renewal = one(
        "no-renewal",
        "asking for an id in use renews nothing",
        &["grant", "sources", "in-use", "not-before", "on-time"],
        expiry::no_renewal(on(), watch),
    );
    plan.add(no_renewal.within(limit));
}

fn plan_connections(plan: &mut Plan, target: &Target) {
    let checks = [
        (
            "no-end",
            "a request is answered before the client ends its side",
        ),
        ("pieces", "a request may arrive in pieces"),
        (
            "close",
            "the server closes after OK and RESET, without a reset of the connection",
        ),
    ];
    for (id, shows) in checks {
        let on = target.clone();
        let check = match id {
            "no-end" => one(id, shows, &["grant"], connections::no_end(on)),
            "pieces" => one(id, shows, &["grant"], connections::pieces(on)),
            _ => one(id, shows, &["grant", "no-end"], connections::close(on)),
        };
        plan.add(of_tcp(check, target));
    }
}

/// Leaves the check out over UDP.
fn of_tcp(check: Check, target: &Target) -> Check {
    match target.transport {
        Transport::Tcp => check,
        Transport::Udp => check.instead("of TCP alone: check it with --tcp"),
    }
}
