//! The exit codes, and the names of failures for programs.

use fleetlink_client::Closed;
use fleetlink_proto::control::{EndReason, ErrorCode};
use fleetlink_proto::transfer::{self, Reason};

use super::Failure;

/// The exit codes, for `--help`.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed for another reason
  2  wrong arguments
  3  the login or the ticket was refused
  4  the name is locked out, or passwords from this network are refused for a while
  5  the hub, server or device cannot be reached, or the connection to it was lost
  6  timed out
  7  integrity: the key of the hub is unknown or changed, a device's key changed, or data are damaged
  8  no such file
  9  the data are not samples, too large, or without samples
 10  the session was ended by the hub: replaced, removed, or its key revoked; do not restart
 11  the hub is busy or full; try again later
 12  the other device is offline, or accepts no files
 13  the other device refused the file, or ended the transfer
 14  samples that were read were not delivered; the message counts them
 15  the output could not be written (a full disk)
130  interrupted
141  the reader of the output has gone (a closed pipe)";

impl Failure {
    /// The process's exit code.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Failure::General(_) | Failure::ChecksFailed(_) => 1,
            Failure::Usage(_) => 2,
            Failure::Hub(error) => code_of(error.code),
            Failure::PinChanged(_)
            | Failure::UnknownHub(_)
            | Failure::NotTrusted
            | Failure::Damaged(_) => 7,
            Failure::TimedOut(_) => 6,
            Failure::Unreachable(_) => 5,
            Failure::Closed(Closed::ByHub { reason, .. }) => match reason {
                EndReason::Replaced
                | EndReason::AccountRemoved
                | EndReason::LoginRemoved
                | EndReason::PasswordChanged
                | EndReason::KeyRevoked
                | EndReason::EndedByOperator => 10,
                _ => 5,
            },
            Failure::Closed(Closed::Garbage(_)) => 1,
            Failure::Closed(_) => 5,
            Failure::NoSuchFile(_) => 8,
            Failure::Transfer(failure) => code_of_transfer(failure),
            Failure::Undelivered { .. } => 14,
            Failure::Reported(failure) | Failure::Shown(failure) => failure.exit_code(),
            Failure::Output(_) => 15,
            Failure::Interrupted => 130,
            // As a shell shows a process that SIGPIPE ended.
            Failure::OutputClosed => 141,
        }
    }

    /// The stable code in `--json` output: the hub's own where it answered.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Failure::Hub(error) => error.code.name(),
            Failure::Usage(_) => "usage",
            Failure::Output(_) => "output_lost",
            Failure::OutputClosed => "output_closed",
            Failure::Interrupted => "interrupted",
            Failure::NoSuchFile(_) => "no_such_local_file",
            Failure::PinChanged(_) => "pin_changed",
            Failure::UnknownHub(_) => "unknown_hub",
            Failure::NotTrusted => "not_trusted",
            Failure::Damaged(_) => "integrity",
            Failure::Closed(Closed::ByHub { reason, .. }) => match reason {
                EndReason::Replaced => "replaced",
                EndReason::AccountRemoved => "account_removed",
                EndReason::LoginRemoved => "login_removed",
                EndReason::PasswordChanged => "password_changed",
                EndReason::KeyRevoked => "key_revoked",
                EndReason::EndedByOperator => "ended_by_operator",
                _ => "connection_lost",
            },
            Failure::Closed(_) => "connection_lost",
            Failure::TimedOut(_) => "timed_out",
            Failure::Unreachable(_) => "unreachable",
            Failure::Transfer(failure) => failure.ended().reason.name(),
            Failure::Reported(failure) | Failure::Shown(failure) => failure.code(),
            Failure::Undelivered { .. } => "undelivered",
            Failure::ChecksFailed(_) => "checks_failed",
            Failure::General(_) => "failed",
        }
    }
}

fn code_of(code: ErrorCode) -> u8 {
    match code {
        ErrorCode::WrongPassword
        | ErrorCode::KeyRefused
        | ErrorCode::NotAllowed
        | ErrorCode::NoSuchTicket
        | ErrorCode::TicketUsed
        | ErrorCode::TicketExpired
        | ErrorCode::TicketRevoked
        | ErrorCode::NameTaken
        | ErrorCode::BadCertificate => 3,
        ErrorCode::NowBlocked | ErrorCode::Blocked | ErrorCode::Penalised => 4,
        ErrorCode::Replaced | ErrorCode::ActiveElsewhere => 10,
        ErrorCode::Offline | ErrorCode::NoEndpoint => 12,
        ErrorCode::HashMismatch | ErrorCode::Corrupt => 7,
        ErrorCode::NoProgress => 6,
        ErrorCode::NoSuchFile => 8,
        ErrorCode::BadLine | ErrorCode::NoSamples | ErrorCode::TooLarge => 9,
        ErrorCode::Busy
        | ErrorCode::Closing
        | ErrorCode::StoreUnavailable
        | ErrorCode::StoreFull
        | ErrorCode::QuotaReached
        | ErrorCode::OutcomeUnknown => 11,
        _ => 1,
    }
}

fn code_of_transfer(failure: &transfer::TransferFailure) -> u8 {
    let by_peer = matches!(failure, transfer::TransferFailure::Peer(_));
    match failure.ended().reason {
        Reason::TimedOut | Reason::NetworkStalled | Reason::DiskStalled | Reason::SourceStalled => {
            6
        }
        // Given up here, after waiting for it.
        Reason::Busy => 13,
        Reason::BadGrant
        | Reason::StaleGrant
        | Reason::WrongPeer
        | Reason::KeyChanged
        | Reason::SourceChanged
        | Reason::HashMismatch => 7,
        Reason::ConnectionLost => 5,
        _ if by_peer => 13,
        Reason::BadName => 2,
        Reason::Cancelled | Reason::Closing => 130,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use fleetlink_proto::control::RpcError;

    use super::*;

    #[test]
    fn every_exit_code_is_listed() {
        for code in ErrorCode::ALL {
            let exit = Failure::Hub(RpcError::new(*code, "x")).exit_code();
            let listed = |line: &str| line.trim_start().starts_with(&format!("{exit} "));
            assert!(EXIT_CODES.lines().any(listed), "{code}: {exit}");
        }
    }

    #[test]
    fn every_end_of_a_transfer_has_a_listed_exit_code() {
        for reason in Reason::ALL {
            let ended = transfer::Ended::new(*reason, "x");
            for failure in [
                transfer::TransferFailure::Here,
                transfer::TransferFailure::Peer,
            ] {
                let exit = Failure::Transfer(failure(ended.clone())).exit_code();
                let listed = |line: &str| line.trim_start().starts_with(&format!("{exit} "));
                assert!(EXIT_CODES.lines().any(listed), "{reason:?}: {exit}");
            }
        }
    }
}
