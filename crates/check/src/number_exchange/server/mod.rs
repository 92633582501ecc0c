//! The checks of a server.

mod crowd;
mod detect;
mod judge;
mod malformed;
mod probe;
mod replies;
mod stop;

use std::net::SocketAddr;

use fleetlink_proto::number_exchange::{Form, Name};

use self::detect::Detected;
use self::judge::Spoken;
use self::probe::Probe;
use crate::{Check, Finding, Plan, Trace};

/// A server of the number exchange.
#[derive(Debug, Clone)]
pub struct Server {
    /// The server's address.
    pub address: SocketAddr,
    /// The form that is checked alone. Without it text and JSON are checked, or the form that the
    /// server turns out to speak.
    pub form: Option<Form>,
    /// The name that the server must give itself.
    pub name: Option<Name>,
    /// Whether to check, last, that a number out of range stops the server.
    pub allow_stop: bool,
}

impl Server {
    /// Finds out which forms the server speaks, and returns the checks of these.
    pub async fn plan(&self) -> Plan {
        let trace = Trace::default();
        let probe = Probe::new(self.address, trace.clone());
        let found = match self.form {
            Some(form) => detect::told(&probe, form).await,
            None => detect::detect(&probe).await,
        };
        self.plan_of(&probe, found, trace)
    }

    fn plan_of(&self, server: &Probe, found: Detected, trace: Trace) -> Plan {
        let mut plan = Plan::new(trace);
        let answers = async move { found.answers };
        plan.add(Check::new("answers", "something answers", answers));
        let form = found.forms.first().copied().unwrap_or(Form::TEXT);
        watch(&mut plan, server, form);
        let mut before = None;
        for &form in &found.forms {
            let spoken = Spoken { form, before };
            replies::add(&mut plan, server, spoken, self.name.as_ref());
            malformed::add(&mut plan, server, spoken);
            crowd::add(&mut plan, server, spoken);
            before = Some(form);
        }
        if let Some(form) = found.unspoken {
            let name = form.name();
            let why = format!("the server does not speak it; insist with --dialect {name}");
            let shows = "a request is answered in its form";
            plan.skip(judge::id(&form, "reply"), shows, why);
        }
        stop::add(&mut plan, server, &found.forms, self.allow_stop);
        plan
    }
}

/// Shows by a good request whether the server still answers.
fn watch(plan: &mut Plan, server: &Probe, form: Form) {
    let server = server.clone();
    plan.watch(move || {
        let server = server.clone();
        Box::pin(async move {
            let heard = server.ask(&judge::plain_request(form, 25)).await;
            heard.map_or_else(|finding| finding, |_| Finding::pass())
        })
    });
}

/// Whether points may name this check although a plan has not got it: it is another form's.
pub fn is_check(name: &str) -> bool {
    const CHECKS: [&str; 22] = [
        "reply",
        "close",
        "server-name",
        "server-number",
        "numbers",
        "sum",
        "boundaries",
        "odd-names",
        "no-end",
        "silence",
        "newline",
        "pieces",
        "silent-client",
        "crowd",
        "nothing",
        "cut-off",
        "no-number",
        "word",
        "binary",
        "deep",
        "over-long",
        "stop",
    ];
    match name.split_once('.') {
        Some((form, check)) => Form::named(form).is_some() && CHECKS.contains(&check),
        None => CHECKS.contains(&name),
    }
}
