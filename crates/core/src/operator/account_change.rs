//! A change of an account that the operator asked for, and the store's part of it.

use fleetlink_proto::{DeviceName, WallTime};

use crate::operator::import::ImportLine;
use crate::operator::removal::Removal;
use crate::operator::requests::AccountOrder;
use crate::store::calls::{Account, AccountVersion, Change, PasswordHash, StoreCall};

/// A change of an account, queued behind what its device asked for before.
#[derive(Debug)]
pub(crate) enum AccountCommand {
    Add(Account),
    SetPassword(PasswordHash),
    Remove(Removal),
    Import(ImportLine),
    RemoveLogin {
        origin: Box<str>,
    },
    FinishImport {
        origin: Box<str>,
        whole: PasswordHash,
        forget: Vec<DeviceName>,
    },
}

impl AccountCommand {
    /// Begins what is ordered for this account.
    pub(crate) fn new(order: AccountOrder, name: &DeviceName, now: WallTime) -> Self {
        match order {
            AccountOrder::Add(password_hash) => AccountCommand::Add(Account {
                name: name.clone(),
                password_hash: Some(password_hash),
                created: now,
                key: None,
                version: AccountVersion::default(),
            }),
            AccountOrder::SetPassword(password_hash) => AccountCommand::SetPassword(password_hash),
            AccountOrder::Remove { with_data, key } => {
                AccountCommand::Remove(Removal::new(with_data, key))
            }
            AccountOrder::Import(order) => AccountCommand::Import(ImportLine::new(order)),
            AccountOrder::RemoveLogin { origin } => AccountCommand::RemoveLogin { origin },
            AccountOrder::FinishImport {
                origin,
                whole,
                forget,
            } => AccountCommand::FinishImport {
                origin,
                whole,
                forget,
            },
        }
    }

    pub(crate) fn store_call(&self, name: &DeviceName, at: WallTime) -> StoreCall {
        match self {
            AccountCommand::Add(account) => StoreCall::Change(Change::AddAccount(account.clone())),
            AccountCommand::SetPassword(password_hash) => StoreCall::Change(Change::SetPassword {
                name: name.clone(),
                password_hash: password_hash.clone(),
            }),
            AccountCommand::Remove(removal) => removal.store_call(name, at),
            AccountCommand::Import(line) => line.store_call(name, at),
            AccountCommand::RemoveLogin { origin } => StoreCall::Change(Change::RemoveLogin {
                name: name.clone(),
                origin: origin.clone(),
            }),
            AccountCommand::FinishImport {
                origin,
                whole,
                forget,
            } => StoreCall::Change(Change::FinishImport {
                origin: origin.clone(),
                whole: whole.clone(),
                forget: forget.clone(),
            }),
        }
    }
}
