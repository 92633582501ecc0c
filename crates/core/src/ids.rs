//! The numbers by which the driver and the core name things to each other.

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);
    )*};
}

ids! {
    /// A connection of a device, numbered by the driver, never used again.
    SessionId;
    /// A password check that the core asked for.
    CheckId;
    /// A store operation that the core asked for.
    OperationId;
    /// An operator's or administrator's call, numbered by the driver.
    AdminId;
    /// A device's call without a session, numbered by the driver.
    CallId;
}

/// The holder of an upload or download.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Holder {
    Session(SessionId),
    /// The call without a session that has begun the one upload or download.
    Call(CallId),
}

impl From<SessionId> for Holder {
    fn from(session: SessionId) -> Self {
        Holder::Session(session)
    }
}
