//! A device's commands on its own files: queued for the store, answered with what it says.

use fleetlink_proto::DeviceName;
use fleetlink_proto::control::limits::{MAX_DOWNLOADS_PER_DEVICE, MAX_DOWNLOADS_PER_SESSION};
use fleetlink_proto::control::{
    Compute, ComputeReply, DeleteReply, ErrorCode, OpenDownload, Reply, RequestId, RpcError,
};
use fleetlink_proto::samples::Summary;

use crate::call::{Call, Door};
use crate::console::{Command, ConsoleEvent};
use crate::effect::Effect;
use crate::errors;
use crate::files::task::{DeviceJob, Task};
use crate::hub::Hub;
use crate::hub::jobs::Job;
use crate::ids::SessionId;
use crate::store::calls::{StoreError, StoreReply};
use crate::store::snapshot::Snapshot;
use crate::time::Now;

/// The words of the specification for deleting a file that is not there.
const NO_FILE: &str = "the file does not exist at the server side";

impl Hub {
    /// Queues what a device asks of the store; `false` where it was refused instead.
    pub(crate) fn issue(
        &mut self,
        session: SessionId,
        id: RequestId,
        name: &DeviceName,
        task: Task,
        now: Now,
    ) -> bool {
        let command = task.command();
        if !task.is_in_background() {
            self.show(ConsoleEvent::Issued {
                device: name.clone(),
                command,
            });
        }
        let call = self.calls.open(Door::Session(session, id));
        let job = Job::Device(DeviceJob { call, task });
        let Err(refused) = self.enqueue(name, job, now) else {
            return true;
        };
        if let Job::Device(job) = *refused {
            self.refuse_call(job.call, name, command, errors::too_many_operations());
        }
        false
    }

    /// The store answered what a device asked for.
    pub(crate) fn finish_device_job(
        &mut self,
        name: &DeviceName,
        job: DeviceJob,
        result: Result<StoreReply, StoreError>,
    ) {
        let DeviceJob { call, task } = job;
        let command = task.command();
        let error = match (task, result) {
            (Task::Commit { upload, staged }, result) => {
                return self.upload_committed(name, call, (upload, staged.id), result);
            }
            (Task::OpenUpload(upload), Ok(StoreReply::Receipt(found))) => {
                return self.upload_opened(name, call, upload, found);
            }
            (Task::Compute(compute), Ok(StoreReply::Summary(summary))) => {
                return self.computed(name, call, &compute, &summary);
            }
            (Task::Delete(_), Ok(StoreReply::Deleted(reply))) => {
                return self.deleted(name, call, reply);
            }
            (Task::ListFiles(asked), Ok(StoreReply::Files(list))) => {
                if !asked.background {
                    self.show(ConsoleEvent::ListedFiles {
                        device: name.clone(),
                        count: list.files.len(),
                    });
                }
                return self.reply(call, Ok(Reply::Files(list)));
            }
            (Task::OpenDownload(download), Ok(StoreReply::Snapshot(snapshot))) => {
                return self.start_download(name, call, &download, snapshot);
            }
            (task, result) => {
                if let Some(session) = call.session() {
                    self.release_slot(session, &task);
                }
                let no_file = missing(&task);
                result.map_or_else(
                    |error| errors::of_store(error, &no_file),
                    |_| errors::internal(),
                )
            }
        };
        self.refuse_call(call, name, command, error);
    }

    pub(crate) fn open_download(
        &mut self,
        session: SessionId,
        id: RequestId,
        name: &DeviceName,
        download: OpenDownload,
        now: Now,
    ) {
        let Some(open) = self.sessions.get_mut(&session) else {
            return;
        };
        if !open.transfers.ask_download(name, &mut self.transfers) {
            let of_hub = self.settings.capacity.downloads;
            let error = errors::busy(format!(
                "a session has at most {MAX_DOWNLOADS_PER_SESSION} downloads open, a device \
                 {MAX_DOWNLOADS_PER_DEVICE} and the hub {of_hub}; try again when \
                 one is done"
            ));
            return self.refuse_command(session, id, name, Command::Download, error);
        }
        let task = Task::OpenDownload(download.clone());
        if !self.issue(session, id, name, task, now) {
            self.release_slot(session, &Task::OpenDownload(download));
        }
    }

    pub(crate) fn download_ended(&mut self, session: SessionId, download: u64) {
        if let Some(session) = self.sessions.get_mut(&session) {
            session
                .transfers
                .end_download(download, &mut self.transfers);
        }
    }

    /// Tells a device and the operator why a command was not done.
    pub(crate) fn refuse_command(
        &mut self,
        session: SessionId,
        id: RequestId,
        name: &DeviceName,
        command: Command,
        error: RpcError,
    ) {
        self.show_refused(name, command, &error);
        self.refuse(session, id, error);
    }

    /// The same for a call that waited for the store.
    pub(crate) fn refuse_call(
        &mut self,
        call: Call,
        name: &DeviceName,
        command: Command,
        error: RpcError,
    ) {
        self.show_refused(name, command, &error);
        self.reply(call, Err(error));
    }

    fn show_refused(&mut self, name: &DeviceName, command: Command, error: &RpcError) {
        self.show(ConsoleEvent::Refused {
            device: name.clone(),
            command,
            message: error.message.clone(),
        });
    }

    fn computed(&mut self, name: &DeviceName, call: Call, compute: &Compute, summary: &Summary) {
        let Compute { file, operation } = *compute;
        let Ok(result) = summary.compute(operation) else {
            let message = errors::no_samples(file, operation);
            let error = RpcError::new(ErrorCode::NoSamples, message);
            return self.refuse_call(call, name, Command::Compute, error);
        };
        let reply = ComputeReply {
            file,
            operation,
            result,
            samples: summary.count(),
        };
        self.reply(call, Ok(Reply::Compute(reply)));
        self.show(ConsoleEvent::Computed {
            device: name.clone(),
            file,
            operation,
            result,
        });
    }

    fn deleted(&mut self, name: &DeviceName, call: Call, reply: DeleteReply) {
        let file = reply.file;
        self.reply(call, Ok(Reply::Delete(reply)));
        self.effects.push_back(Effect::JournalGrew);
        self.show(ConsoleEvent::Deleted { file });
        self.show(ConsoleEvent::ToldDeleted {
            device: name.clone(),
            file,
        });
    }

    fn start_download(
        &mut self,
        name: &DeviceName,
        call: Call,
        download: &OpenDownload,
        snapshot: Snapshot,
    ) {
        let Some(Door::Session(session, id)) = call.end() else {
            return;
        };
        let Some(open) = self.sessions.get_mut(&session) else {
            return;
        };
        let number = open.transfers.begin_download();
        self.settle(session);
        self.show(ConsoleEvent::Sending {
            device: name.clone(),
            file: download.file,
            bytes: snapshot.bytes(),
        });
        self.effects.push_back(Effect::StartDownload {
            session,
            id,
            download: number,
            snapshot,
        });
    }

    /// A transfer that the store was asked about does not begin.
    fn release_slot(&mut self, session: SessionId, task: &Task) {
        let Some(open) = self.sessions.get_mut(&session) else {
            return;
        };
        match task {
            Task::OpenUpload(_) => open.transfers.refuse_upload(&mut self.transfers),
            Task::OpenDownload(_) => open.transfers.refuse_download(&mut self.transfers),
            _ => {}
        }
    }
}

/// What a device is told where the file of its command is not there.
fn missing(task: &Task) -> String {
    let (what, file) = match task {
        Task::Compute(compute) => ("compute on", compute.file),
        Task::OpenDownload(download) => ("download", download.file),
        _ => return NO_FILE.to_owned(),
    };
    format!("there is no file with ID of {file} at the server side to {what}")
}
