//! What waits for the store on behalf of a caller.

use fleetlink_proto::control::RequestId;
use fleetlink_proto::{DeviceName, WallTime};

use crate::access::key_change::KeyChange;
use crate::access::redemption::Redemption;
use crate::call::Call;
use crate::files::task::Task;
use crate::ids::SessionId;
use crate::operator::account_change::AccountCommand;
use crate::operator::data::DataCommand;
use crate::operator::ticket_change::TicketCommand;
use crate::store::calls::StoreCall;

/// One call that needs the store, queued under the name that it is about.
#[derive(Debug)]
pub(crate) enum Job {
    Device(Call<Task>),
    Account(Call<AccountCommand>),
    Data(Call<DataCommand>),
    Key(Call<KeyChange>),
    Ticket(Call<TicketCommand>),
    Redemption(Call<Redemption>),
}

impl Job {
    /// What the store is asked for next.
    pub(crate) fn store_call(&self, name: &DeviceName, at: WallTime) -> StoreCall {
        match self {
            Job::Device(call) => call.command.store_call(name.clone(), at),
            Job::Account(call) => call.command.store_call(name, at),
            Job::Data(call) => call.command.store_call(name, at),
            Job::Key(call) => call.command.store_call(name, at),
            Job::Ticket(call) => call.command.store_call(at),
            Job::Redemption(call) => call.command.store_call(name, at),
        }
    }

    /// The session that waits for the reply, and its id of the call.
    pub(crate) fn origin(&self) -> Option<(SessionId, &RequestId)> {
        match self {
            Job::Device(call) => call.origin(),
            Job::Account(call) => call.origin(),
            Job::Data(call) => call.origin(),
            Job::Key(call) => call.origin(),
            Job::Ticket(call) => call.origin(),
            Job::Redemption(call) => call.origin(),
        }
    }

    /// The call, without what it asks for.
    pub(crate) fn into_call(self) -> Call {
        match self {
            Job::Device(call) => call.split().1,
            Job::Account(call) => call.split().1,
            Job::Data(call) => call.split().1,
            Job::Key(call) => call.split().1,
            Job::Ticket(call) => call.split().1,
            Job::Redemption(call) => call.split().1,
        }
    }
}
