//! Devices' data files in the operator's hands, and those that retention deletes.

use fleetlink_proto::control::{ComputeReply, DeleteReply, ErrorCode, FileEntry, RpcError};
use fleetlink_proto::samples::{Operation, Summary};
use fleetlink_proto::{DeviceName, FileId, IdempotencyKey, WallTime};

use crate::access::authorisation::{Action, Caller, Decision, decide};
use crate::console::ConsoleEvent;
use crate::effect::Effect;
use crate::errors;
use crate::files::jobs::Job;
use crate::hub::Hub;
use crate::input::AdminId;
use crate::operator::accounts::no_account;
use crate::operator::requests::AdminReply;
use crate::store::calls::{Deleter, Snapshot, StoreCall, StoreError, StoreReply};
use crate::time::Now;

/// What is asked about data files beside their devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataRequest {
    /// Lists data files, by device and ID.
    List {
        /// Of this device; of all devices where it is not given.
        device: Option<DeviceName>,
        /// Only those that follow this one.
        after: Option<(DeviceName, FileId)>,
    },
    /// Computes on a data file.
    Compute {
        /// Whose.
        device: DeviceName,
        /// Which.
        file: FileId,
        /// What.
        operation: Operation,
    },
    /// Reads a data file.
    Read {
        /// Whose.
        device: DeviceName,
        /// Which.
        file: FileId,
    },
    /// Deletes a data file.
    Delete {
        /// Whose.
        device: DeviceName,
        /// Which.
        file: FileId,
        /// Names this deletion across retries.
        key: IdempotencyKey,
    },
    /// Deletes a data file that is beyond the bounds of retention. The hub asks this itself.
    Expire {
        /// Whose.
        device: DeviceName,
        /// Which.
        file: FileId,
        /// The version that is beyond the bounds; a newer one stays.
        version: u64,
        /// Names this deletion across retries.
        key: IdempotencyKey,
    },
}

/// The answer to a [`DataRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataReply {
    /// A page of data files; the last page is empty.
    Files(Vec<(DeviceName, FileEntry)>),
    /// A result.
    Computed(ComputeReply),
    /// The content, to be read from the store.
    Content(Snapshot),
    /// The data file is deleted.
    Deleted(DeleteReply),
    /// It was not done.
    Refused(RpcError),
}

/// A request that waits for the store.
#[derive(Debug)]
pub(crate) struct DataJob {
    admin: AdminId,
    file: FileId,
    task: Task,
}

#[derive(Debug, Clone, Copy)]
enum Task {
    Compute(Operation),
    Read,
    Delete {
        key: IdempotencyKey,
        by: Deleter,
        version: Option<u64>,
    },
}

impl DataJob {
    pub(crate) fn call(&self, name: &DeviceName, at: WallTime) -> StoreCall {
        let (device, file) = (name.clone(), self.file);
        match self.task {
            Task::Compute(_) => StoreCall::Summary { device, file },
            Task::Read => StoreCall::Snapshot { device, file },
            Task::Delete { key, by, version } => StoreCall::Delete {
                device,
                file,
                key,
                at,
                by,
                version,
            },
        }
    }
}

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

impl Task {
    fn deletion(key: IdempotencyKey, by: Deleter, version: Option<u64>) -> Self {
        Task::Delete { key, by, version }
    }

    fn action(self, device: &DeviceName) -> Action<'_> {
        match self {
            Task::Compute(_) | Task::Read => Action::ReadData(device),
            Task::Delete { .. } => Action::DeleteData(device),
        }
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
