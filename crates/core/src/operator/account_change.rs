//! A change of an account that the operator asked for, and the store's part of it.

use fleetlink_proto::{DeviceName, WallTime};

use crate::ids::AdminId;
use crate::operator::import::ImportJob;
use crate::operator::removal::Removal;
use crate::store::calls::{Account, Change, PasswordHash, StoreCall};

/// A change of an account, queued behind what its device asked for before.
#[derive(Debug)]
pub(crate) enum AccountJob {
    Add {
        admin: AdminId,
        account: Account,
    },
    SetPassword {
        admin: AdminId,
        password_hash: PasswordHash,
    },
    Remove(Removal),
    Import(ImportJob),
    RemoveLogin {
        admin: AdminId,
        origin: Box<str>,
    },
    FinishImport {
        admin: AdminId,
        origin: Box<str>,
        whole: PasswordHash,
        forget: Vec<DeviceName>,
    },
}

impl AccountJob {
    pub(crate) fn call(&self, name: &DeviceName, at: WallTime) -> StoreCall {
        match self {
            AccountJob::Add { account, .. } => {
                StoreCall::Change(Change::AddAccount(account.clone()))
            }
            AccountJob::SetPassword { password_hash, .. } => {
                StoreCall::Change(Change::SetPassword {
                    name: name.clone(),
                    password_hash: password_hash.clone(),
                })
            }
            AccountJob::Remove(removal) => removal.call(name, at),
            AccountJob::Import(job) => job.call(name, at),
            AccountJob::RemoveLogin { origin, .. } => StoreCall::Change(Change::RemoveLogin {
                name: name.clone(),
                origin: origin.clone(),
            }),
            AccountJob::FinishImport {
                origin,
                whole,
                forget,
                ..
            } => StoreCall::Change(Change::FinishImport {
                origin: origin.clone(),
                whole: whole.clone(),
                forget: forget.clone(),
            }),
        }
    }
}
