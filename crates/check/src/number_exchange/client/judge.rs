//! The rules for a client's run.

use fleetlink_proto::number_exchange::{Integer, LineEnd, Request};

use super::run::Run;
use super::script::{Reaction, SERVER, SERVER_NUMBER, states_sum};
use crate::{Finding, shown};

/// Judges a run beside a good one.
pub(super) type Judge = fn(&Run, &Run) -> Finding;

/// Words by which a client says that something is wrong.
const ALARMS: [&str; 17] = [
    "wrong",
    "error",
    "mismatch",
    "incorrect",
    "differ",
    "warn",
    "invalid",
    "not match",
    "bad ",
    "unexpected",
    "fail",
    "refus",
    "closed",
    "malformed",
    "not a reply",
    "no reply",
    "exception",
];

impl Run {
    /// The evidence: the client's request, the reply, and the client's end.
    fn evidence(&self, finding: Finding) -> Finding {
        let Some(heard) = &self.heard else {
            return finding.came(self.ended.shown());
        };
        let said = shown(&heard.bytes);
        let finding = finding.came(format!("the client sent {said}; {}", self.ended.shown()));
        let pieces = match &heard.request {
            Ok(request) => self.reaction.pieces(request),
            Err(_) => return finding,
        };
        let pieces: Vec<String> = pieces.iter().map(|piece| shown(piece)).collect();
        finding.sent(match self.reaction {
            Reaction::Silence => "silence".to_owned(),
            Reaction::Reset => "a reset of the connection".to_owned(),
            _ if pieces.concat().is_empty() => "a close without a reply".to_owned(),
            _ => pieces.join(" | "),
        })
    }

    fn pass(&self) -> Finding {
        self.evidence(Finding::pass())
    }

    fn fail(&self, why: impl AsRef<str>) -> Finding {
        self.evidence(Finding::fail(why))
    }

    /// Everything that it printed.
    fn printed(&self) -> String {
        format!("{}\n{}", self.ended.stdout, self.ended.stderr)
    }

    /// Whether it printed a number, not as a part of another one.
    fn shows_number(&self, number: &Integer) -> bool {
        let text = self.printed();
        let mut numbers = text.split(|c: char| !c.is_ascii_digit());
        numbers.any(|digits| digits == number.to_string())
    }

    /// Whether it ended with another status than 0, or said that something is wrong: by a word that
    /// it does not use where all is well.
    fn complains(&self, good: &Run) -> bool {
        let failed = self.ended.status.is_some_and(|status| !status.success());
        let text = self.printed().to_lowercase();
        let usual = good.printed().to_lowercase();
        let count = |text: &str, word: &str| text.matches(word).count();
        failed
            || ALARMS
                .iter()
                .any(|word| count(&text, word) > count(&usual, word))
    }

    /// It ended by itself, and no signal ended it.
    fn bears(&self) -> Result<(), Finding> {
        if self.ended.status.is_none() {
            let patience = self.patience;
            return Err(self.fail(format!("the client still ran after {patience:?}")));
        }
        if self.ended.crashed() {
            return Err(self.fail("the client crashed"));
        }
        Ok(())
    }

    fn sum(&self) -> Integer {
        let number: Integer = SERVER_NUMBER.into();
        number.plus(&i128::from(self.number).into())
    }
}

fn merged(judged: Result<Finding, Finding>) -> Finding {
    judged.unwrap_or_else(|failed| failed)
}

pub(super) fn starts(run: &Run, _: &Run) -> Finding {
    if run
        .heard
        .as_ref()
        .is_some_and(|heard| !heard.bytes.is_empty())
    {
        return run.pass();
    }
    run.fail(match (&run.heard, run.ended.status) {
        (Some(_), _) => "the client connected and said nothing",
        (None, Some(_)) => "the client ended without connecting to the server",
        (None, None) => {
            "the client did not connect to the server; if it waits for input, give it with --input"
        }
    })
}

pub(super) fn request(run: &Run, _: &Run) -> Finding {
    let expected = run.wanted.map_or_else(
        || format!("Client of <name>: {}, or another known form", run.number),
        |form| form.to_string(),
    );
    let request = run.heard.as_ref().map(|heard| &heard.request);
    match request {
        Some(Ok(request)) if request.number != i128::from(run.number).into() => {
            let why = format!(
                "the number is {}, and {} was given",
                request.number, run.number
            );
            run.fail(why).expected(expected)
        }
        Some(Ok(request)) => match run.wanted.filter(|form| form.name() != request.form.name()) {
            Some(_) => {
                let why = format!("the client speaks the form {}", request.form);
                run.fail(why).expected(expected)
            }
            None => run.pass().remark(format!("the form is {}", request.form)),
        },
        Some(Err(why)) => run.fail(why).expected(expected),
        None => run.fail("nothing was sent").expected(expected),
    }
}

/// The server's name and number, of a good reply however it came.
pub(super) fn shows(run: &Run, _: &Run) -> Finding {
    let number: Integer = SERVER_NUMBER.into();
    if run.printed().contains(SERVER) && run.shows_number(&number) {
        return run.pass();
    }
    let expected = format!("{SERVER} and {number} in what the client prints");
    run.fail("the server's name and number are not shown")
        .expected(expected)
}

/// In text and JSON alone a reply may end with a newline.
pub(super) fn shows_a_line(run: &Run, good: &Run) -> Finding {
    match run.heard.as_ref().map(|heard| &heard.request) {
        Some(Ok(Request { form, .. }))
            if form.ending(LineEnd::Lf) == form.ending(LineEnd::None) =>
        {
            Finding::skipped("in this form nothing stands behind a reply")
        }
        _ => shows(run, good),
    }
}

pub(super) fn sum(run: &Run, _: &Run) -> Finding {
    let sum = run.sum();
    if run.shows_number(&sum) {
        return run.pass();
    }
    let expected = format!("{sum} in what the client prints");
    run.fail("the sum of both numbers is not shown")
        .expected(expected)
}

pub(super) fn ends(run: &Run, _: &Run) -> Finding {
    merged(run.bears().map(|()| {
        if run.ended.succeeded() {
            run.pass()
        } else {
            run.fail("the client did not end with status 0")
        }
    }))
}

pub(super) fn notices(run: &Run, good: &Run) -> Finding {
    merged(run.bears().map(|()| {
        if run.complains(good) {
            return run.pass();
        }
        let why = "the client says nothing of it and ends with status 0";
        run.fail(why)
            .expected("another status than 0, or words such as error or wrong")
    }))
}

pub(super) fn notices_the_sum(run: &Run, good: &Run) -> Finding {
    let request = run
        .heard
        .as_ref()
        .and_then(|heard| heard.request.as_ref().ok());
    match request {
        Some(request) if states_sum(request.form) => notices(run, good),
        _ => Finding::skipped("in this form servers state no sum"),
    }
}

pub(super) fn bears(run: &Run, _: &Run) -> Finding {
    merged(run.bears().map(|()| run.pass()))
}

pub(super) fn ends_in_time(run: &Run, _: &Run) -> Finding {
    let bears = run.bears();
    if run.ended.status.is_none() {
        return run.fail("the client waits for ever for a reply that does not come");
    }
    let seconds = run.lasted.as_secs_f64();
    merged(bears.map(|()| run.pass().remark(format!("it ended after {seconds:.1} s"))))
}

pub(super) fn out_of_range(run: &Run, _: &Run) -> Finding {
    let sent = run
        .heard
        .as_ref()
        .and_then(|heard| heard.request.as_ref().ok());
    let zero: Integer = i128::from(run.number).into();
    match sent {
        Some(request) if request.number == zero => merged(run.bears().map(|()| run.pass())),
        _ => run.fail(format!(
            "{} is sent, and the server stops by it",
            run.number
        )),
    }
}
