//! The calls behind the work that the driver does, for its log.

use fleetlink_proto::control::RequestId;

use crate::hub::Hub;
use crate::ids::{CheckId, OperationId, SessionId};

impl Hub {
    /// The session and the call for which the store does this operation.
    pub fn caller_of(&self, operation: OperationId) -> Option<(SessionId, &RequestId)> {
        match self.operations.running(operation) {
            Some(job) => job.origin(),
            None => self.reads.caller(operation),
        }
    }

    /// The session and the call of `login` for which a password is checked.
    pub fn caller_of_check(&self, check: CheckId) -> Option<(SessionId, &RequestId)> {
        self.logins.caller(check)
    }
}
