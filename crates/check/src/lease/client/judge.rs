//! The rules for a client's run.

use std::time::Duration;

use fleetlink_proto::lease::{LeaseId, Reply};

use super::run::{ENDS_WITHIN, Run};
use super::script::{Reaction, id_in};
use super::server::Heard;
use crate::{Finding, Place, shown};

/// The time by which a client's time-out may be late, beside the same time again.
const LATE: Duration = Duration::from_secs(5);

impl Run {
    /// The evidence: the client's requests, and its end.
    fn evidence(&self, finding: Finding) -> Finding {
        let requests = self.requests.iter().map(|heard| shown(&heard.bytes));
        let requests: Vec<String> = requests.collect();
        let sent = if requests.is_empty() {
            "(nothing)".to_owned()
        } else {
            requests.join(" | ")
        };
        let came = format!("the client sent {sent}; {}", self.ended.shown());
        let reactions: Vec<String> = self.requests.iter().map(|h| self.answered(h)).collect();
        if reactions.is_empty() {
            return finding.came(came);
        }
        finding.sent(reactions.join(" | ")).came(came)
    }

    /// The reaction, for a person.
    fn answered(&self, heard: &Heard) -> String {
        match heard.reaction {
            Reaction::Silence => "silence".to_owned(),
            Reaction::Close => "a close without a reply".to_owned(),
            reaction => {
                let pieces = reaction.pieces(&heard.bytes, heard.from, self.id);
                let pieces: Vec<String> = pieces.iter().map(|piece| shown(piece)).collect();
                pieces.join(" + ")
            }
        }
    }

    fn pass(&self) -> Finding {
        self.evidence(Finding::pass())
    }

    fn fail(&self, why: &str) -> Finding {
        self.evidence(Finding::fail(why))
    }

    /// Passes where a line was printed, wherever.
    fn line(&self, text: &str, why: &str) -> Finding {
        match self.ended.printed(text) {
            Some(Place::Output) => self.pass(),
            Some(Place::Error) => self.pass().remark("it was printed on standard error"),
            None => self.fail(why).expected(text),
        }
    }

    /// The line that belongs to the grant of this request.
    fn grant_line(&self, heard: &Heard) -> String {
        let id = id_in(&heard.bytes).unwrap_or(self.id);
        let granted = Reply::granted(id, heard.from, false);
        let text = String::from_utf8_lossy(granted.as_bytes()).into_owned();
        text.replacen("OK", "Connection established", 1)
    }

    fn id_of(&self, request: usize) -> Option<LeaseId> {
        id_in(&self.requests.get(request)?.bytes)
    }
}

pub(super) fn starts(run: &Run) -> Finding {
    if !run.requests.is_empty() {
        return run.pass();
    }
    run.fail(if run.ended.status.is_some() {
        "the client ended without asking the server"
    } else {
        "the client did not ask the server; if it waits for input, give it with --input"
    })
}

pub(super) fn request(run: &Run) -> Finding {
    let expected = format!("HELLO {}", run.id);
    match run.id_of(0) {
        Some(id) if id == run.id => run.pass(),
        Some(_) => run
            .fail("the first request is for the id of the arguments")
            .expected(expected),
        None => run
            .fail("a request is HELLO, a blank and four digits")
            .expected(expected),
    }
}

/// The last request was granted.
pub(super) fn established(run: &Run) -> Finding {
    let Some(granted) = run.requests.first() else {
        return starts(run);
    };
    run.line(&run.grant_line(granted), "the grant is not printed")
}

pub(super) fn ends(run: &Run) -> Finding {
    if run.ended.succeeded() {
        return run.pass();
    }
    run.fail(&match run.ended.status {
        None => format!("the client still ran {ENDS_WITHIN:?} after its grant"),
        Some(_) => "the client did not end with status 0".to_owned(),
    })
}

pub(super) fn retry(run: &Run) -> Finding {
    match run.requests.len() {
        0 | 1 if run.ended.crashed() => run.fail("the client crashed at RESET"),
        0 | 1 => run.fail("RESET is no end: two more tries follow"),
        _ => run.pass(),
    }
}

pub(super) fn error_line(run: &Run) -> Finding {
    let text = format!("Connection Error {}", run.id);
    run.line(&text, "the error is not printed")
}

pub(super) fn another_id(run: &Run) -> Finding {
    match run.id_of(1) {
        Some(id) if id != run.id => run.pass(),
        Some(_) => run.fail("an id that is in use stays in use: the next try is for another one"),
        None => run.fail("the second request is HELLO, a blank and four digits"),
    }
}

pub(super) fn new_socket(run: &Run) -> Finding {
    let same = run.requests.len() > 1 && run.requests[0].from == run.requests[1].from;
    if !same {
        return run.pass();
    }
    let port = run.requests[0].from.port();
    run.fail(&format!(
        "both tries came from port {port}: each try has a new socket"
    ))
}

pub(super) fn second_id(run: &Run) -> Finding {
    let Some(granted) = run.requests.get(1) else {
        return retry(run);
    };
    run.line(
        &run.grant_line(granted),
        "the grant of the second id is not printed",
    )
}

pub(super) fn three_tries(run: &Run) -> Finding {
    match run.requests.len() {
        3 => run.pass(),
        tries @ 0..3 => run.fail(&format!("{tries} tries were made, and not 3")),
        _ => run.fail("a fourth try was made"),
    }
}

pub(super) fn failure_line(run: &Run) -> Finding {
    run.line("Connection Failure", "the failure is not printed")
}

pub(super) fn exit_status(run: &Run) -> Finding {
    let why = match run.ended.status {
        Some(status) if status.success() => "the client ended with status 0",
        Some(_) if run.ended.crashed() => "the client crashed",
        Some(_) => return run.pass(),
        None => "the client still ran after its last try",
    };
    run.fail(why)
}

/// A client that gives up after its time-out has ended the try, too: that it does not try again is
/// another check's.
pub(super) fn time_out(run: &Run) -> Finding {
    let Some(waited) = run.waited() else {
        return run.fail("the client waits for ever for a reply that does not come");
    };
    let timeout = run.timeout;
    let seconds = waited.as_secs_f64();
    if waited < timeout / 2 {
        let why = format!("the try ended after {seconds:.1} s; the time-out is {timeout:?}");
        return run.fail(&why);
    }
    if waited > timeout * 2 + LATE {
        let why = format!("the try ended only after {seconds:.1} s; the time-out is {timeout:?}");
        return run.fail(&why);
    }
    if run.ended.crashed() {
        return run.fail("the client crashed when no reply came");
    }
    run.pass()
}

/// The client does not print a reply that is no grant of its id as a grant, and does not end
/// without a word. A client that asked again has not accepted it.
pub(super) fn not_taken(run: &Run) -> Finding {
    let spoke = |text: &str| run.ended.mentions(text);
    let asked_again = run.requests.len() > 1;
    if !asked_again && spoke("Connection established") {
        return run.fail("it was taken for a grant");
    }
    if run.ended.crashed() {
        return run.fail("the client crashed");
    }
    let gave_up = run.ended.status.is_some() && !asked_again;
    if gave_up && !spoke("Connection Error") && !spoke("Connection Failure") {
        return run.fail("the client ended without Connection Error or Connection Failure");
    }
    run.pass()
}
