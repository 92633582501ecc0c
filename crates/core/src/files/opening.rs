//! Uploads and downloads: each takes a slot before the store is asked, and gives it back at its end. An
//! upload is acknowledged only once the store has committed it.

use fleetlink_proto::DeviceName;
use fleetlink_proto::control::limits::{
    MAX_DOWNLOADS_PER_DEVICE, MAX_DOWNLOADS_PER_SESSION, MAX_NUMBER, MAX_UPLOADS_PER_DEVICE,
    MAX_UPLOADS_PER_SESSION,
};
use fleetlink_proto::control::{
    ErrorCode, OpenDownload, OpenUpload, OpenUploadReply, Receipt, Reply, RpcError,
};

use crate::call::Call;
use crate::console::ConsoleEvent;
use crate::effect::Effect;
use crate::errors;
use crate::files::command::{FileCommand, refuse, shown_upload};
use crate::files::slots::{Slot, Slots};
use crate::ids::Holder;
use crate::outgoing::Outgoing;
use crate::store::calls::{Made, Staged, StoreError, StoreReply, UploadChange};
use crate::store::snapshot::Snapshot;

/// Takes the slot that a command needs; else refuses its call.
pub(crate) fn take_slot(
    call: Call<FileCommand>,
    slots: &mut Slots,
    out: &mut Outgoing,
) -> Option<Call<FileCommand>> {
    let Some(slot) = call.command.slot() else {
        return Some(call);
    };
    let holder = call.holder().filter(|holder| may_hold(*holder, slot));
    let (Some(holder), Some(device)) = (holder, call.device()) else {
        let error = errors::out_of_order(&format!("{} needs a session", call.method));
        call.split().1.refuse(error, out);
        return None;
    };
    if let Some(number) = slots.unusable(holder, slot) {
        let (command, call) = call.split();
        refuse(call, command.shown(), number_refused(slot, number), out);
        return None;
    }
    if slots.take(holder, device, slot) {
        return Some(call);
    }
    let (command, call) = call.split();
    refuse(
        call,
        command.shown(),
        no_slot(slot, slots.of_hub(slot)),
        out,
    );
    None
}

/// A download is sent in chunks, which need a session.
fn may_hold(holder: Holder, slot: Slot) -> bool {
    matches!(
        (holder, slot),
        (Holder::Session(_), _) | (_, Slot::Upload(_))
    )
}

fn number_refused(slot: Slot, number: u64) -> RpcError {
    let what = match slot {
        Slot::Upload(_) => "upload",
        Slot::Download(_) => "download",
    };
    let message = format!(
        "{number} is no number for this {what}: it is a whole number from 1 to {MAX_NUMBER} that no \
         other open {what} of the session has"
    );
    RpcError::new(ErrorCode::InvalidParams, message)
}

fn no_slot(slot: Slot, of_hub: usize) -> RpcError {
    let (what, of_session, of_device) = match slot {
        Slot::Upload(_) => ("uploads", MAX_UPLOADS_PER_SESSION, MAX_UPLOADS_PER_DEVICE),
        Slot::Download(_) => (
            "downloads",
            MAX_DOWNLOADS_PER_SESSION,
            MAX_DOWNLOADS_PER_DEVICE,
        ),
    };
    errors::busy(format!(
        "a session has at most {of_session} {what} open, a device {of_device} and the hub {of_hub}; \
         try again when one is done"
    ))
}

/// The store was asked whether an upload of this key was committed before.
pub(crate) fn upload_opened(
    call: Call,
    owner: &DeviceName,
    (upload, found): (OpenUpload, Option<Receipt>),
    slots: &mut Slots,
    out: &mut Outgoing,
) {
    let Some(receipt) = found else {
        return start_upload(call, owner, upload, slots, out);
    };
    if let Some(holder) = call.holder() {
        slots.uploads.refuse(holder, upload.upload);
    }
    if (&receipt.file, receipt.mode) == (&upload.file, upload.mode) {
        let file = receipt.file.clone();
        out.show(ConsoleEvent::ReceivedBefore { file });
        call.ok(
            Reply::OpenUpload(OpenUploadReply::Committed { receipt }),
            out,
        );
    } else {
        let error = RpcError::new(
            ErrorCode::Conflict,
            "the idempotency key was used for another upload",
        );
        refuse(call, shown_upload(upload.mode), error, out);
    }
}

fn start_upload(
    call: Call,
    owner: &DeviceName,
    upload: OpenUpload,
    slots: &mut Slots,
    out: &mut Outgoing,
) {
    let OpenUpload {
        file, mode, key, ..
    } = upload.clone();
    let device = owner.clone();
    let change = UploadChange {
        device,
        key,
        file,
        mode,
    };
    if let Some(holder @ Holder::Call(_)) = call.holder() {
        slots.uploads.begin(holder, None, upload);
        if let Some(call) = call.hand_over_stateless() {
            out.push(Effect::StartStatelessUpload { call, change });
        }
        return;
    }
    let Some((session, id)) = call.hand_over(out) else {
        return;
    };
    if let Some(number) = slots.uploads.begin(session, upload.upload, upload) {
        out.push(Effect::StartUpload {
            session,
            id,
            upload: number,
            change,
        });
    }
}

/// The store answered a commit.
pub(crate) fn committed(
    call: Call,
    owner: &DeviceName,
    (upload, staged): (OpenUpload, Box<Staged>),
    result: Result<StoreReply, StoreError>,
    out: &mut Outgoing,
) {
    let error = match result {
        Ok(StoreReply::Committed(receipt, made)) => {
            call.ok(Reply::Committed(receipt.clone()), out);
            // The call that made the change was shown and counted.
            if made == Made::Before {
                return;
            }
            out.push(Effect::JournalGrew);
            return out.show(ConsoleEvent::Received {
                device: owner.clone(),
                receipt,
                last: staged.last,
            });
        }
        Ok(_) => errors::internal(),
        Err(error) => {
            // Where it may be committed, the bytes may be part of a file by now.
            if !matches!(error, StoreError::Unknown(_)) {
                out.push(Effect::Discard { staged: staged.id });
            }
            errors::of_store(error, "there is no account of this device any more")
        }
    };
    refuse(call, shown_upload(upload.mode), error, out);
}

pub(crate) fn start_download(
    call: Call,
    owner: &DeviceName,
    download: OpenDownload,
    snapshot: Snapshot,
    (slots, out): (&mut Slots, &mut Outgoing),
) {
    let Some((session, id)) = call.hand_over(out) else {
        return;
    };
    if let Some(number) = slots.downloads.begin(session, download.download, ()) {
        out.show(ConsoleEvent::Sending {
            device: owner.clone(),
            file: download.file,
            bytes: snapshot.bytes(),
        });
        out.push(Effect::StartDownload {
            session,
            id,
            download: number,
            snapshot,
        });
    }
}
