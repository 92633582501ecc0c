//! Calls that need the store: at most one of a name is with the store, the others wait their turn.

use std::collections::{BTreeMap, VecDeque};

use fleetlink_proto::control::RequestId;
use fleetlink_proto::control::limits::MAX_QUEUED_OPERATIONS;
use fleetlink_proto::{DeviceName, WallTime};

use crate::access::key_change::KeyChange;
use crate::access::redemption::Redemption;
use crate::call::Call;
use crate::caller::Caller;
use crate::files::command::FileCommand;
use crate::ids::{OperationId, SessionId};
use crate::operator::account_change::AccountCommand;
use crate::operator::ticket_change::TicketCommand;
use crate::store::calls::StoreCall;

/// One call that needs the store, queued under the name that it is about.
#[derive(Debug)]
pub(crate) enum Job {
    File(Call<FileCommand>),
    Account(Call<AccountCommand>),
    Key(Call<KeyChange>),
    Ticket(Call<TicketCommand>),
    Redemption(Call<Redemption>),
}

impl Job {
    /// The next call for the store.
    pub(super) fn store_call(&self, name: &DeviceName, at: WallTime) -> StoreCall {
        match self {
            Job::File(call) => call.command.store_call(name.clone(), at),
            Job::Account(call) => call.command.store_call(name, at),
            Job::Key(call) => call.command.store_call(name, at),
            Job::Ticket(call) => call.command.store_call(at),
            Job::Redemption(call) => call.command.store_call(name, at),
        }
    }

    /// The session that waits for the reply, and its id of the call.
    pub(super) fn origin(&self) -> Option<(SessionId, &RequestId)> {
        match self {
            Job::File(call) => call.origin(),
            Job::Account(call) => call.origin(),
            Job::Key(call) => call.origin(),
            Job::Ticket(call) => call.origin(),
            Job::Redemption(call) => call.origin(),
        }
    }

    pub(super) fn caller(&self) -> &Caller {
        match self {
            Job::File(call) => &call.caller,
            Job::Account(call) => &call.caller,
            Job::Key(call) => &call.caller,
            Job::Ticket(call) => &call.caller,
            Job::Redemption(call) => &call.caller,
        }
    }

    /// The call, without what it asks for.
    pub(super) fn into_call(self) -> Call {
        match self {
            Job::File(call) => call.split().1,
            Job::Account(call) => call.split().1,
            Job::Key(call) => call.split().1,
            Job::Ticket(call) => call.split().1,
            Job::Redemption(call) => call.split().1,
        }
    }
}

/// The jobs of every name that has some.
#[derive(Debug)]
pub(crate) struct Operations<J> {
    last: u64,
    names: BTreeMap<DeviceName, Queue<J>>,
    /// The number of these names for each folded name.
    folded: BTreeMap<String, usize>,
    /// The operations that are with the store, and the name that each belongs to.
    running: BTreeMap<OperationId, DeviceName>,
}

#[derive(Debug)]
struct Queue<J> {
    state: State<J>,
    waiting: VecDeque<J>,
}

#[derive(Debug)]
enum State<J> {
    Idle,
    /// With the store.
    Running(J),
    /// Answered, and its job is being looked at: no other may begin.
    Held,
}

impl<J> Queue<J> {
    /// Takes the waiting jobs for which `unwanted` holds.
    fn withdraw(&mut self, unwanted: impl Fn(&J) -> bool) -> Vec<J> {
        let waiting = std::mem::take(&mut self.waiting);
        let (gone, kept): (Vec<_>, Vec<_>) = waiting.into_iter().partition(unwanted);
        self.waiting = kept.into();
        gone
    }
}

impl<J> Operations<J> {
    pub(crate) fn new() -> Self {
        Operations {
            last: 0,
            names: BTreeMap::new(),
            folded: BTreeMap::new(),
            running: BTreeMap::new(),
        }
    }

    /// Puts a job at the end of the name's queue; back where as many wait as may wait.
    pub(crate) fn push(&mut self, name: &DeviceName, job: J) -> Result<(), Box<J>> {
        let queue = self.queue(name);
        if queue.waiting.len() >= MAX_QUEUED_OPERATIONS {
            return Err(Box::new(job));
        }
        queue.waiting.push_back(job);
        Ok(())
    }

    /// Puts a job before those of the name's waiting jobs that yield to it, behind the others: a
    /// device that has filled its queue does not keep anybody from taking its login away.
    pub(crate) fn push_urgent(
        &mut self,
        name: &DeviceName,
        job: J,
        yields: impl Fn(&J) -> bool,
    ) -> Result<(), Box<J>> {
        let queue = self.queue(name);
        let urgent = queue.waiting.iter().filter(|job| !yields(job)).count();
        if urgent >= MAX_QUEUED_OPERATIONS {
            return Err(Box::new(job));
        }
        let last = queue.waiting.iter().rposition(|job| !yields(job));
        queue.waiting.insert(last.map_or(0, |last| last + 1), job);
        Ok(())
    }

    fn queue(&mut self, name: &DeviceName) -> &mut Queue<J> {
        self.names.entry(name.clone()).or_insert_with(|| {
            *self.folded.entry(name.folded()).or_default() += 1;
            Queue {
                state: State::Idle,
                waiting: VecDeque::new(),
            }
        })
    }

    /// Whether a name that is folded so has a job.
    pub(crate) fn concern(&self, folded: &str) -> bool {
        self.folded.contains_key(folded)
    }

    /// The number of an operation that is nobody's job.
    pub(crate) fn next_id(&mut self) -> OperationId {
        self.last += 1;
        OperationId(self.last)
    }

    fn forget(&mut self, name: &DeviceName) {
        if self.names.remove(name).is_none() {
            return;
        }
        let folded = name.folded();
        if let Some(count) = self.folded.get_mut(&folded) {
            *count -= 1;
            if *count == 0 {
                self.folded.remove(&folded);
            }
        }
    }

    /// Takes the name's next job where none of it is with the store. Until the job is given to
    /// [`Operations::run`], or [`Operations::release`] says that it needs no store, none follows.
    pub(crate) fn take_next(&mut self, name: &DeviceName) -> Option<J> {
        let queue = self.names.get_mut(name)?;
        if !matches!(queue.state, State::Idle) {
            return None;
        }
        let job = queue.waiting.pop_front();
        match job {
            Some(_) => queue.state = State::Held,
            None => self.forget(name),
        }
        job
    }

    /// The name's job that was taken or answered goes to the store, under this id.
    pub(crate) fn run(&mut self, name: &DeviceName, job: J) -> OperationId {
        let operation = self.next_id();
        self.running.insert(operation, name.clone());
        if let Some(queue) = self.names.get_mut(name) {
            debug_assert!(matches!(queue.state, State::Held), "one at a time");
            queue.state = State::Running(job);
        }
        operation
    }

    /// The job that is with the store under this id.
    pub(crate) fn running(&self, operation: OperationId) -> Option<&J> {
        let name = self.running.get(&operation)?;
        match &self.names.get(name)?.state {
            State::Running(job) => Some(job),
            State::Idle | State::Held => None,
        }
    }

    /// The store answered; whose job that was.
    pub(crate) fn take_running(&mut self, operation: OperationId) -> Option<(DeviceName, J)> {
        let name = self.running.remove(&operation)?;
        let queue = self.names.get_mut(&name)?;
        match std::mem::replace(&mut queue.state, State::Held) {
            State::Running(job) => Some((name, job)),
            State::Idle | State::Held => None,
        }
    }

    /// The name's job that was taken or answered is over: the next may begin.
    pub(crate) fn release(&mut self, name: &DeviceName) {
        if let Some(queue) = self.names.get_mut(name)
            && matches!(queue.state, State::Held)
        {
            queue.state = State::Idle;
        }
    }

    /// Takes those of the name's waiting jobs for which `unwanted` holds.
    pub(crate) fn withdraw(&mut self, name: &DeviceName, unwanted: impl Fn(&J) -> bool) -> Vec<J> {
        let queue = self.names.get_mut(name);
        queue.map_or_else(Vec::new, |queue| queue.withdraw(unwanted))
    }

    /// Takes those of all names' waiting jobs for which `unwanted` holds.
    pub(crate) fn withdraw_everywhere(&mut self, unwanted: impl Fn(&J) -> bool) -> Vec<J> {
        let queues = self.names.values_mut();
        queues.flat_map(|queue| queue.withdraw(&unwanted)).collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> DeviceName {
        text.parse().unwrap()
    }

    #[test]
    fn one_operation_of_a_name_at_a_time_in_the_order_of_arrival() {
        let mut operations = Operations::new();
        let [a, b] = [name("a"), name("b")];
        for job in 0..3 {
            operations.push(&a, job).unwrap();
        }
        operations.push(&b, 10).unwrap();

        let first = operations.take_next(&a).unwrap();
        assert_eq!(operations.take_next(&a), None, "one is being looked at");
        let first = operations.run(&a, first);
        assert_eq!(operations.take_next(&a), None, "one is with the store");
        assert_eq!(
            operations.take_next(&b),
            Some(10),
            "names do not wait for each other"
        );

        assert_eq!(operations.take_running(first), Some((a.clone(), 0)));
        assert_eq!(operations.take_running(first), None, "answered once");
        assert_eq!(operations.take_next(&a), None, "its job may go on");
        operations.release(&a);
        assert_eq!(operations.take_next(&a), Some(1));
    }

    #[test]
    fn an_urgent_job_goes_before_those_that_yield_to_it_however_many_there_are() {
        let mut operations = Operations::new();
        let a = name("a");
        let is_even = |job: &usize| job.is_multiple_of(2);
        operations.push(&a, 0).unwrap();
        let first = operations.take_next(&a).unwrap();
        operations.run(&a, first);
        for job in 1..=MAX_QUEUED_OPERATIONS {
            operations.push(&a, 2 * job).unwrap();
        }
        assert_eq!(operations.push(&a, 0), Err(Box::new(0)));
        for job in 0..MAX_QUEUED_OPERATIONS {
            operations.push_urgent(&a, 2 * job + 1, is_even).unwrap();
        }
        assert_eq!(operations.push_urgent(&a, 1, is_even), Err(Box::new(1)));
        let in_order = operations.withdraw(&a, |_| true);
        let (urgent, others) = in_order.split_at(MAX_QUEUED_OPERATIONS);
        assert!(urgent.iter().all(|job| !is_even(job)) && urgent.is_sorted());
        assert!(others.iter().all(is_even) && others.is_sorted());
    }

    #[test]
    fn a_queue_has_a_bound_and_leaves_nothing_behind() {
        let mut operations = Operations::new();
        let a = name("a");
        for job in 0..MAX_QUEUED_OPERATIONS {
            operations.push(&a, job).unwrap();
        }
        assert_eq!(operations.push(&a, 999), Err(Box::new(999)));
        assert_eq!(operations.withdraw(&a, |job| job % 2 == 0).len(), 128);
        while operations.take_next(&a).is_some() {
            operations.release(&a);
        }
        assert!(operations.is_empty());
    }
}
