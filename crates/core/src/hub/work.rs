//! The jobs on their way through the store: one of a name at a time.

use fleetlink_proto::DeviceName;

use crate::call::Call;
use crate::effect::Effect;
use crate::hub::Hub;
use crate::hub::endings::is_wanted;
use crate::hub::jobs::Job;
use crate::ids::OperationId;
use crate::operator::account_change::AccountCommand;
use crate::store::calls::{StoreError, StoreReply};
use crate::time::Now;

impl Hub {
    /// Queues a job under its name and starts it if none is before it. What the operator asks
    /// for, and what takes something away from a device, does not wait for what the device has asked
    /// for.
    pub(super) fn enqueue(&mut self, name: &DeviceName, job: Job, now: Now) -> Result<(), Call> {
        let queued = match job {
            Job::Account(_) | Job::Key(_) | Job::Data(_) => {
                let yields = |job: &Job| matches!(job, Job::Device(_));
                self.operations.push_urgent(name, job, yields)
            }
            Job::Device(_) | Job::Ticket(_) | Job::Redemption(_) => self.operations.push(name, job),
        };
        queued.map_err(|job| job.into_call())?;
        self.start_next(name, now);
        Ok(())
    }

    pub(super) fn store_answered(
        &mut self,
        operation: OperationId,
        result: Result<StoreReply, StoreError>,
        now: Now,
    ) {
        let Some((name, job)) = self.operations.answered(operation) else {
            return;
        };
        match job {
            Job::Device(call) => self.finish_device_job(&name, call, result),
            Job::Account(call) => {
                if let Some(call) = self.finish_account_step(&name, call, result, now) {
                    return self.run(&name, Job::Account(call), now);
                }
            }
            Job::Data(call) => self.finish_data_job(&name, call, result),
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
        match job {
            Job::Device(call)
                if !call.command.is_change()
                    && !is_wanted(&call, &self.out.sessions, &self.accounts) =>
            {
                self.end_unwanted(call.split().1);
                None
            }
            Job::Account(mut call) => {
                if let AccountCommand::Import(line) = &mut call.command {
                    self.decide_import(name, line);
                }
                Some(Job::Account(call))
            }
            Job::Key(call) => match self.may_still_change_key(name, &call) {
                Ok(()) => Some(Job::Key(call)),
                Err(error) => {
                    call.split().1.refuse(error, &mut self.out);
                    None
                }
            },
            Job::Redemption(call) => self.may_still_redeem(name, call, now).map(Job::Redemption),
            job @ (Job::Device(_) | Job::Data(_) | Job::Ticket(_)) => Some(job),
        }
    }

    fn run(&mut self, name: &DeviceName, job: Job, now: Now) {
        let call = job.store_call(name, now.wall);
        let operation = self.operations.run(name, job);
        self.out.push(Effect::Store { operation, call });
    }
}
