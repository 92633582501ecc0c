//! A device's commands on its own files: queued for the store, answered with what it says.

use fleetlink_proto::DeviceName;
use fleetlink_proto::control::limits::{MAX_DOWNLOADS_PER_DEVICE, MAX_DOWNLOADS_PER_SESSION};
use fleetlink_proto::control::{
    Compute, ComputeReply, DeleteReply, ErrorCode, OpenDownload, Reply, RpcError,
};
use fleetlink_proto::samples::Summary;

use crate::call::Call;
use crate::console::{Command, ConsoleEvent};
use crate::effect::Effect;
use crate::errors;
use crate::files::task::{Task, Transfer};
use crate::hub::Hub;
use crate::hub::jobs::Job;
use crate::ids::SessionId;
use crate::store::calls::{StoreError, StoreReply};
use crate::store::snapshot::Snapshot;
use crate::time::Now;

/// The words of the specification for deleting a file that is not there.
const NO_FILE: &str = "the file does not exist at the server side";

impl Hub {
    /// Queues what a device asks of the store.
    pub(super) fn issue(&mut self, call: Call<Task>, now: Now) {
        let Some(name) = call.device().cloned() else {
            return call.split().1.refuse(errors::internal(), &mut self.out);
        };
        let (session, task) = (call.session(), &call.command);
        let (command, transfer) = (task.command(), task.transfer());
        if !task.is_in_background() {
            self.show(ConsoleEvent::Issued {
                device: name.clone(),
                command,
            });
        }
        if let Err(call) = self.enqueue(&name, Job::Device(call), now) {
            self.release_slot(session, transfer);
            self.refuse_command(call, command, errors::too_many_operations());
        }
    }

    /// The store answered what a device asked for.
    pub(super) fn finish_device_job(
        &mut self,
        name: &DeviceName,
        call: Call<Task>,
        result: Result<StoreReply, StoreError>,
    ) {
        let (task, call) = call.split();
        let command = task.command();
        let error = match (task, result) {
            (Task::Commit { upload, staged }, result) => {
                return self.upload_committed(call, (upload, staged.id), result);
            }
            (Task::OpenUpload(upload), Ok(StoreReply::Receipt(found))) => {
                return self.upload_opened(name, call, upload, found);
            }
            (Task::Compute(compute), Ok(StoreReply::Summary(summary))) => {
                return self.computed(name, call, compute, &summary);
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
                return call.ok(Reply::Files(list), &mut self.out);
            }
            (Task::OpenDownload(download), Ok(StoreReply::Snapshot(snapshot))) => {
                return self.start_download(name, call, download, snapshot);
            }
            (task, result) => {
                self.release_slot(call.session(), task.transfer());
                let no_file = missing(&task);
                result.map_or_else(
                    |error| errors::of_store(error, &no_file),
                    |_| errors::internal(),
                )
            }
        };
        self.refuse_command(call, command, error);
    }

    pub(super) fn open_download(&mut self, call: Call, download: OpenDownload, now: Now) {
        let (Some(open), Some(name)) = (
            call.session().and_then(|id| self.out.sessions.get_mut(id)),
            call.device(),
        ) else {
            let error = errors::out_of_order("a download needs a session");
            return call.refuse(error, &mut self.out);
        };
        if !open.transfers.ask_download(name, &mut self.transfers) {
            let of_hub = self.settings.capacity.downloads;
            let error = errors::busy(format!(
                "a session has at most {MAX_DOWNLOADS_PER_SESSION} downloads open, a device \
                 {MAX_DOWNLOADS_PER_DEVICE} and the hub {of_hub}; try again when \
                 one is done"
            ));
            return self.refuse_command(call, Command::Download, error);
        }
        self.issue(call.with(Task::OpenDownload(download)), now);
    }

    pub(super) fn download_ended(&mut self, session: SessionId, download: u64) {
        if let Some(session) = self.out.sessions.get_mut(session) {
            session
                .transfers
                .end_download(download, &mut self.transfers);
        }
    }

    /// Tells a device and the operator why a command was not done.
    pub(super) fn refuse_command(&mut self, call: Call, command: Command, error: RpcError) {
        if let Some(device) = call.device().cloned() {
            self.show(ConsoleEvent::Refused {
                device,
                command,
                message: error.message.clone(),
            });
        }
        call.refuse(error, &mut self.out);
    }

    fn computed(&mut self, name: &DeviceName, call: Call, compute: Compute, summary: &Summary) {
        let Compute { file, operation } = compute;
        let Ok(result) = summary.compute(operation) else {
            let message = errors::no_samples(&file, operation);
            let error = RpcError::new(ErrorCode::NoSamples, message);
            return self.refuse_command(call, Command::Compute, error);
        };
        let reply = ComputeReply {
            file: file.clone(),
            operation,
            result,
            samples: summary.count(),
        };
        call.ok(Reply::Compute(reply), &mut self.out);
        self.show(ConsoleEvent::Computed {
            device: name.clone(),
            file,
            operation,
            result,
        });
    }

    fn deleted(&mut self, name: &DeviceName, call: Call, reply: DeleteReply) {
        let file = reply.file.clone();
        call.ok(Reply::Delete(reply), &mut self.out);
        self.out.push(Effect::JournalGrew);
        self.show(ConsoleEvent::Deleted { file: file.clone() });
        self.show(ConsoleEvent::ToldDeleted {
            device: name.clone(),
            file,
        });
    }

    fn start_download(
        &mut self,
        name: &DeviceName,
        call: Call,
        download: OpenDownload,
        snapshot: Snapshot,
    ) {
        let Some((session, id)) = call.hand_over(&mut self.out) else {
            return;
        };
        let Some(open) = self.out.sessions.get_mut(session) else {
            return;
        };
        let number = open.transfers.begin_download();
        self.show(ConsoleEvent::Sending {
            device: name.clone(),
            file: download.file,
            bytes: snapshot.bytes(),
        });
        self.out.push(Effect::StartDownload {
            session,
            id,
            download: number,
            snapshot,
        });
    }

    /// The transfer that the store was asked about does not begin.
    pub(super) fn release_slot(&mut self, session: Option<SessionId>, transfer: Option<Transfer>) {
        let open = session.and_then(|id| self.out.sessions.get_mut(id));
        match (open, transfer) {
            (Some(open), Some(Transfer::Upload)) => {
                open.transfers.refuse_upload(&mut self.transfers);
            }
            (Some(open), Some(Transfer::Download)) => {
                open.transfers.refuse_download(&mut self.transfers);
            }
            _ => {}
        }
    }
}

/// What a device is told where the file of its command is not there.
fn missing(task: &Task) -> String {
    let (what, file) = match task {
        Task::Compute(compute) => ("compute on", &compute.file),
        Task::OpenDownload(download) => ("download", &download.file),
        _ => return NO_FILE.to_owned(),
    };
    format!("there is no file with ID of {file} at the server side to {what}")
}
