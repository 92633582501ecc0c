//! Which calls change something, and which only read.

use fleetlink_core::{StoreCall, StoreError, StoreReply};
use fleetlink_proto::{DeviceName, FileId, IdempotencyKey};
use rusqlite::Connection;

use super::Shared;
use super::change::{Change, Delete};
use super::error::OpError;
use super::{files, journal, segments};

/// A call, by the thread that answers it.
pub(super) enum Call {
    Change(Change),
    Query(Query),
}

pub(super) enum Query {
    FindReceipt(DeviceName, IdempotencyKey),
    Summary(DeviceName, FileId),
    ListFiles(DeviceName, Option<FileId>, u32),
    Snapshot(DeviceName, FileId),
}

impl From<StoreCall> for Call {
    fn from(call: StoreCall) -> Self {
        use StoreCall as Asked;
        match call {
            Asked::AddAccount(account) => Call::Change(Change::AddAccount(account)),
            Asked::SetPassword {
                name,
                password_hash,
            } => Call::Change(Change::SetPassword(name, password_hash)),
            Asked::RemoveAccount { name } => Call::Change(Change::RemoveAccount(name)),
            Asked::ImportLogin { given, at, applies } => {
                Call::Change(Change::ImportLogin(given, at, applies))
            }
            Asked::RemoveLogin { name, origin } => Call::Change(Change::RemoveLogin(name, origin)),
            Asked::FinishImport {
                origin,
                whole,
                forget,
            } => Call::Change(Change::FinishImport(origin, whole, forget)),
            Asked::SetKey { name, key, replace } => {
                Call::Change(Change::SetKey(name, key, replace))
            }
            Asked::RemoveKey { name } => Call::Change(Change::RemoveKey(name)),
            Asked::AddTicket { ticket, forget } => {
                Call::Change(Change::AddTicket(Box::new(ticket), forget))
            }
            Asked::RevokeTicket { ticket, at } => Call::Change(Change::RevokeTicket(ticket, at)),
            Asked::RedeemTicket { ticket, name, key } => {
                Call::Change(Change::RedeemTicket(ticket, name, key))
            }
            Asked::Commit(commit) => Call::Change(Change::Commit(commit)),
            Asked::Delete {
                device,
                file,
                key,
                at,
                by,
                version,
            } => Call::Change(Change::Delete(Delete {
                device,
                file,
                key,
                at,
                by,
                version,
            })),
            Asked::FindReceipt { device, key } => Call::Query(Query::FindReceipt(device, key)),
            Asked::Summary { device, file } => Call::Query(Query::Summary(device, file)),
            Asked::ListFiles {
                device,
                after,
                limit,
            } => Call::Query(Query::ListFiles(device, after, limit)),
            Asked::Snapshot { device, file } => Call::Query(Query::Snapshot(device, file)),
        }
    }
}

impl Query {
    pub(super) fn answer(
        &self,
        connection: &Connection,
        shared: &Shared,
    ) -> Result<StoreReply, OpError> {
        Ok(match self {
            Query::FindReceipt(device, key) => {
                let earlier = journal::find(connection, device, *key)?;
                StoreReply::Receipt(earlier.map(|earlier| earlier.receipt()).transpose()?)
            }
            Query::Summary(device, file) => {
                let found = files::find(connection, device, *file)?;
                StoreReply::Summary(found.ok_or(StoreError::NotFound)?.totals.summary)
            }
            Query::ListFiles(device, after, limit) => {
                StoreReply::Files(files::list(connection, device, *after, *limit)?)
            }
            Query::Snapshot(device, file) => {
                let hold = shared.holds.hold((device.clone(), *file));
                StoreReply::Snapshot(segments::snapshot(connection, device, *file, hold)?)
            }
        })
    }
}
