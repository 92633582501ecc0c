//! The removal of an account, its files first where that is asked for: how far it is, and what the
//! store is asked for next.

use fleetlink_proto::{DataFile, DeviceName, IdempotencyKey, WallTime};

use crate::operator::requests::AdminReply;
use crate::store::calls::{Change, Delete, Query, StoreCall};
use crate::store::journal::Deleter;

/// A removal and how far it is.
#[derive(Debug)]
pub(crate) struct Removal {
    pub(crate) with_data: bool,
    /// The key of the next deletion.
    pub(crate) key: IdempotencyKey,
    pub(crate) used_keys: u32,
    pub(crate) step: Step,
}

/// The step after this one.
#[derive(Debug)]
pub(crate) enum NextStep {
    /// Another step.
    Next(Removal),
    Over(Result<AdminReply, String>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    FindFile,
    DeleteFile(DataFile),
    RemoveAccount,
}

impl Removal {
    pub(crate) fn new(with_data: bool, key: IdempotencyKey) -> Self {
        Removal {
            with_data,
            key,
            used_keys: 0,
            step: match with_data {
                true => Step::FindFile,
                false => Step::RemoveAccount,
            },
        }
    }

    pub(crate) fn store_call(&self, name: &DeviceName, at: WallTime) -> StoreCall {
        match &self.step {
            Step::FindFile => StoreCall::Query(Query::ListFiles {
                device: name.clone(),
                after: None,
                limit: 1,
            }),
            Step::DeleteFile(file) => StoreCall::Change(Change::Delete(Delete {
                device: name.clone(),
                file: file.clone(),
                key: self.key,
                at,
                by: Deleter::Operator,
                version: None,
            })),
            Step::RemoveAccount => StoreCall::Change(Change::RemoveAccount { name: name.clone() }),
        }
    }

    pub(crate) fn with(self, step: Step) -> Self {
        Removal { step, ..self }
    }

    pub(crate) fn with_next_key(self) -> Self {
        let key = IdempotencyKey::from_bits(self.key.bits().wrapping_add(1));
        Removal { key, ..self }
    }
}
