//! Whether what came is a good reply.

use fleetlink_proto::number_exchange::{Form, Integer, ObjectEnd, Reply, Request};

use super::probe::{Heard, Probe};
use crate::{Finding, shown};

/// A form's checks: `text.reply` is the check `reply` of the form `text`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spoken {
    pub(super) form: Form,
    /// The form whose checks come before; what failed there is not told again.
    pub(super) before: Option<Form>,
}

impl Spoken {
    /// The id of one of this form's checks.
    pub(super) fn id(&self, check: &str) -> String {
        id(&self.form, check)
    }

    /// The ids of the same check of the form before.
    pub(super) fn twin(&self, check: &str) -> Option<String> {
        self.before.as_ref().map(|form| id(form, check))
    }
}

/// `text.silence` has its name from earlier versions.
pub(super) fn id(form: &Form, check: &str) -> String {
    let check = match (form.name(), check) {
        ("text", "no-end") => "silence",
        _ => check,
    };
    format!("{}.{check}", form.name())
}

/// A well-formed request; none where the form cannot express it.
pub(super) fn request(form: Form, name: &str, number: i128) -> Option<Vec<u8>> {
    let request = Request {
        form,
        name: name.parse().ok()?,
        number: number.into(),
    };
    request.encode().ok()
}

/// The name of the checker's client: each form can express it.
pub(super) const CLIENT: &str = "Checker";

/// A request that every form can express.
pub(super) fn plain_request(form: Form, number: i128) -> Vec<u8> {
    request(form, CLIENT, number).expect("each form has room for one word and a small number")
}

/// Reads a reply to a good request with this number; says what is wrong with its form. The numbers
/// in it are for other checks.
pub(super) fn judge(form: Form, number: i128, heard: &Heard) -> Result<Reply, String> {
    let asked: Integer = number.into();
    let reply = Reply::parse(&form, &asked, &heard.bytes).map_err(|bad| bad.to_string())?;
    if reply.closing {
        return Err("the server says that it stops, and the number is in range".to_owned());
    }
    if reply.form.name() != form.name() {
        return Err(format!("the server answers in the form {}", reply.form));
    }
    let bytes = heard.bytes.trim_ascii_end();
    match form {
        Form::Text(_) => {
            let again = reply.encode().unwrap_or_default();
            if again.trim_ascii_end() != bytes {
                return Err("the reply has more than the form allows".to_owned());
            }
        }
        Form::Json(_) if ObjectEnd::default().find(bytes) != Some(bytes.len()) => {
            return Err("the reply is more than one object".to_owned());
        }
        _ => {}
    }
    Ok(reply)
}

/// Whether bytes are a reply of this server to a request.
pub(super) fn is_reply(form: Form, server: &Probe, bytes: &[u8]) -> bool {
    let forms = [form, Form::TEXT, Form::JSON];
    forms.iter().any(|form| {
        let reply = Reply::parse(form, &1.into(), bytes).ok();
        let same_name = |reply: &Reply| server.name.get().is_none_or(|name| *name == reply.name);
        reply.is_some_and(|reply| reply.form.name() == form.name() && same_name(&reply))
    })
}

/// The form of a good reply.
pub(super) fn expected(form: Form) -> String {
    match form.name() {
        "text" => "Server of <name>: <number>".to_owned(),
        "json" => {
            r#"{"server_name": "<name>", "server_number": <number>, "sum": <both>}"#.to_owned()
        }
        _ => format!("a reply in the form {form}"),
    }
}

/// The finding about one exchange, and the reply where it is good.
pub(super) fn judged(
    form: Form,
    number: i128,
    sent: &[u8],
    heard: Result<Heard, Finding>,
) -> Result<(Finding, Reply), Finding> {
    let with = |finding: Finding| finding.sent(shown(sent)).expected(expected(form));
    let heard = heard.map_err(with)?;
    match judge(form, number, &heard) {
        Ok(reply) => Ok((with(Finding::pass().came(heard.shown())), reply)),
        Err(why) => Err(with(Finding::fail(why).came(heard.shown()))),
    }
}
