//! Uploads: opened, staged by the session, committed by the store, and only then acknowledged.

use fleetlink_proto::DeviceName;
use fleetlink_proto::control::limits::{MAX_UPLOADS_PER_DEVICE, MAX_UPLOADS_PER_SESSION};
use fleetlink_proto::control::{
    ErrorCode, OpenUpload, OpenUploadReply, Receipt, Reply, RequestId, RpcError,
};

use crate::call::{Call, Door};
use crate::console::ConsoleEvent;
use crate::effect::Effect;
use crate::errors;
use crate::files::task::{DeviceJob, Task, upload_command};
use crate::hub::Hub;
use crate::hub::jobs::Job;
use crate::ids::SessionId;
use crate::store::calls::{Staged, StagedId, StoreError, StoreReply};
use crate::time::Now;

impl Hub {
    pub(crate) fn open_upload(
        &mut self,
        session: SessionId,
        id: RequestId,
        name: &DeviceName,
        upload: OpenUpload,
        now: Now,
    ) {
        let Some(open) = self.sessions.get_mut(&session) else {
            return;
        };
        if !open.transfers.ask_upload(name, &mut self.transfers) {
            let of_hub = self.settings.capacity.uploads;
            let error = errors::busy(format!(
                "a session has at most {MAX_UPLOADS_PER_SESSION} uploads open, a device \
                 {MAX_UPLOADS_PER_DEVICE} and the hub {of_hub}; try again when one is \
                 done"
            ));
            return self.refuse_command(session, id, name, upload_command(upload.mode), error);
        }
        if !self.issue(session, id, name, Task::OpenUpload(upload), now) {
            self.refuse_upload_slot(session);
        }
    }

    /// The store was asked whether an upload of this key was committed before.
    pub(crate) fn upload_opened(
        &mut self,
        name: &DeviceName,
        call: Call,
        upload: OpenUpload,
        found: Option<Receipt>,
    ) {
        let Some(receipt) = found else {
            return self.start_upload(name, call, upload);
        };
        if let Some(session) = call.session() {
            self.refuse_upload_slot(session);
        }
        if (receipt.file, receipt.mode) == (upload.file, upload.mode) {
            self.show(ConsoleEvent::ReceivedBefore { file: receipt.file });
            let reply = OpenUploadReply::Committed { receipt };
            self.reply(call, Ok(Reply::OpenUpload(reply)));
        } else {
            let error = RpcError::new(
                ErrorCode::Conflict,
                "the idempotency key was used for another upload",
            );
            self.refuse_call(call, name, upload_command(upload.mode), error);
        }
    }

    fn start_upload(&mut self, name: &DeviceName, call: Call, upload: OpenUpload) {
        let Some(Door::Session(session, id)) = call.end() else {
            return;
        };
        let Some(open) = self.sessions.get_mut(&session) else {
            return;
        };
        let OpenUpload { file, mode, key } = upload;
        let number = open.transfers.begin_upload(upload);
        self.settle(session);
        self.effects.push_back(Effect::StartUpload {
            session,
            id,
            upload: number,
            device: name.clone(),
            file,
            mode,
            key,
        });
    }

    /// The upload that the store was asked about does not begin.
    pub(crate) fn refuse_upload_slot(&mut self, session: SessionId) {
        if let Some(session) = self.sessions.get_mut(&session) {
            session.transfers.refuse_upload(&mut self.transfers);
        }
    }

    /// Has staged bytes committed. From here on the commit no longer depends on the session.
    pub(crate) fn upload_staged(
        &mut self,
        session: SessionId,
        id: RequestId,
        upload: u64,
        staged: Staged,
        now: Now,
    ) {
        if self.heard(session, now) {
            self.owe(session);
        }
        let discarded = staged.id;
        let taken = self.sessions.get_mut(&session).and_then(|open| {
            let name = open.name()?.clone();
            let upload = open.transfers.take_upload(upload, &mut self.transfers)?;
            Some((name, upload))
        });
        let Some((name, upload)) = taken else {
            self.discard(discarded);
            return self.refuse(session, id, errors::no_such_transfer());
        };
        let command = upload_command(upload.mode);
        let staged = Box::new(staged);
        let job = Job::Device(DeviceJob {
            call: self.calls.open(Door::Session(session, id)),
            task: Task::Commit { upload, staged },
        });
        if let Err(refused) = self.enqueue(&name, job, now)
            && let Job::Device(job) = *refused
        {
            self.discard(discarded);
            self.refuse_call(job.call, &name, command, errors::too_many_operations());
        }
    }

    /// The store answered a commit.
    pub(crate) fn upload_committed(
        &mut self,
        name: &DeviceName,
        call: Call,
        (upload, staged): (OpenUpload, StagedId),
        result: Result<StoreReply, StoreError>,
    ) {
        let error = match result {
            Ok(StoreReply::Committed(receipt)) => {
                let OpenUpload { file, mode, .. } = upload;
                self.reply(call, Ok(Reply::Committed(receipt)));
                self.effects.push_back(Effect::JournalGrew);
                return self.show(ConsoleEvent::Received { file, mode });
            }
            Ok(_) => errors::internal(),
            Err(error) => {
                // Where it may be committed, the bytes may be part of a file by now.
                if !matches!(error, StoreError::Unknown(_)) {
                    self.discard(staged);
                }
                errors::of_store(error, "there is no account of this device any more")
            }
        };
        self.refuse_call(call, name, upload_command(upload.mode), error);
    }

    pub(crate) fn upload_ended(&mut self, session: SessionId, upload: u64) {
        if let Some(session) = self.sessions.get_mut(&session) {
            session.transfers.take_upload(upload, &mut self.transfers);
        }
    }

    pub(crate) fn discard(&mut self, staged: StagedId) {
        self.effects.push_back(Effect::Discard { staged });
    }
}
