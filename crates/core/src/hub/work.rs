//! The jobs on their way through the store: one of a name at a time.

use fleetlink_proto::DeviceName;

use crate::effect::Effect;
use crate::hub::Hub;
use crate::hub::jobs::Job;
use crate::ids::OperationId;
use crate::operator::account_change::AccountJob;
use crate::store::calls::{StoreError, StoreReply};
use crate::time::Now;

impl Hub {
    /// Queues a job under its name and starts it if none is before it. What the operator asks
    /// for, and what takes something away from a device, does not wait for what the device has asked
    /// for.
    pub(crate) fn enqueue(
        &mut self,
        name: &DeviceName,
        job: Job,
        now: Now,
    ) -> Result<(), Box<Job>> {
        match job {
            Job::Account(_) | Job::Key(_) | Job::Data(_) => {
                let yields = |job: &Job| matches!(job, Job::Device(_));
                self.operations.push_urgent(name, job, yields)?;
            }
            Job::Device(_) | Job::Ticket(_) | Job::Redemption(_) => {
                self.operations.push(name, job)?;
            }
        }
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
            Job::Device(job) => self.finish_device_job(&name, job, result),
            Job::Account(job) => {
                if let Some(job) = self.finish_account_step(&name, job, result, now) {
                    return self.run(&name, Job::Account(job), now);
                }
            }
            Job::Data(job) => self.finish_data_job(&name, &job, result),
            Job::Key(job) => self.finish_key_job(&name, job, result),
            Job::Ticket(job) => self.finish_ticket_job(job, result, now),
            Job::Redemption(job) => self.finish_redemption(&name, job, result, now),
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
    fn still_wanted(&mut self, name: &DeviceName, mut job: Job, now: Now) -> Option<Job> {
        match &mut job {
            Job::Device(device) => {
                let session = device.call.session();
                let is_open = session.is_some_and(|id| self.sessions.contains_key(&id));
                if !is_open && !device.task.is_change() {
                    if let Job::Device(device) = job {
                        // Its session is gone: nobody waits for a reply.
                        device.call.end();
                    }
                    return None;
                }
            }
            Job::Account(AccountJob::Import(job)) => self.decide_import(name, job),
            Job::Account(_) | Job::Data(_) | Job::Ticket(_) => {}
            Job::Key(change) => {
                if let Err(error) = self.may_still(name, change) {
                    if let Job::Key(change) = job {
                        self.end_key_call(change.call, Err(error));
                    }
                    return None;
                }
            }
            Job::Redemption(redemption) => {
                return self.may_still_redeem(name, redemption, now).then_some(job);
            }
        }
        Some(job)
    }

    fn run(&mut self, name: &DeviceName, job: Job, now: Now) {
        let call = job.call(name, now.wall);
        let operation = self.operations.run(name, job);
        self.effects.push_back(Effect::Store { operation, call });
    }
}
