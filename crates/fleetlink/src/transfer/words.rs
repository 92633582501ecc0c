//! The texts for people about a transfer's end.

use std::time::Duration;

use fleetlink_proto::control::ErrorCode;
use fleetlink_proto::transfer::{self, FileName, Reason};
use fleetlink_proto::{DeviceName, Escaped};

use crate::failure::Failure;

/// The sender's word that the receiver has it.
pub(crate) fn sent(name: &str, sender: &DeviceName, stored_as: &FileName) -> String {
    format!(
        "{name} has been uploaded{}",
        other_name(name, sender, stored_as)
    )
}

/// The receiver's.
pub(crate) fn received(name: &FileName, sender: &DeviceName, stored_as: &FileName) -> String {
    let other_name = other_name(name.as_str(), sender, stored_as);
    format!("Received {name} from {sender}{other_name}")
}

/// Under which name a file is stored, where that is another one than its own behind its sender's.
fn other_name(name: &str, sender: &DeviceName, stored_as: &FileName) -> String {
    let usual = name.parse().map(|name: FileName| name.stored(sender, 1));
    match usual.as_ref() == Ok(stored_as) {
        true => String::new(),
        false => format!(" (stored as {stored_as})"),
    }
}

/// A failure that may pass, and when it is tried again.
pub(crate) fn trying_again(
    name: Option<&str>,
    failure: &transfer::TransferFailure,
    wait: Duration,
) -> String {
    let what = name.map_or_else(String::new, |name| format!("{name}: "));
    let seconds = wait.as_secs_f32();
    format!("{what}{failure}; trying again in {seconds:.1} s")
}

/// A file that its receiver lets wait.
pub(crate) fn waits_its_turn(name: &str, to: &DeviceName) -> String {
    format!("{name} waits its turn at {to}")
}

/// The failure with the person's next step, where a remembered key has changed. The command is this
/// program's own, so a peer is not told of it.
pub(crate) fn advised(
    failure: transfer::TransferFailure,
    own: &DeviceName,
    peer: &DeviceName,
) -> transfer::TransferFailure {
    let (wrap, ended, advice): (fn(transfer::Ended) -> _, _, _) = match failure {
        transfer::TransferFailure::Here(ended) => {
            let advice = format!("run: fleetlink key forget {peer}");
            (transfer::TransferFailure::Here, ended, advice)
        }
        transfer::TransferFailure::Peer(ended) => {
            let advice = format!("run on {peer}: fleetlink key forget {own}");
            (transfer::TransferFailure::Peer, ended, advice)
        }
    };
    if ended.reason != Reason::KeyChanged {
        return wrap(ended);
    }
    let mut message = String::from(ended.message);
    message.push_str(". If that change is known to be right, ");
    message.push_str(&advice);
    wrap(transfer::Ended::new(ended.reason, message))
}

/// The same of a command's failure.
pub(crate) fn advised_failure(failure: Failure, own: &DeviceName, peer: &DeviceName) -> Failure {
    match failure {
        Failure::Transfer(failure) => Failure::Transfer(advised(failure, own, peer)),
        failure => failure,
    }
}

/// The sentence about a file that did not get to its receiver.
pub(crate) fn not_sent(name: &str, to: &DeviceName, failure: &Failure) -> String {
    match failure {
        Failure::Hub(error) if error.code == ErrorCode::Offline => {
            let offline = format!("{to} is offline");
            match error.message.starts_with(&offline) {
                // The hub may know one that is called nearly so.
                true => Escaped(&error.message).to_string(),
                false => offline,
            }
        }
        Failure::Transfer(transfer::TransferFailure::Peer(ended)) if is_refusal(ended.reason) => {
            format!("{to} refused {name}: {ended}")
        }
        failure => format!("{name} was not sent to {to}: {failure}"),
    }
}

/// The sentence about a file that did not get here.
pub(crate) fn not_received(
    name: Option<&str>,
    sender: &DeviceName,
    failure: &transfer::TransferFailure,
) -> String {
    let name = name.map_or_else(|| "a file".to_owned(), |name| Escaped(name).to_string());
    match failure {
        transfer::TransferFailure::Here(ended) if is_refusal(ended.reason) => {
            format!("Refused {name} from {sender}: {ended}")
        }
        failure => format!("{name} from {sender} was not received: {failure}"),
    }
}

/// The sentence about refused offers that were not reported one by one.
pub(crate) fn more_refused(count: u64, sender: &DeviceName) -> String {
    match count {
        1 => format!("1 more offer of {sender} was refused"),
        count => format!("{count} more offers of {sender} were refused"),
    }
}

/// Whether this is a receiver's answer to an offer.
fn is_refusal(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::Busy
            | Reason::KeyChanged
            | Reason::NotAllowed
            | Reason::BadName
            | Reason::TooLarge
            | Reason::TotalReached
            | Reason::NoSpace
    )
}

#[cfg(test)]
mod tests {
    use fleetlink_proto::control::RpcError;

    use super::*;

    #[test]
    fn a_stored_name_is_told_where_it_is_another_one() {
        let camera: DeviceName = "cam".parse().unwrap();
        let name: FileName = "final.JPG".parse().unwrap();
        for (number, behind) in [(1, ""), (2, " (stored as cam_final-2.JPG)")] {
            let stored = name.stored(&camera, number);
            assert_eq!(
                sent("final.JPG", &camera, &stored),
                format!("final.JPG has been uploaded{behind}")
            );
            assert_eq!(
                received(&name, &camera, &stored),
                format!("Received final.JPG from cam{behind}")
            );
        }
    }

    #[test]
    fn a_changed_key_says_where_it_is_to_be_forgotten() {
        let device = |name: &str| name.parse::<DeviceName>().unwrap();
        let (own, peer) = (device(&"n".repeat(64)), device(&"m".repeat(64)));
        let key = format!("ed25519:{}", "8".repeat(64));
        let message = format!("{own} knows {peer} by the key {key}, and the hub names {key}");
        let changed = transfer::Ended::new(Reason::KeyChanged, message);
        let here = transfer::TransferFailure::Here(changed.clone());
        let text = advised(here, &own, &peer).to_string();
        let end = format!(", run: fleetlink key forget {peer}");
        assert!(text.ends_with(&end), "{text}");
        let there = transfer::TransferFailure::Peer(changed);
        let text = advised(there, &own, &peer).to_string();
        let end = format!(", run on {peer}: fleetlink key forget {own}");
        assert!(text.ends_with(&end), "{text}");
        let other = transfer::TransferFailure::here(Reason::TimedOut, "nothing came");
        assert_eq!(advised(other.clone(), &own, &peer), other);
    }

    #[test]
    fn both_sides_read_who_refused_and_why() {
        let device = |name: &str| name.parse::<DeviceName>().unwrap();
        let (camera, phone) = (device("uav-camera"), device("wei-smartphone"));
        let refusal = transfer::Ended::new(Reason::NotAllowed, "no files from uav-camera");
        let peer = transfer::TransferFailure::Peer(refusal.clone());
        assert_eq!(
            not_sent("a.mp4", &phone, &Failure::Transfer(peer)),
            "wei-smartphone refused a.mp4: no files from uav-camera"
        );
        let here = transfer::TransferFailure::Here(refusal);
        assert_eq!(
            not_received(Some("a\u{1b}[2J"), &camera, &here),
            "Refused a\\u{1b}[2J from uav-camera: no files from uav-camera"
        );
        let lost = transfer::TransferFailure::here(Reason::TimedOut, "nothing came");
        assert_eq!(
            not_received(None, &camera, &lost),
            "a file from uav-camera was not received: nothing came"
        );
        let offline = Failure::Hub(RpcError::new(ErrorCode::Offline, "it is not there"));
        assert_eq!(
            not_sent("a.mp4", &phone, &offline),
            "wei-smartphone is offline"
        );
    }
}
