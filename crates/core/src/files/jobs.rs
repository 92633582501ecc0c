//! What waits for the store on behalf of a device or of the operator.

use fleetlink_proto::control::limits::MAX_PAGE_ENTRIES;
use fleetlink_proto::control::{
    Compute, DeleteFile, ListFiles, OpenDownload, OpenUpload, RequestId, UploadMode,
};
use fleetlink_proto::{DeviceName, WallTime};

use crate::access::keys::KeyJob;
use crate::access::redemption::Redemption;
use crate::console::Command;
use crate::input::SessionId;
use crate::operator::accounts::AccountJob;
use crate::operator::data::DataJob;
use crate::operator::tickets::TicketJob;
use crate::store::calls::{Commit, Deleter, Staged, StoreCall};

/// One thing that needs the store, queued under the name that it is about.
#[derive(Debug)]
pub(crate) enum Job {
    Device(DeviceJob),
    Account(AccountJob),
    Data(DataJob),
    Key(KeyJob),
    Ticket(TicketJob),
    Redemption(Redemption),
}

/// A call of a device.
#[derive(Debug)]
pub(crate) struct DeviceJob {
    pub(crate) session: SessionId,
    pub(crate) id: RequestId,
    pub(crate) task: Task,
}

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

impl Job {
    /// What the store is asked for next.
    pub(crate) fn call(&self, name: &DeviceName, at: WallTime) -> StoreCall {
        match self {
            Job::Device(job) => job.task.call(name.clone(), at),
            Job::Account(job) => job.call(name, at),
            Job::Data(job) => job.call(name, at),
            Job::Key(job) => job.call(name, at),
            Job::Ticket(job) => job.call(at),
            Job::Redemption(job) => job.call(name, at),
        }
    }
}

impl Task {
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

    fn call(&self, device: DeviceName, at: WallTime) -> StoreCall {
        match self {
            Task::OpenUpload(upload) => StoreCall::FindReceipt {
                device,
                key: upload.key,
            },
            Task::Commit { upload, staged } => StoreCall::Commit(Box::new(Commit {
                device,
                file: upload.file,
                mode: upload.mode,
                key: upload.key,
                staged: Staged::clone(staged),
                at,
            })),
            Task::Compute(compute) => StoreCall::Summary {
                device,
                file: compute.file,
            },
            Task::Delete(delete) => StoreCall::Delete {
                device,
                file: delete.file,
                key: delete.key,
                at,
                by: Deleter::Device,
                version: None,
            },
            Task::ListFiles(list) => StoreCall::ListFiles {
                device,
                after: list.after,
                limit: MAX_PAGE_ENTRIES,
            },
            Task::OpenDownload(download) => StoreCall::Snapshot {
                device,
                file: download.file,
            },
        }
    }
}

pub(crate) fn upload_command(mode: UploadMode) -> Command {
    match mode {
        UploadMode::Replace => Command::Upload,
        UploadMode::Append => Command::Append,
    }
}
