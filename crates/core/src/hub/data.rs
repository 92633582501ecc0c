//! The operator's requests about devices' data files, and the deletions that retention asks for.

use fleetlink_proto::control::{ComputeReply, ErrorCode, RpcError};
use fleetlink_proto::samples::{Operation, Summary};
use fleetlink_proto::{DeviceName, FileId};

use crate::access::authorisation::{Action, Caller, Decision, decide};
use crate::console::ConsoleEvent;
use crate::effect::Effect;
use crate::errors;
use crate::hub::Hub;
use crate::hub::jobs::Job;
use crate::ids::AdminId;
use crate::operator::data::{DataJob, DataReply, DataRequest, Task};
use crate::operator::errors::no_account;
use crate::operator::requests::AdminReply;
use crate::store::calls::{StoreError, StoreReply};
use crate::store::journal::Deleter;
use crate::time::Now;

impl Hub {
    /// The operator asks for something about data files.
    pub(crate) fn data_request(&mut self, admin: AdminId, request: DataRequest, now: Now) {
        let (device, file, task) = match request {
            DataRequest::List { device, after } => return self.list_data(admin, device, after),
            DataRequest::Compute {
                device,
                file,
                operation,
            } => (device, file, Task::Compute(operation)),
            DataRequest::Read { device, file } => (device, file, Task::Read),
            DataRequest::Delete { device, file, key } => {
                (device, file, Task::deletion(key, Deleter::Operator, None))
            }
            DataRequest::Expire {
                device,
                file,
                version,
                key,
            } => {
                let task = Task::deletion(key, Deleter::Retention, Some(version));
                (device, file, task)
            }
        };
        if let Err(why) = self.may(&device, task.action(&device)) {
            return self.answer_admin(admin, Err(why));
        }
        let job = Job::Data(DataJob { admin, file, task });
        if self.enqueue(&device, job, now).is_err() {
            let message = format!("too many operations of {device} are waiting; try again later");
            self.answer_data(admin, DataReply::Refused(errors::busy(message)));
        }
    }

    fn list_data(
        &mut self,
        admin: AdminId,
        device: Option<DeviceName>,
        after: Option<(DeviceName, FileId)>,
    ) {
        if let Some(device) = &device
            && let Err(why) = self.may(device, Action::ReadData(device))
        {
            return self.answer_admin(admin, Err(why));
        }
        self.effects.push_back(Effect::ListData {
            admin,
            device,
            after,
        });
    }

    fn may(&self, device: &DeviceName, action: Action<'_>) -> Result<(), String> {
        if decide(Caller::Operator, action) != Decision::Allowed {
            return Err("this is not for the operator".to_owned());
        }
        match self.accounts.contains(device) {
            true => Ok(()),
            false => Err(no_account(device)),
        }
    }

    /// The store answered what was asked about a data file.
    pub(crate) fn finish_data_job(
        &mut self,
        name: &DeviceName,
        job: &DataJob,
        result: Result<StoreReply, StoreError>,
    ) {
        let DataJob { admin, file, task } = *job;
        let reply = match (task, result) {
            (Task::Compute(operation), Ok(StoreReply::Summary(summary))) => {
                computed(file, operation, &summary)
            }
            (Task::Read, Ok(StoreReply::Snapshot(snapshot))) => DataReply::Content(snapshot),
            (Task::Delete { by, .. }, Ok(StoreReply::Deleted(reply))) => {
                self.effects.push_back(Effect::JournalGrew);
                self.show(ConsoleEvent::Removed {
                    device: name.clone(),
                    file,
                    by,
                });
                DataReply::Deleted(reply)
            }
            (_, Ok(_)) => DataReply::Refused(errors::internal()),
            (_, Err(error)) => {
                let missing = format!("there is no file with ID of {file} of {name}");
                DataReply::Refused(errors::of_store(error, &missing))
            }
        };
        self.answer_data(admin, reply);
    }

    fn answer_data(&mut self, admin: AdminId, reply: DataReply) {
        self.answer_admin(admin, Ok(AdminReply::Data(reply)));
    }
}

fn computed(file: FileId, operation: Operation, summary: &Summary) -> DataReply {
    match summary.compute(operation) {
        Ok(result) => DataReply::Computed(ComputeReply {
            file,
            operation,
            result,
            samples: summary.count(),
        }),
        Err(_) => DataReply::Refused(RpcError::new(
            ErrorCode::NoSamples,
            errors::no_samples(file, operation),
        )),
    }
}
