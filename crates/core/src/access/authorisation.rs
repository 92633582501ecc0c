//! The authorisation table: the caller, the door and the action decide. Every call passes
//! [`decide`] before anything is done. A queued change of a key passes it once more when its turn
//! has come.

use std::fmt;

use fleetlink_proto::DeviceName;

pub use crate::caller::{Caller, Means, Proof};
pub use crate::door::Door;

/// The action of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action<'a> {
    /// `hello`, `login.nonce`, `login`, `ping`, `leave`: what a session is made of.
    Converse,
    /// Showing a device's password, where a login opens no session.
    ShowPassword,
    /// Logging in to the page, showing a token, and ending a session of the page.
    LogInToPage,
    /// A command that is a device's.
    ActAsDevice,
    /// Announcing this device's presence.
    Join(&'a DeviceName),
    /// Seeing who else is active.
    ListDevices,
    /// Reading this device's data files and computing on them.
    ReadData(&'a DeviceName),
    /// Following the events of this device, or those of the whole hub.
    Follow(Option<&'a DeviceName>),
    /// Adding to this device's data files and replacing them.
    WriteData(&'a DeviceName),
    /// Deleting this device's data files.
    DeleteData(&'a DeviceName),
    /// Seeing which key this device has.
    ListKeys(&'a DeviceName),
    /// Giving this device a key, another one, or none.
    ChangeKey(&'a DeviceName),
    /// Saying where this device is reached, and sending files in its name.
    Transfer(&'a DeviceName),
    /// Using a join ticket, in place of a login.
    RedeemTicket,
    /// Seeing accounts, join tickets, sessions, unfinished uploads, and data files of all devices.
    Inspect,
    /// Changing accounts and join tickets, ending lock-outs and sessions.
    Administer,
}

impl fmt::Display for Action<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Converse => f.write_str("a session"),
            Action::ShowPassword => f.write_str("showing a password"),
            Action::LogInToPage => f.write_str("logging in to the page"),
            Action::ActAsDevice => f.write_str("acting as a device"),
            Action::Join(device) => write!(f, "joining as {device}"),
            Action::ListDevices => f.write_str("listing devices"),
            Action::ReadData(device) => write!(f, "reading data of {device}"),
            Action::WriteData(device) => write!(f, "writing data of {device}"),
            Action::DeleteData(device) => write!(f, "deleting data of {device}"),
            Action::ListKeys(device) => write!(f, "seeing the key of {device}"),
            Action::ChangeKey(device) => write!(f, "changing the key of {device}"),
            Action::Transfer(device) => write!(f, "transfers of {device}"),
            Action::RedeemTicket => f.write_str("using a ticket"),
            Action::Follow(Some(device)) => write!(f, "following {device}"),
            Action::Follow(None) => f.write_str("following all devices"),
            Action::Inspect => f.write_str("inspecting the hub"),
            Action::Administer => f.write_str("administering the hub"),
        }
    }
}

/// The decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It may be done.
    Permitted,
    /// The caller has not shown who it is.
    LoginNeeded,
    /// Only a caller that has just shown the password may: a stolen key is no way to a new one.
    PasswordNeeded,
    /// This caller may not, or not by this door.
    Forbidden,
}

/// Decides. What is not permitted here is forbidden.
pub fn decide(caller: &Caller, door: Door, action: Action<'_>) -> Decision {
    match (caller, door) {
        (Caller::Nobody, Door::Session | Door::Http | Door::Mqtt) => for_nobody(door, action),
        (Caller::Device { name, proof, .. }, Door::Session) => {
            for_device_in_session(name, proof.means(), action)
        }
        (Caller::Device { name, .. }, Door::Http) => permit(is_for_device_elsewhere(name, action)),
        (Caller::Device { name, proof, .. }, Door::Mqtt) => {
            // A token is for HTTP alone.
            let is_shown_here = proof.means() != Means::Token;
            permit(is_shown_here && is_for_device_elsewhere(name, action))
        }
        (Caller::Operator, Door::Socket) | (Caller::Administrator(_), Door::Http) => {
            permit(is_for_administration(action))
        }
        (Caller::Viewer(_), Door::Http) => permit(is_for_viewers(action)),
        // Nobody else has this door.
        (Caller::Nobody | Caller::Device { .. }, Door::Socket)
        | (Caller::Operator, Door::Session | Door::Http | Door::Mqtt)
        | (
            Caller::Administrator(_) | Caller::Viewer(_),
            Door::Session | Door::Socket | Door::Mqtt,
        ) => Decision::Forbidden,
    }
}

fn permit(is_permitted: bool) -> Decision {
    match is_permitted {
        true => Decision::Permitted,
        false => Decision::Forbidden,
    }
}

fn for_nobody(door: Door, action: Action<'_>) -> Decision {
    match (action, door) {
        (Action::Converse | Action::RedeemTicket, Door::Session) => Decision::Permitted,
        // No login of a device is one of an administrator.
        (Action::Inspect | Action::Administer, Door::Session | Door::Mqtt) => Decision::Forbidden,
        (Action::ShowPassword, Door::Http | Door::Mqtt) => Decision::Permitted,
        (Action::LogInToPage, Door::Http) => Decision::Permitted,
        (
            Action::Converse | Action::RedeemTicket | Action::ShowPassword | Action::LogInToPage,
            _,
        ) => Decision::Forbidden,
        _ => Decision::LoginNeeded,
    }
}

fn for_device_in_session(own: &DeviceName, means: Means, action: Action<'_>) -> Decision {
    match action {
        _ if means == Means::Token => Decision::Forbidden,
        Action::Converse => Decision::Permitted,
        Action::Join(of) | Action::Transfer(of) => permit(of == own),
        Action::ListKeys(of) | Action::ChangeKey(of) if of == own => match means {
            Means::Password => Decision::Permitted,
            Means::Key | Means::Token => Decision::PasswordNeeded,
        },
        action => permit(is_for_device_elsewhere(own, action)),
    }
}

/// The actions of a device by any door: use of its own data files, and the list of active devices.
/// A key is bound to a session's connection, and so is presence.
fn is_for_device_elsewhere(own: &DeviceName, action: Action<'_>) -> bool {
    match action {
        Action::ActAsDevice | Action::ListDevices => true,
        Action::ReadData(of)
        | Action::WriteData(of)
        | Action::DeleteData(of)
        | Action::Follow(Some(of)) => of == own,
        _ => false,
    }
}

/// The operator and administrators speak for the hub and for no device: they upload nothing and send
/// nothing in a device's name.
fn is_for_administration(action: Action<'_>) -> bool {
    let more = matches!(
        action,
        Action::DeleteData(_) | Action::ListKeys(_) | Action::ChangeKey(_) | Action::Administer
    );
    more || is_for_viewers(action)
}

fn is_for_viewers(action: Action<'_>) -> bool {
    matches!(
        action,
        Action::ListDevices | Action::ReadData(_) | Action::Follow(_) | Action::Inspect
    )
}
