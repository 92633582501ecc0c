//! Who may do what. Every door asks [`decide`] before anything is done: the calls of devices, the
//! operator's, and a queued change of a key once more when its turn has come.

use fleetlink_proto::DeviceName;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller<'a> {
    /// A session without a login.
    Stranger,
    /// A session that is logged in.
    Device {
        /// As whom.
        name: &'a DeviceName,
        /// How it has shown that.
        means: Means,
        /// Whether it is the device of its name, and not only attached.
        joined: bool,
    },
    /// Whoever can open the hub's data folder.
    Operator,
}

/// How a session has shown who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// By the password that the account has now.
    Password,
    /// By the enrolled key.
    Key,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action<'a> {
    /// `hello`, `login`, `ping`, `leave`: what a session is made of.
    Converse,
    /// Announcing this device's presence.
    Join(&'a DeviceName),
    /// Seeing who else is active.
    ListDevices,
    /// Reading this device's files and computing on them.
    ReadData(&'a DeviceName),
    /// Adding to this device's files and replacing them.
    WriteData(&'a DeviceName),
    /// Deleting this device's files.
    DeleteData(&'a DeviceName),
    /// Seeing which key this device has.
    ListKeys(&'a DeviceName),
    /// Giving this device a key, another one, or none.
    ChangeKey(&'a DeviceName),
    /// Saying where this device is reached, and sending files in its name.
    Transfer(&'a DeviceName),
    /// Using a ticket, in place of a login.
    RedeemTicket,
    /// Accounts, blocks and tickets.
    Administer,
}

/// What is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It may be done.
    Allowed,
    /// Nobody is logged in.
    LoginNeeded,
    /// Only by who has just shown the password: a stolen key is no way to a new one.
    PasswordNeeded,
    /// Not by this caller.
    Forbidden,
}

/// Decides. What is not allowed here is forbidden.
pub fn decide(caller: Caller<'_>, action: Action<'_>) -> Decision {
    use Decision::{Allowed, Forbidden, LoginNeeded, PasswordNeeded};
    match (caller, action) {
        (Caller::Stranger | Caller::Device { .. }, Action::Converse) => Allowed,
        (Caller::Stranger, Action::RedeemTicket) => Allowed,
        (Caller::Stranger, Action::Administer) => Forbidden,
        (Caller::Stranger, _) => LoginNeeded,
        (Caller::Device { .. }, Action::ListDevices) => Allowed,
        (
            Caller::Device { name, .. },
            Action::Join(of)
            | Action::ReadData(of)
            | Action::WriteData(of)
            | Action::DeleteData(of)
            | Action::Transfer(of),
        ) if name == of => Allowed,
        (Caller::Device { name, means, .. }, Action::ListKeys(of) | Action::ChangeKey(of))
            if name == of =>
        {
            match means {
                Means::Password => Allowed,
                Means::Key => PasswordNeeded,
            }
        }
        (Caller::Device { .. }, _) => Forbidden,
        (
            Caller::Operator,
            Action::ListDevices
            | Action::ReadData(_)
            | Action::DeleteData(_)
            | Action::ListKeys(_)
            | Action::ChangeKey(_)
            | Action::Administer,
        ) => Allowed,
        // The operator speaks for the hub and for no device: nothing is uploaded or sent in a
        // device's name.
        (Caller::Operator, _) => Forbidden,
    }
}
