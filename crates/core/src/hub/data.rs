//! The operator's requests about devices' data files, and the deletions that retention asks for.

use fleetlink_proto::control::{ComputeReply, ErrorCode, RpcError};
use fleetlink_proto::samples::{Operation, Summary};
use fleetlink_proto::{DataFile, DeviceName};

use crate::access::authorisation::Action;
use crate::call::Call;
use crate::console::ConsoleEvent;
use crate::effect::Effect;
use crate::errors;
use crate::hub::Hub;
use crate::hub::jobs::Job;
use crate::operator::data::{DataCommand, DataReply, DataRequest, Task};
use crate::operator::errors::{no_account, too_many_operations};
use crate::operator::requests::AdminReply;
use crate::store::calls::{StoreError, StoreReply};
use crate::store::journal::Deleter;
use crate::time::Now;

impl Hub {
    /// Somebody asks for something about data files that are not its own.
    pub(super) fn data_request(&mut self, call: Call, request: DataRequest, now: Now) {
        match request {
            DataRequest::List { device, after } => {
                let action = device.as_ref().map_or(Action::Inspect, Action::ReadData);
                self.permit_admin(call, action, |hub, call| {
                    hub.list_data(call, device.clone(), after);
                });
            }
            DataRequest::Compute {
                device,
                file,
                operation,
            } => self.permit_admin(call, Action::ReadData(&device), |hub, call| {
                let task = Task::Compute(operation);
                hub.queue_data(call.with(DataCommand { file, task }), &device, now);
            }),
            DataRequest::Read { device, file } => {
                self.permit_admin(call, Action::ReadData(&device), |hub, call| {
                    let task = Task::Read;
                    hub.queue_data(call.with(DataCommand { file, task }), &device, now);
                });
            }
            DataRequest::Delete { device, file, key } => {
                self.permit_admin(call, Action::DeleteData(&device), |hub, call| {
                    let task = Task::deletion(key, Deleter::Operator, None);
                    hub.queue_data(call.with(DataCommand { file, task }), &device, now);
                });
            }
            DataRequest::Expire {
                device,
                file,
                version,
                key,
            } => self.permit_admin(call, Action::DeleteData(&device), |hub, call| {
                let task = Task::deletion(key, Deleter::Retention, Some(version));
                hub.queue_data(call.with(DataCommand { file, task }), &device, now);
            }),
        }
    }

    fn list_data(
        &mut self,
        call: Call,
        device: Option<DeviceName>,
        after: Option<(DeviceName, DataFile)>,
    ) {
        if let Some(device) = &device
            && !self.accounts.contains(device)
        {
            return call.report(Err(no_account(device)), &mut self.out);
        }
        if let Some(admin) = call.hand_over_admin() {
            self.out.push(Effect::ListData {
                admin,
                device,
                after,
            });
        }
    }

    fn queue_data(&mut self, call: Call<DataCommand>, device: &DeviceName, now: Now) {
        if !self.accounts.contains(device) {
            return call
                .split()
                .1
                .report(Err(no_account(device)), &mut self.out);
        }
        if let Err(call) = self.enqueue(device, Job::Data(call), now) {
            let error = errors::busy(too_many_operations(device));
            call.report(
                Ok(AdminReply::Data(DataReply::Refused(error))),
                &mut self.out,
            );
        }
    }

    /// The store answered what was asked about a data file.
    pub(super) fn finish_data_job(
        &mut self,
        name: &DeviceName,
        call: Call<DataCommand>,
        result: Result<StoreReply, StoreError>,
    ) {
        let (DataCommand { file, task }, call) = call.split();
        let reply = match (task, result) {
            (Task::Compute(operation), Ok(StoreReply::Summary(summary))) => {
                computed(file, operation, &summary)
            }
            (Task::Read, Ok(StoreReply::Snapshot(snapshot))) => DataReply::Content(snapshot),
            (Task::Delete { by, .. }, Ok(StoreReply::Deleted(reply))) => {
                self.out.push(Effect::JournalGrew);
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
        call.report(Ok(AdminReply::Data(reply)), &mut self.out);
    }
}

fn computed(file: DataFile, operation: Operation, summary: &Summary) -> DataReply {
    match summary.compute(operation) {
        Ok(result) => DataReply::Computed(ComputeReply {
            file,
            operation,
            result,
            samples: summary.count(),
        }),
        Err(_) => DataReply::Refused(RpcError::new(
            ErrorCode::NoSamples,
            errors::no_samples(&file, operation),
        )),
    }
}
