//! Uploads: opened, staged by the session, committed by the store, and only then acknowledged.

use fleetlink_proto::DeviceName;
use fleetlink_proto::control::limits::{MAX_UPLOADS_PER_DEVICE, MAX_UPLOADS_PER_SESSION};
use fleetlink_proto::control::{
    ErrorCode, OpenUpload, OpenUploadReply, Receipt, Reply, RequestId, RpcError,
};

use crate::call::Call;
use crate::console::ConsoleEvent;
use crate::effect::Effect;
use crate::errors;
use crate::files::task::{Task, Transfer, upload_command};
use crate::hub::Hub;
use crate::hub::jobs::Job;
use crate::ids::SessionId;
use crate::outgoing::ReplyTo;
use crate::store::calls::{Staged, StagedId, StoreError, StoreReply};
use crate::time::Now;

impl Hub {
    pub(super) fn open_upload(&mut self, call: Call, upload: OpenUpload, now: Now) {
        let (Some(open), Some(name)) = (
            call.session().and_then(|id| self.out.sessions.get_mut(id)),
            call.device(),
        ) else {
            let error = errors::out_of_order("an upload needs a session");
            return call.refuse(error, &mut self.out);
        };
        if !open.transfers.ask_upload(name, &mut self.transfers) {
            let of_hub = self.settings.capacity.uploads;
            let error = errors::busy(format!(
                "a session has at most {MAX_UPLOADS_PER_SESSION} uploads open, a device \
                 {MAX_UPLOADS_PER_DEVICE} and the hub {of_hub}; try again when one is \
                 done"
            ));
            return self.refuse_command(call, upload_command(upload.mode), error);
        }
        self.issue(call.with(Task::OpenUpload(upload)), now);
    }

    /// The store was asked whether an upload of this key was committed before.
    pub(super) fn upload_opened(
        &mut self,
        name: &DeviceName,
        call: Call,
        upload: OpenUpload,
        found: Option<Receipt>,
    ) {
        let Some(receipt) = found else {
            return self.start_upload(name, call, upload);
        };
        self.release_slot(call.session(), Some(Transfer::Upload));
        if (&receipt.file, receipt.mode) == (&upload.file, upload.mode) {
            let file = receipt.file.clone();
            self.show(ConsoleEvent::ReceivedBefore { file });
            let reply = OpenUploadReply::Committed { receipt };
            call.ok(Reply::OpenUpload(reply), &mut self.out);
        } else {
            let error = RpcError::new(
                ErrorCode::Conflict,
                "the idempotency key was used for another upload",
            );
            self.refuse_command(call, upload_command(upload.mode), error);
        }
    }

    fn start_upload(&mut self, name: &DeviceName, call: Call, upload: OpenUpload) {
        let Some((session, id)) = call.hand_over(&mut self.out) else {
            return;
        };
        let Some(open) = self.out.sessions.get_mut(session) else {
            return;
        };
        let OpenUpload { file, mode, key } = upload.clone();
        let number = open.transfers.begin_upload(upload);
        self.out.push(Effect::StartUpload {
            session,
            id,
            upload: number,
            device: name.clone(),
            file,
            mode,
            key,
        });
    }

    /// Has staged bytes committed. From here on the commit no longer depends on the session.
    pub(super) fn upload_staged(
        &mut self,
        (session, id): (SessionId, RequestId),
        upload: u64,
        staged: Staged,
        now: Now,
    ) {
        let discarded = staged.id;
        if !self.out.sessions.called(session) {
            return self.discard(discarded);
        }
        let to = ReplyTo::Session(session, id);
        let call = self.calls.open(to, self.caller(session), "upload.commit");
        let open = self.out.sessions.get_mut(session);
        let taken = open.and_then(|open| open.transfers.take_upload(upload, &mut self.transfers));
        let (Some(name), Some(upload)) = (call.device().cloned(), taken) else {
            self.discard(discarded);
            return call.refuse(errors::no_such_transfer(), &mut self.out);
        };
        let command = upload_command(upload.mode);
        let staged = Box::new(staged);
        let commit = Job::Device(call.with(Task::Commit { upload, staged }));
        if let Err(call) = self.enqueue(&name, commit, now) {
            self.discard(discarded);
            self.refuse_command(call, command, errors::too_many_operations());
        }
    }

    /// The store answered a commit.
    pub(super) fn upload_committed(
        &mut self,
        call: Call,
        (upload, staged): (OpenUpload, StagedId),
        result: Result<StoreReply, StoreError>,
    ) {
        let error = match result {
            Ok(StoreReply::Committed(receipt)) => {
                let OpenUpload { file, mode, .. } = upload;
                call.ok(Reply::Committed(receipt), &mut self.out);
                self.out.push(Effect::JournalGrew);
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
        self.refuse_command(call, upload_command(upload.mode), error);
    }

    pub(super) fn upload_ended(&mut self, session: SessionId, upload: u64) {
        if let Some(session) = self.out.sessions.get_mut(session) {
            session.transfers.take_upload(upload, &mut self.transfers);
        }
    }

    pub(super) fn discard(&mut self, staged: StagedId) {
        self.out.push(Effect::Discard { staged });
    }
}
