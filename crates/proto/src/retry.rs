//! Tells which errors pass by themselves.

/// Whether the same call can succeed later without anybody doing something about it.
///
/// [`ErrorCode::retry`](crate::control::ErrorCode::retry),
/// [`EndReason::retry`](crate::control::EndReason::retry) and
/// [`Reason::retry`](crate::transfer::Reason::retry) are the only lists of what passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Retry {
    /// It passes within seconds. The same call, with the same idempotency key where it has one, is
    /// worth another try at once, behind a wait of the client's own or the one that the error names.
    Soon,
    /// It passes, but nobody can say when, or only after the wait that the error names. A program
    /// that runs for days tries again; a command reports it.
    Later,
    /// It does not pass by itself.
    Never,
}
