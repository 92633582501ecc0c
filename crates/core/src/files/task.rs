//! What a device asks the store for: one operation on its data files.

use fleetlink_proto::control::limits::MAX_PAGE_ENTRIES;
use fleetlink_proto::control::{
    Compute, DeleteFile, ListFiles, OpenDownload, OpenUpload, UploadMode,
};
use fleetlink_proto::{DeviceName, WallTime};

use crate::console::Command;
use crate::store::calls::{Change, Commit, Delete, Query, Staged, StoreCall};
use crate::store::journal::Deleter;

#[derive(Debug)]
pub(crate) enum Task {
    OpenUpload(OpenUpload),
    Commit {
        upload: OpenUpload,
        staged: Box<Staged>,
    },
    Compute(Compute),
    Delete(DeleteFile),
    ListFiles(ListFiles),
    OpenDownload(OpenDownload),
}

/// What takes a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transfer {
    Upload,
    Download,
}

impl Task {
    /// What it is to begin.
    pub(crate) fn transfer(&self) -> Option<Transfer> {
        match self {
            Task::OpenUpload(_) => Some(Transfer::Upload),
            Task::OpenDownload(_) => Some(Transfer::Download),
            _ => None,
        }
    }

    /// Whether it changes what is stored. A change goes on when its session is gone: it is what the
    /// device asked for, and a retry finds it done.
    pub(crate) fn is_change(&self) -> bool {
        matches!(self, Task::Commit { .. } | Task::Delete(_))
    }

    /// Whether no person asked for it.
    pub(crate) fn is_in_background(&self) -> bool {
        matches!(self, Task::ListFiles(list) if list.background)
    }

    /// The command that it is part of.
    pub(crate) fn command(&self) -> Command {
        match self {
            Task::OpenUpload(upload) | Task::Commit { upload, .. } => upload_command(upload.mode),
            Task::Compute(_) => Command::Compute,
            Task::Delete(_) => Command::Delete,
            Task::ListFiles(_) => Command::ListFiles,
            Task::OpenDownload(_) => Command::Download,
        }
    }

    pub(crate) fn store_call(&self, device: DeviceName, at: WallTime) -> StoreCall {
        match self {
            Task::OpenUpload(upload) => StoreCall::Query(Query::FindReceipt {
                device,
                key: upload.key,
            }),
            Task::Commit { upload, staged } => {
                StoreCall::Change(Change::Commit(Box::new(Commit {
                    device,
                    file: upload.file.clone(),
                    mode: upload.mode,
                    key: upload.key,
                    staged: Staged::clone(staged),
                    at,
                })))
            }
            Task::Compute(compute) => StoreCall::Query(Query::Summary {
                device,
                file: compute.file.clone(),
            }),
            Task::Delete(delete) => StoreCall::Change(Change::Delete(Delete {
                device,
                file: delete.file.clone(),
                key: delete.key,
                at,
                by: Deleter::Device,
                version: None,
            })),
            Task::ListFiles(list) => StoreCall::Query(Query::ListFiles {
                device,
                after: list.after.clone(),
                limit: MAX_PAGE_ENTRIES,
            }),
            Task::OpenDownload(download) => StoreCall::Query(Query::Snapshot {
                device,
                file: download.file.clone(),
            }),
        }
    }
}

pub(crate) fn upload_command(mode: UploadMode) -> Command {
    match mode {
        UploadMode::Replace => Command::Upload,
        UploadMode::Append => Command::Append,
    }
}
