//! The changes of logins, tokens, links and sessions of the page that are with the store.

use std::collections::BTreeMap;

use crate::call::Call;
use crate::ids::OperationId;
use crate::operator::people::PeopleCommand;

/// Changes of strangers that may be with the store; further ones are told to come back.
const MAX_CHANGES: usize = 256;

/// A change that is with the store. Nobody waits for the reply to some.
#[derive(Debug)]
pub(crate) struct PeopleChange {
    pub(crate) command: PeopleCommand,
    pub(crate) call: Option<Call>,
}

/// The changes that are with the store.
#[derive(Debug, Default)]
pub(crate) struct PeopleChanges {
    running: BTreeMap<OperationId, PeopleChange>,
    noting: Option<OperationId>,
}

impl PeopleChanges {
    pub(crate) fn is_full(&self) -> bool {
        self.running.len() >= MAX_CHANGES
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// Whether the store is being told of last uses.
    pub(crate) fn is_noting(&self) -> bool {
        self.noting.is_some()
    }

    pub(crate) fn begin(&mut self, operation: OperationId, change: PeopleChange) {
        if matches!(change.command, PeopleCommand::NoteUses(_)) {
            self.noting = Some(operation);
        }
        self.running.insert(operation, change);
    }

    /// The store answered; whose change that was.
    pub(crate) fn end(&mut self, operation: OperationId) -> Option<PeopleChange> {
        if self.noting == Some(operation) {
            self.noting = None;
        }
        self.running.remove(&operation)
    }
}
