//! The commands on a device's data files, by the device itself or by another caller: the change or
//! query for the store, and the reply.

use fleetlink_proto::control::limits::MAX_PAGE_ENTRIES;
use fleetlink_proto::control::{
    Compute, ComputeReply, DeleteFile, DeleteReply, ErrorCode, FileList, ListFiles, OpenDownload,
    OpenUpload, Reply, RpcError, UploadMode,
};
use fleetlink_proto::samples::Summary;
use fleetlink_proto::{DataFile, DeviceName, IdempotencyKey, Version, WallTime};

use crate::call::Call;
use crate::console::{Command, ConsoleEvent};
use crate::effect::Effect;
use crate::errors;
use crate::files::slots::Slot;
use crate::operator::data::DataReply;
use crate::operator::requests::AdminReply;
use crate::outgoing::Outgoing;
use crate::store::calls::{Change, Commit, Delete, Made, Query, Staged, StoreCall, StoreError};
use crate::store::journal::Deleter;
use crate::store::snapshot::Snapshot;

/// The words of the specification for deleting a file that is not there.
const NO_FILE: &str = "the file does not exist at the server side";

#[derive(Debug)]
pub(crate) enum FileCommand {
    OpenUpload(OpenUpload),
    Commit {
        upload: OpenUpload,
        staged: Box<Staged>,
    },
    Compute(Compute),
    Delete {
        file: DataFile,
        key: IdempotencyKey,
        by: Deleter,
        /// The version that is meant; any where it is not given.
        version: Option<Version>,
    },
    List(ListFiles),
    OpenDownload(OpenDownload),
    /// Reads the content without a download.
    Read(DataFile),
    Summarise(DataFile),
}

/// Whether a call concerns the caller's own data files.
pub(crate) fn is_own<C>(call: &Call<C>, owner: &DeviceName) -> bool {
    call.device() == Some(owner)
}

impl FileCommand {
    /// Deletes a data file of the caller's own.
    pub(crate) fn of_own(DeleteFile { file, key }: DeleteFile) -> Self {
        FileCommand::Delete {
            file,
            key,
            by: Deleter::Device,
            version: None,
        }
    }

    /// Whether it changes what is stored. A change goes on when its session is gone: it is what the
    /// device asked for, and a retry finds it done.
    pub(crate) fn is_change(&self) -> bool {
        matches!(
            self,
            FileCommand::Commit { .. } | FileCommand::Delete { .. }
        )
    }

    /// Whether no person asked for it.
    pub(crate) fn is_in_background(&self) -> bool {
        matches!(self, FileCommand::List(list) if list.background)
    }

    /// The slot that it takes.
    pub(crate) fn slot(&self) -> Option<Slot> {
        match self {
            FileCommand::OpenUpload(upload) => Some(Slot::Upload(upload.upload)),
            FileCommand::OpenDownload(download) => Some(Slot::Download(download.download)),
            _ => None,
        }
    }

    /// The command as the operator's lines show it.
    pub(crate) fn shown(&self) -> Command {
        match self {
            FileCommand::OpenUpload(upload) | FileCommand::Commit { upload, .. } => {
                shown_upload(upload.mode)
            }
            FileCommand::Compute(_) | FileCommand::Summarise(_) => Command::Compute,
            FileCommand::Delete { .. } => Command::Delete,
            FileCommand::List(_) => Command::ListFiles,
            FileCommand::OpenDownload(_) | FileCommand::Read(_) => Command::Download,
        }
    }

    pub(crate) fn store_call(&self, device: DeviceName, at: WallTime) -> StoreCall {
        match self {
            FileCommand::OpenUpload(upload) => StoreCall::Query(Query::FindReceipt {
                device,
                key: upload.key,
            }),
            FileCommand::Commit { upload, staged } => {
                StoreCall::Change(Change::Commit(Box::new(Commit {
                    device,
                    file: upload.file.clone(),
                    mode: upload.mode,
                    key: upload.key,
                    staged: Staged::clone(staged),
                    at,
                })))
            }
            FileCommand::Compute(compute) => StoreCall::Query(Query::Summary {
                device,
                file: compute.file.clone(),
            }),
            FileCommand::Summarise(file) => StoreCall::Query(Query::Summary {
                device,
                file: file.clone(),
            }),
            FileCommand::Delete {
                file,
                key,
                by,
                version,
            } => StoreCall::Change(Change::Delete(Delete {
                device,
                file: file.clone(),
                key: *key,
                at,
                by: *by,
                version: *version,
            })),
            FileCommand::List(list) => StoreCall::Query(Query::ListFiles {
                device,
                after: list.after.clone(),
                limit: MAX_PAGE_ENTRIES,
            }),
            FileCommand::OpenDownload(OpenDownload { file, .. }) | FileCommand::Read(file) => {
                StoreCall::Query(Query::Snapshot {
                    device,
                    file: file.clone(),
                })
            }
        }
    }

    /// The message for a device whose data file is not there.
    fn missing(&self) -> String {
        let (what, file) = match self {
            FileCommand::Compute(compute) => ("compute on", &compute.file),
            FileCommand::OpenDownload(download) => ("download", &download.file),
            FileCommand::Read(file) => ("download", file),
            FileCommand::Summarise(file) => ("compute on", file),
            _ => return NO_FILE.to_owned(),
        };
        format!("there is no file with ID of {file} at the server side to {what}")
    }

    fn file(&self) -> Option<&DataFile> {
        match self {
            FileCommand::OpenUpload(upload) | FileCommand::Commit { upload, .. } => {
                Some(&upload.file)
            }
            FileCommand::Compute(compute) => Some(&compute.file),
            FileCommand::OpenDownload(download) => Some(&download.file),
            FileCommand::Delete { file, .. }
            | FileCommand::Read(file)
            | FileCommand::Summarise(file) => Some(file),
            FileCommand::List(_) => None,
        }
    }

    /// The error for a caller whose command the store did not do.
    pub(crate) fn error(&self, error: StoreError, owner: &DeviceName, is_own: bool) -> RpcError {
        let missing = match (is_own, self.file()) {
            (false, Some(file)) => format!("there is no file with ID of {file} of {owner}"),
            _ => self.missing(),
        };
        errors::of_store(error, &missing)
    }
}

pub(crate) fn shown_upload(mode: UploadMode) -> Command {
    match mode {
        UploadMode::Replace => Command::Upload,
        UploadMode::Append => Command::Append,
    }
}

/// Refuses a command. A device's is shown to the operator as well; a request about data
/// files is told the error's code too.
pub(crate) fn refuse(call: Call, shown: Command, error: RpcError, out: &mut Outgoing) {
    if let Some(device) = call.device().cloned() {
        out.show(ConsoleEvent::Refused {
            device,
            command: shown,
            message: error.message.clone(),
        });
    }
    match call.holder() {
        Some(_) => call.refuse(error, out),
        None => call.report(Ok(AdminReply::Data(DataReply::Refused(error))), out),
    }
}

pub(crate) fn computed(
    call: Call,
    owner: &DeviceName,
    compute: Compute,
    summary: &Summary,
    out: &mut Outgoing,
) {
    let Compute { file, operation } = compute;
    let Ok(result) = summary.compute(operation) else {
        let message = errors::no_samples(&file, operation);
        let error = RpcError::new(ErrorCode::NoSamples, message);
        return refuse(call, Command::Compute, error, out);
    };
    let is_own = is_own(&call, owner);
    let reply = ComputeReply {
        file: file.clone(),
        operation,
        result,
        samples: summary.count(),
    };
    call.ok(Reply::Compute(reply), out);
    if is_own {
        out.show(ConsoleEvent::Computed {
            device: owner.clone(),
            file,
            operation,
            result,
        });
    }
}

pub(crate) fn deleted(
    call: Call,
    owner: &DeviceName,
    by: Deleter,
    (reply, made): (DeleteReply, Made),
    out: &mut Outgoing,
) {
    let (file, device) = (reply.file.clone(), owner.clone());
    call.ok(Reply::Delete(reply), out);
    // The call that made the change was shown and counted.
    if made == Made::Before {
        return;
    }
    out.push(Effect::JournalGrew);
    match by {
        Deleter::Device => {
            out.show(ConsoleEvent::Deleted {
                device: device.clone(),
                file: file.clone(),
            });
            out.show(ConsoleEvent::ToldDeleted { device, file });
        }
        Deleter::Operator | Deleter::Retention => {
            out.show(ConsoleEvent::Removed { device, file, by });
        }
    }
}

pub(crate) fn listed(
    call: Call,
    owner: &DeviceName,
    asked: &ListFiles,
    list: FileList,
    out: &mut Outgoing,
) {
    if !asked.background {
        out.show(ConsoleEvent::ListedFiles {
            device: owner.clone(),
            count: list.files.len(),
        });
    }
    call.ok(Reply::Files(list), out);
}

pub(crate) fn summarised(call: Call, summary: Summary, out: &mut Outgoing) {
    call.report(Ok(AdminReply::Data(DataReply::Summary(summary))), out);
}

pub(crate) fn read(call: Call, snapshot: Snapshot, out: &mut Outgoing) {
    call.report(Ok(AdminReply::Data(DataReply::Content(snapshot))), out);
}
