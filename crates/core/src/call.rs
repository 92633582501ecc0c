//! A call that waits for its one reply.

use std::sync::{Arc, Weak};
use std::thread;

use fleetlink_proto::control::RequestId;

use crate::ids::{AdminId, SessionId};

/// The way by which a call came in, and by which its reply goes out.
#[derive(Debug)]
pub(crate) enum Door {
    /// A session's control connection; the caller's id of the call.
    Session(SessionId, RequestId),
    /// The operator's socket.
    Socket(AdminId),
}

/// A call that waits for the store. It is consumed by its reply: a call is answered once. A build
/// with debug assertions panics where a call is forgotten.
#[derive(Debug)]
#[must_use = "the caller waits for a reply"]
pub(crate) struct Call {
    door: Option<Door>,
    hub: Weak<()>,
}

/// Opens the calls of one hub. When it is dropped, so is the hub, and nobody waits any more.
#[derive(Debug, Default)]
pub(crate) struct Calls(Arc<()>);

impl Calls {
    pub(crate) fn open(&self, door: Door) -> Call {
        Call {
            door: Some(door),
            hub: Arc::downgrade(&self.0),
        }
    }
}

impl Call {
    /// The session that waits for the reply.
    pub(crate) fn session(&self) -> Option<SessionId> {
        match self.door {
            Some(Door::Session(session, _)) => Some(session),
            Some(Door::Socket(_)) | None => None,
        }
    }

    /// Ends the call: its reply goes out by this door now.
    pub(crate) fn end(mut self) -> Option<Door> {
        self.door.take()
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let is_open = self.door.is_some() && self.hub.strong_count() > 0;
        debug_assert!(
            !is_open || thread::panicking(),
            "a call was forgotten: {:?}",
            self.door
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "a call was forgotten")]
    fn a_forgotten_call_is_noticed() {
        let calls = Calls::default();
        drop(calls.open(Door::Socket(AdminId(1))));
    }

    #[test]
    fn a_call_ends_with_its_reply_or_with_its_hub() {
        let calls = Calls::default();
        let [answered, left] = [1, 2].map(|id| calls.open(Door::Socket(AdminId(id))));
        assert!(matches!(answered.end(), Some(Door::Socket(AdminId(1)))));
        drop(calls);
        drop(left);
    }
}
