//! Calls that need the store: queued under the name that they are about, and replied to with what the
//! store says.

use fleetlink_proto::DeviceName;
use fleetlink_proto::control::{OpenUpload, RequestId, RpcError, UploadNumber};

use crate::access::accounts::NotRead;
use crate::access::errors::proof_gone;
use crate::access::parked::{Parked, StagedUpload};
use crate::call::Call;
use crate::caller::Caller;
use crate::console::ConsoleEvent;
use crate::door::Door;
use crate::effect::Effect;
use crate::errors;
use crate::files::command::{self, FileCommand, is_own, refuse};
use crate::files::opening;
use crate::hub::Hub;
use crate::hub::queue::Job;
use crate::hub::routing::Context;
use crate::ids::{CallId, OperationId, SessionId};
use crate::operator::account_change::AccountCommand;
use crate::operator::errors::{AdminError, no_account, too_many_operations};
use crate::outgoing::ReplyTo;
use crate::store::calls::{Staged, StoreError, StoreReply};
use crate::time::Now;

impl Hub {
    /// Queues a job under its name and starts it if none is before it. What the operator asks
    /// for, and what takes something away from a device, does not wait for what the device has asked
    /// for.
    pub(super) fn enqueue(
        &mut self,
        name: &DeviceName,
        job: Job,
        now: Now,
    ) -> Result<(), Box<Call>> {
        let queued = match job {
            Job::File(ref call) if is_own(call, name) => self.operations.push(name, job),
            Job::Account(_) | Job::Key(_) | Job::File(_) => {
                let yields = |job: &Job| matches!(job, Job::File(call) if is_own(call, name));
                self.operations.push_urgent(name, job, yields)
            }
            Job::Ticket(_) | Job::Redemption(_) => self.operations.push(name, job),
        };
        queued.map_err(|job| Box::new(job.into_call()))?;
        self.start_next(name, now);
        Ok(())
    }

    pub(super) fn store_answered(
        &mut self,
        operation: OperationId,
        result: Result<StoreReply, StoreError>,
        now: Now,
    ) {
        if self.audit.answered(operation, &result, now) {
            return;
        }
        let is_read = self.read_answered(operation, &result, now);
        if is_read || self.people_answered(operation, &result, now) {
            return;
        }
        let Some((name, job)) = self.operations.take_running(operation) else {
            return;
        };
        if let Err(error) = &result {
            self.note_not_done(&job, &name, error, now);
        }
        match job {
            Job::File(call) => self.finish_command(&name, call, result),
            Job::Account(call) => {
                if let Some(call) = self.finish_account_step(&name, call, result) {
                    return self.run(&name, Job::Account(call), now);
                }
            }
            Job::Key(call) => self.finish_key_change(&name, call, result),
            Job::Ticket(call) => self.finish_ticket_change(call, result, now),
            Job::Redemption(call) => self.finish_redemption(&name, call, result, now),
        }
        self.operations.release(&name);
        self.start_next(&name, now);
    }

    fn start_next(&mut self, name: &DeviceName, now: Now) {
        while let Some(job) = self.operations.take_next(name) {
            if let Some(job) = self.still_wanted(name, job, now) {
                return self.run(name, job, now);
            }
            self.operations.release(name);
        }
    }

    /// A job whose turn has come, unless it is wanted no more. Then its call is ended here.
    fn still_wanted(&mut self, name: &DeviceName, job: Job, now: Now) -> Option<Job> {
        if !self.is_job_wanted(&job, now) {
            self.end_withdrawn(job);
            return None;
        }
        match job {
            Job::Account(mut call) => {
                if let AccountCommand::Import(line) = &mut call.command {
                    self.decide_import(name, line);
                }
                Some(Job::Account(call))
            }
            Job::Key(call) => match self.may_still_change_key(name, &call, now) {
                Ok(()) => Some(Job::Key(call)),
                Err(error) => {
                    call.split().1.refuse(error, &mut self.out);
                    None
                }
            },
            Job::Redemption(call) => self.may_still_redeem(name, call, now).map(Job::Redemption),
            job @ (Job::File(_) | Job::Ticket(_)) => Some(job),
        }
    }

    fn run(&mut self, name: &DeviceName, job: Job, now: Now) {
        let call = self.signed_call(&job, name, now);
        let operation = self.operations.run(name, job);
        self.out.push(Effect::Store { operation, call });
    }

    /// Queues a device's command about its own data files.
    pub(super) fn issue(&mut self, call: Call<FileCommand>, Context { now, .. }: Context) {
        let Some(call) = opening::take_slot(call, &mut self.slots, &mut self.out) else {
            return;
        };
        let Some(own) = call.device().cloned() else {
            return call.split().1.refuse(errors::internal(), &mut self.out);
        };
        if !call.command.is_in_background() {
            self.show(ConsoleEvent::Issued {
                device: own.clone(),
                command: call.command.shown(),
            });
        }
        self.queue_command(call, &own, now);
    }

    /// Queues somebody else's command about a device's data files.
    pub(super) fn issue_for(
        &mut self,
        call: Call,
        owner: &DeviceName,
        command: FileCommand,
        now: Now,
    ) {
        if !self.accounts.contains(owner) {
            let error = AdminError::not_found(no_account(owner));
            return call.report_error(error, &mut self.out);
        }
        self.queue_command(call.with(command), owner, now);
    }

    fn queue_command(&mut self, call: Call<FileCommand>, owner: &DeviceName, now: Now) {
        let (shown, slot, holder) = (call.command.shown(), call.command.slot(), call.holder());
        if let Err(call) = self.enqueue(owner, Job::File(call), now) {
            if let (Some(holder), Some(slot)) = (holder, slot) {
                self.slots.refuse(holder, slot);
            }
            let error = match is_own(&call, owner) {
                true => errors::too_many_operations(),
                false => errors::busy(too_many_operations(owner)),
            };
            refuse(*call, shown, error, &mut self.out);
        }
    }

    /// The store answered what was asked.
    pub(super) fn finish_command(
        &mut self,
        owner: &DeviceName,
        call: Call<FileCommand>,
        result: Result<StoreReply, StoreError>,
    ) {
        let (command, call) = call.split();
        let (slots, out) = (&mut self.slots, &mut self.out);
        match (command, result) {
            (FileCommand::Commit { upload, staged }, result) => {
                opening::committed(call, owner, (upload, staged), result, out);
            }
            (FileCommand::OpenUpload(upload), Ok(StoreReply::Receipt(found))) => {
                opening::upload_opened(call, owner, (upload, found), slots, out);
            }
            (FileCommand::Compute(compute), Ok(StoreReply::Summary(summary))) => {
                command::computed(call, owner, compute, &summary, out);
            }
            (FileCommand::Summarise(_), Ok(StoreReply::Summary(summary))) => {
                command::summarised(call, summary, out);
            }
            (FileCommand::Delete { by, .. }, Ok(StoreReply::Deleted(reply, made))) => {
                command::deleted(call, owner, by, (reply, made), out);
            }
            (FileCommand::List(asked), Ok(StoreReply::Files(list))) => {
                command::listed(call, owner, &asked, list, out);
            }
            (FileCommand::OpenDownload(download), Ok(StoreReply::Snapshot(snapshot))) => {
                opening::start_download(call, owner, download, snapshot, (slots, out));
            }
            (FileCommand::Read(_), Ok(StoreReply::Snapshot(snapshot))) => {
                command::read(call, snapshot, out);
            }
            (command, result) => {
                if let (Some(holder), Some(slot)) = (call.holder(), command.slot()) {
                    slots.refuse(holder, slot);
                }
                let error = match result {
                    Ok(_) => errors::internal(),
                    Err(error) => command.error(error, owner, is_own(&call, owner)),
                };
                refuse(call, command.shown(), error, out);
            }
        }
    }

    /// Has staged bytes committed. From here on the commit no longer depends on the session.
    pub(super) fn upload_staged(
        &mut self,
        (session, id): (SessionId, RequestId),
        upload: UploadNumber,
        staged: Box<Staged>,
        now: Now,
    ) {
        let discarded = Effect::Discard { staged: staged.id };
        if !self.out.sessions.called(session) {
            return self.out.push(discarded);
        }
        let to = ReplyTo::Session(session, id);
        let call = self.calls.open(to, self.caller(session), "upload.commit");
        let taken = self.slots.uploads.end(session, upload);
        self.commit(call, taken, staged, now);
    }

    /// The same of an upload without a session, which this call began. Its bytes may have taken long to
    /// come, so its caller has to be who it was still.
    pub(super) fn stateless_upload_staged(
        &mut self,
        (call, door): (CallId, Door),
        caller: Caller,
        upload: CallId,
        staged: Box<Staged>,
        now: Now,
    ) {
        let to = ReplyTo::Stateless(call, door);
        let call = self.calls.open(to, caller, "upload.commit");
        self.ready_commit(call.with(StagedUpload { upload, staged }), now);
    }

    /// Goes on with the commit of an upload without a session, once all that shows who calls has been
    /// read.
    pub(super) fn ready_commit(&mut self, call: Call<StagedUpload>, now: Now) {
        match self.admission_to_read(&call.caller, now) {
            Some(query) => self.read_for(query, Parked::Commit(call), now),
            None => self.commit_admitted(call, now),
        }
    }

    /// Goes on with such a commit, for which the caller's secret, if it has one, has been read.
    pub(super) fn commit_admitted(&mut self, call: Call<StagedUpload>, now: Now) {
        match call.device().cloned() {
            Some(name) if !self.accounts.is_read(&name) => {
                self.read_account(NotRead(name), Parked::Commit(call), now);
            }
            _ => self.commit_stateless(call, now),
        }
    }

    fn commit_stateless(&mut self, call: Call<StagedUpload>, now: Now) {
        if !self.is_still_known(&call.caller, now) {
            let error = proof_gone(call.method);
            return self.refuse_commit(call, error);
        }
        let (StagedUpload { upload, staged }, call) = call.split();
        let taken = self.slots.uploads.end_of(upload);
        self.commit(call, taken, staged, now);
    }

    pub(super) fn refuse_commit(&mut self, call: Call<StagedUpload>, error: RpcError) {
        let (StagedUpload { upload, staged }, call) = call.split();
        self.slots.uploads.end_of(upload);
        self.out.push(Effect::Discard { staged: staged.id });
        call.refuse(error, &mut self.out);
    }

    fn commit(&mut self, call: Call, upload: Option<OpenUpload>, staged: Box<Staged>, now: Now) {
        let discarded = Effect::Discard { staged: staged.id };
        let (Some(own), Some(upload)) = (call.device().cloned(), upload) else {
            self.out.push(discarded);
            return call.refuse(errors::no_such_transfer(), &mut self.out);
        };
        let commit = FileCommand::Commit { upload, staged };
        let shown = commit.shown();
        if let Err(call) = self.enqueue(&own, Job::File(call.with(commit)), now) {
            self.out.push(discarded);
            refuse(*call, shown, errors::too_many_operations(), &mut self.out);
        }
    }
}
