//! The checks of a client.

mod judge;
mod run;
mod script;
mod server;

use std::sync::Arc;
use std::time::Duration;

use fleetlink_proto::number_exchange::Form;
use tokio::sync::OnceCell;

use self::judge::Judge;
use self::run::Run;
use self::script::Reaction;
use crate::{Check, Error, Finding, Plan, Program, Trace};

/// The number that the client is given, and one that is out of range.
const NUMBER: u8 = 25;
const OUT_OF_RANGE: u8 = 0;

/// A client of the number exchange.
#[derive(Debug, Clone)]
pub struct Client {
    /// The client's command.
    pub program: Program,
    /// The form that the client has to speak; `None` allows every form.
    pub form: Option<Form>,
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
    reaction: Reaction,
    number: u8,
    run: Arc<OnceCell<Result<Run, Finding>>>,
}

impl Shared {
    fn new(client: &Arc<Client>, reaction: Reaction) -> Self {
        Shared {
            client: Arc::clone(client),
            reaction,
            number: NUMBER,
            run: Arc::default(),
        }
    }

    async fn made(&self) -> Result<&Run, Finding> {
        let make = || Run::make(&self.client, self.reaction, self.number);
        self.run
            .get_or_init(make)
            .await
            .as_ref()
            .map_err(Finding::clone)
    }
}

/// Judges a run, beside one in which all was well.
async fn judged(run: Shared, good: Shared, judge: Judge) -> Finding {
    let judged = async { Ok::<_, Finding>(judge(run.made().await?, good.made().await?)) };
    judged.await.unwrap_or_else(|failed| failed)
}

fn plan(client: &Arc<Client>) -> Plan {
    let mut plan = Plan::new(Trace::default());
    let limit = client.timeout * 4 + Duration::from_secs(180);
    let of = |reaction| Shared::new(client, reaction);
    let good = of(Reaction::Good);
    let mut add = |id: &str, shows: &str, needs: &[&str], run: &Shared, judge: Judge| {
        let check = Check::new(id, shows, judged(run.clone(), good.clone(), judge));
        plan.add(check.needs(needs.iter().copied()).within(limit));
    };
    let started = &["starts", "request"];
    add(
        "starts",
        "the client starts and says something",
        &[],
        &good,
        judge::starts,
    );
    let shows = "it sends its name and its number in a known form";
    add("request", shows, &["starts"], &good, judge::request);
    add(
        "shows",
        "it shows the server's name and number",
        started,
        &good,
        judge::shows,
    );
    let needs = &["starts", "request", "shows"];
    add("sum", "it shows the sum", needs, &good, judge::sum);
    add("ends", "it ends with status 0", started, &good, judge::ends);
    let line = of(Reaction::Line);
    add(
        "line-end",
        "a reply may end with a newline",
        needs,
        &line,
        judge::shows_a_line,
    );
    let pieces = of(Reaction::Pieces);
    add(
        "pieces",
        "a reply may come in pieces",
        needs,
        &pieces,
        judge::shows,
    );
    let quiet = &["starts", "request", "ends"];
    let wrong = of(Reaction::WrongSum);
    add(
        "wrong-sum",
        "it notices a wrong sum",
        quiet,
        &wrong,
        judge::notices_the_sum,
    );
    let garbage = of(Reaction::Garbage);
    add(
        "garbage",
        "it notices a reply that is none",
        quiet,
        &garbage,
        judge::notices,
    );
    let close = of(Reaction::Close);
    add(
        "close",
        "it notices a close without a reply",
        quiet,
        &close,
        judge::notices,
    );
    let reset = of(Reaction::Reset);
    let needs = &["starts", "request", "ends", "close"];
    add(
        "reset",
        "it bears a reset of the connection",
        needs,
        &reset,
        judge::bears,
    );
    let silence = of(Reaction::Silence);
    let shows = "it ends when no reply comes";
    add("time-out", shows, quiet, &silence, judge::ends_in_time);
    let mut zero = of(Reaction::Good);
    zero.number = OUT_OF_RANGE;
    let shows = "a number out of range is sent, and ends the client";
    add("out-of-range", shows, quiet, &zero, judge::out_of_range);
    plan
}
