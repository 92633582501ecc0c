//! Finds the forms that the server speaks.

use fleetlink_proto::number_exchange::{Form, Reply};

use super::judge::plain_request;
use super::probe::{Ending, Heard, Probe};
use crate::{Finding, shown};

const NUMBER: i128 = 25;

/// The forms that were found.
pub(super) struct Detected {
    /// The forms whose checks are run.
    pub(super) forms: Vec<Form>,
    /// A form of the first servers that this one does not answer in.
    pub(super) unspoken: Option<Form>,
    /// Whether there is a server at all.
    pub(super) answers: Finding,
}

/// Takes the form that the checker was told, and tries no other.
pub(super) async fn told(server: &Probe, form: Form) -> Detected {
    let answers = match ask(server, form).await {
        Ok(heard) => answered(form, &heard),
        Err(finding) => finding,
    };
    Detected {
        forms: vec![form],
        unspoken: None,
        answers,
    }
}

/// Asks in the two forms of the first servers, and where neither is answered in the others.
pub(super) async fn detect(server: &Probe) -> Detected {
    match try_all(server).await {
        Ok(detected) => detected,
        Err(finding) => Detected {
            forms: vec![Form::TEXT, Form::JSON],
            unspoken: None,
            answers: finding.remark(
                "the checker asked in several forms; with --dialect FORM it asks in one alone",
            ),
        },
    }
}

async fn try_all(server: &Probe) -> Result<Detected, Finding> {
    let mut asked = Vec::new();
    for form in [Form::TEXT, Form::JSON] {
        asked.push((form, ask(server, form).await?));
    }
    let any_seed = asked.iter().any(|(form, heard)| speaks(*form, heard));
    if any_seed {
        return Ok(of_seeds(&asked));
    }
    let other = asked.iter().find_map(|(_, heard)| form_of(heard));
    if let Some(form) = other {
        return Ok(named(form, &asked[0].1));
    }
    for (_, form) in Form::NAMED {
        if !form.is_seeds() {
            let heard = ask(server, form).await?;
            if let Some(form) = form_of(&heard) {
                return Ok(named(form, &heard));
            }
        }
    }
    let (form, heard) = &asked[0];
    Ok(Detected {
        forms: vec![*form],
        unspoken: Some(Form::JSON),
        answers: answered(*form, heard),
    })
}

/// A server of one of the first forms, or of both. One that understands a form and answers in
/// another is wrong in the first.
fn of_seeds(asked: &[(Form, Heard)]) -> Detected {
    let spoken = |(form, heard): &&(Form, Heard)| speaks(*form, heard) || form_of(heard).is_some();
    let first = asked.iter().find(spoken).unwrap_or(&asked[0]);
    let form = |(form, _): &(Form, Heard)| *form;
    Detected {
        answers: answered(first.0, &first.1),
        forms: asked.iter().filter(spoken).map(form).collect(),
        unspoken: asked.iter().find(|asked| !spoken(asked)).map(form),
    }
}

fn named(form: Form, heard: &Heard) -> Detected {
    let answers = answered(form, heard);
    Detected {
        forms: vec![form],
        unspoken: None,
        answers: answers.remark(format!("the server answers in the form {form}")),
    }
}

/// An unanswered request may have killed the server: it is noted.
async fn ask(server: &Probe, form: Form) -> Result<Heard, Finding> {
    server
        .try_input(&plain_request(form, NUMBER), Ending::Stream)
        .await
}

fn answered(form: Form, heard: &Heard) -> Finding {
    let finding = if heard.bytes.is_empty() {
        Finding::fail("a request has to be answered")
    } else {
        Finding::pass()
    };
    let sent = plain_request(form, NUMBER);
    finding
        .sent(shown(&sent))
        .came(heard.shown())
        .expected("a reply")
}

/// Whether this is a reply in the form, be it a wrong one.
fn speaks(form: Form, heard: &Heard) -> bool {
    let begins: &[u8] = if form == Form::JSON {
        br#"{"server_n"#
    } else {
        b"Server of"
    };
    heard.bytes.starts_with(begins) || form_of(heard).is_some_and(|of| of.name() == form.name())
}

/// The form of a reply.
fn form_of(heard: &Heard) -> Option<Form> {
    let reply = Reply::detect(&NUMBER.into(), &heard.bytes)?;
    let name = reply.name.as_str();
    // An error with a number in it is no reply.
    let is_error = ["error", "invalid", "malformed", "bad "]
        .iter()
        .any(|word| name.to_ascii_lowercase().contains(word));
    let words = name.split_whitespace().count();
    let blank = reply.form.name() == "blank" && words > 1;
    let form = Form::named(reply.form.name())?;
    (!is_error && !blank).then_some(form)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detected(bytes: &str) -> Option<&'static str> {
        let heard = Heard {
            bytes: bytes.as_bytes().to_vec(),
            closed: true,
        };
        form_of(&heard).map(|form| form.name())
    }

    #[test]
    fn replies_tell_their_form_and_errors_do_not() {
        assert_eq!(detected("plain,42"), Some("comma"));
        assert_eq!(detected("plain;42\n"), Some("semicolon"));
        assert_eq!(detected("plain 42"), Some("blank"));
        assert_eq!(detected("Server of plain: 42"), Some("text"));
        assert_eq!(detected(r#"{"name": "x", "number": 4}"#), Some("json-name"));
        for error in [
            "Invalid request, 400",
            "error 7",
            "need 1 to 100",
            "",
            "hello",
        ] {
            assert_eq!(detected(error), None, "{error}");
        }
    }
}
