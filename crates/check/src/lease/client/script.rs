//! The reactions of the scripted server.

use std::net::SocketAddr;

use fleetlink_proto::lease::{LeaseId, Reply};

/// The reaction to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reaction {
    /// OK.
    Grant,
    /// OK with a line end.
    GrantLine,
    /// OK in pieces.
    Pieces,
    /// RESET.
    Reset,
    /// OK of an id that nobody asked for.
    AnotherId,
    /// Bytes that are no reply.
    Garbage,
    /// Nothing at all.
    Silence,
    /// The end of the connection.
    Close,
}

/// Reactions in the order of requests; the last one applies to all that follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Script {
    reactions: Vec<Reaction>,
}

impl Script {
    pub(super) fn new(reactions: &[Reaction]) -> Self {
        Script {
            reactions: reactions.to_vec(),
        }
    }

    /// The reaction to the request of this number, counted from 0.
    pub(super) fn reaction(&self, request: usize) -> Reaction {
        let reaction = self.reactions.get(request).or(self.reactions.last());
        reaction.copied().unwrap_or(Reaction::Silence)
    }

    /// Whether nothing new is answered to this request and all that follow.
    pub(super) fn is_over(&self, requests: usize) -> bool {
        requests >= self.reactions.len()
    }
}

impl Reaction {
    /// The pieces to send to a request, with pauses between them. A request that cannot be read is
    /// answered about this id.
    pub(super) fn pieces(self, request: &[u8], client: SocketAddr, asked: LeaseId) -> Vec<Vec<u8>> {
        let id = id_in(request).unwrap_or(asked);
        let granted = |id, newline| Reply::granted(id, client, newline).as_bytes().to_vec();
        match self {
            Reaction::Grant => vec![granted(id, false)],
            Reaction::GrantLine => vec![granted(id, true)],
            Reaction::Pieces => {
                let reply = granted(id, false);
                let last = reply.len() - 2;
                vec![
                    reply[..5].to_vec(),
                    reply[5..last].to_vec(),
                    reply[last..].to_vec(),
                ]
            }
            Reaction::Reset => vec![Reply::in_use(id, false).as_bytes().to_vec()],
            Reaction::AnotherId => vec![granted(id.other(4_321), false)],
            Reaction::Garbage => vec![b"\xff\xfe\x00\x80 garbage".to_vec()],
            Reaction::Silence | Reaction::Close => Vec::new(),
        }
    }
}

/// The id of a request, with or without a line end.
pub(super) fn id_in(request: &[u8]) -> Option<LeaseId> {
    let request = fleetlink_proto::lease::Request::parse(request)?;
    Some(request.id)
}
