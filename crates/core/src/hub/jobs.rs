//! What waits for the store on behalf of a device or of the operator.

use fleetlink_proto::{DeviceName, WallTime};

use crate::access::key_change::KeyJob;
use crate::access::redemption::Redemption;
use crate::files::task::DeviceJob;
use crate::operator::account_change::AccountJob;
use crate::operator::data::DataJob;
use crate::operator::ticket_change::TicketJob;
use crate::store::calls::StoreCall;

/// One thing that needs the store, queued under the name that it is about.
#[derive(Debug)]
pub(crate) enum Job {
    Device(DeviceJob),
    Account(AccountJob),
    Data(DataJob),
    Key(KeyJob),
    Ticket(TicketJob),
    Redemption(Redemption),
}

impl Job {
    /// What the store is asked for next.
    pub(crate) fn call(&self, name: &DeviceName, at: WallTime) -> StoreCall {
        match self {
            Job::Device(job) => job.task.call(name.clone(), at),
            Job::Account(job) => job.call(name, at),
            Job::Data(job) => job.call(name, at),
            Job::Key(job) => job.call(name, at),
            Job::Ticket(job) => job.call(at),
            Job::Redemption(job) => job.call(name, at),
        }
    }
}
