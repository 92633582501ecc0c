//! The checks of a client.

mod judge;
mod run;
mod script;
mod server;

use std::sync::Arc;
use std::time::Duration;

use fleetlink_proto::lease::Transport;
use tokio::sync::OnceCell;

use self::run::Run;
use self::script::{Reaction, Script};
use crate::{Check, Error, Finding, Plan, Program, Trace};

/// A client of the lease service.
#[derive(Debug, Clone)]
pub struct Client {
    /// The client's command.
    pub program: Program,
    /// The transport over which the checker serves it.
    pub transport: Transport,
    /// The time that the client waits for a reply.
    pub timeout: Duration,
}

impl Client {
    /// The checks: the client is started once for each script, and judged by what it did. Fails
    /// where the client does not learn the port.
    pub fn plan(self) -> Result<Plan, Error> {
        self.program.verify()?;
        Ok(plan(&Arc::new(self)))
    }
}

/// A run of the client against one script, made by the first check that needs it.
#[derive(Clone)]
struct Shared {
    client: Arc<Client>,
    script: Script,
    run: Arc<OnceCell<Result<Run, Finding>>>,
}

impl Shared {
    fn new(client: &Arc<Client>, reactions: &[Reaction]) -> Self {
        Shared {
            client: Arc::clone(client),
            script: Script::new(reactions),
            run: Arc::default(),
        }
    }

    async fn judged(self, judge: fn(&Run) -> Finding) -> Finding {
        let run = self
            .run
            .get_or_init(|| Run::make(&self.client, &self.script));
        match run.await {
            Ok(run) => judge(run),
            Err(finding) => finding.clone(),
        }
    }
}

fn plan(client: &Arc<Client>) -> Plan {
    let mut plan = Plan::new(Trace::default());
    // Three times as long as a client that waits for its time-out three times.
    let limit = client.timeout * 10 + Duration::from_secs(180);
    let of = |reactions: &[Reaction]| Shared::new(client, reactions);
    let mut add =
        |id: &str, shows: &str, needs: &[&str], run: &Shared, judge: fn(&Run) -> Finding| {
            let check = Check::new(id, shows, run.clone().judged(judge));
            plan.add(check.needs(needs.iter().copied()).within(limit));
        };
    let granted = of(&[Reaction::Grant]);
    add(
        "starts",
        "the client starts and asks the server",
        &[],
        &granted,
        judge::starts,
    );
    let needs = &["starts"];
    add(
        "request",
        "it sends HELLO <id>, and nothing else",
        needs,
        &granted,
        judge::request,
    );
    let needs = &["starts", "request"];
    let shows = "after OK it prints Connection established <id> <ip> <port>";
    add("established", shows, needs, &granted, judge::established);
    let needs = &["starts", "request", "established"];
    add(
        "ends",
        "after OK it ends with status 0",
        needs,
        &granted,
        judge::ends,
    );
    let line = of(&[Reaction::GrantLine]);
    add(
        "line-end",
        "a reply may end with a newline",
        needs,
        &line,
        judge::established,
    );
    let reset = of(&[Reaction::Reset, Reaction::Grant]);
    let needs = &["starts", "request"];
    add(
        "retry",
        "after RESET it tries again",
        needs,
        &reset,
        judge::retry,
    );
    let needs = &["starts", "request", "retry"];
    let shows = "after RESET it prints Connection Error <id>";
    add("error-line", shows, needs, &reset, judge::error_line);
    add(
        "another-id",
        "it tries another id",
        needs,
        &reset,
        judge::another_id,
    );
    add(
        "new-socket",
        "it tries from a new socket",
        needs,
        &reset,
        judge::new_socket,
    );
    let needs = &["starts", "request", "established", "retry", "another-id"];
    let shows = "after the second id's OK it prints that grant";
    add("second-id", shows, needs, &reset, judge::second_id);
    let refused = of(&[Reaction::Reset; 6]);
    let needs = &["starts", "request", "retry"];
    add(
        "three-tries",
        "it tries three times in all",
        needs,
        &refused,
        judge::three_tries,
    );
    let needs = &["starts", "request", "retry", "three-tries"];
    let shows = "after the last try it prints Connection Failure";
    add("failure-line", shows, needs, &refused, judge::failure_line);
    let shows = "after the last try it ends with a status other than 0";
    add("exit-status", shows, needs, &refused, judge::exit_status);
    let needs = &["starts", "request"];
    let silent = of(&[Reaction::Silence, Reaction::Grant]);
    add(
        "time-out",
        "silence ends a try after the time-out",
        needs,
        &silent,
        judge::time_out,
    );
    let other = of(&[Reaction::AnotherId, Reaction::Grant]);
    add(
        "wrong-id",
        "an OK of another id is not taken",
        needs,
        &other,
        judge::not_taken,
    );
    let garbage = of(&[Reaction::Garbage, Reaction::Grant]);
    let needs = &["starts", "request", "wrong-id"];
    add(
        "garbage",
        "garbage is not taken for a reply",
        needs,
        &garbage,
        judge::not_taken,
    );
    plan_tcp(&mut plan, client, limit);
    plan
}

fn plan_tcp(plan: &mut Plan, client: &Arc<Client>, limit: Duration) {
    let pieces = Shared::new(client, &[Reaction::Pieces]).judged(judge::established);
    let pieces = Check::new("pieces", "a reply may arrive in pieces", pieces);
    let pieces = pieces.needs(["starts", "request", "established"]);
    let close = Shared::new(client, &[Reaction::Close, Reaction::Grant]).judged(judge::not_taken);
    let close = Check::new("close", "a close without a reply is an error", close);
    let close = close.needs(["starts", "request"]);
    for check in [pieces, close] {
        plan.add(match client.transport {
            Transport::Tcp => check.within(limit),
            Transport::Udp => check.instead("of TCP alone: check it with --tcp"),
        });
    }
}
