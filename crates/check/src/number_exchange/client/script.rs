//! The reactions of the scripted server.

use fleetlink_proto::number_exchange::{Form, Integer, LineEnd, Reply, Request};

/// The server's name: a word, so that every form can express it.
pub(super) const SERVER: &str = "Scripted";
/// The server's number. With the client's it makes a sum that nothing else is.
pub(super) const SERVER_NUMBER: i128 = 77;

/// The reaction to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reaction {
    /// A good reply, as a server gives it that stops at a number out of range.
    Good,
    /// A good reply and a line end.
    Line,
    /// A good reply in pieces.
    Pieces,
    /// A reply with a sum that is off by one.
    WrongSum,
    /// Bytes that are no reply.
    Garbage,
    /// The end of the connection.
    Close,
    /// A reset of the connection.
    Reset,
    /// Nothing at all.
    Silence,
}

/// Whether a reply in this form states a sum.
pub(super) fn states_sum(form: Form) -> bool {
    matches!(form, Form::Json(_))
}

impl Reaction {
    /// The pieces to send, with pauses between them.
    pub(super) fn pieces(self, request: &Request) -> Vec<Vec<u8>> {
        match self {
            Reaction::Good => vec![good(request)],
            Reaction::Line => {
                let form = request.form.ending(LineEnd::Lf);
                vec![good(&Request {
                    form,
                    ..request.clone()
                })]
            }
            Reaction::Pieces => {
                let reply = good(request);
                let size = reply.len().div_ceil(3).max(1);
                reply.chunks(size).map(<[u8]>::to_vec).collect()
            }
            Reaction::WrongSum => {
                let number = SERVER_NUMBER.into();
                let sum = request.number.plus(&number).plus(&1.into());
                vec![reply(request, number, Some(sum), false)]
            }
            // What begins like a binary length, but is far too short.
            Reaction::Garbage => vec![b"\xff\xfe\x80?!".to_vec()],
            Reaction::Close | Reaction::Reset | Reaction::Silence => Vec::new(),
        }
    }
}

/// A good reply; nothing for a number out of range where the form has no room for it.
fn good(request: &Request) -> Vec<u8> {
    let stops = request.number.in_range().is_none();
    if stops && request.form.ending(LineEnd::None) != Form::TEXT {
        return Vec::new();
    }
    let number: Integer = SERVER_NUMBER.into();
    let sum = states_sum(request.form).then(|| request.number.plus(&number));
    reply(request, number, sum, stops)
}

fn reply(request: &Request, number: Integer, sum: Option<Integer>, closing: bool) -> Vec<u8> {
    let Ok(name) = SERVER.parse() else {
        return Vec::new();
    };
    let reply = Reply {
        form: request.form,
        name,
        number,
        sum,
        closing,
    };
    // One word and small numbers are expressible in every form.
    reply.encode().unwrap_or_default()
}
