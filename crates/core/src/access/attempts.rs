//! The memory of attempts to log in by password: lock-outs of names, penalties of client networks.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use fleetlink_proto::ClientNetwork;

use crate::settings::{MaxAttempts, PenaltySettings};
use crate::time::Now;

/// Remembers what came of the attempts to log in by password, and says what becomes of the next
/// one.
///
/// A hub keeps it in bounded tables of its own, [`AttemptTables`](crate::AttemptTables). Hubs that
/// share a store can share it as well: [`Hub::with_attempts`](crate::Hub::with_attempts).
///
/// The methods reply at once, and are not effects with an input for the reply. An attempt has to
/// count before the next input is handled, or parallel guesses pass between the question and the
/// reply. A hub whose store is slow or away has to refuse a guess as fast as ever. And the reply to
/// an unknown name must not take another time than that to a known one. So a shared implementation
/// replies from its own memory. Beside that it sends each change to the store, and takes over the
/// changes of the other hubs. For as long as a change is on its way, another hub allows the
/// attempts that it still knows of: that many more guesses are the price.
///
/// Rules for an implementation:
/// - Its memory is bounded, and does not depend on which names have accounts.
/// - Attempts under way at another hub count. Where one of them is decided, each hub with attempts
///   that wait gets [`Input::AttemptsChanged`](crate::Input::AttemptsChanged).
/// - An attempt under way at a hub that is gone counts as a wrong password.
/// - The monotonic time is of one hub alone. Hubs have the civil time in common.
pub trait Attempts: fmt::Debug + Send {
    /// Decides what the hub does with a password that is tried now.
    fn standing(&self, address: IpAddr, name: &str, now: Now) -> Standing;

    /// Counts an attempt, before its password is checked.
    fn begin(&mut self, name: &str, now: Now);

    /// The password of an attempt was right.
    fn succeed(&mut self, address: IpAddr, name: &str, now: Now);

    /// The password of an attempt was wrong.
    fn fail(&mut self, address: IpAddr, name: &str, now: Now) -> Failed;

    /// Ends the lock-out of a name and its penalties, and forgets its wrong passwords.
    fn unlock(&mut self, name: &str, now: Now);

    /// Other limits hold for the attempts that follow. Lock-outs and penalties that have begun stay.
    fn set_limits(&mut self, limits: AttemptLimits);

    /// The names that are locked out, in their order.
    fn locked_out(&self, now: Now) -> Vec<LockedOut>;

    /// The client networks that are under a penalty, in their order.
    fn penalties(&self, now: Now) -> Vec<UnderPenalty>;
}

/// The limits of attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptLimits {
    /// Wrong passwords in a row that lock a name out.
    pub max_attempts: MaxAttempts,
    /// The penalties of client networks; `None` for no penalties.
    pub penalties: Option<PenaltySettings>,
}

/// The decision about a password that is tried now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Its client network is under a penalty for this time.
    Penalised(Duration, Fault),
    /// Its name is locked out for this time.
    LockedOut(Duration),
    /// It is checked.
    Checked,
    /// It waits: the checks under way may use up the name's attempts.
    Waits,
}

/// The fault for which a client network is under a penalty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Wrong passwords of many names.
    ManyNames,
    /// Wrong passwords of one name.
    OneName,
}

/// The consequences of a wrong password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failed {
    /// Its effect on the name.
    pub lockout: LockoutEffect,
    /// The penalty of the client network for this name that begins.
    pub of_name: Option<Penalty>,
    /// The penalty of the client network for all names that begins.
    pub of_network: Option<Penalty>,
}

/// The effect of a wrong password on a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockoutEffect {
    /// Another try is allowed.
    Counted,
    /// The name is locked out from now on.
    LockedOut,
}

/// A client network is penalised from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Penalty {
    /// The client network.
    pub network: ClientNetwork,
    /// For how long.
    pub time: Duration,
}

/// A client network that is under a penalty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnderPenalty {
    pub source: ClientNetwork,
    pub fault: Fault,
    /// For how much longer.
    pub left: Duration,
}

/// A name that is locked out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LockedOut {
    /// As it was tried; it need not have an account.
    pub name: Box<str>,
    /// For how much longer.
    pub left: Duration,
}
