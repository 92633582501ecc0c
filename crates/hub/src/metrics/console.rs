//! Counts of what the operator is shown.

use fleetlink_core::{ConsoleEvent, Deleter, Departure, Entrance, LoginFailure, PeopleEvent};
use fleetlink_proto::control::UploadMode;

use super::{Counter, Meters};

impl Meters {
    pub(crate) fn count(&self, event: &ConsoleEvent) {
        match event {
            ConsoleEvent::Joined { entrance, .. } => match entrance {
                Entrance::Alone => self.joins.alone.one(),
                Entrance::TookOver => self.joins.took_over.one(),
                Entrance::Beside { .. } => self.joins.beside.one(),
            },
            ConsoleEvent::Left { why, .. } => self.departure(*why).one(),
            ConsoleEvent::LoggedIn { .. } => self.logins.one(),
            ConsoleEvent::LoginFailed { failure, .. } => self.failure(*failure).one(),
            ConsoleEvent::Penalised { .. } => self.penalties.network.one(),
            ConsoleEvent::NamePenalised { .. } => self.penalties.name.one(),
            ConsoleEvent::Received { receipt, .. } => {
                match receipt.mode {
                    UploadMode::Replace => self.uploads.replace.one(),
                    UploadMode::Append => self.uploads.append.one(),
                }
                self.uploaded_bytes.add(receipt.bytes);
                self.uploaded_samples.add(receipt.samples);
            }
            ConsoleEvent::Deleted { .. } => self.deletions.device.one(),
            ConsoleEvent::Removed { by, .. } => match by {
                Deleter::Device => self.deletions.device.one(),
                Deleter::Operator => self.deletions.operator.one(),
                Deleter::Retention => self.deletions.retention.one(),
            },
            ConsoleEvent::Granted { .. } => self.grants.one(),
            ConsoleEvent::Sending { bytes, .. } => {
                self.downloads.one();
                self.downloaded_bytes.add(*bytes);
            }
            ConsoleEvent::People(PeopleEvent::LoggedIn { .. }) => self.page_logins.one(),
            _ => {}
        }
    }

    fn departure(&self, why: Departure) -> &Counter {
        let leaves = &self.leaves;
        match why {
            Departure::Goodbye => &leaves.goodbye,
            Departure::ConnectionClosed => &leaves.connection_closed,
            Departure::Silent(_) => &leaves.silent,
            Departure::AccountRemoved => &leaves.account_removed,
            Departure::LoginRemoved => &leaves.login_removed,
            Departure::PasswordChanged => &leaves.password_changed,
            Departure::EndedByOperator => &leaves.ended_by_operator,
            Departure::KeyRevoked => &leaves.key_revoked,
            Departure::Unread => &leaves.unread,
            Departure::HubClosing => &leaves.hub_closing,
        }
    }

    fn failure(&self, failure: LoginFailure) -> &Counter {
        let failures = &self.login_failures;
        match failure {
            LoginFailure::WrongPassword => &failures.wrong_password,
            LoginFailure::NowLockedOut => &failures.now_locked_out,
            LoginFailure::LockedOut => &failures.locked_out,
            LoginFailure::KeyRefused => &failures.key_refused,
            LoginFailure::Busy => &failures.busy,
            LoginFailure::TooManySessions => &failures.too_many_sessions,
            LoginFailure::NotRead => &failures.not_read,
        }
    }
}
